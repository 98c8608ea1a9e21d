//! Constants of a file: a `TensorProto` as a tensor.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use hari_proto::onnx::TensorProto;
use hari_proto::onnx::tensor_proto::DataType as Elem;

/// The elements of `tensor`, shared where the file holds them raw.
///
/// # Errors
/// `Model` if it lies outside the file, has a type that no tensor has, or if its elements are not
/// as many as its dimensions say.
pub fn constant(tensor: &TensorProto) -> Result<Tensor> {
    let dtype = data_type(tensor.data_type()).ok_or_else(|| {
        Error::model(format!(
            "constant `{}` has element type {}, which no tensor has",
            tensor.name(),
            tensor.data_type()
        ))
    })?;
    let shape = shape(tensor)?;
    let made = match tensor.raw_data.as_ref().filter(|raw| !raw.is_empty()) {
        Some(raw) => Tensor::from_bytes(dtype, shape, raw.clone()),
        None => listed(tensor, dtype, shape),
    };
    made.map_err(|error| Error::model(format!("constant `{}`: {}", tensor.name(), error.message())))
}

/// The data plane's name for an ONNX element type; none for those it has no tensor of.
#[must_use]
pub fn data_type(elem: i32) -> Option<DataType> {
    Some(match Elem::try_from(elem).ok()? {
        Elem::Float => DataType::Fp32,
        Elem::Uint8 => DataType::Uint8,
        Elem::Int8 => DataType::Int8,
        Elem::Uint16 => DataType::Uint16,
        Elem::Int16 => DataType::Int16,
        Elem::Int32 => DataType::Int32,
        Elem::Int64 => DataType::Int64,
        Elem::String => DataType::Bytes,
        Elem::Bool => DataType::Bool,
        Elem::Float16 => DataType::Fp16,
        Elem::Double => DataType::Fp64,
        Elem::Uint32 => DataType::Uint32,
        Elem::Uint64 => DataType::Uint64,
        Elem::Bfloat16 => DataType::Bf16,
        _ => return None,
    })
}

fn shape(tensor: &TensorProto) -> Result<Vec<usize>> {
    let sizes = tensor.dims.iter().map(|&dim| usize::try_from(dim));
    sizes.collect::<std::result::Result<_, _>>().map_err(|_| {
        Error::model(format!(
            "constant `{}` has impossible dimensions {:?}",
            tensor.name(),
            tensor.dims
        ))
    })
}

/// Elements in the field of their type, where small types share the 32-bit one.
fn listed(tensor: &TensorProto, dtype: DataType, shape: Vec<usize>) -> Result<Tensor> {
    let narrow = &tensor.int32_data;
    match dtype {
        DataType::Fp32 => Tensor::from_vec(shape, tensor.float_data.clone()),
        DataType::Fp64 => Tensor::from_vec(shape, tensor.double_data.clone()),
        DataType::Int32 => Tensor::from_vec(shape, narrow.clone()),
        DataType::Int64 => Tensor::from_vec(shape, tensor.int64_data.clone()),
        DataType::Uint64 => Tensor::from_vec(shape, tensor.uint64_data.clone()),
        DataType::Bytes => Tensor::from_strings(shape, tensor.string_data.clone()),
        DataType::Uint32 => Tensor::from_vec(shape, cut(&tensor.uint64_data, |&n| n as u32)),
        DataType::Bool => Tensor::from_bools(shape, &cut(narrow, |&n| n != 0)),
        DataType::Uint8 => Tensor::from_vec(shape, cut(narrow, |&n| n as u8)),
        DataType::Int8 => Tensor::from_vec(shape, cut(narrow, |&n| n as i8)),
        DataType::Uint16 => Tensor::from_vec(shape, cut(narrow, |&n| n as u16)),
        DataType::Int16 => Tensor::from_vec(shape, cut(narrow, |&n| n as i16)),
        DataType::Fp16 | DataType::Bf16 => {
            let bits: Vec<u8> = narrow
                .iter()
                .flat_map(|&n| (n as u16).to_le_bytes())
                .collect();
            Tensor::from_bytes(dtype, shape, Bytes::from(bits))
        }
    }
}

fn cut<T, U>(values: &[T], one: impl FnMut(&T) -> U) -> Vec<U> {
    values.iter().map(one).collect()
}
