//! Gadgets that hide: packed, nested, behind the memo, in the state of something harmless.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use hari_pickle::{Limits, read};

#[path = "support/gadgets.rs"]
mod gadgets;
#[path = "support/packed.rs"]
mod packed;

use packed::PACKERS;

fn message(bytes: &[u8]) -> String {
    let error = read(bytes, &Limits::default()).err();
    let error = error.unwrap_or_else(|| panic!("{:?} was read", bytes.escape_ascii().to_string()));
    error.message().to_owned()
}

/// A call, without the end of the file.
fn call(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n(S'id'\ntR").into_bytes()
}

fn each_gadget() -> impl Iterator<Item = (&'static str, &'static str)> {
    let gadgets = gadgets::GADGETS.iter();
    gadgets.flat_map(|(module, names)| names.split_whitespace().map(move |name| (*module, name)))
}

#[test]
fn packed_gadgets_are_refused_by_name() {
    for (module, name) in each_gadget().step_by(7) {
        let file = [&call(module, name)[..], b"."].concat();
        for (form, pack) in PACKERS {
            let message = message(&pack(&file));
            assert!(message.contains("is not on the list"), "{form}: {message}");
        }
    }
}

#[test]
fn what_is_packed_twice_is_no_pickle() {
    let file = [&call("os", "system")[..], b"."].concat();
    for (_, outer) in PACKERS {
        for (_, inner) in PACKERS {
            message(&outer(&inner(&file)));
        }
    }
}

const WRAPPER: &[u8] =
    b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\0\0\0dtypecnumpy\ndtype\n\
    X\x01\0\0\0O\x89\x88\x87RX\x05\0\0\0shapeK\x01\x85X\x05\0\0\0orderX\x01\0\0\0Cub";

/// Each gadget in places where a file may hold anything.
fn hidden(gadget: &[u8]) -> Vec<Vec<u8>> {
    let cat = |parts: &[&[u8]]| parts.concat();
    vec![
        cat(&[b"]", gadget, b"a."]),
        cat(&[b"}K\x01", gadget, b"s."]),
        cat(&[b"}", gadget, b"K\x01s."]),
        cat(&[b"(K\x01", gadget, b"t."]),
        cat(&[b"\x8f(", gadget, b"\x90."]),
        cat(&[b"(", gadget, b"\x91."]),
        // Made, put into the memo and thrown away.
        cat(&[gadget, b"\x940K\x01."]),
        cat(&[gadget, b"q\xff0K\x01."]),
        cat(&[b"(", gadget, b"1N."]),
        cat(&[gadget, b"20N\x86."]),
        // The state, an argument, a named argument and an element of something harmless.
        cat(&[b"csklearn.svm._classes\nSVC\n)\x81", gadget, b"b."]),
        cat(&[
            b"csklearn.svm._classes\nSVC\n)\x81}X\x01\0\0\0C",
            gadget,
            b"sb.",
        ]),
        cat(&[b"csklearn.svm._classes\nSVC\n", gadget, b"\x85\x81."]),
        cat(&[
            b"csklearn.svm._classes\nSVC\n)}X\x01\0\0\0C",
            gadget,
            b"s\x92.",
        ]),
        cat(&[
            b"csklearn.utils._bunch\nBunch\n)\x81X\x01\0\0\0C",
            gadget,
            b"s.",
        ]),
        cat(&[b"ccollections\ndefaultdict\n", gadget, b"\x85R."]),
        cat(&[b"ccopyreg\n__newobj__\n", gadget, b"\x85R."]),
        cat(&[
            b"ccopyreg\n_reconstructor\ncbuiltins\nobject\ncbuiltins\nobject\n",
            gadget,
            b"\x87R.",
        ]),
        cat(&[b"cfunctools\npartial\n", gadget, b"\x85R."]),
    ]
}

/// The same within arrays, and where frames and protocols lie.
fn hidden_deeper(gadget: &[u8]) -> Vec<Vec<u8>> {
    let cat = |parts: &[&[u8]]| parts.concat();
    let array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R";
    let object = b"cnumpy\ndtype\nX\x01\0\0\0O\x89\x88\x87R";
    vec![
        // An element of an array, as numpy and as joblib keep it.
        cat(&[array, b"(K\x01K\x01\x85", object, b"\x89]", gadget, b"atb."]),
        cat(&[
            WRAPPER,
            array,
            b"(K\x01K\x01\x85",
            object,
            b"\x89]",
            gadget,
            b"atb..",
        ]),
        cat(&[WRAPPER, gadget, b".."]),
        cat(&[
            b"cnumpy.core.multiarray\nscalar\n",
            object,
            gadget,
            b"\x86R.",
        ]),
        cat(&[
            b"cpandas.core.indexes.base\n_new_Index\ncpandas\nIndex\n}X\x04\0\0\0data",
            gadget,
            b"s\x86R.",
        ]),
        // A frame that ends in the middle of it, and protocols that change on the way.
        cat(&[b"\x80\x04\x95\x02\0\0\0\0\0\0\0", gadget, b"."]),
        cat(&[b"\x80\x02\x80\x05", gadget, b"\x80\x00."]),
    ]
}

#[test]
fn hidden_gadgets_are_refused_by_name() {
    let mut tried = 0;
    for (module, name) in each_gadget() {
        let gadget = call(module, name);
        for file in [hidden(&gadget), hidden_deeper(&gadget)].concat() {
            let message = message(&file);
            assert!(message.contains("is not on the list"), "{message}");
            tried += 1;
        }
    }
    assert!(tried > 5000, "{tried}");
}

/// `getattr` of what is allowed, in the ways that a name of `STACK_GLOBAL` may be spelled.
#[test]
fn attributes_of_allowed_names_are_not_reached() {
    for (module, name) in [
        ("numpy", "log1p.__class__"),
        ("numpy", "ndarray.__init__.__globals__"),
        ("sklearn.svm._classes", "SVC.__init__.__globals__"),
        ("sklearn.svm._classes", "np.os"),
        ("sklearn.svm", "_classes.SVC"),
        ("builtins", "dict.get"),
        ("builtins", "__dict__"),
        ("functools", "partial.__class__.__base__.__subclasses__"),
        ("numpy ", "log1p"),
        ("numpy\0", "log1p"),
        ("NUMPY", "log1p"),
        ("numpy", "log1p\0"),
        ("nump\u{443}", "log1p"),
        ("", "numpy.log1p"),
    ] {
        let text = |text: &str| {
            let length = u32::try_from(text.len()).unwrap().to_le_bytes();
            [b"X", &length[..], text.as_bytes()].concat()
        };
        let file = [&text(module)[..], &text(name), b"\x93)R."].concat();
        assert!(
            message(&file).contains("is not on the list"),
            "{module} {name}"
        );
    }
}

/// `getattr` may stand for a method of what is opaque, and for nothing else.
#[test]
fn methods_are_those_of_opaque_objects_alone() {
    let right = b"cscipy.stats._continuous_distns\nuniform_gen\n)\x81q\0cbuiltins\ngetattr\nq\x01h\0X\x04\0\0\0_ppf\x86R";
    let read_right = |more: &[u8]| read(&[&right[..], more].concat(), &Limits::default());
    let found = read_right(b"\x86.").unwrap();
    assert_eq!(
        found.root().item(1).unwrap().class().unwrap(),
        "builtins.method"
    );
    assert!(
        read_right(b"X\x02\0\0\0id\x85R.").is_err(),
        "a method is not called"
    );
    for file in [
        &b"cbuiltins\ngetattr\n."[..],
        b"cbuiltins\ngetattr\ncnumpy\nlog1p\nX\x09\0\0\0__class__\x86R.",
        b"cbuiltins\ngetattr\ncsklearn.svm._classes\nSVC\n)\x81X\x07\0\0\0predict\x86R.",
        b"cbuiltins\ngetattr\ncbuiltins\ndict\nX\x03\0\0\0get\x86R.",
        b"cbuiltins\ngetattr\n)R.",
        b"cnumpy\nvectorize\n.",
        b"cnumpy\nvectorize\ncnumpy\nlog1p\n\x85R.",
        b"cnumpy\nvectorize\n)\x81X\x02\0\0\0id\x85R.",
    ] {
        let message = message(file);
        let refused = message.contains("is not on the list") || message.contains("nothing is");
        assert!(refused, "{message}");
    }
}

/// The names in a call that come from the memo, and from what only looks like text.
#[test]
fn names_may_come_from_anywhere_and_are_looked_up_all_the_same() {
    for file in [
        &b"X\x02\0\0\0osq\x00X\x06\0\0\0systemq\x0100h\x00h\x01\x93)R."[..],
        b"S'os'\nS'system'\n\x93)R.",
        b"Vos\nVsystem\n\x93)R.",
        b"V\\u006fs\nVsystem\n\x93)R.",
        b"U\x02osU\x06system\x93)R.",
    ] {
        assert!(message(file).contains("`os.system`"));
    }
    for file in [
        &b"K\x01K\x02\x93."[..],
        b"NN\x93.",
        b"]]\x93.",
        b"C\x02osC\x06system\x93.",
    ] {
        assert!(message(file).contains("expected a str"));
    }
}

#[test]
fn bombs_are_refused_in_every_form() {
    let zeros = [&b"\x8e\0\0\0\x06\0\0\0\0"[..], &vec![0; 96 << 20], b"."].concat();
    for (form, pack) in PACKERS
        .iter()
        .filter(|(form, _)| !matches!(*form, "lzma" | "xz"))
    {
        let bomb = pack(&zeros);
        assert!(bomb.len() < 1 << 20, "{form}");
        assert!(message(&bomb).contains("expands to more than"), "{form}");
    }
    let zeros = [&b"\x8e\0\0\0\x02\0\0\0\0"[..], &vec![0; 32 << 20], b"."].concat();
    for (form, pack) in PACKERS
        .iter()
        .filter(|(form, _)| matches!(*form, "lzma" | "xz"))
    {
        assert!(
            message(&pack(&zeros)).contains("expands to more than"),
            "{form}"
        );
    }
}
