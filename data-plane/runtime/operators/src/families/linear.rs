//! `MatMul`, `Gemm`, `Det`, and products of quantised matrices as integers.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::Inputs;
use crate::array::{expanded, map, zip};
use crate::compile::{Entry, Node};
use crate::convert::convert;
use crate::matrix::Matrix;
use crate::number::{FLOATS, INTEGERS, NUMBERS, Number, Real, by_number, by_real};
use crate::rule::{Built, Rule, computed};
use crate::size;
use crate::view::{View, common};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("Det", 11, |_| {
        computed(FLOATS, Rule::Like(0), |inputs| det(inputs.tensor(0)?))
    }),
    Entry::onnx("Gemm", 1, gemm),
    Entry::onnx("MatMul", 1, |_| {
        computed(NUMBERS, Rule::Like(0), |inputs| {
            product(inputs.tensor(0)?, inputs.tensor(1)?)
        })
    }),
    Entry::onnx("MatMulInteger", 10, |_| {
        computed(INTEGERS, Rule::Is(DataType::Int32), |inputs| {
            product_of_integers(inputs, [2, 3])
        })
    }),
];

/// The matrix product over the last two axes; the axes before them are broadcast. A vector is a
/// row on the left and a column on the right.
pub(crate) fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    crate::cell::alike(&[a, b])?;
    by_number!(a.dtype(), T => multiplied::<T>(a, b))
}

fn multiplied<T: Matrix>(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (left, right) = (matrices(a, true)?, matrices(b, false)?);
    let (&[.., m, k], &[.., inner, n]) = (left.shape(), right.shape()) else {
        return Err(Error::internal("matrices have two axes"));
    };
    if k != inner {
        return Err(Error::invalid(format!(
            "shapes {:?} and {:?} cannot be multiplied",
            a.shape(),
            b.shape()
        )));
    }
    let outer = |tensor: &Tensor| tensor.shape()[..tensor.shape().len() - 2].to_vec();
    let (left_outer, right_outer) = (outer(&left), outer(&right));
    let batch = common([left_outer.as_slice(), right_outer.as_slice()].into_iter())?;
    let mut shape = [batch.as_slice(), &[m, n]].concat();
    let count = size::count(&shape, a.dtype())?;
    let lefts = View::of(&left_outer).broadcast(&batch)?;
    let rights = View::of(&right_outer).broadcast(&batch)?;
    let (x, y) = (left.values::<T>()?, right.values::<T>()?);
    let mut made = Vec::with_capacity(count);
    for (i, j) in lefts.offsets().zip(rights.offsets()) {
        let (x, y) = (&x[i * m * k..][..m * k], &y[j * k * n..][..k * n]);
        made.extend(T::multiply(x, y, [m, k, n])?);
    }
    if b.shape().len() == 1 {
        shape.pop();
    }
    if a.shape().len() == 1 {
        shape.remove(batch.len());
    }
    Tensor::from_vec(shape, made)
}

/// The tensor with at least two axes.
fn matrices(tensor: &Tensor, left: bool) -> Result<Tensor> {
    match tensor.shape() {
        [] => Err(Error::invalid("a scalar cannot be multiplied as a matrix")),
        &[size] if left => tensor.clone().reshape([1, size]),
        &[size] => tensor.clone().reshape([size, 1]),
        _ => Ok(tensor.clone()),
    }
}

/// `alpha * A' * B' + beta * C`.
fn gemm(node: &mut Node<'_>) -> Built {
    let alpha = node.attributes.float_or("alpha", 1.0)?;
    let beta = node.attributes.float_or("beta", 1.0)?;
    let turned = [
        node.attributes.flag("transA", false)?,
        node.attributes.flag("transB", false)?,
    ];
    computed(NUMBERS, Rule::Like(0), move |inputs| {
        let a = turn(inputs.tensor(0)?, turned[0])?;
        let b = turn(inputs.tensor(1)?, turned[1])?;
        let made = product(&a, &b)?;
        by_number!(made.dtype(), T => {
            let made = scaled::<T>(&made, alpha)?;
            let Some(c) = inputs.optional(2)? else {
                return Ok(made);
            };
            let c = scaled::<T>(&expanded(c, made.shape())?, beta)?;
            let sum = zip(&made.values::<T>()?, &c.values::<T>()?, T::plus);
            Tensor::from_vec(made.shape(), sum)
        })
    })
}

fn turn(tensor: &Tensor, turned: bool) -> Result<Tensor> {
    match tensor.shape() {
        [_, _] if turned => View::of(tensor.shape()).permuted(&[1, 0]).copy(tensor),
        [_, _] => Ok(tensor.clone()),
        other => Err(Error::invalid(format!(
            "expected a matrix, found shape {other:?}"
        ))),
    }
}

fn scaled<T: Number>(tensor: &Tensor, by: f32) -> Result<Tensor> {
    if by == 1.0 {
        return Ok(tensor.clone());
    }
    if T::DTYPE.is_float() {
        return map(tensor, |value: T| value.times(T::near(by.into())));
    }
    map(tensor, |value: T| T::near(value.double() * f64::from(by)))
}

/// The product of integers as INT32, each without its zero point. The zero point of the left side
/// is one number or one for each row, that of the right side one number or one for each column.
pub(crate) fn product_of_integers(inputs: Inputs<'_>, zeros: [usize; 2]) -> Result<Tensor> {
    let [left, right] = zeros;
    let a = shifted(inputs.tensor(0)?, inputs.optional(left)?, true)?;
    let b = shifted(inputs.tensor(1)?, inputs.optional(right)?, false)?;
    product(&a, &b)
}

/// The elements less their zero point, as INT32.
pub(crate) fn shifted(tensor: &Tensor, zero: Option<&Tensor>, by_row: bool) -> Result<Tensor> {
    let wide = convert(tensor, DataType::Int32)?;
    let Some(zero) = zero else {
        return Ok(wide);
    };
    let zero = convert(zero, DataType::Int32)?;
    let zero = match *zero.shape() {
        [size] if by_row && size > 1 => zero.reshape([size, 1])?,
        _ => zero,
    };
    let zero = match zero.len() {
        1 => zero,
        _ => expanded(&zero, wide.shape())?,
    };
    let made = zip(&wide.values::<i32>()?, &zero.values::<i32>()?, i32::minus);
    Tensor::from_vec(wide.shape(), made)
}

/// The determinants of square matrices, by elimination.
fn det(tensor: &Tensor) -> Result<Tensor> {
    let &[ref outer @ .., rows, columns] = tensor.shape() else {
        return Err(Error::invalid("expected a matrix, found fewer dimensions"));
    };
    if rows != columns {
        return Err(Error::invalid(format!(
            "a matrix of {rows} x {columns} is not square"
        )));
    }
    by_real!(tensor.dtype(), T => {
        if rows == 0 {
            return Tensor::from_vec(outer, vec![T::ONE; outer.iter().product()]);
        }
        let values = tensor.values::<T>()?;
        let made = values.chunks(rows * rows).map(|matrix| eliminated(matrix.to_vec(), rows));
        Tensor::from_vec(outer, made.collect::<Vec<T>>())
    })
}

fn eliminated<T: Real>(mut matrix: Vec<T>, size: usize) -> T {
    let mut det = T::one();
    for column in 0..size {
        let below = (column..size).max_by(|&a, &b| {
            let of = |row: usize| matrix[row * size + column].abs();
            of(a).order(&of(b))
        });
        let pivot = below.unwrap_or(column);
        if pivot != column {
            (0..size).for_each(|at| matrix.swap(pivot * size + at, column * size + at));
            det = -det;
        }
        let top = matrix[column * size + column];
        det = det * top;
        if top == T::zero() {
            return T::zero();
        }
        for row in column + 1..size {
            let factor = matrix[row * size + column] / top;
            for at in column..size {
                let above = matrix[column * size + at];
                let here = &mut matrix[row * size + at];
                *here = *here - factor * above;
            }
        }
    }
    det
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, singles};

    #[test]
    fn batches_are_broadcast_and_vectors_lose_their_axis() {
        let a = longs(&[2, 1, 2], &[1, 2, 3, 4]);
        let b = longs(&[2, 1], &[10, 100]);
        assert_eq!(product(&a, &b).unwrap(), longs(&[2, 1, 1], &[210, 430]));
        let vector = longs(&[2], &[10, 100]);
        assert_eq!(product(&a, &vector).unwrap(), longs(&[2, 1], &[210, 430]));
        assert_eq!(product(&vector, &vector).unwrap(), longs(&[], &[10100]));
        assert_eq!(product(&vector, &b).unwrap(), longs(&[1], &[10100]));
        assert!(product(&a, &longs(&[3], &[1, 2, 3])).is_err());
        assert!(product(&a, &longs(&[], &[1])).is_err());
    }

    #[test]
    fn doubles_keep_their_precision() {
        let a = Tensor::from_vec([1, 2], vec![1.0_f64, 1e-12]).unwrap();
        let b = Tensor::from_vec([2, 1], vec![1.0_f64, 1.0]).unwrap();
        let made = product(&a, &b).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(made, [1.0 + 1e-12]);
    }

    #[test]
    fn gemm_turns_scales_and_adds() {
        let a = singles(&[2, 1], &[1.0, 2.0]);
        let b = singles(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let attributes = [
            ("transA", Attr::Int(1)),
            ("transB", Attr::Int(1)),
            ("alpha", Attr::Float(2.0)),
            ("beta", Attr::Float(0.5)),
        ];
        let made = first("Gemm", 13, &attributes, &[a, b, singles(&[], &[2.0])]).unwrap();
        assert_eq!(made, singles(&[1, 2], &[11.0, 23.0]));
    }

    #[test]
    fn zero_points_are_by_row_and_by_column() {
        let bytes =
            |shape: &[usize], values: &[u8]| Tensor::from_vec(shape, values.to_vec()).unwrap();
        let inputs = [
            bytes(&[2, 1], &[10, 20]),
            bytes(&[1, 2], &[3, 5]),
            bytes(&[2], &[9, 10]),
            bytes(&[2], &[1, 2]),
        ];
        let made = first("MatMulInteger", 10, &[], &inputs).unwrap();
        assert_eq!(made.to_vec::<i32>().unwrap(), [2, 3, 20, 30]);
    }

    #[test]
    fn determinants_need_square_matrices() {
        let x = singles(&[2, 2, 2], &[0.0, 2.0, 3.0, 4.0, 1.0, 2.0, 2.0, 4.0]);
        assert_eq!(
            first("Det", 11, &[], &[x]).unwrap(),
            singles(&[2], &[-6.0, 0.0])
        );
        assert!(first("Det", 11, &[], &[singles(&[1, 2], &[1.0, 2.0])]).is_err());
    }
}
