//! Files that are refused, and why.

use std::fs;

use hari_core::{Call, DataType, Model, Tensor};
use hari_error::Kind;
use hari_proto::onnx::StringStringEntryProto;
use hari_proto::onnx::tensor_proto::{DataLocation, DataType as Elem};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::fixture::{
    self, dense, doubles, floats, graph, int, model, node, refused, unary, value,
};

#[test]
fn what_is_no_model_is_refused() {
    let (folder, path) = fixture::bytes(b"not a protocol buffer");
    let error = file(&path, &fixture::options()).err().unwrap();
    assert_eq!(error.kind(), Kind::Model);
    assert!(
        error
            .message()
            .starts_with("`model.onnx` is not an ONNX model"),
        "{error}"
    );
    let error = file(&folder.path().join("other.onnx"), &fixture::options())
        .err()
        .unwrap();
    assert!(
        error.message().starts_with("`other.onnx` cannot be read"),
        "{error}"
    );
    let (_folder, path) = fixture::bytes(b"");
    assert_eq!(
        file(&path, &fixture::options()).err().unwrap().message(),
        "the model has no graph"
    );
}

#[test]
fn versions_that_are_missing_or_unknown_are_refused() {
    let mut model = dense();
    model.opset_import[0].version = Some(99);
    assert!(refused(&model).contains("expected version 1 to 28 of the ONNX operators, found 99"));
    model.opset_import.clear();
    assert!(refused(&model).contains("`opset_import`"));
    model.ir_version = None;
    assert!(refused(&model).contains("`ir_version`"));
}

#[test]
fn everything_that_cannot_be_served_is_named_in_one_error() {
    let mut bad = graph(
        vec![
            value("x", Elem::Double, &["n", "2"]),
            value("s", Elem::String, &["n"]),
        ],
        vec![
            node("Frobnicate", &["x"], &["a"]),
            node("Frobnicate", &["a"], &["b"]),
            fixture::with(node("Flatten", &["b"], &["y"]), int("axis", 3)),
        ],
        vec![value("y", Elem::Float, &["n", "2"])],
    );
    let mut odd = doubles("odd", &[1.0 / 3.0]);
    odd.data_type = Some(Elem::Int4 as i32);
    bad.initializer = vec![odd];
    bad.input[1].r#type = Some(types::declaration(&Type::Sequence(Box::new(Type::Tensor(
        DataType::Fp32,
    )))));
    bad.node[0].name = Some("first".into());
    let message = refused(&model(bad.clone()));
    for words in [
        "input `s` is a seq(tensor(FP32)), which no protocol has",
        "initializer `odd` is INT4",
    ] {
        assert!(message.contains(words), "`{words}` is not in: {message}");
    }
    bad.initializer.clear();
    bad.input.truncate(1);
    let message = refused(&model(bad));
    let words = "operator `Frobnicate` (2 nodes, the first is node `first`) is not built in";
    assert!(message.contains(words), "`{words}` is not in: {message}");
}

#[test]
fn a_graph_in_memory_passes_the_same_checks() {
    let bad = unary("Frobnicate", Elem::Float);
    let bound = signature::of(bad.graph.as_ref().unwrap()).unwrap();
    let error = super::graph(&bad, vec![bound], &fixture::options())
        .err()
        .unwrap();
    assert!(error.message().contains("operator `Frobnicate`"), "{error}");
    let none = super::graph(&dense(), Vec::new(), &fixture::options())
        .err()
        .unwrap();
    assert_eq!(none.message(), "the model has no signature");
}

/// The dense model with `w` in `weights.data`, and that file.
fn with_external(location: &str, length: usize) -> (ModelProto, Vec<u8>) {
    let mut model = dense();
    let weight = &mut model.graph.as_mut().unwrap().initializer[0];
    let raw = weight.raw_data.take().unwrap();
    let entry = |key: &str, value: String| StringStringEntryProto {
        key: Some(key.into()),
        value: Some(value),
    };
    weight.data_location = Some(DataLocation::External as i32);
    weight.external_data = vec![
        entry("location", location.into()),
        entry("offset", "8".into()),
        entry("length", length.to_string()),
    ];
    (model, [&[0; 8], &*raw].concat())
}

#[test]
fn weights_beside_the_model_are_read() {
    let (model, weights) = with_external("weights.data", 24);
    let (folder, path) = fixture::file(&model);
    fs::write(folder.path().join("weights.data"), weights).unwrap();
    let split = file(&path, &fixture::options()).unwrap();
    let input = vec![Tensor::from_vec([1, 2], vec![0.3_f32, 0.7]).unwrap()];
    let whole = fixture::run(&fixture::loaded(&dense()), input.clone());
    assert_eq!(fixture::run(&split, input), whole);
}

#[test]
fn weights_may_lie_in_files_of_any_name_and_in_folders_of_the_model() {
    let input = || vec![Tensor::from_vec([1, 2], vec![0.3_f32, 0.7]).unwrap()];
    let whole = fixture::run(&fixture::loaded(&dense()), input());
    for location in ["weights.bin", "onnx::MatMul_12", "sub/deep/weights.data"] {
        let (model, weights) = with_external(location, 24);
        let (folder, path) = fixture::file(&model);
        fs::create_dir_all(folder.path().join("sub/deep")).unwrap();
        fs::write(folder.path().join(location), weights).unwrap();
        let split = file(&path, &fixture::options()).unwrap();
        assert_eq!(fixture::run(&split, input()), whole, "{location}");
    }
}

#[test]
fn weights_without_an_offset_and_a_length_are_all_of_their_file() {
    let input = || vec![Tensor::from_vec([1, 2], vec![0.3_f32, 0.7]).unwrap()];
    let whole = fixture::run(&fixture::loaded(&dense()), input());
    for (location, kept) in [("w", 1), ("w.data", 1), ("w", 2), ("w.data", 2)] {
        let (mut model, weights) = with_external(location, 24);
        model.graph.as_mut().unwrap().initializer[0]
            .external_data
            .truncate(kept);
        let (folder, path) = fixture::file(&model);
        let content = if kept == 1 { &weights[8..] } else { &weights };
        fs::write(folder.path().join(location), content).unwrap();
        let split = file(&path, &fixture::options()).unwrap();
        assert_eq!(fixture::run(&split, input()), whole, "{location}, {kept}");
    }
}

#[test]
fn weights_elsewhere_are_refused() {
    for (location, length, words) in [
        ("../weights.data", 24, "is not in the model's folder"),
        ("/etc/passwd", 24, "is not in the model's folder"),
        ("sub/../../weights.data", 24, "is not in the model's folder"),
        ("", 24, "is not a regular file"),
        ("weights.bin", 24, "is not a regular file"),
        ("link.data", 24, "is reached by a link"),
        ("folder/weights.data", 24, "is reached by a link"),
        ("absent.data", 24, "is not a regular file"),
        ("weights.data", 25, "ends beyond the file"),
        ("weights.data", 20, "found 5"),
        (
            "weights.data",
            usize::MAX,
            "gives no usable offset and length",
        ),
    ] {
        let (model, weights) = with_external(location, length);
        let (folder, path) = fixture::file(&model);
        fs::write(folder.path().join("weights.data"), weights).unwrap();
        std::os::unix::fs::symlink("weights.data", folder.path().join("link.data")).unwrap();
        std::os::unix::fs::symlink(".", folder.path().join("folder")).unwrap();
        let error = file(&path, &fixture::options()).err().unwrap();
        assert!(
            error.message().contains(words),
            "{location}, {length}: {error}"
        );
        assert!(error.message().contains("`w`"), "{error}");
    }
}

#[test]
fn weights_of_another_size_are_refused() {
    for dims in [&[2, 4][..], &[3], &[-2, -3], &[i64::MAX, i64::MAX]] {
        let mut model = dense();
        model.graph.as_mut().unwrap().initializer[0] = floats("w", dims, &[1., 2., 3., 4., 5., 6.]);
        assert!(refused(&model).contains("initializer `w` has "), "{dims:?}");
    }
}

/// Loads, and runs if it loads; neither may panic.
fn survives(content: &[u8]) {
    let (_folder, path) = fixture::bytes(content);
    let Ok(model) = file(&path, &fixture::options()) else {
        return;
    };
    let signature = &model.signatures()[0];
    let inputs: Option<Vec<_>> = signature
        .inputs
        .iter()
        .map(|spec| {
            let shape: Vec<usize> = spec
                .wire_shape()
                .iter()
                .map(|&dim| usize::try_from(dim).unwrap_or(1))
                .collect();
            let len = shape
                .iter()
                .try_fold(spec.dtype.size()?, |len, &dim| len.checked_mul(dim))?;
            let small = len <= 1 << 20;
            small.then(|| Tensor::from_bytes(spec.dtype, shape, vec![0_u8; len]).ok())?
        })
        .collect();
    let Some(inputs) = inputs else { return };
    let _ = model.run(Call {
        signature: 0,
        inputs,
        outputs: Vec::new(),
    });
}

#[test]
fn a_file_cut_anywhere_is_refused_or_served() {
    let whole = dense().encode_to_vec();
    for end in 0..whole.len() {
        survives(&whole[..end]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_file_with_flipped_bits_is_refused_or_served(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..6),
    ) {
        let mut content = dense().encode_to_vec();
        for (at, bit) in flips {
            let at = at.index(content.len());
            content[at] ^= 1 << bit;
        }
        survives(&content);
    }

    #[test]
    fn any_bytes_are_refused_or_served(content in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&content);
    }
}
