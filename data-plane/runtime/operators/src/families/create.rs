//! Tensors made from little: constants, ranges, one-hot rows, the places of what is not zero.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use hari_proto::onnx::SparseTensorProto;

use super::scatter::replaced;
use crate::Inputs;
use crate::array::{int, ints};
use crate::cell::{Cell, by_cell, filled};
use crate::compile::{Entry, Node};
use crate::constant::{constant, data_type};
use crate::convert::convert;
use crate::number::{NUMBERS, Number, by_number};
use crate::rule::{Built, Rule, computed, moved};
use crate::size::{self, axis, index, sizes};
use crate::view::View;

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("Constant", 1, fixed),
    Entry::onnx("ConstantOfShape", 9, constant_of_shape),
    Entry::onnx("EyeLike", 9, eye_like),
    Entry::onnx("NonZero", 9, |_| {
        moved(Rule::Is(DataType::Int64), |inputs| {
            non_zero(inputs.tensor(0)?)
        })
    }),
    Entry::onnx("OneHot", 9, one_hot),
    Entry::onnx("Range", 11, |_| computed(NUMBERS, Rule::Like(0), range)),
];

fn fixed(node: &mut Node<'_>) -> Built {
    let tensor = written(node)?;
    let dtype = tensor.dtype();
    moved(Rule::Is(dtype), move |_| Ok(tensor.clone()))
}

/// The one of the attributes that is there.
fn written(node: &Node<'_>) -> Result<Tensor> {
    let attributes = node.attributes;
    if let Some(tensor) = attributes.tensor("value")? {
        return Ok(tensor);
    }
    if let Some(sparse) = attributes.sparse("sparse_value")? {
        return dense(sparse);
    }
    if let Some(value) = attributes.float("value_float")? {
        return Tensor::from_vec([], vec![value]);
    }
    if let Some(values) = attributes.floats("value_floats")? {
        return Tensor::from_vec([values.len()], values.to_vec());
    }
    if let Some(value) = attributes.int("value_int")? {
        return Tensor::from_vec([], vec![value]);
    }
    if let Some(values) = attributes.ints("value_ints")? {
        return Tensor::from_vec([values.len()], values.to_vec());
    }
    if let Some(value) = attributes.text("value_string")? {
        return Tensor::from_strings([], vec![value.to_owned().into()]);
    }
    if let Some(values) = attributes.strings("value_strings")? {
        return Tensor::from_strings([values.len()], values.to_vec());
    }
    Err(Error::model("no attribute holds the value"))
}

/// A tensor whose other elements are zero. Each index is a place in the flat tensor or has one
/// number for each dimension.
fn dense(sparse: &SparseTensorProto) -> Result<Tensor> {
    let missing = || Error::model("a sparse constant lacks its values or its indices");
    let values = constant(sparse.values.as_ref().ok_or_else(missing)?)?;
    let indices = constant(sparse.indices.as_ref().ok_or_else(missing)?)?;
    let shape = sizes(&sparse.dims)?;
    let count = size::count(&shape, values.dtype())?;
    let width = if indices.shape().len() == 2 {
        shape.len()
    } else {
        1
    };
    let list = ints(&indices)?;
    if list.len() != values.len() * width {
        return Err(Error::model(format!(
            "a sparse constant has {} values and {} indices",
            values.len(),
            list.len()
        )));
    }
    let flat = [count];
    let dims = if indices.shape().len() == 2 {
        shape.as_slice()
    } else {
        &flat
    };
    let starts = list.chunks(width.max(1)).map(|place| {
        let mut pairs = place.iter().zip(dims);
        pairs.try_fold(0, |at, (&place, &dim)| Ok(at * dim + index(place, dim)?))
    });
    let starts: Vec<usize> = starts.collect::<Result<_>>()?;
    let zeros = filled(values.dtype(), vec![count], None)?;
    replaced(&zeros, &values, 1, &starts)?.reshape(shape)
}

fn constant_of_shape(node: &mut Node<'_>) -> Built {
    let value = node.attributes.tensor("value")?;
    let dtype = value.as_ref().map_or(DataType::Fp32, Tensor::dtype);
    moved(Rule::Is(dtype), move |inputs| {
        let shape = sizes(&ints(inputs.tensor(0)?)?)?;
        filled(dtype, shape, value.as_ref())
    })
}

fn eye_like(node: &mut Node<'_>) -> Built {
    let diagonal = node.attributes.int_or("k", 0)?;
    let dtype = node.attributes.int("dtype")?.map(|elem| {
        let known = i32::try_from(elem).ok().and_then(data_type);
        known.ok_or_else(|| {
            Error::model(format!(
                "attribute `dtype`: no tensor has element type {elem}"
            ))
        })
    });
    let dtype = dtype.transpose()?;
    let rule = dtype.map_or(Rule::Like(0), Rule::Is);
    moved(rule, move |inputs| {
        let like = inputs.tensor(0)?;
        let &[rows, columns] = like.shape() else {
            return Err(Error::invalid(format!(
                "expected 2 dimensions, found shape {:?}",
                like.shape()
            )));
        };
        let count = size::count(&[rows, columns], DataType::Uint64)?;
        let mut made = vec![0_u8; count];
        for row in 0..rows {
            let column = (row as i64).saturating_add(diagonal);
            if (0..columns as i64).contains(&column) {
                made[row * columns + column as usize] = 1;
            }
        }
        let made = Tensor::from_vec([rows, columns], made)?;
        convert(&made, dtype.unwrap_or(like.dtype()))
    })
}

/// Where the elements are not zero: one row for each axis.
fn non_zero(tensor: &Tensor) -> Result<Tensor> {
    let tensor = &convert(tensor, DataType::Bool)?;
    let set = tensor.values::<u8>()?;
    let places: Vec<usize> = (0..set.len()).filter(|&at| set[at] != 0).collect();
    let shape = tensor.shape();
    let mut made = Vec::with_capacity(shape.len() * places.len());
    for (axis, &size) in shape.iter().enumerate() {
        let step: usize = shape.iter().skip(axis + 1).product();
        made.extend(places.iter().map(|place| (place / step % size) as i64));
    }
    Tensor::from_vec([shape.len(), places.len()], made)
}

/// Two values by the index, along a new axis. An index that is out of range has a row without the
/// second value.
fn one_hot(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int_or("axis", -1)?;
    moved(Rule::Like(2), move |inputs| {
        let (indices, values) = (inputs.tensor(0)?, inputs.tensor(2)?);
        let depth = int(&convert(inputs.tensor(1)?, DataType::Int64)?)?;
        let size = sizes(&[depth])?[0];
        let at = axis(at, indices.shape().len() + 1)?;
        let mut shape = indices.shape().to_vec();
        shape.push(size);
        let count = size::count(&shape, values.dtype())?;
        let indices = convert(indices, DataType::Int64)?;
        let indices = indices.values::<i64>()?;
        let made = by_cell!(values.dtype(), T => {
            let made = hot(&T::read(values)?, &indices, size, count)?;
            T::make(values.dtype(), shape.clone(), made)
        })?;
        View::of(&shape).moved(shape.len() - 1, at).copy(&made)
    })
}

/// Rows of the first value with the second one at the index.
fn hot<T: Cell>(values: &[T], indices: &[i64], size: usize, count: usize) -> Result<Vec<T>> {
    let [off, on] = values else {
        return Err(Error::invalid(format!(
            "expected 2 values, found {}",
            values.len()
        )));
    };
    let mut made = vec![off.clone(); count];
    for (row, &place) in made.chunks_mut(size.max(1)).zip(indices) {
        if let Ok(place) = index(place, size) {
            row[place] = on.clone();
        }
    }
    Ok(made)
}

fn range(inputs: Inputs<'_>) -> Result<Tensor> {
    let first = inputs.tensor(0)?;
    by_number!(first.dtype(), T => {
        let one = |at: usize| -> Result<T> {
            match inputs.tensor(at)?.values::<T>()?.as_ref() {
                &[value] => Ok(value),
                other => Err(Error::invalid(format!("input {at} has {} elements", other.len()))),
            }
        };
        let (start, limit, delta) = (one(0)?, one(1)?, one(2)?);
        let count = steps(start, limit, delta)?;
        size::count(&[count], first.dtype())?;
        let step = |at: usize| start.plus(delta.times(T::near(at as f64)));
        Tensor::from_vec([count], (0..count).map(step).collect())
    })
}

/// How many steps lead from `start` up to before `limit`.
fn steps<T: Number>(start: T, limit: T, delta: T) -> Result<usize> {
    let zero = T::default();
    let ahead = if delta > zero {
        start < limit
    } else {
        start > limit
    };
    if delta == zero || delta.is_odd_one() {
        return Err(Error::invalid("a range cannot advance by this step"));
    }
    if !ahead {
        return Ok(0);
    }
    let count = ((limit.double() - start.double()) / delta.double()).ceil();
    Ok(count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, proto, singles, strings};

    #[test]
    fn a_constant_is_written_in_many_ways() {
        let made = |name, attr| first("Constant", 13, &[(name, attr)], &[]).unwrap();
        assert_eq!(made("value_int", Attr::Int(5)), longs(&[], &[5]));
        assert_eq!(
            made("value_ints", Attr::Ints(vec![1, 2])),
            longs(&[2], &[1, 2])
        );
        assert_eq!(
            made("value_floats", Attr::Floats(vec![1.5])),
            singles(&[1], &[1.5])
        );
        assert_eq!(
            made("value_strings", Attr::Texts(vec!["a", "b"])),
            strings(&["a", "b"])
        );
        assert_eq!(
            made("value", Attr::Tensor(Box::new(proto(&longs(&[1], &[7]))))),
            longs(&[1], &[7])
        );
        assert!(first("Constant", 13, &[], &[]).is_err());
    }

    #[test]
    fn a_sparse_constant_is_filled_with_zeros() {
        let sparse = |indices: &Tensor| {
            dense(&SparseTensorProto {
                values: Some(proto(&longs(&[2], &[5, 6]))),
                indices: Some(proto(indices)),
                dims: vec![2, 2],
            })
        };
        let wanted = longs(&[2, 2], &[0, 5, 6, 0]);
        assert_eq!(sparse(&longs(&[2], &[1, 2])).unwrap(), wanted);
        assert_eq!(sparse(&longs(&[2, 2], &[0, 1, 1, 0])).unwrap(), wanted);
        assert!(sparse(&longs(&[2], &[1, 4])).is_err());
        assert!(sparse(&longs(&[1], &[1])).is_err());
    }

    #[test]
    fn a_shape_from_the_input_is_bounded() {
        let value = [("value", Attr::Tensor(Box::new(proto(&longs(&[1], &[3])))))];
        let made = first("ConstantOfShape", 9, &value, &[longs(&[2], &[1, 2])]).unwrap();
        assert_eq!(made, longs(&[1, 2], &[3, 3]));
        let huge = longs(&[2], &[1 << 31, 1 << 31]);
        assert!(first("ConstantOfShape", 9, &value, &[huge]).is_err());
        assert!(first("ConstantOfShape", 9, &[], &[longs(&[1], &[-1])]).is_err());
    }

    #[test]
    fn ranges_end_before_their_limit() {
        let range = |a, b, c| {
            let one = |value| longs(&[], &[value]);
            first("Range", 11, &[], &[one(a), one(b), one(c)])
        };
        assert_eq!(range(1, 6, 2).unwrap(), longs(&[3], &[1, 3, 5]));
        assert_eq!(range(3, 0, -2).unwrap(), longs(&[2], &[3, 1]));
        assert_eq!(range(3, 0, 1).unwrap(), longs(&[0], &[]));
        assert!(range(0, 1, 0).is_err());
        assert!(range(0, i64::MAX, 1).is_err());
    }

    #[test]
    fn one_hot_rows_hold_strings_too() {
        let inputs = [
            longs(&[3], &[0, -1, 7]),
            longs(&[], &[2]),
            strings(&["n", "y"]),
        ];
        let made = first("OneHot", 11, &[], &inputs).unwrap();
        assert_eq!(made.strings().unwrap(), ["y", "n", "n", "y", "n", "n"]);
        let columns = [("axis", Attr::Int(0))];
        assert_eq!(
            first("OneHot", 11, &columns, &inputs).unwrap().shape(),
            [2, 3]
        );
    }

    #[test]
    fn places_and_diagonals() {
        let x = singles(&[2, 2], &[1.0, 0.0, 2.0, 3.0]);
        let made = first("NonZero", 13, &[], std::slice::from_ref(&x)).unwrap();
        assert_eq!(made, longs(&[2, 3], &[0, 1, 1, 0, 0, 1]));
        let upper = [("k", Attr::Int(1)), ("dtype", Attr::Int(7))];
        let made = first("EyeLike", 9, &upper, &[x]).unwrap();
        assert_eq!(made, longs(&[2, 2], &[0, 1, 0, 0]));
    }
}
