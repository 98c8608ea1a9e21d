//! The fields of a `TensorProto` that hold elements one by one.

use bytes::Bytes;
use half::{bf16, f16};
use hari_core::{DataType, Element, Tensor, wire_texts};
use hari_error::{Error, Result};
use hari_proto::tensorflow::TensorProto;

use crate::shape::elements;

/// The elements in the field that belongs to `dtype`.
pub(super) fn read(proto: TensorProto, dtype: DataType, shape: Vec<usize>) -> Result<Tensor> {
    match dtype {
        DataType::Fp32 => same("float_val", shape, proto.float_val),
        DataType::Fp64 => same("double_val", shape, proto.double_val),
        DataType::Int64 => same("int64_val", shape, proto.int64_val),
        DataType::Int32 => same("int_val", shape, proto.int_val),
        DataType::Uint32 => same("uint32_val", shape, proto.uint32_val),
        DataType::Uint64 => same("uint64_val", shape, proto.uint64_val),
        DataType::Int8 => narrow::<i8>(shape, proto.int_val),
        DataType::Int16 => narrow::<i16>(shape, proto.int_val),
        DataType::Uint8 => narrow::<u8>(shape, proto.int_val),
        DataType::Uint16 => narrow::<u16>(shape, proto.int_val),
        DataType::Fp16 => same(
            "half_val",
            shape,
            half_bits(proto.half_val, f16::from_bits)?,
        ),
        DataType::Bf16 => same(
            "half_val",
            shape,
            half_bits(proto.half_val, bf16::from_bits)?,
        ),
        DataType::Bool => {
            let values = fill("bool_val", &shape, proto.bool_val, false)?;
            Tensor::from_bools(shape, &values)
        }
        DataType::Bytes => {
            let values = fill("string_val", &shape, proto.string_val, Bytes::new())?;
            Tensor::from_strings(shape, values)
        }
    }
}

fn same<T: Element>(field: &str, shape: Vec<usize>, values: Vec<T>) -> Result<Tensor> {
    let values = fill(field, &shape, values, T::zeroed())?;
    Tensor::from_vec(shape, values)
}

fn narrow<T: Element + TryFrom<i32>>(shape: Vec<usize>, values: Vec<i32>) -> Result<Tensor> {
    let values = checked(values, |value| {
        let fault = || Error::invalid(format!("expected {}, found {value}", T::DTYPE));
        T::try_from(value).map_err(|_| fault().context("int_val"))
    })?;
    same("int_val", shape, values)
}

/// Half-precision numbers: the bits in the low half of each value.
fn half_bits<T>(values: Vec<i32>, from_bits: impl Fn(u16) -> T) -> Result<Vec<T>> {
    checked(values, |value| {
        let fault = || Error::invalid(format!("half_val: expected 16 bits, found {value}"));
        u16::try_from(value).map(&from_bits).map_err(|_| fault())
    })
}

fn checked<T>(values: Vec<i32>, each: impl Fn(i32) -> Result<T>) -> Result<Vec<T>> {
    values.into_iter().map(each).collect()
}

/// The last value again and again until the shape is full; `zero` if there is none.
fn fill<T: Clone>(field: &str, shape: &[usize], mut values: Vec<T>, zero: T) -> Result<Vec<T>> {
    let expected = elements(shape);
    if values.len() > expected {
        return Err(Error::invalid(format!(
            "{field}: shape {shape:?} needs {expected} values, found {}",
            values.len()
        )));
    }
    let last = values.last().cloned().unwrap_or(zero);
    values.resize(expected, last);
    Ok(values)
}

/// `proto` with every element of `tensor` in the field of its type.
pub(super) fn write(tensor: &Tensor, mut proto: TensorProto) -> TensorProto {
    match tensor.dtype() {
        DataType::Fp32 => proto.float_val = all(tensor),
        DataType::Fp64 => proto.double_val = all(tensor),
        DataType::Int64 => proto.int64_val = all(tensor),
        DataType::Int32 => proto.int_val = all(tensor),
        DataType::Uint32 => proto.uint32_val = all(tensor),
        DataType::Uint64 => proto.uint64_val = all(tensor),
        DataType::Int8 => proto.int_val = widen::<i8>(tensor),
        DataType::Int16 => proto.int_val = widen::<i16>(tensor),
        DataType::Uint8 => proto.int_val = widen::<u8>(tensor),
        DataType::Uint16 => proto.int_val = widen::<u16>(tensor),
        DataType::Fp16 => proto.half_val = map(tensor, |v: f16| i32::from(v.to_bits())),
        DataType::Bf16 => proto.half_val = map(tensor, |v: bf16| i32::from(v.to_bits())),
        DataType::Bool => proto.bool_val = map(tensor, |v: u8| v != 0),
        DataType::Bytes => proto.string_val = wire_texts(tensor),
    }
    proto
}

fn all<T: Element>(tensor: &Tensor) -> Vec<T> {
    tensor.to_vec().unwrap_or_default()
}

fn widen<T: Element + Into<i32>>(tensor: &Tensor) -> Vec<i32> {
    map(tensor, |value: T| value.into())
}

fn map<T: Element, U>(tensor: &Tensor, each: impl Fn(T) -> U) -> Vec<U> {
    all::<T>(tensor).into_iter().map(each).collect()
}
