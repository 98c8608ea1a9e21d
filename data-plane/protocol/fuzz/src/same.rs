//! When two decoded values are the same.

use std::fmt::Debug;

use hari_core::{DataType, NamedTensor, Tensor, wire_texts};

/// Checks that all is equal, where NaN equals NaN.
#[track_caller]
pub(crate) fn all<T: PartialEq + Debug>(before: &T, after: &T) {
    if before != after {
        assert_eq!(format!("{before:?}"), format!("{after:?}"));
    }
}

/// Checks that there are as many tensors and that each holds the same elements.
#[track_caller]
pub(crate) fn elements(before: Option<&[NamedTensor]>, after: Option<&[NamedTensor]>) {
    let (Some(before), Some(after)) = (before, after) else {
        assert_eq!(before.is_some(), after.is_some());
        return;
    };
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(after) {
        tensor(&before.tensor, &after.tensor);
    }
}

#[track_caller]
fn tensor(before: &Tensor, after: &Tensor) {
    assert_eq!(before.len(), after.len());
    if before.is_empty() {
        return;
    }
    assert_eq!(before.dtype(), after.dtype());
    // Nested lists have no form for a scalar: it becomes a list of one.
    if !(before.shape().is_empty() && after.shape() == [1]) {
        assert_eq!(before.shape(), after.shape());
    }
    // Binary data has no null: what is missing is empty there.
    assert_eq!(wire_texts(before), wire_texts(after));
    if before.bytes() != after.bytes() {
        assert!(is_float(before.dtype()), "{before:?} became {after:?}");
        assert_eq!(bits(before), bits(after), "{before:?} became {after:?}");
    }
}

fn is_float(dtype: DataType) -> bool {
    use DataType::{Bf16, Fp16, Fp32, Fp64};
    matches!(dtype, Fp16 | Bf16 | Fp32 | Fp64)
}

/// The elements as doubles, bit by bit, every NaN the same.
fn bits(tensor: &Tensor) -> Vec<u64> {
    let doubles = tensor.to_f64().unwrap_or_default();
    let one = |value: f64| if value.is_nan() { f64::NAN } else { value };
    doubles
        .into_iter()
        .map(|value| one(value).to_bits())
        .collect()
}
