//! Models of other programs and graphs made by hand: Hari's answers are ONNX Runtime's.
//!
//! Tolerance: 1e-5, absolute and relative, for floats; exact for all else. The quantised models may
//! be one step of their scale off, where a half is rounded the other way.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]

use std::fs;
use std::path::{Path, PathBuf};

use hari_core::{Call, DataType, Model, Signature, SignatureMethod, Tensor, TensorSpec};
use hari_onnx::{BoundSignature, EngineChoice, OnnxModel, Options, inspect_with};
use hari_operators::constant;
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::tensor_proto::DataType as Elem;
use hari_proto::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TypeProto,
    ValueInfoProto, type_proto,
};
use prost::Message;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// All fixtures, by name.
fn names() -> Vec<String> {
    let folders = fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap());
    let folders = folders.filter(|entry| entry.path().join("case.pb").exists());
    let mut names: Vec<_> = folders
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The inputs or the answers of a fixture, by name.
fn tensors(name: &str, role: &str) -> Vec<(String, Tensor)> {
    let bytes = fs::read(fixtures().join(name).join("case.pb")).unwrap();
    let case = GraphProto::decode(&*bytes).unwrap();
    let of = |tensor: &TensorProto| {
        let name = tensor.name().strip_prefix(role)?.to_owned();
        Some((name, constant(tensor).unwrap()))
    };
    case.initializer.iter().filter_map(of).collect()
}

fn options(engine: EngineChoice) -> Options {
    Options {
        engine,
        ..Options::default()
    }
}

fn load(name: &str, engine: EngineChoice) -> OnnxModel {
    let path = fixtures().join(name).join("model.onnx");
    OnnxModel::load_file(&path, &options(engine)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn answer(model: &OnnxModel, name: &str, outputs: Vec<usize>) -> Vec<Tensor> {
    let given = tensors(name, "in:");
    let specs = &model.signatures()[0].inputs;
    let input = |spec: &TensorSpec| {
        let found = given.iter().find(|(name, _)| *name == spec.name);
        found
            .unwrap_or_else(|| panic!("{name}: no `{}`", spec.name))
            .1
            .clone()
    };
    let call = Call {
        signature: 0,
        inputs: specs.iter().map(input).collect(),
        outputs,
    };
    model
        .run(call)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// How far two tensors are apart in words, if they are.
fn difference(found: &Tensor, expected: &Tensor, name: &str) -> Option<String> {
    let kinds = (found.dtype(), found.shape());
    if kinds != (expected.dtype(), expected.shape()) {
        return Some(format!(
            "found {kinds:?}, expected {:?}",
            (expected.dtype(), expected.shape())
        ));
    }
    if !found.dtype().is_float() {
        return (found != expected).then(|| format!("found {found:?}, expected {expected:?}"));
    }
    let near = match (name.starts_with("quantised"), found.dtype()) {
        (true, _) => 0.05,
        (false, DataType::Fp16) => 1e-2,
        (false, _) => 1e-5,
    };
    let (found, expected) = (found.to_f64().unwrap(), expected.to_f64().unwrap());
    let mut pairs = found.iter().zip(&expected);
    let far = pairs.find(|(a, b)| (*a - *b).abs() > near * b.abs().max(1.0));
    far.map(|(a, b)| format!("found {a}, expected {b}"))
}

/// Loads and runs every fixture and collects what is wrong.
fn check(engine: EngineChoice) -> (usize, Vec<String>) {
    let (mut compared, mut wrong) = (0, Vec::new());
    for name in names() {
        let path = fixtures().join(&name).join("model.onnx");
        let model = match OnnxModel::load_file(&path, &options(engine)) {
            Ok(model) => model,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let found = answer(&model, &name, Vec::new());
        let specs = &model.signatures()[0].outputs;
        for (spec, found) in specs.iter().zip(&found) {
            let expected = tensors(&name, "out:");
            let expected = expected.iter().find(|(name, _)| *name == spec.name);
            let Some((_, expected)) = expected else {
                wrong.push(format!("{name}: no answer for `{}`", spec.name));
                continue;
            };
            compared += 1;
            let apart = difference(found, expected, &name);
            wrong.extend(apart.map(|words| format!("{name}, `{}`: {words}", spec.name)));
        }
    }
    (compared, wrong)
}

#[test]
fn the_built_in_engine_and_our_own_operators_answer_as_onnx_runtime_does() {
    let (compared, wrong) = check(EngineChoice::Rten);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared >= 50, "{compared}");
}

/// Needs a library of ONNX Runtime, see the setting `HARI_ONNXRUNTIME`; without one it says so.
#[test]
fn onnx_runtime_answers_as_it_did() {
    let Ok(Some(_)) = hari_onnxruntime::Library::find() else {
        eprintln!("skipped: no library of ONNX Runtime is configured or installed");
        return;
    };
    let (compared, wrong) = check(EngineChoice::OnnxRuntime);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared >= 50, "{compared}");
}

#[test]
fn every_output_can_be_asked_for_alone() {
    for name in names() {
        let model = load(&name, EngineChoice::Rten);
        let all = answer(&model, &name, Vec::new());
        for (at, whole) in all.iter().enumerate() {
            let alone = answer(&model, &name, vec![at]);
            assert_eq!(alone, std::slice::from_ref(whole), "{name}, output {at}");
        }
    }
}

#[test]
fn labels_of_classes_reach_the_caller() {
    let model = load("logistic_names", EngineChoice::Rten);
    assert_eq!(model.labels(0, 1), ["setosa", "versicolor", "virginica"]);
    assert!(model.labels(0, 0).is_empty());
    let numbers = load("logistic_numbers", EngineChoice::Rten);
    assert_eq!(numbers.labels(0, 1), ["0", "1", "2"]);
}

/// A fixture's nodes on the engine and on our own operators.
fn placed(name: &str) -> (usize, usize) {
    let path = fixtures().join(name).join("model.onnx");
    let found = inspect_with(&path, &options(EngineChoice::Rten)).unwrap();
    assert!(found.problems.is_empty(), "{name}: {:?}", found.problems);
    let count = |engine| found.placed.get(engine).copied().unwrap_or(0);
    (count("rten"), count("own operators"))
}

#[test]
fn nodes_are_where_they_are_computed_exactly() {
    for (name, expected) in [
        ("half", (2, 0)),
        ("hashed_ids", (2, 2)),
        ("double_core", (2, 8)),
        ("strings", (0, 4)),
        ("resize_cubic", (1, 1)),
        ("loop", (2, 1)),
    ] {
        assert_eq!(placed(name), expected, "{name}");
    }
}

/// `y = w * length(text)`: an operator of Hari's own in front of some for an engine.
fn lengths() -> ModelProto {
    let node = |domain: &str, operator: &str, inputs: &[&str], output: &str| NodeProto {
        domain: Some(domain.into()),
        op_type: Some(operator.into()),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    };
    let mut cast = node("", "Cast", &["length"], "float");
    cast.attribute = vec![AttributeProto {
        name: Some("to".into()),
        i: Some(1),
        r#type: Some(AttributeType::Int as i32),
        ..AttributeProto::default()
    }];
    let value = |name: &str, elem| ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: Some(elem as i32),
                shape: None,
            })),
            denotation: None,
        }),
        ..ValueInfoProto::default()
    };
    let graph = GraphProto {
        name: Some("lengths".into()),
        input: vec![value("text", Elem::String)],
        node: vec![
            node("hari", "StringLength", &["text"], "length"),
            cast,
            node("", "Mul", &["float", "w"], "y"),
        ],
        initializer: vec![TensorProto {
            name: Some("w".into()),
            data_type: Some(Elem::Float as i32),
            float_data: vec![0.5],
            ..TensorProto::default()
        }],
        output: vec![value("y", Elem::Float)],
        ..GraphProto::default()
    };
    let set = |domain: &str, version| OperatorSetIdProto {
        domain: Some(domain.into()),
        version: Some(version),
    };
    ModelProto {
        ir_version: Some(9),
        opset_import: vec![set("", 18), set("hari", 1)],
        graph: Some(graph),
        ..ModelProto::default()
    }
}

/// The signature of that model.
fn lengths_signature() -> BoundSignature {
    let spec = |name: &str, dtype| TensorSpec {
        name: name.into(),
        dtype,
        shape: None,
    };
    let signature = Signature {
        name: Signature::DEFAULT.into(),
        method: SignatureMethod::Predict,
        inputs: vec![spec("text", DataType::Bytes)],
        outputs: vec![spec("y", DataType::Fp32)],
    };
    BoundSignature {
        signature,
        inputs: vec!["text".into()],
        outputs: vec!["y".into()],
    }
}

#[test]
fn operators_of_our_own_go_with_either_engine() {
    let (model, bound) = (lengths(), lengths_signature());
    let library = hari_onnxruntime::Library::find().ok().flatten();
    let engines = [EngineChoice::Rten, EngineChoice::Auto]
        .into_iter()
        .chain(library.map(|_| EngineChoice::OnnxRuntime));
    for engine in engines {
        let model = OnnxModel::load_graph(&model, vec![bound.clone()], &options(engine)).unwrap();
        let texts = vec!["four".into(), "sixsix".into()];
        let call = Call {
            signature: 0,
            inputs: vec![Tensor::from_strings([2], texts).unwrap()],
            outputs: vec![],
        };
        let expected = Tensor::from_vec([2], vec![2.0_f32, 3.0]).unwrap();
        assert_eq!(model.run(call).unwrap(), [expected], "{engine}");
    }
}
