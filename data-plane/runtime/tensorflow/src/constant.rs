//! Constants: from TensorFlow's message to a tensor, from a tensor to ONNX, and transposed.

use bytes::Bytes;
use hari_core::{DataType as Element, Tensor};
use hari_error::{Error, Result};
use hari_proto::onnx;
use hari_proto::tensorflow::TensorProto;

use crate::bundle::fixed_shape;
use crate::dtype;

/// The most bytes that a constant may take that is stored as one value to repeat.
const MAX_REPEATED: usize = 64 << 20;

/// Decodes a constant. If it stores fewer values than its shape has, the last one repeats.
///
/// # Errors
/// If the type is not one of numbers, booleans or strings, or if the values do not fit the shape.
pub(crate) fn decode(proto: &TensorProto) -> Result<Tensor> {
    let dtype = dtype::from_number(proto.dtype);
    let shape = fixed_shape(proto.tensor_shape.as_ref())?;
    let element = dtype::element(dtype)
        .ok_or_else(|| Error::model(format!("a constant has type {}", dtype::name(dtype))))?;
    if element == Element::Bytes {
        let strings = repeat(&shape, &proto.string_val, &Bytes::new())?;
        return Tensor::from_strings(shape, strings);
    }
    let misfit = |error: Error| Error::model(format!("a constant is broken: {}", error.message()));
    if !proto.tensor_content.is_empty() {
        return Tensor::from_bytes(element, shape, proto.tensor_content.clone()).map_err(misfit);
    }
    let raw = values(proto, element, &shape)?;
    Tensor::from_bytes(element, shape, raw).map_err(misfit)
}

fn values(proto: &TensorProto, element: Element, shape: &[usize]) -> Result<Vec<u8>> {
    let ints = &proto.int_val;
    match element {
        Element::Fp32 => repeated(shape, &proto.float_val, f32::to_le_bytes),
        Element::Fp64 => repeated(shape, &proto.double_val, f64::to_le_bytes),
        Element::Int64 => repeated(shape, &proto.int64_val, i64::to_le_bytes),
        Element::Uint64 => repeated(shape, &proto.uint64_val, u64::to_le_bytes),
        Element::Uint32 => repeated(shape, &proto.uint32_val, u32::to_le_bytes),
        Element::Int32 => repeated(shape, ints, i32::to_le_bytes),
        Element::Int16 | Element::Uint16 => repeated(shape, ints, |v| (v as u16).to_le_bytes()),
        Element::Int8 | Element::Uint8 => repeated(shape, ints, |v| [v as u8]),
        Element::Fp16 | Element::Bf16 => {
            repeated(shape, &proto.half_val, |v| (v as u16).to_le_bytes())
        }
        Element::Bool => repeated(shape, &proto.bool_val, |v| [u8::from(v)]),
        Element::Bytes => Err(Error::internal("strings have no fixed size")),
    }
}

fn repeated<T: Copy + Default, const N: usize>(
    shape: &[usize],
    values: &[T],
    bytes: impl Fn(T) -> [u8; N],
) -> Result<Vec<u8>> {
    Ok(repeat(shape, values, &T::default())?
        .into_iter()
        .flat_map(bytes)
        .collect())
}

fn repeat<T: Clone>(shape: &[usize], values: &[T], default: &T) -> Result<Vec<T>> {
    let count = shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size));
    let bytes = count.and_then(|count| count.checked_mul(size_of::<T>()));
    let count = count
        .filter(|_| bytes.is_some_and(|bytes| bytes <= MAX_REPEATED))
        .ok_or_else(|| Error::model(format!("a constant of shape {shape:?} is too large")))?;
    if values.len() > count {
        return Err(Error::model(format!(
            "a constant of shape {shape:?} has {} values",
            values.len()
        )));
    }
    let mut all = values.to_vec();
    let last = all.last().unwrap_or(default).clone();
    all.resize(count, last);
    Ok(all)
}

/// The elements with the dimensions in another order: dimension `i` of the result is dimension
/// `order[i]` of the tensor.
///
/// # Errors
/// If the elements are strings.
pub(crate) fn transpose(tensor: &Tensor, order: &[usize]) -> Result<Tensor> {
    let size = |&axis: &usize| tensor.shape().get(axis).copied().unwrap_or(1);
    let shape: Vec<usize> = order.iter().map(size).collect();
    let strides = strides(tensor.shape());
    let steps: Vec<usize> = order
        .iter()
        .map(|&axis| strides.get(axis).copied().unwrap_or(0))
        .collect();
    let bytes = tensor
        .bytes()
        .ok_or_else(|| Error::model("strings cannot be transposed"))?;
    let moved = match tensor.dtype().size() {
        Some(1) => reorder::<1>(bytes, &shape, &steps),
        Some(2) => reorder::<2>(bytes, &shape, &steps),
        Some(4) => reorder::<4>(bytes, &shape, &steps),
        _ => reorder::<8>(bytes, &shape, &steps),
    };
    Tensor::from_bytes(tensor.dtype(), shape, moved)
}

/// The parts of a constant at these indices of an axis.
///
/// # Errors
/// If the elements are strings, or if an index is out of range.
pub(crate) fn part(tensor: &Tensor, axis: usize, indices: &[i64]) -> Result<Tensor> {
    let out_of_range = || Error::model("a part of a constant lies outside of it");
    let (outer, rest) = tensor
        .shape()
        .split_at_checked(axis)
        .ok_or_else(out_of_range)?;
    let (&size, inner) = rest.split_first().ok_or_else(out_of_range)?;
    let width = tensor.dtype().size();
    let (bytes, width) = tensor
        .bytes()
        .zip(width)
        .ok_or_else(|| Error::model("strings have no parts"))?;
    let row = inner.iter().product::<usize>() * width;
    let block = (row * size).max(1);
    let mut taken = Vec::new();
    for block in bytes.chunks(block) {
        for &index in indices {
            let start = usize::try_from(index).map_err(|_| out_of_range())? * row;
            taken.extend_from_slice(block.get(start..start + row).ok_or_else(out_of_range)?);
        }
    }
    let shape = [outer, &[indices.len()], inner].concat();
    Tensor::from_bytes(tensor.dtype(), shape, taken)
}

/// Elements from one index of a dimension to the next, row-major.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    let mut step = 1_usize;
    for (stride, &size) in strides.iter_mut().zip(shape).rev() {
        *stride = step;
        // Only a shape without elements can overflow, and then no step is taken.
        step = step.wrapping_mul(size);
    }
    strides
}

fn reorder<const N: usize>(bytes: &[u8], shape: &[usize], steps: &[usize]) -> Vec<u8> {
    let (elements, _) = bytes.as_chunks::<N>();
    let mut moved = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    for _ in 0..elements.len() {
        moved.extend_from_slice(elements.get(at).map_or(&[][..], |element| &element[..]));
        for ((index, &size), &step) in index.iter_mut().zip(shape).zip(steps).rev() {
            *index += 1;
            at += step;
            if *index < size {
                break;
            }
            at -= step * size;
            *index = 0;
        }
    }
    moved
}

/// The constant as an ONNX initializer, in the type that the graph holds such elements as.
///
/// # Errors
/// If the graph cannot hold them.
pub(crate) fn to_onnx(name: &str, tensor: &Tensor) -> Result<onnx::TensorProto> {
    let dtype = dtype::from_element(tensor.dtype());
    let held = dtype::held_as(dtype)
        .ok_or_else(|| Error::model(format!("a constant has type {}", dtype::name(dtype))))?;
    let tensor = if dtype::is_narrow(dtype) {
        &tensor.cast(Element::Int32)?
    } else {
        tensor
    };
    let texts = tensor.strings().map(<[Bytes]>::to_vec);
    Ok(onnx::TensorProto {
        name: Some(name.to_owned()),
        dims: tensor.shape().iter().map(|&size| size as i64).collect(),
        data_type: Some(held.into()),
        raw_data: tensor.bytes().cloned(),
        string_data: texts.unwrap_or_default(),
        ..onnx::TensorProto::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::tests::shape_of;
    use hari_proto::tensorflow::DataType;
    use proptest::prelude::*;

    fn proto(dtype: DataType, shape: &[i64]) -> TensorProto {
        let tensor_shape = Some(shape_of(shape));
        TensorProto {
            dtype: dtype.into(),
            tensor_shape,
            ..TensorProto::default()
        }
    }

    #[test]
    fn the_last_value_repeats() {
        let float_val = vec![1.0, 2.0];
        let tensor = decode(&TensorProto {
            float_val,
            ..proto(DataType::DtFloat, &[2, 2])
        });
        assert_eq!(
            *tensor.unwrap().values::<f32>().unwrap(),
            [1.0, 2.0, 2.0, 2.0]
        );
        let tensor = decode(&proto(DataType::DtInt32, &[3])).unwrap();
        assert_eq!(*tensor.values::<i32>().unwrap(), [0, 0, 0]);
        let int_val = vec![-1];
        let tensor = decode(&TensorProto {
            int_val,
            ..proto(DataType::DtInt8, &[2])
        })
        .unwrap();
        assert_eq!(*tensor.values::<i8>().unwrap(), [-1, -1]);
    }

    #[test]
    fn parts_are_taken_along_an_axis() {
        let tensor = Tensor::from_vec([2, 3], vec![1_i32, 2, 3, 4, 5, 6]).unwrap();
        let columns = part(&tensor, 1, &[2, 0]).unwrap();
        assert_eq!(columns.shape(), [2, 2]);
        assert_eq!(*columns.values::<i32>().unwrap(), [3, 1, 6, 4]);
        let row = part(&tensor, 0, &[1]).unwrap();
        assert_eq!(*row.values::<i32>().unwrap(), [4, 5, 6]);
        for (axis, index) in [(0, 2), (1, -1), (2, 0)] {
            assert!(part(&tensor, axis, &[index]).is_err());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_without_an_allocation() {
        assert!(decode(&proto(DataType::DtFloat, &[1 << 40])).is_err());
        assert!(decode(&proto(DataType::DtFloat, &[i64::MAX, i64::MAX])).is_err());
        assert!(decode(&proto(DataType::DtFloat, &[-1])).is_err());
        assert!(decode(&proto(DataType::DtResource, &[])).is_err());
        let float_val = vec![0.0; 3];
        assert!(
            decode(&TensorProto {
                float_val,
                ..proto(DataType::DtFloat, &[2])
            })
            .is_err()
        );
        let tensor_content = Bytes::from_static(&[0; 7]);
        let broken = TensorProto {
            tensor_content,
            ..proto(DataType::DtFloat, &[2])
        };
        assert!(decode(&broken).unwrap_err().message().contains("8 bytes"));
    }

    #[test]
    fn a_kernel_is_transposed() {
        let tensor = Tensor::from_vec([2, 3], vec![1_i32, 2, 3, 4, 5, 6]).unwrap();
        let moved = transpose(&tensor, &[1, 0]).unwrap();
        assert_eq!(moved.shape(), [3, 2]);
        assert_eq!(*moved.values::<i32>().unwrap(), [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn narrow_integers_are_held_as_32_bits() {
        let tensor = Tensor::from_vec([2], vec![255_u8, 7]).unwrap();
        let held = to_onnx("c", &tensor).unwrap();
        assert_eq!(
            held.data_type,
            Some(onnx::tensor_proto::DataType::Int32.into())
        );
        assert_eq!(
            held.raw_data.unwrap(),
            [255, 0, 0, 0, 7, 0, 0, 0].as_slice()
        );
    }

    #[test]
    fn strings_are_listed_and_not_raw() {
        let words = vec![Bytes::from_static(b"a"), Bytes::from_static(b"\xff")];
        let held = to_onnx("w", &Tensor::from_strings([2], words.clone()).unwrap()).unwrap();
        assert_eq!(held.string_data, words);
        assert_eq!((held.raw_data, held.dims), (None, vec![2]));
    }

    proptest! {
        #[test]
        fn transposing_back_gives_the_same(
            shape in proptest::collection::vec(0_usize..5, 3),
            order in Just(vec![0_usize, 1, 2]).prop_shuffle(),
        ) {
            let count: usize = shape.iter().product();
            let tensor = Tensor::from_vec(shape, (0..count as i64).collect::<Vec<_>>()).unwrap();
            let mut back = vec![0; 3];
            for (to, &from) in order.iter().enumerate() {
                back[from] = to;
            }
            let moved = transpose(&tensor, &order).unwrap();
            prop_assert_eq!(transpose(&moved, &back).unwrap(), tensor);
        }
    }
}
