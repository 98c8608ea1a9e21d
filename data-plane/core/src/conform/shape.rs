//! Reshapes a tensor where there is one reading, and refuses where there is none or several.
//!
//! A model that wants `[-1, 28, 28, 1]` reads rows of `[28, 28, 1]`. A tensor of another shape is
//! taken if it is, but for dimensions of one, a whole number of such rows (`[28, 28]`,
//! `[5, 28, 28]`), one flattened row (`[784]`) or several (`[5, 784]`). Everything else is
//! refused: two dynamic dimensions beside a missing one, a transposed row, a cut row.

use hari_error::{Error, Result};

use crate::{Dim, Tensor, TensorSpec};

/// The tensor under a shape that `spec` admits.
pub(super) fn fit(spec: &TensorSpec, tensor: Tensor) -> Result<Tensor> {
    let Some(wanted) = &spec.shape else {
        return Ok(tensor);
    };
    if admits(wanted, tensor.shape()) {
        return Ok(tensor);
    }
    match reading(wanted, tensor.shape()) {
        Some(shape) => tensor.reshape(shape),
        None => Err(Error::invalid(format!(
            "input `{}`: expected shape {:?}, found {:?}",
            spec.name,
            spec.wire_shape(),
            tensor.shape()
        ))),
    }
}

fn admits(wanted: &[Dim], found: &[usize]) -> bool {
    wanted.len() == found.len()
        && wanted
            .iter()
            .zip(found)
            .all(|(dim, &size)| dim.admits(size))
}

/// The one shape that `found` can be read as, if there is exactly one.
fn reading(wanted: &[Dim], found: &[usize]) -> Option<Vec<usize>> {
    let (first, row) = match wanted {
        [Dim::Dynamic(_), row @ ..] => (None, row),
        [Dim::Fixed(rows), row @ ..] => (Some(*rows), row),
        [] => return found.iter().all(|&size| size == 1).then(Vec::new),
    };
    let row: Vec<usize> = row.iter().map(fixed).collect::<Option<_>>()?;
    let per_row: usize = row.iter().product();
    let total: usize = found.iter().product();
    if per_row == 0 || total == 0 || !total.is_multiple_of(per_row) {
        return None;
    }
    let rows = total / per_row;
    if first.is_some_and(|wanted| wanted != rows) {
        return None;
    }
    let shape: Vec<usize> = std::iter::once(rows).chain(row).collect();
    let same = squeezed(found) == squeezed(&shape) || squeezed(found) == squeezed(&[rows, per_row]);
    same.then_some(shape)
}

fn fixed(dim: &Dim) -> Option<usize> {
    match dim {
        Dim::Fixed(size) => Some(*size),
        Dim::Dynamic(_) => None,
    }
}

fn squeezed(shape: &[usize]) -> Vec<usize> {
    shape.iter().copied().filter(|&size| size != 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataType;

    fn read(wanted: &[i64], found: &[usize]) -> Option<Vec<usize>> {
        let dim = |&d: &i64| usize::try_from(d).map_or(Dim::Dynamic(None), Dim::Fixed);
        let shape = Some(wanted.iter().map(dim).collect());
        let spec = TensorSpec {
            name: "x".into(),
            dtype: DataType::Uint8,
            shape,
        };
        let tensor = Tensor::from_vec(found, vec![0_u8; found.iter().product()]).unwrap();
        fit(&spec, tensor)
            .ok()
            .map(|tensor| tensor.shape().to_vec())
    }

    #[test]
    fn a_digit_is_read_in_every_usual_form() {
        let image = [-1, 28, 28, 1];
        for one in [
            &[28, 28][..],
            &[784],
            &[1, 784],
            &[28, 28, 1],
            &[1, 28, 28],
            &[1, 28, 28, 1],
        ] {
            assert_eq!(read(&image, one), Some(vec![1, 28, 28, 1]), "{one:?}");
        }
        for five in [&[5, 28, 28][..], &[5, 784], &[5, 1, 28, 28]] {
            assert_eq!(read(&image, five), Some(vec![5, 28, 28, 1]), "{five:?}");
        }
    }

    #[test]
    fn what_has_no_reading_or_several_is_refused() {
        assert_eq!(read(&[-1, 28, 28, 1], &[28, 56]), None);
        assert_eq!(read(&[-1, 28, 28, 1], &[783]), None);
        assert_eq!(read(&[-1, 4, 3], &[2, 3, 4]), None);
        assert_eq!(read(&[-1, -1], &[5]), None);
        assert_eq!(read(&[-1, -1, 3], &[7, 3]), None);
        assert_eq!(read(&[1, 4], &[2, 4]), None);
        assert_eq!(read(&[-1, 4], &[0]), None);
    }

    #[test]
    fn rows_and_scalars() {
        assert_eq!(read(&[-1, 4], &[4]), Some(vec![1, 4]));
        assert_eq!(read(&[-1, 1], &[5]), Some(vec![5, 1]));
        assert_eq!(read(&[-1], &[]), Some(vec![1]));
        assert_eq!(read(&[], &[1, 1]), Some(vec![]));
        assert_eq!(read(&[1, 4], &[4]), Some(vec![1, 4]));
        assert_eq!(read(&[-1, -1], &[2, 3]), Some(vec![2, 3]));
    }
}
