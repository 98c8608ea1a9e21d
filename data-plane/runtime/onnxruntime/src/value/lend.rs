//! Values lent to the engine for one run.

use std::borrow::Cow;
use std::fmt::Debug;

use bytes::Bytes;
use half::{bf16, f16};
use hari_core::{DataType, Element, Tensor};
use hari_error::{Error, Result};
use hari_operators::{Key, Map, Type, Value};
use ort::session::SessionInputValue;
use ort::value::{DynValue, DynValueTypeMarker, PrimitiveTensorElementType, Sequence, TensorRef};

use crate::refusal;

/// The engine's view of `value`. Tensors of numbers are not copied if their bytes are aligned;
/// all else is. `declared` is what the model takes, for values that do not say it themselves.
///
/// # Errors
/// `InvalidInput` for what the engine cannot hold: byte strings that are not UTF-8 or hold a zero
/// byte; empty sequences; absent values.
pub(crate) fn lend<'v>(value: &'v Value, declared: Option<&Type>) -> Result<SessionInputValue<'v>> {
    match value {
        Value::Tensor(tensor) => lend_tensor(tensor),
        other => Ok(own(other, declared)?.into()),
    }
}

fn lend_tensor(tensor: &Tensor) -> Result<SessionInputValue<'_>> {
    match tensor.dtype() {
        DataType::Fp32 => lent::<f32>(tensor),
        DataType::Fp64 => lent::<f64>(tensor),
        DataType::Fp16 => lent::<f16>(tensor),
        DataType::Bf16 => lent::<bf16>(tensor),
        DataType::Int8 => lent::<i8>(tensor),
        DataType::Int16 => lent::<i16>(tensor),
        DataType::Int32 => lent::<i32>(tensor),
        DataType::Int64 => lent::<i64>(tensor),
        DataType::Uint8 => lent::<u8>(tensor),
        DataType::Uint16 => lent::<u16>(tensor),
        DataType::Uint32 => lent::<u32>(tensor),
        DataType::Uint64 => lent::<u64>(tensor),
        DataType::Bool => {
            let view = TensorRef::from_array_view((tensor.shape(), bools(tensor)?));
            Ok(view.map_err(|error| refusal::of_run(&error))?.into())
        }
        DataType::Bytes => Ok(strings(tensor)?.into()),
    }
}

fn lent<T>(tensor: &Tensor) -> Result<SessionInputValue<'_>>
where
    T: Element + PrimitiveTensorElementType + Debug + Clone + 'static,
{
    match tensor.values::<T>()? {
        Cow::Borrowed(values) => {
            let view = TensorRef::from_array_view((tensor.shape(), values));
            Ok(view.map_err(|error| refusal::of_run(&error))?.into())
        }
        Cow::Owned(values) => Ok(owned(tensor.shape(), values)?.into()),
    }
}

/// A value that holds its own copy, for what goes into sequences and maps.
fn own(value: &Value, declared: Option<&Type>) -> Result<DynValue> {
    match value {
        Value::Tensor(tensor) => own_tensor(tensor),
        Value::Sequence(values) => sequence(values, declared),
        Value::Map(map) => own_map(map, declared),
        Value::Optional(Some(inner)) => own(
            inner,
            declared.map(|declared| match declared {
                Type::Optional(inner) => inner,
                other => other,
            }),
        ),
        Value::Optional(None) => Err(Error::invalid("ONNX Runtime takes no absent value")),
    }
}

fn own_tensor(tensor: &Tensor) -> Result<DynValue> {
    let shape = tensor.shape();
    match tensor.dtype() {
        DataType::Fp32 => owned(shape, tensor.to_vec::<f32>()?),
        DataType::Fp64 => owned(shape, tensor.to_vec::<f64>()?),
        DataType::Fp16 => owned(shape, tensor.to_vec::<f16>()?),
        DataType::Bf16 => owned(shape, tensor.to_vec::<bf16>()?),
        DataType::Int8 => owned(shape, tensor.to_vec::<i8>()?),
        DataType::Int16 => owned(shape, tensor.to_vec::<i16>()?),
        DataType::Int32 => owned(shape, tensor.to_vec::<i32>()?),
        DataType::Int64 => owned(shape, tensor.to_vec::<i64>()?),
        DataType::Uint8 => owned(shape, tensor.to_vec::<u8>()?),
        DataType::Uint16 => owned(shape, tensor.to_vec::<u16>()?),
        DataType::Uint32 => owned(shape, tensor.to_vec::<u32>()?),
        DataType::Uint64 => owned(shape, tensor.to_vec::<u64>()?),
        DataType::Bool => owned(shape, bools(tensor)?.to_vec()),
        DataType::Bytes => strings(tensor),
    }
}

fn owned<T>(shape: &[usize], values: Vec<T>) -> Result<DynValue>
where
    T: PrimitiveTensorElementType + Debug + Clone + 'static,
{
    let made = ort::value::Tensor::from_array((shape, values));
    Ok(made.map_err(|error| refusal::of_run(&error))?.into_dyn())
}

fn bools(tensor: &Tensor) -> Result<&[bool]> {
    let bytes = tensor.bytes().map_or(&[][..], |bytes| bytes);
    bytemuck::checked::try_cast_slice(bytes)
        .map_err(|_| Error::invalid("a BOOL element is neither 0 nor 1"))
}

fn strings(tensor: &Tensor) -> Result<DynValue> {
    let texts = tensor
        .strings()?
        .iter()
        .map(|bytes| text(bytes).map(str::to_owned));
    let texts = texts.collect::<Result<Vec<_>>>()?;
    let made = ort::value::Tensor::from_string_array((tensor.shape(), &*texts));
    Ok(made.map_err(|error| refusal::of_run(&error))?.into_dyn())
}

/// The engine's strings end at a zero byte, and its bindings give them back as UTF-8 alone.
fn text(bytes: &Bytes) -> Result<&str> {
    if bytes.contains(&0) {
        return Err(Error::invalid(
            "ONNX Runtime takes no byte string with a zero byte",
        ));
    }
    std::str::from_utf8(bytes)
        .map_err(|_| Error::invalid("ONNX Runtime takes no byte string that is not UTF-8"))
}

fn sequence(values: &[Value], declared: Option<&Type>) -> Result<DynValue> {
    let inner = match declared {
        Some(Type::Sequence(inner)) => Some(&**inner),
        _ => None,
    };
    if values.is_empty() {
        return Err(Error::invalid("ONNX Runtime takes no empty sequence"));
    }
    let values = values.iter().map(|value| own(value, inner));
    let made = Sequence::<DynValueTypeMarker>::new(values.collect::<Result<Vec<_>>>()?);
    Ok(made.map_err(|error| refusal::of_run(&error))?.into_dyn())
}

/// A map as the engine keeps it: a tensor of keys and one of values.
fn own_map(map: &Map, declared: Option<&Type>) -> Result<DynValue> {
    let (keys, values) = match declared {
        Some(Type::Map(keys, values)) => (Some(*keys), Some(&**values)),
        _ => (None, None),
    };
    let elements = map.iter().map(|(_, value)| value.tensor());
    let elements = elements.collect::<Result<Vec<_>>>()?;
    let found = elements.first().map(|tensor| tensor.dtype());
    let of = found.or(match values {
        Some(Type::Tensor(dtype)) => Some(*dtype),
        _ => None,
    });
    let texts = match map.first() {
        Some((Key::String(_), _)) => true,
        Some((Key::Int(_), _)) => false,
        None => keys == Some(DataType::Bytes),
    };
    match of {
        Some(DataType::Fp32) => keyed(map, texts, &single::<f32>(&elements)?),
        Some(DataType::Fp64) => keyed(map, texts, &single::<f64>(&elements)?),
        Some(DataType::Int64) => keyed(map, texts, &single::<i64>(&elements)?),
        Some(other) => Err(Error::invalid(format!(
            "ONNX Runtime takes no map with values of {other}"
        ))),
        None => Err(Error::invalid("ONNX Runtime takes no map without a type")),
    }
}

/// The one element of each tensor.
fn single<T: Element>(tensors: &[&Tensor]) -> Result<Vec<T>> {
    let one = |tensor: &&Tensor| match *tensor.values::<T>()? {
        [value] => Ok(value),
        _ => Err(Error::invalid("a value of a map is not a single element")),
    };
    tensors.iter().map(one).collect()
}

fn keyed<V>(map: &Map, texts: bool, values: &[V]) -> Result<DynValue>
where
    V: PrimitiveTensorElementType + Debug + Clone + 'static,
{
    let made = if texts {
        let keys = map.iter().map(|(key, _)| match key {
            Key::String(bytes) => text(bytes).map(str::to_owned),
            Key::Int(_) => Err(mixed()),
        });
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let entries = keys.into_iter().zip(values.iter().cloned());
        ort::value::Map::<String, V>::new(entries).map(ort::value::Value::into_dyn)
    } else {
        let keys = map.iter().map(|(key, _)| match key {
            Key::Int(number) => Ok(*number),
            Key::String(_) => Err(mixed()),
        });
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let entries = keys.into_iter().zip(values.iter().cloned());
        ort::value::Map::<i64, V>::new(entries).map(ort::value::Value::into_dyn)
    };
    made.map_err(|error| refusal::of_run(&error))
}

fn mixed() -> Error {
    Error::invalid("a map has both numbers and texts for keys")
}
