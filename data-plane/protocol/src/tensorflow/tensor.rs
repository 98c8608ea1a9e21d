//! `TensorProto` to tensor and back.
//!
//! A `TensorProto` holds its elements as raw bytes in `tensor_content`, or one by one in the field
//! of its type. In that field the last value stands for all that follow, and no value at all for
//! zeros, as TensorFlow itself reads them.

mod dtype;
mod values;

use bytes::{Buf, Bytes};
use hari_core::{DataType, Limits, Tensor};
use hari_error::{Error, Result};
use hari_proto::tensorflow::tensor_shape_proto::Dim;
use hari_proto::tensorflow::{TensorProto, TensorShapeProto};

use crate::shape;

pub use dtype::{from_wire, to_wire};

/// The tensor of a `TensorProto`. `tensor_content` is shared, not copied.
///
/// # Errors
/// `InvalidInput` if the type is not offered, the shape is not known in full, or the elements do
/// not fit type and shape; `TooLarge` if the tensor would be over its limit.
pub fn to_tensor(mut proto: TensorProto, limits: &Limits) -> Result<Tensor> {
    let dtype = from_wire(proto.dtype)?;
    let shape = shape_of(proto.tensor_shape.as_ref(), dtype, limits)?;
    let content = std::mem::take(&mut proto.tensor_content);
    match (content.is_empty(), dtype) {
        (true, _) => values::read(proto, dtype, shape).and_then(|tensor| in_bounds(tensor, limits)),
        (false, DataType::Bytes) => {
            let strings = read_strings(content, shape::elements(&shape))?;
            Tensor::from_strings(shape, strings)
        }
        (false, _) => {
            Tensor::from_bytes(dtype, shape, content).map_err(|e| e.context("tensor_content"))
        }
    }
}

/// Refuses byte strings that are over the limit together. One that stands for many takes no memory
/// here, but each of them is written out in full later.
fn in_bounds(tensor: Tensor, limits: &Limits) -> Result<Tensor> {
    let bytes = tensor.byte_len();
    if bytes <= limits.tensor {
        return Ok(tensor);
    }
    Err(Error::too_large(format!(
        "string_val: {bytes} bytes in all are over the limit of {} bytes for a tensor",
        limits.tensor
    )))
}

/// The `TensorProto` of a tensor: several numbers as `tensor_content`, which is shared with the
/// tensor, a single number and byte strings in the field of their type, as TensorFlow's
/// `make_tensor_proto` writes them.
#[must_use]
pub fn from_tensor(tensor: &Tensor) -> TensorProto {
    match tensor.bytes() {
        Some(bytes) if tensor.len() != 1 => TensorProto {
            tensor_content: bytes.clone(),
            ..outline(tensor)
        },
        _ => from_tensor_as_values(tensor),
    }
}

/// The `TensorProto` of a tensor with every element in the field of its type, as TensorFlow
/// Serving writes its replies: clients read `float_val` and the like.
#[must_use]
pub fn from_tensor_as_values(tensor: &Tensor) -> TensorProto {
    values::write(tensor, outline(tensor))
}

/// Type and shape, without the elements.
fn outline(tensor: &Tensor) -> TensorProto {
    let sizes = shape::to_wire(tensor.shape());
    TensorProto {
        dtype: to_wire(tensor.dtype()) as i32,
        tensor_shape: Some(shape_proto(&sizes)),
        ..TensorProto::default()
    }
}

/// The shape with these sizes; -1 is any.
#[must_use]
pub fn shape_proto(sizes: &[i64]) -> TensorShapeProto {
    let dim = sizes
        .iter()
        .map(|&size| Dim {
            size,
            name: String::new(),
        })
        .collect();
    TensorShapeProto {
        dim,
        unknown_rank: false,
    }
}

fn shape_of(
    proto: Option<&TensorShapeProto>,
    dtype: DataType,
    limits: &Limits,
) -> Result<Vec<usize>> {
    let Some(proto) = proto else {
        return Ok(Vec::new());
    };
    if proto.unknown_rank {
        return Err(Error::invalid(
            "tensor_shape: the rank is not known; give every dimension",
        ));
    }
    let sizes: Vec<i64> = proto.dim.iter().map(|dim| dim.size).collect();
    shape::checked(&sizes, dtype, limits).map_err(|error| error.context("tensor_shape"))
}

/// Byte strings in `tensor_content`: all lengths as varints, then all strings.
fn read_strings(mut content: Bytes, count: usize) -> Result<Vec<Bytes>> {
    let lengths = (0..count)
        .map(|at| read_varint(&mut content).ok_or_else(|| cut_short(at, count)))
        .collect::<Result<Vec<_>>>()?;
    let strings = lengths
        .into_iter()
        .enumerate()
        .map(|(at, length)| match usize::try_from(length) {
            Ok(length) if length <= content.len() => Ok(content.split_to(length)),
            _ => Err(cut_short(at, count)),
        })
        .collect::<Result<Vec<_>>>()?;
    if content.is_empty() {
        return Ok(strings);
    }
    let left = content.len();
    Err(Error::invalid(format!(
        "tensor_content: {left} bytes are left after {count} strings"
    )))
}

fn cut_short(at: usize, count: usize) -> Error {
    Error::invalid(format!("tensor_content ends in string {at} of {count}"))
}

/// An unsigned number in groups of seven bits, the lowest first.
fn read_varint(bytes: &mut Bytes) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..35).step_by(7) {
        let byte = bytes.try_get_u8().ok()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
