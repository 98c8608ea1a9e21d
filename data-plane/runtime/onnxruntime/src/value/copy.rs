//! Values of the engine, copied out of its memory.

use half::{bf16, f16};
use hari_core::{DataType, Element, Tensor};
use hari_error::{Error, Result};
use hari_operators::{Key, Value};
use ort::value::{
    DynValue, DynValueTypeMarker, PrimitiveTensorElementType, TensorElementType as Elem, ValueType,
};

use super::types;
use crate::refusal;

/// A copy of `value` that does not depend on the engine.
///
/// # Errors
/// `Model` if no value of ours can hold it.
pub(crate) fn copy(value: &DynValue) -> Result<Value> {
    match value.dtype() {
        ValueType::Tensor { ty, .. } => tensor(value, *ty).map(Value::Tensor),
        ValueType::Sequence(_) => {
            let values = value.try_extract_sequence::<DynValueTypeMarker>();
            let values = values.map_err(|error| refusal::of_model(&error))?;
            let values = values.iter().map(copy).collect::<Result<_>>()?;
            Ok(Value::Sequence(values))
        }
        ValueType::Map { key, value: of } => map(value, *key, *of),
        ValueType::Optional(_) => Err(Error::model("the engine made a value without a type")),
    }
}

fn tensor(value: &DynValue, elem: Elem) -> Result<Tensor> {
    let dtype = types::data_type(elem).filter(|_| value.is_tensor());
    let dtype = dtype.ok_or_else(|| {
        Error::model(format!(
            "the model makes elements of {elem}, which no tensor has"
        ))
    })?;
    match dtype {
        DataType::Fp32 => numbers::<f32>(value),
        DataType::Fp64 => numbers::<f64>(value),
        DataType::Fp16 => numbers::<f16>(value),
        DataType::Bf16 => numbers::<bf16>(value),
        DataType::Int8 => numbers::<i8>(value),
        DataType::Int16 => numbers::<i16>(value),
        DataType::Int32 => numbers::<i32>(value),
        DataType::Int64 => numbers::<i64>(value),
        DataType::Uint8 => numbers::<u8>(value),
        DataType::Uint16 => numbers::<u16>(value),
        DataType::Uint32 => numbers::<u32>(value),
        DataType::Uint64 => numbers::<u64>(value),
        DataType::Bool => {
            let (shape, values) = extracted::<bool>(value)?;
            Tensor::from_bools(shape, values)
        }
        DataType::Bytes => strings(value),
    }
}

fn numbers<T: Element + PrimitiveTensorElementType>(value: &DynValue) -> Result<Tensor> {
    let (shape, values) = extracted::<T>(value)?;
    Tensor::from_vec(shape, values.to_vec())
}

fn extracted<T: PrimitiveTensorElementType>(value: &DynValue) -> Result<(Vec<usize>, &[T])> {
    let (shape, values) = value
        .try_extract_tensor::<T>()
        .map_err(|error| refusal::of_model(&error))?;
    Ok((sizes(shape)?, values))
}

fn strings(value: &DynValue) -> Result<Tensor> {
    let (shape, values) = value
        .try_extract_strings()
        .map_err(|error| refusal::of_model(&error))?;
    let values = values.into_iter().map(Into::into).collect();
    Tensor::from_strings(sizes(shape)?, values)
}

fn sizes(shape: &[i64]) -> Result<Vec<usize>> {
    let sizes = shape.iter().map(|&size| usize::try_from(size));
    sizes
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Error::model(format!("the engine made a tensor of shape {shape:?}")))
}

fn map(value: &DynValue, key: Elem, of: Elem) -> Result<Value> {
    match (key, of) {
        (Elem::Int64, Elem::Float32) => entries::<i64, f32>(value, Key::Int),
        (Elem::Int64, Elem::Float64) => entries::<i64, f64>(value, Key::Int),
        (Elem::Int64, Elem::Int64) => entries::<i64, i64>(value, Key::Int),
        (Elem::String, Elem::Float32) => entries::<String, f32>(value, text),
        (Elem::String, Elem::Float64) => entries::<String, f64>(value, text),
        (Elem::String, Elem::Int64) => entries::<String, i64>(value, text),
        (key, of) => Err(Error::model(format!(
            "the model makes a map from {key} to {of}, which cannot be read"
        ))),
    }
}

fn text(key: String) -> Key {
    Key::String(key.into())
}

fn entries<K, V>(value: &DynValue, key: impl Fn(K) -> Key) -> Result<Value>
where
    K: ort::value::IntoTensorElementType + Clone + std::hash::Hash + Eq,
    V: Element + PrimitiveTensorElementType + Clone,
{
    let entries = value
        .try_extract_key_values::<K, V>()
        .map_err(|error| refusal::of_model(&error))?;
    let entries = entries.into_iter().map(|(name, value)| {
        let value = Tensor::from_vec(Vec::new(), vec![value])?;
        Ok((key(name), Value::Tensor(value)))
    });
    entries.collect::<Result<_>>().map(Value::Map)
}
