//! Requests that a model answers: zeros of the right shape, in the words of each protocol.

use hari_core::{DataType, Dim, TensorSpec};
use serde_json::{Map, Value, json};

/// Elements beyond which an example is left out: nobody reads it, and it stands many times.
const MOST_ELEMENTS: usize = 4096;

/// `data.ndarray` for one tensor, `jsonData` by name for several.
pub(super) fn seldon(inputs: &[TensorSpec]) -> Option<Value> {
    match inputs {
        [] => Some(json!({"data": {"ndarray": [[0.0]]}})),
        [only] if sizes(only).is_empty() => Some(json!({
            "data": {"tensor": {"shape": [], "values": [zero(only.dtype)]}},
        })),
        [only] => Some(json!({"data": {"ndarray": nested(only)?}})),
        several => Some(json!({"jsonData": by_name(several)?})),
    }
}

/// `inputs`, flat. None for element types that have no JSON form.
pub(super) fn open_inference(inputs: &[TensorSpec]) -> Option<Value> {
    let input = |spec: &TensorSpec| {
        let json = !matches!(spec.dtype, DataType::Fp16 | DataType::Bf16);
        let sizes = sizes(spec);
        let count = count(&sizes).filter(|_| json)?;
        Some(json!({
            "name": spec.name,
            "shape": sizes,
            "datatype": spec.dtype.name(),
            "data": vec![zero(spec.dtype); count],
        }))
    };
    if inputs.is_empty() {
        return Some(json!({"inputs": [
            {"name": "input-0", "shape": [1, 1], "datatype": "FP32", "data": [0.0]},
        ]}));
    }
    let inputs: Option<Vec<_>> = inputs.iter().map(input).collect();
    Some(json!({"inputs": inputs?}))
}

/// Rows where every input has them, else columns.
pub(super) fn tensorflow(inputs: &[TensorSpec]) -> Option<Value> {
    let rows = inputs.iter().all(TensorSpec::has_dynamic_rows);
    match inputs {
        [] => Some(json!({"instances": [[0.0]]})),
        [only] if rows => Some(json!({"instances": nested(only)?})),
        [only] => Some(json!({"inputs": nested(only)?})),
        several if rows => Some(json!({"instances": [first_rows(several)?]})),
        several => Some(json!({"inputs": by_name(several)?})),
    }
}

/// One example of classify and regress: a flat list for each input.
pub(super) fn features(inputs: &[TensorSpec]) -> Option<Value> {
    let feature = |spec: &TensorSpec| {
        let count = count(&sizes(spec))?;
        Some((spec.name.clone(), json!(vec![zero(spec.dtype); count])))
    };
    let features: Option<Map<_, _>> = inputs.iter().map(feature).collect();
    Some(json!({"examples": [features?]}))
}

fn by_name(specs: &[TensorSpec]) -> Option<Map<String, Value>> {
    let named = |spec: &TensorSpec| Some((spec.name.clone(), nested(spec)?));
    specs.iter().map(named).collect()
}

fn first_rows(specs: &[TensorSpec]) -> Option<Map<String, Value>> {
    let first = |spec: &TensorSpec| Some((spec.name.clone(), nested(spec)?.get(0)?.clone()));
    specs.iter().map(first).collect()
}

/// One for each dimension of any size; `[1, 1]` if the rank is not known.
fn sizes(spec: &TensorSpec) -> Vec<usize> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => *size,
        Dim::Dynamic(_) => 1,
    };
    match &spec.shape {
        Some(shape) => shape.iter().map(size).collect(),
        None => vec![1, 1],
    }
}

/// How many elements; none if an example would be too long, be it of empty lists.
fn count(sizes: &[usize]) -> Option<usize> {
    let product = |count: usize, &size: &usize| count.checked_mul(size.max(1));
    let length = sizes.iter().try_fold(1, product)?;
    (length <= MOST_ELEMENTS).then(|| sizes.iter().product())
}

fn nested(spec: &TensorSpec) -> Option<Value> {
    let sizes = sizes(spec);
    count(&sizes)?;
    let within = |inner: Value, &size: &usize| json!(vec![inner; size]);
    Some(sizes.iter().rev().fold(zero(spec.dtype), within))
}

fn zero(dtype: DataType) -> Value {
    match dtype {
        DataType::Bool => json!(false),
        DataType::Bytes => json!("text"),
        dtype if dtype.is_float() => json!(0.0),
        _ => json!(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, dtype: DataType, shape: &[i64]) -> TensorSpec {
        let dim = |&size: &i64| usize::try_from(size).map_or(Dim::Dynamic(None), Dim::Fixed);
        TensorSpec {
            name: name.to_owned(),
            dtype,
            shape: Some(shape.iter().map(dim).collect()),
        }
    }

    #[test]
    fn one_tensor_is_written_in_each_protocols_own_way() {
        let inputs = [spec("x", DataType::Fp32, &[-1, 2])];
        assert_eq!(
            seldon(&inputs),
            Some(json!({"data": {"ndarray": [[0.0, 0.0]]}}))
        );
        assert_eq!(
            open_inference(&inputs),
            Some(json!({"inputs": [
                {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [0.0, 0.0]},
            ]}))
        );
        assert_eq!(
            tensorflow(&inputs),
            Some(json!({"instances": [[0.0, 0.0]]}))
        );
        assert_eq!(
            features(&inputs),
            Some(json!({"examples": [{"x": [0.0, 0.0]}]}))
        );
    }

    #[test]
    fn several_tensors_are_told_by_name() {
        let inputs = [
            spec("a", DataType::Bytes, &[-1]),
            spec("b", DataType::Bool, &[-1, 1]),
        ];
        assert_eq!(
            seldon(&inputs),
            Some(json!({"jsonData": {"a": ["text"], "b": [[false]]}}))
        );
        assert_eq!(
            tensorflow(&inputs),
            Some(json!({"instances": [{"a": "text", "b": [false]}]}))
        );
    }

    #[test]
    fn without_rows_tensorflow_takes_columns() {
        let fixed = [spec("x", DataType::Int32, &[2])];
        assert_eq!(tensorflow(&fixed), Some(json!({"inputs": [0, 0]})));
        let two = [fixed[0].clone(), spec("y", DataType::Int8, &[-1])];
        assert_eq!(
            tensorflow(&two),
            Some(json!({"inputs": {"x": [0, 0], "y": [0]}}))
        );
    }

    #[test]
    fn a_single_number_has_a_shape_without_dimensions() {
        let scalar = [spec("x", DataType::Int64, &[])];
        let expected = json!({"data": {"tensor": {"shape": [], "values": [0]}}});
        assert_eq!(seldon(&scalar), Some(expected));
    }

    #[test]
    fn what_is_too_large_or_has_no_json_form_is_left_out() {
        let picture = [spec("x", DataType::Fp32, &[-1, 224, 224, 3])];
        let endless = [spec("x", DataType::Fp32, &[i64::MAX, i64::MAX, 4])];
        let hollow = [spec("x", DataType::Fp32, &[i64::MAX, 0])];
        for inputs in [&picture, &endless, &hollow] {
            assert_eq!(seldon(inputs), None);
            assert_eq!(open_inference(inputs), None);
            assert_eq!(tensorflow(inputs), None);
            assert_eq!(features(inputs), None);
        }
        assert_eq!(open_inference(&[spec("x", DataType::Fp16, &[-1])]), None);
    }
}
