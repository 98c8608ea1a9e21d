//! What families share: numbers beside numbers, elements along an axis, integers from inputs.

use std::borrow::Cow;

use hari_core::{DataType, Element, Tensor};
use hari_error::{Error, Result};

use crate::Inputs;
use crate::attributes::Attributes;
use crate::cell::alike;
use crate::convert::convert;
use crate::size;
use crate::view::{View, common};

/// The tensors repeated to their common shape. One that has a single element stays as it is, for
/// [`zip`] repeats it.
pub(crate) fn aligned(tensors: &[&Tensor]) -> Result<(Vec<usize>, Vec<Tensor>)> {
    let shape = common(tensors.iter().map(|tensor| tensor.shape()))?;
    let repeat = |tensor: &&Tensor| match tensor.len() {
        1 => Ok((*tensor).clone()),
        _ => expanded(tensor, &shape),
    };
    let made: Result<Vec<_>> = tensors.iter().map(repeat).collect();
    Ok((shape.clone(), made?))
}

/// Two tensors of one type, as [`aligned`] leaves them.
pub(crate) fn pair(a: &Tensor, b: &Tensor) -> Result<(Vec<usize>, Tensor, Tensor)> {
    alike(&[a, b])?;
    let (shape, mut made) = aligned(&[a, b])?;
    let (Some(b), Some(a)) = (made.pop(), made.pop()) else {
        return Err(Error::internal("two tensors were aligned"));
    };
    size::count(&shape, a.dtype())?;
    Ok((shape, a, b))
}

/// The tensor repeated to `shape`.
pub(crate) fn expanded(tensor: &Tensor, shape: &[usize]) -> Result<Tensor> {
    View::of(tensor.shape()).broadcast(shape)?.copy(tensor)
}

/// Every pair of elements; a single one is beside each of the other side.
pub(crate) fn zip<A: Copy, B: Copy, C>(a: &[A], b: &[B], one: impl Fn(A, B) -> C) -> Vec<C> {
    match (a, b) {
        (_, &[b]) => a.iter().map(|&a| one(a, b)).collect(),
        (&[a], _) => b.iter().map(|&b| one(a, b)).collect(),
        _ => a.iter().zip(b).map(|(&a, &b)| one(a, b)).collect(),
    }
}

/// A tensor with every element changed.
pub(crate) fn map<T: Element, U: Element>(
    tensor: &Tensor,
    one: impl FnMut(T) -> U,
) -> Result<Tensor> {
    let made = tensor.values::<T>()?.iter().copied().map(one).collect();
    Tensor::from_vec(tensor.shape(), made)
}

/// A tensor of booleans, one for every element.
pub(crate) fn test<T: Element>(tensor: &Tensor, one: impl FnMut(T) -> bool) -> Result<Tensor> {
    let made: Vec<bool> = tensor.values::<T>()?.iter().copied().map(one).collect();
    Tensor::from_bools(tensor.shape(), &made)
}

/// The tensor with `axis` last.
pub(crate) fn with_last(tensor: &Tensor, axis: usize) -> Result<Tensor> {
    let last = tensor.shape().len().saturating_sub(1);
    View::of(tensor.shape()).moved(axis, last).copy(tensor)
}

/// The tensor with its last axis at `axis`.
pub(crate) fn last_to(tensor: &Tensor, axis: usize) -> Result<Tensor> {
    let last = tensor.shape().len().saturating_sub(1);
    View::of(tensor.shape()).moved(last, axis).copy(tensor)
}

/// Changes the elements along `axis`, one line of them after the other. `line` appends as many
/// elements as it wants, always the same number, which becomes the size of the axis.
pub(crate) fn along<T: Element, U: Element>(
    tensor: &Tensor,
    axis: usize,
    length: usize,
    mut line: impl FnMut(&[T], &mut Vec<U>),
) -> Result<Tensor> {
    let mut shape = tensor.shape().to_vec();
    let size = shape.remove(axis);
    shape.push(length);
    let count = size::count(&shape, U::DTYPE)?;
    let lines = with_last(tensor, axis)?;
    let mut made = Vec::with_capacity(count);
    if size == 0 {
        let lines: usize = shape.iter().take(shape.len() - 1).product();
        (0..lines).for_each(|_| line(&[], &mut made));
    } else {
        let values = lines.values::<T>()?;
        values
            .chunks(size)
            .for_each(|values| line(values, &mut made));
    }
    last_to(&Tensor::from_vec(shape, made)?, axis)
}

/// Integers of any width, as a shape or a list of axes is given.
pub(crate) fn ints(tensor: &Tensor) -> Result<Vec<i64>> {
    match tensor.dtype() {
        DataType::Int64 => tensor.to_vec(),
        dtype if dtype.is_integer() => convert(tensor, DataType::Int64)?.to_vec(),
        other => Err(Error::invalid(format!("expected integers, found {other}"))),
    }
}

/// The one integer of a tensor.
pub(crate) fn int(tensor: &Tensor) -> Result<i64> {
    match ints(tensor)?.as_slice() {
        &[one] => Ok(one),
        other => Err(Error::invalid(format!(
            "expected one integer, found {}",
            other.len()
        ))),
    }
}

/// The one truth value of a tensor.
pub(crate) fn truth(tensor: &Tensor) -> Result<bool> {
    let values: Cow<'_, [u8]> = tensor.values()?;
    match values.as_ref() {
        &[one] => Ok(one != 0),
        other => Err(Error::invalid(format!(
            "expected one truth value, found {}",
            other.len()
        ))),
    }
}

/// The one number of a tensor.
pub(crate) fn scalar(tensor: &Tensor) -> Result<f64> {
    match tensor.to_f64()?.as_slice() {
        &[one] => Ok(one),
        other => Err(Error::invalid(format!(
            "expected one number, found {}",
            other.len()
        ))),
    }
}

/// Integers that older versions of an operator hold as an attribute and newer ones as an input.
pub(crate) enum Given {
    /// The attribute.
    Fixed(Vec<i64>),
    /// The place of the input.
    Input(usize),
}

impl Given {
    /// The attribute if the node has it, else the input at `at`.
    pub(crate) fn of(attributes: Attributes<'_>, name: &str, at: usize) -> Result<Self> {
        let fixed = attributes.ints(name)?;
        Ok(fixed.map_or(Self::Input(at), |values| Self::Fixed(values.to_vec())))
    }

    /// The integers, none if neither is there.
    pub(crate) fn read(&self, inputs: Inputs<'_>) -> Result<Option<Vec<i64>>> {
        match self {
            Self::Fixed(values) => Ok(Some(values.clone())),
            Self::Input(at) => inputs.optional(*at)?.map(ints).transpose(),
        }
    }

    /// The integers.
    ///
    /// # Errors
    /// `Model` if neither is there.
    pub(crate) fn need(&self, inputs: Inputs<'_>) -> Result<Vec<i64>> {
        match self {
            Self::Fixed(values) => Ok(values.clone()),
            Self::Input(at) => ints(inputs.tensor(*at)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_element_stands_beside_all() {
        assert_eq!(zip(&[1, 2], &[10], |a, b| a + b), [11, 12]);
        assert_eq!(zip(&[1], &[10, 20], |a, b| a + b), [11, 21]);
        assert!(zip(&[1], &[] as &[i32], |a, b| a + b).is_empty());
    }

    #[test]
    fn lines_run_along_any_axis() {
        let tensor = Tensor::from_vec([2, 3], vec![1_i32, 2, 3, 4, 5, 6]).unwrap();
        let sum = |line: &[i32], made: &mut Vec<i32>| made.push(line.iter().sum());
        let columns = along(&tensor, 0, 1, sum).unwrap();
        assert_eq!(columns.shape(), [1, 3]);
        assert_eq!(columns.to_vec::<i32>().unwrap(), [5, 7, 9]);
        let none = Tensor::from_vec([2, 0], Vec::<i32>::new()).unwrap();
        assert_eq!(
            along(&none, 1, 1, sum).unwrap().to_vec::<i32>().unwrap(),
            [0, 0]
        );
    }

    #[test]
    fn integers_come_in_any_width() {
        let narrow = Tensor::from_vec([2], vec![-1_i32, 4]).unwrap();
        assert_eq!(ints(&narrow).unwrap(), [-1, 4]);
        assert!(int(&narrow).is_err());
        assert!(ints(&Tensor::from_vec([1], vec![1.0_f32]).unwrap()).is_err());
    }
}
