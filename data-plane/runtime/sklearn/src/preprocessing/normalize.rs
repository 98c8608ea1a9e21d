//! Rows of length one, values that are 0 or 1, and centred kernels.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use crate::attributes::{number, numbers};
use crate::estimator::{Estimator, Form, Method, Width};
use crate::reader::Reader;
use crate::table::{Csr, Table};
use crate::version;

/// How long a row is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Norm {
    /// The sum of absolute values.
    L1,
    /// The root of the sum of squares.
    L2,
    /// The largest absolute value.
    Max,
}

impl Norm {
    /// A norm, or none for `None`.
    ///
    /// # Errors
    /// `Model` for another name.
    pub(crate) fn optional(cursor: &Cursor<'_>) -> Result<Option<Self>> {
        if cursor.is_none() {
            return Ok(None);
        }
        match cursor.text()?.as_str() {
            "l1" => Ok(Some(Self::L1)),
            "l2" => Ok(Some(Self::L2)),
            "max" => Ok(Some(Self::Max)),
            other => Err(cursor.refuse(format_args!(
                "expected `l1`, `l2` or `max`, found `{other}`"
            ))),
        }
    }

    fn of(self, row: &[f64]) -> f64 {
        match self {
            Self::L1 => row.iter().map(|value| value.abs()).sum(),
            Self::L2 => row.iter().map(|value| value * value).sum::<f64>().sqrt(),
            Self::Max => row.iter().fold(0.0, |most, value| value.abs().max(most)),
        }
    }

    /// Divides each row by its norm; rows of zeros stay.
    pub(crate) fn apply_sparse(self, matrix: &mut Csr) {
        for row in 0..matrix.rows() {
            let norm = self.of(matrix.row(row).1);
            let start = matrix.starts.get(row).copied().unwrap_or(0);
            let end = matrix.starts.get(row + 1).copied().unwrap_or(start);
            if norm != 0.0 {
                let values = matrix.values.get_mut(start..end).unwrap_or_default();
                values.iter_mut().for_each(|value| *value /= norm);
            }
        }
    }
}

/// How many numbers a row of a class has that keeps nothing else.
fn form(method: Method, width: Option<usize>) -> Option<Form> {
    let form = Form::transformed(method, width.unwrap_or(0))?;
    match width {
        Some(_) => Some(form),
        None => Some(Form {
            width: Width::Unknown,
            ..form
        }),
    }
}

fn stated_width(cursor: &Cursor<'_>) -> Result<Option<usize>> {
    let found = cursor.find_attribute("n_features_in_")?;
    let width = found.map(|at| at.integer()).transpose()?;
    Ok(width.and_then(|width| usize::try_from(width).ok()))
}

/// `Normalizer`.
#[derive(Debug)]
pub(super) struct Normalizer {
    width: Option<usize>,
    norm: Norm,
    /// Rows that are not longer than that stay as they are.
    least: f64,
}

impl Normalizer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let at = cursor.attribute("norm")?;
        let norm = Norm::optional(&at)?.ok_or_else(|| at.refuse("there is no norm"))?;
        let least = match version::of(cursor) < (1, 0) {
            true => f64::MIN_POSITIVE,
            false => 10.0 * f64::EPSILON,
        };
        let width = stated_width(cursor)?;
        Ok(Box::new(Self { width, norm, least }))
    }
}

impl Estimator for Normalizer {
    fn form(&self, method: Method) -> Option<Form> {
        form(method, self.width)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        if let Table::Sparse(matrix) = rows {
            let mut found = matrix.clone();
            self.norm.apply_sparse(&mut found);
            return Ok(found.into());
        }
        let mut found = rows.dense()?.into_owned();
        for row in 0..found.rows {
            let row = found.row_mut(row);
            let norm = self.norm.of(row);
            if norm >= self.least {
                row.iter_mut().for_each(|value| *value /= norm);
            }
        }
        Ok(found.into())
    }
}

/// `Binarizer`.
#[derive(Debug)]
pub(super) struct Binarizer {
    width: Option<usize>,
    threshold: f64,
}

impl Binarizer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self {
            width: stated_width(cursor)?,
            threshold: cursor.attribute("threshold")?.float()?,
        }))
    }

    fn above(&self, values: &mut [f64]) {
        for value in values {
            *value = f64::from(u8::from(*value > self.threshold));
        }
    }
}

impl Estimator for Binarizer {
    fn form(&self, method: Method) -> Option<Form> {
        form(method, self.width)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        if let Table::Sparse(matrix) = rows {
            if self.threshold < 0.0 {
                return Err(Error::invalid(
                    "a sparse matrix cannot be binarised with a threshold below 0",
                ));
            }
            let mut found = matrix.clone();
            self.above(&mut found.values);
            return Ok(found.into());
        }
        let mut found = rows.dense()?.into_owned();
        self.above(&mut found.values);
        Ok(found.into())
    }
}

/// `KernelCenterer`: a kernel of rows with the rows that were fitted, as if these had mean zero.
#[derive(Debug)]
pub(crate) struct KernelCenterer {
    means: Vec<f64>,
    mean: f64,
}

impl KernelCenterer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self::of(cursor)?))
    }

    /// Also where another estimator holds one.
    ///
    /// # Errors
    /// `Model` for attributes that are no numbers.
    pub(crate) fn of(cursor: &Cursor<'_>) -> Result<Self> {
        Ok(Self {
            means: numbers(cursor, "K_fit_rows_")?,
            mean: number(cursor, "K_fit_all_")?.unwrap_or(0.0),
        })
    }

    /// How many rows were fitted.
    pub(crate) fn fitted(&self) -> usize {
        self.means.len()
    }

    /// A row of a kernel, centred in its place.
    pub(crate) fn centre(&self, row: &mut [f64]) {
        let own = row.iter().sum::<f64>() / self.means.len() as f64;
        for (value, mean) in row.iter_mut().zip(&self.means) {
            *value = *value - mean - own + self.mean;
        }
    }
}

impl Estimator for KernelCenterer {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.means.len())
    }

    fn width(&self) -> Option<usize> {
        Some(self.means.len())
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let mut found = rows.dense()?.into_owned();
        for row in 0..found.rows {
            self.centre(found.row_mut(row));
        }
        Ok(found.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Matrix;

    #[test]
    fn rows_are_of_length_one_and_zeros_stay() {
        let mut found = Csr::from_dense(&Matrix::new(2, 2, vec![3.0, -4.0, 0.0, 0.0]));
        Norm::L2.apply_sparse(&mut found);
        assert_eq!(found.dense().values, [0.6, -0.8, 0.0, 0.0]);
        assert_eq!(Norm::L1.of(&[3.0, -4.0]), 7.0);
        assert_eq!(Norm::Max.of(&[3.0, -4.0]), 4.0);
    }

    #[test]
    fn a_sparse_matrix_keeps_its_zeros() {
        let binarizer = Binarizer {
            width: None,
            threshold: -0.5,
        };
        let rows = Csr::from_dense(&Matrix::new(1, 2, vec![0.0, 2.0]));
        assert!(binarizer.transform(&rows.into()).is_err());
    }
}
