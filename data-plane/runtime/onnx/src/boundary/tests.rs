//! Sequences and maps become tensors.

use hari_operators::Key;
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::tensor_proto::DataType as Elem;

use super::*;
use crate::fixture::{graph, ints, node, value, with};

fn maps() -> Type {
    Type::Map(DataType::Bytes, Box::new(Type::Tensor(DataType::Fp32)))
}

fn strings(name: &str, values: &[&str]) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        strings: values
            .iter()
            .map(|value| value.as_bytes().to_vec().into())
            .collect(),
        r#type: Some(AttributeType::Strings as i32),
        ..AttributeProto::default()
    }
}

fn floats(shape: &[usize], values: &[f32]) -> Value {
    Value::Tensor(Tensor::from_vec(shape, values.to_vec()).unwrap())
}

#[test]
fn a_zip_map_at_the_end_is_its_tensor_with_labels() {
    let zip = with(
        node("ZipMap", &["p"], &["y"]),
        strings("classlabels_strings", &["cat", "dog"]),
    );
    let nodes = vec![node("Softmax", &["x"], &["p"]), zip];
    let y = types::named("y", Some(&Type::Sequence(Box::new(maps()))));
    let given = graph(vec![value("x", Elem::Float, &["n", "2"])], nodes, vec![y]);
    assert!(!is_plain(&given));
    let (found, labels) = simplify(given);
    assert!(is_plain(&found));
    assert_eq!(labels["y"], ["cat", "dog"]);
    assert_eq!(found.node[1].op_type(), "Identity");
    assert_eq!(found.output[0], value("y", Elem::Float, &["?", "2"]));
}

#[test]
fn keys_may_be_numbers() {
    let zip = with(
        node("ZipMap", &["p"], &["y"]),
        ints("classlabels_int64s", &[0, 7]),
    );
    let map = Type::Map(DataType::Int64, Box::new(Type::Tensor(DataType::Fp64)));
    let y = types::named("y", Some(&Type::Sequence(Box::new(map))));
    let (found, labels) = simplify(graph(vec![], vec![zip], vec![y]));
    assert_eq!(labels["y"], ["0", "7"]);
    assert_eq!(found.output[0], value("y", Elem::Double, &["?", "2"]));
}

#[test]
fn a_map_that_is_vectorised_is_given_as_columns() {
    let vectors = with(
        node("DictVectorizer", &["x"], &["y"]),
        strings("string_vocabulary", &["a", "b", "c"]),
    );
    let x = types::named("x", Some(&maps()));
    let y = value("y", Elem::Float, &["?", "3"]);
    let (found, labels) = simplify(graph(vec![x], vec![vectors], vec![y]));
    assert_eq!(labels["x"], ["a", "b", "c"]);
    assert_eq!(found.input[0], value("x", Elem::Float, &["?", "3"]));
    assert_eq!(found.node[0].op_type(), "Identity");
}

#[test]
fn a_sequence_of_known_length_is_several_outputs() {
    let tensors = Type::Sequence(Box::new(Type::Tensor(DataType::Fp32)));
    let made = node("SequenceConstruct", &["a", "b"], &["s"]);
    let s = types::named("s", Some(&tensors));
    let (found, _) = simplify(graph(vec![], vec![made], vec![s]));
    let names: Vec<_> = found.output.iter().map(ValueInfoProto::name).collect();
    assert_eq!(names, ["s.0", "s.1"]);
    assert_eq!(found.node.len(), 2);
    assert_eq!(found.node[1].input, ["b"]);
}

#[test]
fn values_of_one_shape_are_stacked() {
    let sequence = Value::Sequence(vec![floats(&[2], &[1.0, 2.0]), floats(&[2], &[3.0, 4.0])]);
    let found = tensor(sequence).unwrap();
    assert_eq!(
        found,
        Tensor::from_vec([2, 2], vec![1.0_f32, 2.0, 3.0, 4.0]).unwrap()
    );
    let other = Value::Sequence(vec![floats(&[2], &[1.0, 2.0]), floats(&[1], &[3.0])]);
    let error = tensor(other).unwrap_err();
    assert!(
        error
            .message()
            .contains("expected FP32 [2], found FP32 [1]"),
        "{error}"
    );
    assert!(tensor(Value::Sequence(vec![])).is_err());
}

#[test]
fn maps_of_the_same_keys_are_rows() {
    let map = |first: &str, values: [f32; 2]| {
        let key = |text: &str| Key::String(text.as_bytes().to_vec().into());
        let entries = [key(first), key("b")].into_iter().zip(values);
        Value::Map(
            entries
                .map(|(key, value)| (key, floats(&[], &[value])))
                .collect(),
        )
    };
    let found = tensor(Value::Sequence(vec![
        map("a", [1.0, 2.0]),
        map("a", [3.0, 4.0]),
    ]));
    assert_eq!(
        found.unwrap(),
        Tensor::from_vec([2, 2], vec![1.0_f32, 2.0, 3.0, 4.0]).unwrap()
    );
    let error = tensor(Value::Sequence(vec![
        map("a", [1.0, 2.0]),
        map("c", [3.0, 4.0]),
    ]));
    assert_eq!(
        error.unwrap_err().message(),
        "the maps of the sequence have different keys"
    );
}

#[test]
fn an_optional_value_is_the_value() {
    let inner = floats(&[1], &[1.0]);
    let found = tensor(Value::Optional(Some(Box::new(inner.clone())))).unwrap();
    assert_eq!(Value::Tensor(found), inner);
    assert!(tensor(Value::Optional(None)).is_err());
}
