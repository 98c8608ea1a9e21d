//! Sessions on the real library.
//!
//! They need ONNX Runtime: set `HARI_ONNXRUNTIME` and run with `--ignored`, or run
//! `cargo xtask e2e`, which installs a pinned one.

#![expect(clippy::unwrap_used, reason = "values that the tests make")]

#[path = "engine/models.rs"]
mod models;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::Kind;
use hari_onnxruntime::{Device, Library, Options};
use hari_operators::{Key, Type, Value};
use hari_proto::onnx::tensor_proto::DataType as Elem;

use models::{
    ELEMENTS, bytes, ints, library, load, map, model, node, sample, sequence, tensor, texts,
    with_constants, with_external,
};

fn floats(shape: &[usize], values: &[f32]) -> Value {
    Tensor::from_vec(shape, values.to_vec()).unwrap().into()
}

fn strings(values: &[&'static str]) -> Value {
    let values = values
        .iter()
        .map(|text| Bytes::from_static(text.as_bytes()));
    Tensor::from_strings([values.len()], values.collect())
        .unwrap()
        .into()
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn the_library_is_opened_once_and_says_what_it_is() {
    let library = library();
    assert!(library.version().starts_with("1."), "{library:?}");
    assert!(library.providers().contains(&"CPUExecutionProvider"));
    let again = Library::find().unwrap().unwrap();
    assert_eq!(again.version(), library.version());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("libonnxruntime.so"), "another").unwrap();
    let error = Library::open(folder.path()).unwrap_err();
    assert!(
        error.message().contains("a process can hold one"),
        "{error}"
    );
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn every_element_type_goes_in_and_comes_out_as_it_was() {
    for (dtype, elem) in ELEMENTS {
        let ports = [("x", tensor(elem))];
        let model = model(
            vec![node("Identity", &["x"], &["y"])],
            &ports,
            &[("y", tensor(elem))],
        );
        let session = load(&model);
        assert_eq!(session.inputs()[0].r#type, Some(Type::Tensor(dtype)));
        for shape in [&[2_usize, 3][..], &[], &[0, 3], &[5]] {
            let given = Value::from(sample(dtype, shape));
            let made = session.run(&[("x", &given)], &["y"]).unwrap();
            assert_eq!(made, [given], "{dtype} {shape:?}");
        }
    }
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn an_input_that_is_an_output_is_copied() {
    let kind = tensor(Elem::Float);
    let model = model(
        vec![node("Neg", &["x"], &["y"])],
        &[("x", kind.clone())],
        &[("x", kind.clone()), ("y", kind)],
    );
    let session = load(&model);
    let given = floats(&[2], &[1.0, 2.0]);
    let made = session.run(&[("x", &given)], &["y", "x", "y"]).unwrap();
    let address = |value: &Value| value.tensor().unwrap().bytes().unwrap().as_ptr();
    assert_eq!(made[1], given);
    assert_ne!(address(&made[1]), address(&given));
    assert_eq!(
        (&made[0], &made[2]),
        (&floats(&[2], &[-1.0, -2.0]), &made[0])
    );
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn misaligned_bytes_are_taken() {
    let mut raw = vec![0_u8];
    raw.extend(1.5_f32.to_le_bytes());
    let given = Tensor::from_bytes(DataType::Fp32, [1], Bytes::from(raw).slice(1..)).unwrap();
    let kind = tensor(Elem::Float);
    let session = load(&model(
        vec![node("Neg", &["x"], &["y"])],
        &[("x", kind.clone())],
        &[("y", kind)],
    ));
    let made = session.run(&[("x", &given.into())], &["y"]).unwrap();
    assert_eq!(made, [floats(&[1], &[-1.5])]);
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn sequences_go_in_and_come_out() {
    let kind = sequence(tensor(Elem::Float));
    let session = load(&model(
        vec![
            node("SequenceInsert", &["s", "x"], &["more"]),
            node("SequenceLength", &["more"], &["n"]),
        ],
        &[("s", kind.clone()), ("x", tensor(Elem::Float))],
        &[("more", kind), ("n", tensor(Elem::Int64))],
    ));
    let (one, two) = (floats(&[2], &[1.0, 2.0]), floats(&[1], &[3.0]));
    let given = Value::Sequence(vec![one.clone()]);
    let made = session
        .run(&[("s", &given), ("x", &two)], &["more", "n"])
        .unwrap();
    assert_eq!(made[0], Value::Sequence(vec![one, two.clone()]));
    let empty = Value::Sequence(Vec::new());
    let error = session
        .run(&[("s", &empty), ("x", &two)], &["n"])
        .unwrap_err();
    assert_eq!(
        error.message(),
        "input `s`: ONNX Runtime takes no empty sequence"
    );
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn maps_come_out_of_zipmap_with_either_key() {
    for (attribute, key, keys) in [
        (
            ints("classlabels_int64s", &[7, 9]),
            Elem::Int64,
            [Key::Int(7), Key::Int(9)],
        ),
        (
            texts("classlabels_strings", &["no", "yes"]),
            Elem::String,
            [Key::String("no".into()), Key::String("yes".into())],
        ),
    ] {
        let mut zip = node("ZipMap", &["x"], &["z"]);
        zip.domain = Some("ai.onnx.ml".to_owned());
        zip.attribute.push(attribute);
        let made_of = sequence(map(key, Elem::Float));
        let session = load(&model(
            vec![zip],
            &[("x", tensor(Elem::Float))],
            &[("z", made_of)],
        ));
        let made = session
            .run(&[("x", &floats(&[1, 2], &[0.25, 0.75]))], &["z"])
            .unwrap();
        let [a, b] = keys;
        let entries = vec![(a, floats(&[], &[0.25])), (b, floats(&[], &[0.75]))];
        assert_eq!(made, [Value::Sequence(vec![Value::Map(entries)])]);
    }
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn maps_go_into_a_vectoriser() {
    let mut vectorise = node("DictVectorizer", &["m"], &["y"]);
    vectorise.domain = Some("ai.onnx.ml".to_owned());
    vectorise
        .attribute
        .push(texts("string_vocabulary", &["a", "b", "c"]));
    let given = map(Elem::String, Elem::Int64);
    let session = load(&model(
        vec![vectorise],
        &[("m", given)],
        &[("y", tensor(Elem::Int64))],
    ));
    let number = |n: i64| Value::from(Tensor::from_vec(Vec::new(), vec![n]).unwrap());
    let row = |entries: &[(&str, i64)]| {
        let entry = |&(key, n): &(&str, i64)| (Key::String(key.to_owned().into()), number(n));
        let given = Value::Map(entries.iter().map(entry).collect());
        let made = session.run(&[("m", &given)], &["y"]).unwrap();
        made[0].tensor().unwrap().to_vec::<i64>().unwrap()
    };
    assert_eq!(row(&[("c", 3), ("a", 1)]), [1, 0, 3]);
    assert_eq!(row(&[]), [0, 0, 0]);
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn strings_that_the_engine_cannot_hold_are_refused() {
    let kind = tensor(Elem::String);
    let session = load(&model(
        vec![node("Identity", &["x"], &["y"])],
        &[("x", kind.clone())],
        &[("y", kind)],
    ));
    for (bytes, word) in [(&b"a\0b"[..], "zero byte"), (&[0xff, 0xfe][..], "UTF-8")] {
        let given = Tensor::from_strings([1], vec![Bytes::copy_from_slice(bytes)]).unwrap();
        let error = session.run(&[("x", &given.into())], &["y"]).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert!(error.message().starts_with("input `x`") && error.message().contains(word));
    }
    let made = session
        .run(&[("x", &strings(&["", "a b"]))], &["y"])
        .unwrap();
    assert_eq!(made, [strings(&["", "a b"])]);
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn mistakes_are_errors_without_places() {
    let kind = tensor(Elem::Float);
    let add = model(
        vec![node("Add", &["a", "b"], &["y"])],
        &[("a", kind.clone()), ("b", kind.clone())],
        &[("y", kind.clone())],
    );
    let session = load(&add);
    let (two, three) = (floats(&[2], &[0.0; 2]), floats(&[3], &[0.0; 3]));
    let error = session
        .run(&[("a", &two), ("b", &three)], &["y"])
        .unwrap_err();
    assert!(
        error.message().contains("Add") && !error.message().contains(".h:"),
        "{error}"
    );
    let error = session
        .run(&[("a", &two), ("b", &strings(&["x", "y"]))], &["y"])
        .unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidInput, "{error}");
    let error = session.run(&[("a", &two)], &["y"]).unwrap_err();
    assert!(error.message().contains('b'), "{error}");
    assert!(session.run(&[("c", &two)], &["y"]).is_err());
    assert!(
        session
            .run(&[("a", &two), ("b", &two)], &["nothing"])
            .is_err()
    );
    assert_eq!(
        session.run(&[("a", &two), ("b", &two)], &["y"]).unwrap(),
        [two]
    );
    for bytes in [Bytes::new(), Bytes::from_static(b"no model")] {
        assert_eq!(
            library()
                .load(&bytes, &Options::default())
                .unwrap_err()
                .kind(),
            Kind::Model
        );
    }
    let unknown = model(
        vec![node("Frobnicate", &["a"], &["y"])],
        &[("a", kind.clone())],
        &[("y", kind)],
    );
    let error = library()
        .load(&bytes(&unknown), &Options::default())
        .unwrap_err();
    assert!(error.message().contains("Frobnicate"), "{error}");
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn weights_outside_come_from_the_files_that_were_handed_over_alone() {
    let kind = tensor(Elem::Float);
    let made = |file| {
        let add = model(
            vec![node("Add", &["x", "w"], &["y"])],
            &[("x", kind.clone())],
            &[("y", kind.clone())],
        );
        bytes(&with_external(add, "w", file))
    };
    let mut options = Options::default();
    let raw: Vec<u8> = [10.0_f32, 20.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    options
        .files
        .insert("weights.data".to_owned(), Arc::from(raw));
    let session = library().load(&made("weights.data"), &options).unwrap();
    let sum = session
        .run(&[("x", &floats(&[2], &[1.0, 2.0]))], &["y"])
        .unwrap();
    assert_eq!(sum, [floats(&[2], &[11.0, 22.0])]);
    assert!(session.memory_bytes() > 8);
    for file in ["other.data", "../weights.data", "/etc/hostname", ""] {
        let error = library().load(&made(file), &options).unwrap_err();
        assert!(
            error
                .message()
                .contains(&format!("`{file}`, which is not beside")),
            "{error}"
        );
    }
}

/// Both forms of Gelu, sharing `x / 2`: fusing the first takes it away from the second.
#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn a_model_that_fusions_break_is_computed_as_it_is_written() {
    let kind = tensor(Elem::Float);
    let nodes = [
        ("Mul", ["half", "x"], "a"),
        ("Neg", ["x", ""], "minus"),
        ("Mul", ["minus", "root"], "scaled"),
        ("Erf", ["scaled", ""], "erf"),
        ("Sub", ["one", "erf"], "area"),
        ("Mul", ["a", "area"], "exact"),
        ("Mul", ["half", "x"], "b"),
        ("Pow", ["x", "three"], "cube"),
        ("Mul", ["cubic", "cube"], "bend"),
        ("Add", ["x", "bend"], "sum"),
        ("Mul", ["slope", "sum"], "steep"),
        ("Tanh", ["steep", ""], "tanh"),
        ("Add", ["one", "tanh"], "share"),
        ("Mul", ["b", "share"], "near"),
        ("Add", ["exact", "near"], "both"),
    ];
    let nodes = nodes.map(|(operator, inputs, output)| {
        let inputs = inputs.map(str::to_owned);
        let inputs: Vec<&str> = inputs
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        node(operator, &inputs, &[output])
    });
    let outputs = [("both", kind.clone())];
    let gelu = with_constants(
        model(nodes.to_vec(), &[("x", kind)], &outputs),
        &[
            ("half", 0.5),
            ("root", std::f32::consts::FRAC_1_SQRT_2),
            ("one", 1.0),
            ("three", 3.0),
            ("cubic", 0.044_715),
            ("slope", 0.797_884_6),
        ],
    );
    let given = floats(&[2], &[1.0, -2.0]);
    let made = load(&gelu).run(&[("x", &given)], &["both"]).unwrap();
    let found = made[0].tensor().unwrap().to_vec::<f32>().unwrap();
    assert!((found[0] - 1.6826).abs() < 1e-3, "{found:?}");
    assert!((found[1] + 0.0909).abs() < 1e-3, "{found:?}");
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn the_device_is_said_and_one_that_is_not_there_is_refused() {
    let kind = tensor(Elem::Float);
    let abs = bytes(&model(
        vec![node("Abs", &["x"], &["y"])],
        &[("x", kind.clone())],
        &[("y", kind)],
    ));
    let on = |device| {
        library().load(
            &abs,
            &Options {
                device,
                ..Options::default()
            },
        )
    };
    assert_eq!(on(Device::Cpu).unwrap().device(), Device::Cpu);
    if library().has_cuda() {
        assert_ne!(on(Device::Auto).unwrap().device(), Device::Auto);
    } else {
        assert_eq!(on(Device::Auto).unwrap().device(), Device::Cpu);
        let error = on(Device::Cuda(0)).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.message().starts_with("device `cuda:0`"), "{error}");
    }
}

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn many_threads_share_few_instances() {
    let kind = tensor(Elem::Float);
    let matmul = bytes(&model(
        vec![node("MatMul", &["x", "x"], &["y"])],
        &[("x", kind.clone())],
        &[("y", kind)],
    ));
    for (threads, instances) in [(1, 1), (1, 2), (2, 1)] {
        let options = Options {
            threads: Some(threads),
            instances,
            ..Options::default()
        };
        let session = library().load(&matmul, &options).unwrap();
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for number in 0..8_u8 {
                let (session, done) = (&session, &done);
                scope.spawn(move || {
                    let given = floats(&[64, 64], &[f32::from(number); 64 * 64]);
                    let wanted = floats(&[64, 64], &[64.0 * f32::from(number).powi(2); 64 * 64]);
                    for _ in 0..20 {
                        assert_eq!(
                            session.run(&[("x", &given)], &["y"]).unwrap(),
                            std::slice::from_ref(&wanted)
                        );
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), 160);
    }
}
