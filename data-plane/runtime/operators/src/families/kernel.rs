//! Operators whose inputs and outputs are all tensors.

use std::borrow::Cow;

use bytes::Bytes;
use hari_core::{DataType, Element, Tensor};
use hari_error::{Error, Result};

use crate::{Inputs, Operator, Type, Value};

/// What an operator computes, where types of elements are all that there is to say about types.
pub(crate) trait Kernel: Send + Sync {
    /// Element types of the outputs.
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>>;

    /// Computes all outputs.
    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>>;
}

/// Makes an operator of a kernel.
pub(crate) fn operator(kernel: impl Kernel + 'static) -> Result<Box<dyn Operator>> {
    Ok(Box::new(Tensors(kernel)))
}

struct Tensors<K>(K);

impl<K: Kernel> Operator for Tensors<K> {
    fn types(&self, inputs: &[Option<Type>]) -> Result<Vec<Option<Type>>> {
        let outputs = self.0.outputs(Elements(inputs))?;
        Ok(outputs
            .into_iter()
            .map(|dtype| dtype.map(Type::Tensor))
            .collect())
    }

    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        let outputs = self.0.compute(inputs)?;
        Ok(outputs.into_iter().map(Value::from).collect())
    }
}

/// Element types of the inputs, as far as they are known.
#[derive(Clone, Copy)]
pub(crate) struct Elements<'a>(&'a [Option<Type>]);

impl Elements<'_> {
    /// The element type of the input at `at`, if it is known.
    pub(crate) fn at(self, at: usize) -> Result<Option<DataType>> {
        match self.0.get(at).and_then(Option::as_ref) {
            None => Ok(None),
            Some(Type::Tensor(dtype)) => Ok(Some(*dtype)),
            Some(other) => Err(Error::model(format!(
                "input {at}: expected a tensor, found {other}"
            ))),
        }
    }

    /// As [`Elements::at`], and it must be one of `allowed`.
    pub(crate) fn one_of(self, at: usize, allowed: &[DataType]) -> Result<Option<DataType>> {
        let found = self.at(at)?;
        match found.filter(|dtype| !allowed.contains(dtype)) {
            None => Ok(found),
            Some(dtype) => Err(Error::model(format!(
                "input {at}: expected one of {allowed:?}, found {dtype}"
            ))),
        }
    }

    /// How many inputs there are.
    pub(crate) fn len(self) -> usize {
        self.0.len()
    }
}

/// An operator that makes a byte string of each byte string.
pub(crate) fn each(
    one: impl Fn(&Bytes) -> Result<Bytes> + Send + Sync + 'static,
) -> Result<Box<dyn Operator>> {
    operator(Each(one))
}

struct Each<F>(F);

impl<F: Fn(&Bytes) -> Result<Bytes> + Send + Sync> Kernel for Each<F> {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Bytes)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let made = x.strings()?.iter().map(&self.0).collect::<Result<_>>()?;
        Ok(vec![Tensor::from_strings(x.shape().to_vec(), made)?])
    }
}

/// One-dimensional, a row; two-dimensional, rows and columns.
pub(crate) fn matrix(tensor: &Tensor) -> Result<(usize, usize)> {
    match *tensor.shape() {
        [columns] => Ok((1, columns)),
        [rows, columns] => Ok((rows, columns)),
        ref other => Err(Error::invalid(format!(
            "expected a shape of one or two dimensions, found {other:?}"
        ))),
    }
}

/// Numbers as FP32, each rounded to the nearest.
pub(crate) fn singles(tensor: &Tensor) -> Result<Cow<'_, [f32]>> {
    match tensor.dtype() {
        DataType::Fp32 => tensor.values(),
        DataType::Fp64 => converted(tensor, |value: f64| value as f32),
        DataType::Int64 => converted(tensor, |value: i64| value as f32),
        DataType::Int32 => converted(tensor, |value: i32| value as f32),
        _ => Ok(Cow::Owned(
            tensor.to_f64()?.iter().map(|&value| value as f32).collect(),
        )),
    }
}

fn converted<T: Element>(tensor: &Tensor, one: impl Fn(T) -> f32) -> Result<Cow<'_, [f32]>> {
    Ok(Cow::Owned(
        tensor.values()?.iter().map(|&value| one(value)).collect(),
    ))
}

/// Whole numbers of either width.
pub(crate) fn integers(tensor: &Tensor) -> Result<Cow<'_, [i64]>> {
    match tensor.dtype() {
        DataType::Int64 => tensor.values(),
        _ => Ok(Cow::Owned(tensor.cast(DataType::Int64)?.to_vec()?)),
    }
}

/// The only element of `tensor`, a whole number.
pub(crate) fn integer(tensor: &Tensor) -> Result<i64> {
    match *integers(tensor)? {
        [value] => Ok(value),
        _ => Err(Error::invalid(format!(
            "expected one integer, found shape {:?}",
            tensor.shape()
        ))),
    }
}

/// The elements of `tensor` at `picks`, as a tensor of `shape`.
pub(crate) fn take(tensor: &Tensor, picks: &[usize], shape: Vec<usize>) -> Result<Tensor> {
    let outside = || Error::invalid("an index is outside of the elements".to_owned());
    let (Some(bytes), Some(size)) = (tensor.bytes(), tensor.dtype().size()) else {
        let strings = tensor.strings()?;
        let taken = picks.iter().map(|&pick| strings.get(pick).cloned());
        let taken = taken.collect::<Option<_>>().ok_or_else(outside)?;
        return Tensor::from_strings(shape, taken);
    };
    let mut taken = Vec::with_capacity(picks.len() * size);
    for pick in picks {
        let from = pick.checked_mul(size).ok_or_else(outside)?;
        let cell = bytes.get(from..from.saturating_add(size));
        taken.extend_from_slice(cell.ok_or_else(outside)?);
    }
    Tensor::from_bytes(tensor.dtype(), shape, taken)
}

/// As [`take`], where a pick beyond the elements takes from `default`: its only element, or the
/// one that stands where the pick does in a row as long as `default`.
pub(crate) fn take_or(
    tensor: &Tensor,
    picks: &[usize],
    default: &Tensor,
    shape: Vec<usize>,
) -> Result<Tensor> {
    if default.dtype() != tensor.dtype() || default.is_empty() {
        return Err(Error::invalid(format!(
            "expected a default of {}, found {} {:?}",
            tensor.dtype(),
            default.dtype(),
            default.shape()
        )));
    }
    let (count, width) = (tensor.len(), default.len());
    let missing = |pick: &usize| *pick >= count;
    if !picks.iter().any(missing) {
        return take(tensor, picks, shape);
    }
    let (Some(bytes), Some(spare), Some(size)) =
        (tensor.bytes(), default.bytes(), tensor.dtype().size())
    else {
        let (strings, spare) = (tensor.strings()?, default.strings()?);
        let taken = picks.iter().enumerate().map(|(at, &pick)| {
            let found = strings.get(pick).or_else(|| spare.get(at % width));
            found.cloned().unwrap_or_default()
        });
        return Tensor::from_strings(shape, taken.collect());
    };
    let mut taken = Vec::with_capacity(picks.len() * size);
    for (at, &pick) in picks.iter().enumerate() {
        let (from, place) = if pick < count {
            (bytes, pick)
        } else {
            (spare, at % width)
        };
        taken.extend_from_slice(&from[place * size..][..size]);
    }
    Tensor::from_bytes(tensor.dtype(), shape, taken)
}

/// A size or an index that is not negative.
pub(crate) fn unsigned(value: i64, what: &str) -> Result<usize> {
    usize::try_from(value).map_err(|_| {
        Error::invalid(format!(
            "{what}: expected no negative number, found {value}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_beyond_singles_are_rounded_and_not_refused() {
        let tensor = Tensor::from_vec([2], vec![16_777_217_i64, -3]).unwrap();
        assert_eq!(*singles(&tensor).unwrap(), [16_777_216.0, -3.0]);
        let beyond = Tensor::from_vec([1], vec![1e300_f64]).unwrap();
        assert_eq!(*singles(&beyond).unwrap(), [f32::INFINITY]);
    }

    #[test]
    fn types_that_are_not_taken_are_named() {
        let inputs = [Some(Type::Tensor(DataType::Bool)), None];
        let elements = Elements(&inputs);
        let error = elements.one_of(0, &[DataType::Fp32]).unwrap_err();
        assert_eq!(
            error.message(),
            "input 0: expected one of [Fp32], found BOOL"
        );
        assert_eq!(elements.one_of(1, &[DataType::Fp32]).unwrap(), None);
        assert_eq!(elements.len(), 2);
    }

    #[test]
    fn a_vector_is_one_row() {
        let vector = Tensor::from_vec([3], vec![0_u8; 3]).unwrap();
        assert_eq!(matrix(&vector).unwrap(), (1, 3));
        let cube = Tensor::from_vec([1, 1, 1], vec![0_u8]).unwrap();
        assert!(matrix(&cube).is_err());
    }
}
