//! Tensors of every type and many shapes, for property tests.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use proptest::collection::vec;
use proptest::prelude::*;

/// A shape of up to three dimensions, sizes 0 to 4.
pub(crate) fn shape() -> impl Strategy<Value = Vec<usize>> {
    vec(0_usize..5, 0..4)
}

/// A tensor of any type with any bits, NaN among them.
pub(crate) fn tensor() -> impl Strategy<Value = Tensor> {
    (proptest::sample::select(&DataType::ALL[..]), shape())
        .prop_flat_map(|(dtype, shape)| of(dtype, shape))
}

/// A tensor of this type and shape.
pub(crate) fn of(dtype: DataType, shape: Vec<usize>) -> BoxedStrategy<Tensor> {
    let elements = shape.iter().product::<usize>();
    let Some(size) = dtype.size() else {
        let strings = vec(vec(any::<u8>(), 0..6).prop_map(Bytes::from), elements);
        return strings
            .prop_map(move |strings| Tensor::from_strings(shape.clone(), strings).unwrap())
            .boxed();
    };
    let highest = if dtype == DataType::Bool { 1 } else { u8::MAX };
    vec(0..=highest, elements * size)
        .prop_map(move |bytes| Tensor::from_bytes(dtype, shape.clone(), bytes).unwrap())
        .boxed()
}

/// A tensor of any type, without NaN and infinities and with texts for byte strings, as JSON can
/// hold it.
pub(crate) fn plain_tensor() -> impl Strategy<Value = Tensor> {
    tensor().prop_map(|tensor| match tensor.dtype() {
        DataType::Bytes => {
            let texts = tensor.strings().unwrap().iter();
            let texts = texts
                .map(|s| String::from_utf8_lossy(s).into_owned().into())
                .collect();
            Tensor::from_strings(tensor.shape(), texts).unwrap()
        }
        dtype if dtype.is_float() => {
            let finite = tensor.to_f64().unwrap().into_iter();
            let finite = finite
                .map(|v| if v.is_finite() { v } else { 0.5 })
                .collect();
            Tensor::from_vec::<f64>(tensor.shape(), finite)
                .unwrap()
                .cast(dtype)
                .unwrap()
        }
        _ => tensor,
    })
}
