//! Whether what an engine made is what ONNX expects.

use half::{bf16, f16};
use hari_core::{DataType, Tensor};
use hari_operators::Value;

use crate::case::Tolerance;

/// Why what callers were sent is not what was expected; none if it is. Callers know tensors alone: a
/// sequence comes as one tensor with its elements as rows, or as one tensor for each element.
pub(crate) fn seen(expected: &[Value], found: &[Value], tolerance: Tolerance) -> Option<String> {
    let why = values(expected, found, tolerance)?;
    let spread = expected.iter().flat_map(|value| match value {
        Value::Sequence(elements) => elements.clone(),
        other => vec![other.clone()],
    });
    let rows = found.iter().zip(expected).map(|(found, expected)| {
        let (Value::Tensor(tensor), Value::Sequence(_)) = (found, expected) else {
            return Some(found.clone());
        };
        rows(tensor)
    });
    let rows: Option<Vec<Value>> = rows.collect();
    let as_rows = rows.is_some_and(|rows| values(expected, &rows, tolerance).is_none());
    let as_spread = values(&spread.collect::<Vec<_>>(), found, tolerance).is_none();
    (!as_rows && !as_spread).then_some(why)
}

/// The rows of a tensor as a sequence.
fn rows(tensor: &Tensor) -> Option<Value> {
    let (&count, row) = tensor.shape().split_first()?;
    let row_of = |at: usize| {
        let size: usize = row.iter().product();
        let range = at * size..(at + 1) * size;
        match tensor.dtype().size() {
            None => Tensor::from_strings(row, tensor.strings().ok()?.get(range)?.to_vec()).ok(),
            Some(width) => {
                let bytes = tensor.bytes()?;
                let bytes = bytes.get(range.start * width..range.end * width)?;
                Tensor::from_bytes(tensor.dtype(), row, bytes.to_vec()).ok()
            }
        }
    };
    let rows = (0..count).map(|at| row_of(at).map(Value::Tensor));
    Some(Value::Sequence(rows.collect::<Option<_>>()?))
}

/// Why `found` is not what was expected; none if it is.
pub(crate) fn values(expected: &[Value], found: &[Value], tolerance: Tolerance) -> Option<String> {
    if expected.len() != found.len() {
        let (want, got) = (expected.len(), found.len());
        return Some(format!("expected {want} outputs, found {got}"));
    }
    let mut pairs = expected.iter().zip(found).enumerate();
    pairs.find_map(|(at, (expected, found))| {
        value(expected, found, tolerance).map(|why| format!("output {at}: {why}"))
    })
}

/// A present optional value is the value itself.
fn value(expected: &Value, found: &Value, tolerance: Tolerance) -> Option<String> {
    match (expected, found) {
        (Value::Optional(None), Value::Optional(None)) => None,
        (Value::Optional(Some(expected)), found) => value(expected, found, tolerance),
        (expected, Value::Optional(Some(found))) => value(expected, found, tolerance),
        (Value::Tensor(expected), Value::Tensor(found)) => tensors(expected, found, tolerance),
        (Value::Sequence(expected), Value::Sequence(found)) => {
            values(expected, found, tolerance).map(|why| format!("in a sequence, {why}"))
        }
        (Value::Map(expected), Value::Map(found)) => {
            if expected.len() != found.len() {
                return Some(format!("a map of {} keys", found.len()));
            }
            expected.iter().find_map(|(key, expected)| {
                match found.iter().find(|(other, _)| other == key) {
                    Some((_, found)) => value(expected, found, tolerance),
                    None => Some(format!("key {key:?} is missing")),
                }
            })
        }
        (expected, found) => Some(format!(
            "expected {}, found {}",
            expected.kind(),
            found.kind()
        )),
    }
}

fn tensors(expected: &Tensor, found: &Tensor, tolerance: Tolerance) -> Option<String> {
    let about = |tensor: &Tensor| format!("{} {:?}", tensor.dtype(), tensor.shape());
    if (expected.dtype(), expected.shape()) != (found.dtype(), found.shape()) {
        return Some(format!(
            "expected {}, found {}",
            about(expected),
            about(found)
        ));
    }
    let (Some(want), Some(got)) = (floats(expected), floats(found)) else {
        return (expected != found).then(|| "other elements".to_owned());
    };
    let mut pairs = want.iter().zip(&got);
    let off = pairs.find(|(want, got)| !close(**want, **got, tolerance));
    off.map(|(want, got)| format!("expected {want}, found {got}"))
}

/// As `numpy.testing.assert_allclose`: infinities of one sign are equal, and so are NaNs.
fn close(want: f64, got: f64, tolerance: Tolerance) -> bool {
    let both_nan = want.is_nan() && got.is_nan();
    let near = (want - got).abs() <= tolerance.absolute + tolerance.relative * want.abs();
    both_nan || want == got || (near && want.is_finite())
}

/// Elements that are compared with a tolerance; none for all others, which must be equal.
fn floats(tensor: &Tensor) -> Option<Vec<f64>> {
    match tensor.dtype() {
        DataType::Fp16 => {
            let values = tensor.values::<f16>().ok()?;
            Some(values.iter().map(|value| value.to_f64()).collect())
        }
        DataType::Bf16 => {
            let values = tensor.values::<bf16>().ok()?;
            Some(values.iter().map(|value| value.to_f64()).collect())
        }
        DataType::Fp32 => {
            let values = tensor.values::<f32>().ok()?;
            Some(values.iter().map(|&value| f64::from(value)).collect())
        }
        DataType::Fp64 => tensor.to_vec::<f64>().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hari_operators::Key;

    use super::*;

    const TOLERANCE: Tolerance = Tolerance {
        absolute: 1e-7,
        relative: 1e-3,
    };

    fn of(values: &[f32]) -> Value {
        Tensor::from_vec([values.len()], values.to_vec())
            .unwrap()
            .into()
    }

    fn differ(expected: Value, found: Value) -> Option<String> {
        values(&[expected], &[found], TOLERANCE)
    }

    #[test]
    fn floats_may_be_off_a_little() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        assert_eq!(differ(of(&[1.0, nan, inf]), of(&[1.0009, nan, inf])), None);
        for (want, got) in [
            (1.0, 1.0011),
            (inf, -inf),
            (nan, 1.0),
            (1.0, nan),
            (inf, 1.0),
        ] {
            assert!(differ(of(&[want]), of(&[got])).is_some(), "{want} {got}");
        }
    }

    #[test]
    fn integers_shapes_and_types_are_exact() {
        let ints = |values: &[i64]| Value::from(Tensor::from_vec([1], values.to_vec()).unwrap());
        assert_eq!(differ(ints(&[1 << 40]), ints(&[1 << 40])), None);
        assert!(differ(ints(&[1 << 40]), ints(&[(1 << 40) + 1])).is_some());
        assert!(differ(ints(&[1]), of(&[1.0])).unwrap().contains("INT64"));
        let column = Value::from(Tensor::from_vec([1, 1], vec![1.0_f32]).unwrap());
        assert!(differ(of(&[1.0]), column).unwrap().contains("[1, 1]"));
    }

    #[test]
    fn callers_see_a_sequence_as_rows_or_as_outputs() {
        let sequence = [Value::Sequence(vec![of(&[1.0, 2.0]), of(&[3.0, 4.0])])];
        let stacked = Tensor::from_vec([2, 2], vec![1.0_f32, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(seen(&sequence, &[stacked.into()], TOLERANCE), None);
        let spread = [of(&[1.0, 2.0]), of(&[3.0, 4.0])];
        assert_eq!(seen(&sequence, &spread, TOLERANCE), None);
        assert_eq!(seen(&spread, &spread, TOLERANCE), None);
        let other = [of(&[1.0, 2.0]), of(&[3.0, 5.0])];
        assert!(seen(&sequence, &other, TOLERANCE).is_some());
        let texts = Tensor::from_strings([1, 1], vec!["a".into()]).unwrap();
        let one = Tensor::from_strings([1], vec!["a".into()]).unwrap();
        let expected = [Value::Sequence(vec![one.into()])];
        assert_eq!(seen(&expected, &[texts.into()], TOLERANCE), None);
    }

    #[test]
    fn sequences_maps_and_options_are_looked_into() {
        let map = |value| Value::Map(vec![(Key::Int(1), of(&[value]))]);
        assert_eq!(differ(map(1.0), map(1.0)), None);
        assert!(differ(map(1.0), map(2.0)).is_some());
        assert!(differ(map(1.0), Value::Map(Vec::new())).is_some());
        let sequence = |values: Vec<Value>| Value::Sequence(values);
        assert_eq!(
            differ(sequence(vec![map(1.0)]), sequence(vec![map(1.0)])),
            None
        );
        assert!(differ(sequence(vec![map(1.0)]), sequence(vec![])).is_some());
        let some = |value| Value::Optional(Some(Box::new(value)));
        assert_eq!(differ(some(of(&[1.0])), of(&[1.0])), None);
        assert!(differ(Value::Optional(None), of(&[1.0])).is_some());
        assert!(values(&[], &[of(&[])], TOLERANCE).is_some());
    }
}
