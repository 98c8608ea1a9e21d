//! The rules that JSON and protocol buffers share: representation, names, shape.

use std::borrow::Cow;

use hari_core::{DataType, Limits, NamedTensor, Representation, Tensor};
use hari_error::{Error, Kind, Result};
use serde_json::Value;

use crate::json::{Elements, Reader, array, write};

/// Whether the message is a reply, whose names are filled in, or goes on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Reply,
    Request,
}

/// The form in which a tensor is written when `asked` was how the request came.
pub(super) fn representation(asked: Representation, tensor: &Tensor) -> Representation {
    match asked {
        _ if !tensor.dtype().is_numeric() => Representation::Ndarray,
        Representation::Unspecified => Representation::Tensor,
        asked => asked,
    }
}

/// The tensor of a `tftensor`. Numpy makes doubles and 64-bit integers of numbers whose type it is
/// not told, and clients send them as they are: these two say nothing of what the model takes.
pub(super) fn typed(tensor: Tensor) -> NamedTensor {
    match tensor.dtype() {
        DataType::Fp64 | DataType::Int64 => NamedTensor::inferred("", tensor),
        _ => NamedTensor::new("", tensor),
    }
}

/// The most columns that are named in a reply without rows.
const MAX_EMPTY_COLUMNS: usize = 4096;

/// What `data.names` says of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Names<'a> {
    /// These.
    Given(&'a [String]),
    /// `t:0`, `t:1` and so on, as many as there are columns.
    Counted(usize),
}

/// What `data.names` says of a tensor.
pub(super) fn names(named: &NamedTensor, direction: Direction) -> Names<'_> {
    let fill = direction == Direction::Reply && named.columns.is_empty();
    let most = named.tensor.len().max(MAX_EMPTY_COLUMNS);
    match named.tensor.shape() {
        &[_, columns] if fill && columns <= most => Names::Counted(columns),
        _ => Names::Given(&named.columns),
    }
}

/// The name of a column that has none of its own.
pub(super) fn counted_name(column: usize) -> String {
    format!("t:{column}")
}

/// The name of the tensor at `index` among several.
pub(super) fn member_name(named: &NamedTensor, index: usize) -> Cow<'_, str> {
    if named.name.is_empty() {
        Cow::Owned(counted_name(index))
    } else {
        Cow::Borrowed(&named.name)
    }
}

/// A `data` that holds no array.
pub(super) fn no_elements() -> Result<Tensor> {
    Tensor::from_vec([0], Vec::<f64>::new())
}

/// The flat `values` under the shape that `data.tensor` gives. One dimension may be -1: what the
/// others leave. Without a shape, several values are one dimension.
pub(super) fn shaped(values: Tensor, dims: &[i64], limits: &Limits) -> Result<Tensor> {
    if dims.len() > limits.rank {
        let message = format!("data.tensor.shape: more than {} dimensions", limits.rank);
        return Err(Error::too_large(message));
    }
    if dims.is_empty() {
        let count = values.len();
        return if count == 1 {
            values.reshape([])
        } else {
            values.reshape([count])
        };
    }
    let shape = whole_shape(dims, values.len());
    let shape = shape.ok_or_else(|| {
        let count = values.len();
        Error::invalid(format!(
            "data.tensor: shape {dims:?} does not fit {count} values"
        ))
    })?;
    values
        .reshape(shape)
        .map_err(|error| error.context("data.tensor"))
}

fn whole_shape(dims: &[i64], count: usize) -> Option<Vec<usize>> {
    if !dims.contains(&-1) {
        return dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
    }
    let others = dims.iter().filter(|&&dim| dim != -1);
    let others = others.map(|&dim| usize::try_from(dim).ok());
    let known = others
        .clone()
        .try_fold(1_usize, |product, dim| product.checked_mul(dim?))?;
    if others.count() + 1 != dims.len() || known == 0 {
        return None;
    }
    Some(
        dims.iter()
            .map(|&dim| usize::try_from(dim).unwrap_or(count / known))
            .collect(),
    )
}

/// Reads the tensors of a model with several inputs from `jsonData`: an object with one nested
/// list (or single value) for each, `{"user": [[1]], "item": [[7]]}`. Element types are inferred.
///
/// # Errors
/// `InvalidInput` if it is no object, or a member is no array.
pub fn named_tensors(value: &Value, limits: &Limits) -> Result<Vec<NamedTensor>> {
    let mut text = Vec::new();
    write::serialize(&mut text, value, write::Escape::Plain)?;
    let mut reader = Reader::of_field(&text, "jsonData", limits)?;
    let mut tensors = Vec::new();
    reader.object(|reader, name| {
        if tensors.len() >= limits.inputs {
            let message = format!("jsonData: more than {} tensors", limits.inputs);
            return Err(Error::too_large(message));
        }
        let (tensor, cells) = array::read_cells(reader, Elements::INFERRED, limits)?;
        tensors.push(NamedTensor {
            cells,
            ..NamedTensor::inferred(name, tensor)
        });
        Ok(())
    })?;
    Ok(tensors)
}

/// The caller's fault under the reason that Seldon's units give for it.
pub(super) fn bad_data(error: Error) -> Error {
    if error.kind() == Kind::InvalidInput {
        error.with_reason("MICROSERVICE_BAD_DATA")
    } else {
        error
    }
}

/// The error for a payload that only gRPC can carry, or that is none.
pub(super) fn no_payload(found: &str) -> Error {
    Error::invalid(format!(
        "Invalid request data type: expected one of data, jsonData, strData and binData, found {found}"
    ))
}

/// The text of a byte string, which an ndarray holds as a string.
pub(super) fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| {
        Error::model("the model answered bytes that are not UTF-8, which ndarray cannot hold")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reshaped(count: usize, dims: &[i64]) -> Result<Vec<usize>> {
        let values = Tensor::from_vec([count], vec![0.0; count])?;
        shaped(
            values,
            dims,
            &Limits {
                rank: 3,
                ..Limits::default()
            },
        )
        .map(|tensor| tensor.shape().to_vec())
    }

    #[test]
    fn a_shape_may_leave_one_dimension_open() {
        assert_eq!(reshaped(6, &[2, 3]).unwrap(), [2, 3]);
        assert_eq!(reshaped(6, &[-1, 3]).unwrap(), [2, 3]);
        assert_eq!(reshaped(0, &[0, 3]).unwrap(), [0, 3]);
        assert_eq!(reshaped(6, &[]).unwrap(), [6]);
        assert_eq!(reshaped(1, &[]).unwrap(), Vec::<usize>::new());
    }

    #[test]
    fn a_shape_that_does_not_fit_is_refused() {
        let error = reshaped(5, &[2, 3]).unwrap_err();
        assert_eq!(
            error.message(),
            "data.tensor: shape [2, 3] needs 6 elements, found 5"
        );
        for dims in [
            &[-1, -1][..],
            &[-1, 4],
            &[-1, 0],
            &[-2],
            &[i64::MAX, i64::MAX],
            &[-1, i64::MAX, 9],
        ] {
            assert_eq!(
                reshaped(6, dims).unwrap_err().kind(),
                Kind::InvalidInput,
                "{dims:?}"
            );
        }
        assert_eq!(
            reshaped(1, &[1, 1, 1, 1]).unwrap_err().kind(),
            Kind::TooLarge
        );
    }

    #[test]
    fn two_dimensions_without_columns_are_counted_in_replies_only() {
        let named = |shape: &[usize], columns: &[&str]| NamedTensor {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            ..NamedTensor::new(
                "y",
                Tensor::from_vec(shape, vec![0.0; shape.iter().product()]).unwrap(),
            )
        };
        let columns = ["a".to_owned(), "b".to_owned()];
        for (shape, given, direction, expected) in [
            (&[1, 2][..], &[][..], Direction::Reply, Names::Counted(2)),
            (&[1, 2], &[], Direction::Request, Names::Given(&[])),
            (&[2], &[], Direction::Reply, Names::Given(&[])),
            (
                &[1, 2],
                &["a", "b"],
                Direction::Reply,
                Names::Given(&columns),
            ),
            (&[0, 3], &[], Direction::Reply, Names::Counted(3)),
            (&[0, 1 << 40], &[], Direction::Reply, Names::Given(&[])),
        ] {
            assert_eq!(
                names(&named(shape, given), direction),
                expected,
                "{shape:?}"
            );
        }
    }

    #[test]
    fn members_of_an_object_are_named_tensors() {
        let value = json!({"user": [[1, 2]], "score": 0.5});
        let tensors = named_tensors(&value, &Limits::default()).unwrap();
        assert_eq!(
            tensors[0],
            NamedTensor::inferred("user", Tensor::from_vec([1, 2], vec![1_i64, 2]).unwrap())
        );
        assert_eq!(
            tensors[1],
            NamedTensor::inferred("score", Tensor::from_vec([], vec![0.5]).unwrap())
        );
        let error = named_tensors(&json!({"a": [[1], []]}), &Limits::default()).unwrap_err();
        assert_eq!(
            error.message(),
            "jsonData.a[1]: expected 1 elements as in the first row, found 0"
        );
        let few = Limits {
            inputs: 1,
            ..Limits::default()
        };
        assert_eq!(
            named_tensors(&value, &few).unwrap_err().kind(),
            Kind::TooLarge
        );
    }
}
