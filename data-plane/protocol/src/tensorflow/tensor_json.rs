//! `TensorProto` in the JSON mapping of protocol buffers, as `data.tftensor` holds it.
//!
//! Names are read in camelCase and in snake_case. 64-bit integers are read as numbers or as text,
//! floats also as the texts `NaN`, `Infinity` and `-Infinity`, byte strings as base64.

use std::str::FromStr;

use bytes::Bytes;
use hari_core::{Element, Limits, Tensor};
use hari_error::Result;
use hari_proto::tensorflow::{DataType as Wire, TensorProto};
use serde_json::{Map, Value, json};

use super::base64;
use super::tensor::{from_tensor, shape_proto, to_tensor};
use crate::json::array::{self, Elements};
use crate::json::{Reader, What};

/// Reads the object that stands next.
///
/// # Errors
/// `InvalidInput` with the path of the field; `TooLarge` for a tensor over its limit.
pub fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Tensor> {
    let mut proto = TensorProto::default();
    reader.object(|reader, key| match key {
        "dtype" => set(&mut proto.dtype, dtype(reader)?),
        "tensorShape" | "tensor_shape" => {
            let (sizes, unknown_rank) = shape(reader)?;
            let mut shape = shape_proto(&sizes);
            shape.unknown_rank = unknown_rank;
            set(&mut proto.tensor_shape, Some(shape))
        }
        "tensorContent" | "tensor_content" => set(&mut proto.tensor_content, bytes(reader)?),
        "floatVal" | "float_val" => numbers(reader, &mut proto.float_val, limits),
        "doubleVal" | "double_val" => numbers(reader, &mut proto.double_val, limits),
        "intVal" | "int_val" => numbers(reader, &mut proto.int_val, limits),
        "int64Val" | "int64_val" => numbers(reader, &mut proto.int64_val, limits),
        "uint32Val" | "uint32_val" => numbers(reader, &mut proto.uint32_val, limits),
        "uint64Val" | "uint64_val" => numbers(reader, &mut proto.uint64_val, limits),
        "halfVal" | "half_val" => numbers(reader, &mut proto.half_val, limits),
        "boolVal" | "bool_val" => list(reader, &mut proto.bool_val, Reader::boolean),
        "stringVal" | "string_val" => list(reader, &mut proto.string_val, bytes),
        _ => reader.skip(),
    })?;
    let path = reader.path();
    to_tensor(proto, limits).map_err(|error| {
        if path.is_empty() {
            error
        } else {
            error.context(path)
        }
    })
}

fn set<T>(field: &mut T, value: T) -> Result<()> {
    *field = value;
    Ok(())
}

/// A type by name, `DT_FLOAT`, or by number.
fn dtype(reader: &mut Reader<'_>) -> Result<i32> {
    if reader.peek()? != What::String {
        return integer(reader);
    }
    let name = reader.string()?;
    let wire = Wire::from_str_name(&name);
    wire.map(|wire| wire as i32).ok_or_else(|| {
        reader.error(format!(
            "unknown type `{name}`; expected DT_FLOAT or the like"
        ))
    })
}

/// The sizes, and whether not even their number is known.
fn shape(reader: &mut Reader<'_>) -> Result<(Vec<i64>, bool)> {
    let (mut sizes, mut unknown) = (Vec::new(), false);
    reader.object(|reader, key| match key {
        "dim" => {
            sizes.clear();
            reader.array(|reader, _| {
                sizes.push(size(reader)?);
                Ok(())
            })
        }
        "unknownRank" | "unknown_rank" => set(&mut unknown, reader.boolean()?),
        _ => reader.skip(),
    })?;
    Ok((sizes, unknown))
}

fn size(reader: &mut Reader<'_>) -> Result<i64> {
    let mut size = 0;
    reader.object(|reader, key| match key {
        "size" => set(&mut size, integer(reader)?),
        _ => reader.skip(),
    })?;
    Ok(size)
}

fn list<'a, T>(
    reader: &mut Reader<'a>,
    values: &mut Vec<T>,
    each: impl Fn(&mut Reader<'a>) -> Result<T>,
) -> Result<()> {
    values.clear();
    reader.array(|reader, _| {
        values.push(each(reader)?);
        Ok(())
    })
}

fn bytes(reader: &mut Reader<'_>) -> Result<Bytes> {
    let text = reader.string()?;
    let decoded = base64::decode(&text).ok_or_else(|| reader.error("expected base64"))?;
    Ok(Bytes::from(decoded))
}

/// A flat list of numbers, each as a number or as text.
fn numbers<T: Element>(
    reader: &mut Reader<'_>,
    values: &mut Vec<T>,
    limits: &Limits,
) -> Result<()> {
    let elements = Elements::declared(T::DTYPE).with_quoted_numbers();
    let tensor = array::read(reader, elements, limits)?;
    match tensor.shape() {
        [_] => set(values, tensor.to_vec()?),
        _ => Err(reader.error("expected a flat list of numbers")),
    }
}

/// A whole number, as a number or as text.
fn integer<T: FromStr>(reader: &mut Reader<'_>) -> Result<T> {
    let text = match reader.peek()? {
        What::String => reader.string()?,
        _ => reader.number()?.text().into(),
    };
    text.parse()
        .map_err(|_| reader.error(format!("expected a whole number, found {text}")))
}

/// The JSON of a tensor: several numbers as `tensorContent`, a single one and byte strings in the
/// field of their type, like [`from_tensor`].
#[must_use]
pub fn to_value(tensor: &Tensor) -> Value {
    let proto = from_tensor(tensor);
    let dims: Vec<_> = tensor
        .shape()
        .iter()
        .map(|dim| json!({"size": dim.to_string()}))
        .collect();
    let name = Wire::try_from(proto.dtype)
        .unwrap_or_default()
        .as_str_name();
    let mut object = Map::new();
    object.insert("dtype".into(), name.into());
    object.insert("tensorShape".into(), json!({"dim": dims}));
    let (key, elements) = elements(&proto);
    object.insert(key.into(), elements);
    Value::Object(object)
}

/// The one field of `proto` that holds elements.
fn elements(proto: &TensorProto) -> (&'static str, Value) {
    let texts = |texts: Vec<String>| Value::from(texts);
    match Wire::try_from(proto.dtype).unwrap_or_default() {
        Wire::DtString => (
            "stringVal",
            texts(proto.string_val.iter().map(|s| base64::encode(s)).collect()),
        ),
        _ if !proto.tensor_content.is_empty() => (
            "tensorContent",
            base64::encode(&proto.tensor_content).into(),
        ),
        Wire::DtFloat => (
            "floatVal",
            proto
                .float_val
                .iter()
                .map(|&v| float(v.into(), v))
                .collect(),
        ),
        Wire::DtDouble => (
            "doubleVal",
            proto.double_val.iter().map(|&v| float(v, v)).collect(),
        ),
        Wire::DtInt64 => (
            "int64Val",
            texts(proto.int64_val.iter().map(i64::to_string).collect()),
        ),
        Wire::DtUint64 => (
            "uint64Val",
            texts(proto.uint64_val.iter().map(u64::to_string).collect()),
        ),
        Wire::DtUint32 => ("uint32Val", proto.uint32_val.clone().into()),
        Wire::DtBool => ("boolVal", proto.bool_val.clone().into()),
        Wire::DtHalf | Wire::DtBfloat16 => ("halfVal", proto.half_val.clone().into()),
        _ => ("intVal", proto.int_val.clone().into()),
    }
}

/// A float as a JSON number in its own shortest digits, or as the text for what is no number.
fn float(wide: f64, shown: impl std::fmt::Display) -> Value {
    if wide.is_finite() {
        // The shortest digits of a single read as a double print as the same digits again.
        return shown
            .to_string()
            .parse::<f64>()
            .map_or(Value::Null, Value::from);
    }
    if wide.is_nan() {
        return "NaN".into();
    }
    if wide > 0.0 {
        "Infinity".into()
    } else {
        "-Infinity".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open_inference::arbitrary;
    use hari_core::DataType;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Tensor> {
        let limits = Limits::default();
        let mut reader = Reader::of_field(text.as_bytes(), "data.tftensor", &limits)?;
        read(&mut reader, &limits)
    }

    #[test]
    fn either_spelling_and_either_form_of_numbers_is_read() {
        let expected = Tensor::from_vec([2, 1], vec![3_i64, 4]).unwrap();
        for text in [
            r#"{"dtype":"DT_INT64","tensorShape":{"dim":[{"size":"2"},{"size":"1"}]},"int64Val":["3","4"]}"#,
            r#"{"int64_val":[3,4],"dtype":9,"tensor_shape":{"dim":[{"size":2,"name":"rows"},{"size":1}]}}"#,
            r#"{"dtype":"DT_INT64","versionNumber":0,"tensorShape":{"dim":[{"size":2},{"size":1}]},
                "tensorContent":"AwAAAAAAAAAEAAAAAAAAAA=="}"#,
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn words_for_what_is_no_number_are_read() {
        let text = r#"{"dtype":"DT_FLOAT","tensorShape":{"dim":[{"size":3}]},
            "floatVal":["NaN",-Infinity,"1.5"]}"#;
        let tensor = parse(text).unwrap();
        let values = tensor.values::<f32>().unwrap();
        assert!(values[0].is_nan());
        assert_eq!(values[1..], [f32::NEG_INFINITY, 1.5]);
    }

    #[test]
    fn errors_name_the_field() {
        let error = parse(r#"{"dtype":"DT_FLOAT","floatVal":[1,"x"]}"#).unwrap_err();
        assert_eq!(
            error.message(),
            "data.tftensor.floatVal[1]: expected FP32, found a string"
        );
        let error = parse(r#"{"dtype":"FLOAT"}"#).unwrap_err();
        assert!(
            error
                .message()
                .starts_with("data.tftensor.dtype: unknown type `FLOAT`"),
            "{error}"
        );
        let error = parse(r#"{"dtype":1,"tensorShape":{"dim":[{"size":-1}]}}"#).unwrap_err();
        assert!(
            error
                .message()
                .starts_with("data.tftensor: tensor_shape: shape [-1]"),
            "{error}"
        );
        let error = parse(r#"{"dtype":1,"tensorContent":"%"}"#).unwrap_err();
        assert_eq!(
            error.message(),
            "data.tftensor.tensorContent: expected base64"
        );
    }

    #[test]
    fn the_form_is_the_one_of_protocol_buffers() {
        let text = |tensor: &Tensor| to_value(tensor).to_string();
        let one = Tensor::from_vec([1], vec![0.1_f32]).unwrap();
        assert_eq!(
            text(&one),
            r#"{"dtype":"DT_FLOAT","tensorShape":{"dim":[{"size":"1"}]},"floatVal":[0.1]}"#
        );
        let two = Tensor::from_vec([2], vec![1_i32, 2]).unwrap();
        assert_eq!(
            text(&two),
            r#"{"dtype":"DT_INT32","tensorShape":{"dim":[{"size":"2"}]},"tensorContent":"AQAAAAIAAAA="}"#
        );
        let strings = Tensor::from_strings([1], vec!["a".into()]).unwrap();
        assert_eq!(
            text(&strings),
            r#"{"dtype":"DT_STRING","tensorShape":{"dim":[{"size":"1"}]},"stringVal":["YQ=="]}"#
        );
        assert_eq!(
            to_value(&Tensor::from_vec([1], vec![f64::INFINITY]).unwrap())["doubleVal"][0],
            "Infinity"
        );
    }

    fn same(left: &Tensor, right: &Tensor) -> bool {
        let nan =
            |t: &Tensor| t.dtype().is_float() && t.to_f64().unwrap().iter().any(|v| v.is_nan());
        left == right || (left.shape() == right.shape() && nan(left) && nan(right))
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(tensor in arbitrary::tensor()) {
            let back = parse(&to_value(&tensor).to_string()).unwrap();
            prop_assert!(same(&back, &tensor), "{:?} {:?}", back, tensor);
        }

        #[test]
        fn any_text_is_read_or_refused(text in r#"\{"(dtype|tensorShape|floatVal)":[0-9a-z\[\]{}":,.-]{0,20}\}"#) {
            if let Ok(tensor) = parse(&text) {
                prop_assert!(DataType::ALL.contains(&tensor.dtype()));
            }
        }
    }
}
