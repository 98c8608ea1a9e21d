//! Files made to do harm: refused with a reason, without a panic and within memory.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use hari_error::Result;
use hari_pickle::{Document, Limits, read};

#[path = "support/gadgets.rs"]
mod gadgets;

use gadgets::GADGETS;

fn try_read(bytes: &[u8]) -> Result<Document> {
    read(bytes, &Limits::default())
}

fn message(bytes: &[u8]) -> String {
    let error = try_read(bytes).err();
    let error = error.unwrap_or_else(|| panic!("{:?} was read", bytes.escape_ascii().to_string()));
    error.message().to_owned()
}

fn short_unicode(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x8c, u8::try_from(text.len()).unwrap()];
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// A call of `module.name("id")` in each form that a pickle can give it.
fn calls(module: &str, name: &str) -> Vec<Vec<u8>> {
    let argument = short_unicode("id");
    let global = format!("c{module}\n{name}\n").into_bytes();
    let stack = [short_unicode(module), short_unicode(name), vec![0x93]].concat();
    let inst = format!("i{module}\n{name}\n").into_bytes();
    vec![
        [&global[..], &argument, b"\x85R."].concat(),
        [&stack[..], &argument, b"\x85R."].concat(),
        [b"\x80\x02", &global[..], &argument, b"\x85\x81."].concat(),
        [b"\x80\x04", &stack[..], &argument, b"\x85}\x92."].concat(),
        [b"(", &argument[..], &inst, b"."].concat(),
        [b"(", &global[..], &argument, b"o."].concat(),
        // Behind a harmless value, whose result would be thrown away.
        [&global[..], &argument, b"\x85R0N."].concat(),
        // As an argument, and not called here.
        [b"cfunctools\npartial\n", &global[..], b"\x85R."].concat(),
        [&global[..], b"."].concat(),
    ]
}

#[test]
fn no_gadget_is_read_in_any_form() {
    let mut tried = 0;
    for (module, names) in GADGETS {
        for name in names.split_whitespace() {
            for file in calls(module, name) {
                let message = message(&file);
                let named = message.contains(&format!("`{module}.{name}`"));
                assert!(named || message.contains("is not on the list"), "{message}");
                tried += 1;
            }
        }
    }
    assert!(tried > 2000, "{tried}");
}

#[test]
fn a_refusal_says_what_where_and_what_to_do() {
    let message = message(b"\x80\x04cposix\nsystem\n\x8c\x02id\x85R.");
    assert!(message.starts_with("at byte 2, opcode GLOBAL: the file names `posix.system`"));
    assert!(message.contains("nothing of it was run"), "{message}");
    assert!(message.contains("ONNX"), "{message}");
}

#[test]
fn names_that_stand_for_values_are_not_called() {
    for file in [
        &b"cnumpy\nlog1p\nK\x01\x85R."[..],
        b"cbuiltins\nint\nK\x01\x85R.",
        b"cbuiltins\ncomplex\nK\x01K\x02\x86R.",
        b"cnumpy\nndarray\nK\x01\x85R.",
        b"cbuiltins\nobject\n)\x81.",
        b"ccopyreg\n__newobj__\ncnumpy\nlog1p\n\x85R.",
        b"ccopyreg\n_reconstructor\ncbuiltins\nint\ncbuiltins\nobject\nN\x87R.",
    ] {
        let message = message(file);
        let known = message.contains("name alone") || message.contains("no class of its own");
        assert!(known, "{message}");
    }
}

#[test]
fn only_names_are_called() {
    for file in [
        &b"K\x01)R."[..],
        b"]N)\x87.",
        b"\x8c\x02os)R.",
        b"})\x81.",
        b"N)}\x92.",
        b"(No.",
    ] {
        if file != b"]N)\x87." {
            assert!(message(file).contains("is called, and nothing is"));
        }
    }
}

#[test]
fn makers_of_makers_do_not_recurse() {
    let makers = b"ccopyreg\n__newobj__\n".repeat(20_000);
    let file = [&b"ccopyreg\n__newobj__\n("[..], &makers, b"tR."].concat();
    assert!(message(&file).contains("no class of its own"));
}

#[test]
fn what_refers_outside_the_file_is_refused() {
    for (file, word) in [
        (&b"Pmodule\n."[..], "PERSID: a persistent id"),
        (b"K\x01Q.", "BINPERSID: a persistent id"),
        (b"\x82\x01.", "EXT1: an extension code"),
        (b"\x83\x01\x00.", "EXT2"),
        (b"\x84\x01\x00\x00\x00.", "EXT4"),
        (b"\x97.", "outside the file"),
        (b"K\x01\x98.", "READONLY_BUFFER"),
        (b"\x80\x06N.", "protocol 6"),
        (b"\xff.", "no such opcode"),
        (b"<html>", "no such opcode"),
    ] {
        let message = message(file);
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn joblib_of_old_is_refused_by_name() {
    let wrapper = b"cjoblib.numpy_pickle\nNDArrayWrapper\n)\x81.";
    assert!(message(wrapper).contains("joblib 0.9"));
    assert!(message(b"ZF0x1000").contains("joblib 0.9"));
}

#[test]
fn claimed_lengths_are_held_against_the_file() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    for opcode in [0x8d, 0x8e, 0x96, 0x95] {
        let file = [&[opcode], &huge[..], b"abc."].concat();
        assert!(message(&file).contains("are claimed, 4 are left"));
    }
    for opcode in [b'X', b'B', b'T', 0x8b] {
        let file = [&[opcode], &huge[4..], b"abc."].concat();
        assert!(message(&file).contains("are claimed, 4 are left"));
    }
}

#[test]
fn memo_bombs_are_refused() {
    for file in [
        &b"Nr\xff\xff\xff\xff."[..],
        b"Np4294967295\n.",
        b"Nr\x00\x00\x00\x40.",
    ] {
        assert!(message(file).contains("more values than its size accounts for"));
    }
    assert!(message(b"h\x01.").contains("the memo has no value 1"));
    assert!(message(b"Nq\x05h\x04.").contains("the memo has no value 4"));
    assert!(message(b"g-1\n.").contains("place in the memo"));
}

/// A list that holds the one before it ten times, over and over.
#[test]
fn a_laughing_list_stays_as_small_as_its_file() {
    let level = b"0(h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00lq\x00".repeat(100);
    let file = [b"]q\x00", &level[..], b"."].concat();
    assert_eq!(try_read(&file).unwrap().root().count().unwrap(), 10);
}

/// `list(x)` of a long list takes three bytes of the file each time.
#[test]
fn copies_are_bounded_by_the_size_of_the_file() {
    let long = [&b"("[..], &b"N".repeat(100_000), b"lq\x00"].concat();
    let copy = b"cbuiltins\nlist\nh\x00\x85R0".repeat(10_000);
    let file = [&long[..], &copy, b"."].concat();
    assert!(message(&file).contains("more values than its size accounts for"));
}

#[test]
fn one_byte_values_are_bounded_by_the_size_of_the_file() {
    let file = b"]".repeat(3 << 20);
    assert!(message(&file).contains("more values than its size accounts for"));
}

#[test]
fn depth_and_cycles_are_refused() {
    let nested = |levels: usize| [b"N", &b"\x85".repeat(levels)[..], b"."].concat();
    assert!(try_read(&nested(150)).is_ok());
    assert!(message(&nested(500_000)).contains("deep"));
    assert!(message(b"]q\x00h\x00a.").contains("holds itself"));
    let shared = [&b"N"[..], &b"\x85q\x00h\x00\x86".repeat(400), b"."].concat();
    assert!(message(&shared).contains("deep"));
}

#[test]
fn marks_and_the_stack_are_bounded() {
    assert!(message(&b"(".repeat(20_000)).contains("marks are open"));
    assert!(message(&b"N".repeat(5 << 20)).contains("wait on the stack"));
    for file in [
        &b"0."[..],
        b"1.",
        b"2.",
        b"t.",
        b"\x85.",
        b"(K\x01\x86.",
        b"a.",
        b"R.",
        b"b.",
        b".",
    ] {
        message(file);
    }
}

#[test]
fn containers_take_what_fits_them() {
    for file in [
        &b"NNa."[..],
        b"]NNs.",
        b"}Na.",
        b"](N\x90.",
        b"}(Nu.",
        b"(Nd.",
        b"}Nb.",
        b"NNb.",
        b"cfunctools\npartial\n)\x81NbNb.",
        b"NN.",
        b"(.",
    ] {
        message(file);
    }
}

/// `numpy._core.multiarray._reconstruct(numpy.ndarray, (0,), b"b")` given this state.
fn array(state: &[u8]) -> Vec<u8> {
    let empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R";
    [empty, state, b"b."].concat()
}

const FLOAT64: &[u8] = b"cnumpy\ndtype\n\x8c\x02f8\x89\x88\x87R";

#[test]
fn arrays_hold_what_their_shape_says() {
    let of = |shape: &[u8], data: &[u8]| {
        array(&[b"(K\x01", shape, FLOAT64, b"\x89", data, b"t"].concat())
    };
    assert!(try_read(&of(b"K\x01\x85", b"C\x08\0\0\0\0\0\0\0\0")).is_ok());
    for file in [
        of(b"K\x02\x85", b"C\x08\0\0\0\0\0\0\0\0"),
        of(b"J\xff\xff\xff\xff\x85", b"C\x08\0\0\0\0\0\0\0\0"),
        of(
            b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87",
            b"C\x00",
        ),
        of(
            b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x00\x86",
            b"K\x01",
        ),
        of(b"K\x01", b"C\x08\0\0\0\0\0\0\0\0"),
        of(b"K\x01\x85", b"]"),
        of(
            &[&b"("[..], &b"K\x01".repeat(65), b"t"].concat(),
            b"C\x08\0\0\0\0\0\0\0\0",
        ),
        array(b"N"),
        array(b")"),
    ] {
        message(&file);
    }
}

#[test]
fn dtypes_are_checked() {
    for (dtype, word) in [
        ("M8", "dates"),
        ("c16", "complex"),
        ("f16", "64 bits"),
        ("O16", "dtype"),
        ("x", "dtype"),
    ] {
        let file = [b"cnumpy\ndtype\n", &short_unicode(dtype)[..], b"\x85R."].concat();
        let message = message(&file);
        assert!(message.contains(word), "{message}");
    }
    // A record of one field that ends beyond it.
    let field = [b"}\x8c\x01x(", FLOAT64, b"K\x01ts"].concat();
    let record = |size: &[u8]| {
        let start = b"cnumpy\ndtype\n\x8c\x02V8\x85R(K\x03\x8c\x01|N\x8c\x01x\x85";
        [start, &field[..], size, b"K\x01K\x00tb."].concat()
    };
    assert!(message(&record(b"K\x08")).contains("ends beyond"));
    assert!(try_read(&record(b"K\x09")).is_ok());
}

/// An array of joblib whose bytes are said to follow.
#[test]
fn arrays_in_the_stream_take_no_memory_that_is_not_there() {
    let state = [
        b"}(\x8c\x05dtype",
        FLOAT64,
        b"\x8c\x05shapeJ\xff\xff\xff\x7f\x85\x8c\x05order\x8c\x01Cu",
    ]
    .concat();
    let file = [
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81",
        &state[..],
        b"b.",
    ]
    .concat();
    assert!(message(&file).contains("are claimed"));
    let padded = [
        b"}(\x8c\x05dtype",
        FLOAT64,
        b"\x8c\x05shape)\x8c\x05order\x8c\x01C\x8c\x1bnumpy_array_alignment_bytesK\x10u",
    ]
    .concat();
    let wrapper = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81";
    let right = [wrapper, &padded[..], b"b\x01\xff\0\0\0\0\0\0\0\0."].concat();
    assert!(try_read(&right).is_ok());
    let wrong = [wrapper, &padded[..], b"b\x01\x00\0\0\0\0\0\0\0\0."].concat();
    assert!(message(&wrong).contains("padding"));
}

#[test]
fn a_compressed_bomb_is_refused() {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder
        .write_all(b"\x8e\x00\x00\x00\x04\x00\x00\x00\x00")
        .unwrap();
    for _ in 0..64 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    encoder.write_all(b".").unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 100_000);
    assert!(message(&bomb).contains("expands to more than"));
}

/// Reading the same long dictionary for each of many arrays would take hours.
#[test]
fn work_is_bounded_by_the_size_of_the_file() {
    let long =
        |opcode: &str| [b"(", &b"\x8c\x01xN".repeat(200_000)[..], opcode.as_bytes()].concat();
    let wrapper = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81h\x00b";
    let file = [&long("dq\0")[..], &wrapper.repeat(20_000), b"."].concat();
    assert!(message(&file).contains("more than joblib writes"));
    let dtype = b"cnumpy\ndtype\n\x8c\x02V8\x85R(K\x03\x8c\x01|N)h\x00K\x08K\x01K\x00tb0";
    let file = [&long("dq\0")[..], &dtype.repeat(50_000), b"."].concat();
    assert!(message(&file).contains("more values than its size accounts for"));
}
