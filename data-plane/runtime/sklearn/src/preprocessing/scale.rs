//! Scalers: each column is shifted and scaled by what was fitted for it.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use crate::attributes::{count, flag, numbers_of};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Csr, Matrix, Table};

/// Arithmetic on every column, one step after the other.
#[derive(Debug)]
pub(super) struct Scaler {
    width: usize,
    steps: Vec<Step>,
}

/// One operation, with a number for each column.
#[derive(Debug)]
enum Step {
    Add(Vec<f64>),
    Subtract(Vec<f64>),
    Multiply(Vec<f64>),
    Divide(Vec<f64>),
    /// All columns between two bounds.
    Clip(f64, f64),
}

/// `StandardScaler`.
pub(super) fn standard(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(Box::new(Scaler::standard(cursor)?))
}

/// `RobustScaler`.
pub(super) fn robust(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(Box::new(Scaler::centred(
        cursor,
        ("with_centering", "center_"),
        "with_scaling",
    )?))
}

/// `MinMaxScaler`.
pub(super) fn min_max(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let width = count(cursor, "n_features_in_")?;
    let mut steps = vec![
        Step::Multiply(numbers_of(cursor, "scale_", width)?),
        Step::Add(numbers_of(cursor, "min_", width)?),
    ];
    if flag(cursor, "clip")? {
        let range = cursor.attribute("feature_range")?;
        steps.push(Step::Clip(range.item(0)?.float()?, range.item(1)?.float()?));
    }
    Ok(Box::new(Scaler { width, steps }))
}

/// `MaxAbsScaler`.
pub(super) fn max_abs(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let width = count(cursor, "n_features_in_")?;
    let mut steps = vec![Step::Divide(numbers_of(cursor, "scale_", width)?)];
    if flag(cursor, "clip")? {
        steps.push(Step::Clip(-1.0, 1.0));
    }
    Ok(Box::new(Scaler { width, steps }))
}

impl Scaler {
    /// `StandardScaler`, also where another estimator holds one.
    pub(super) fn standard(cursor: &Cursor<'_>) -> Result<Self> {
        Self::centred(cursor, ("with_mean", "mean_"), "with_std")
    }

    /// A centre is taken away, then it is divided by the scale.
    fn centred(cursor: &Cursor<'_>, centre: (&str, &str), with_scale: &str) -> Result<Self> {
        let width = count(cursor, "n_features_in_")?;
        let mut steps = Vec::new();
        if flag(cursor, centre.0)? {
            steps.push(Step::Subtract(numbers_of(cursor, centre.1, width)?));
        }
        if flag(cursor, with_scale)? {
            steps.push(Step::Divide(numbers_of(cursor, "scale_", width)?));
        }
        Ok(Self { width, steps })
    }

    /// How many columns it scales.
    pub(super) fn count(&self) -> usize {
        self.width
    }

    /// Scales a matrix in its place.
    pub(super) fn scale(&self, matrix: &mut Matrix) {
        for step in &self.steps {
            step.apply(matrix);
        }
    }

    /// The other way round.
    pub(super) fn unscale(&self, matrix: &mut Matrix) {
        for step in self.steps.iter().rev() {
            step.undo(matrix);
        }
    }
}

impl Step {
    fn apply(&self, matrix: &mut Matrix) {
        match self {
            Self::Add(each) => columnwise(matrix, each, |value, by| value + by),
            Self::Subtract(each) => columnwise(matrix, each, |value, by| value - by),
            Self::Multiply(each) => columnwise(matrix, each, |value, by| value * by),
            Self::Divide(each) => columnwise(matrix, each, |value, by| value / by),
            Self::Clip(low, high) => {
                for value in &mut matrix.values {
                    *value = clip(*value, *low, *high);
                }
            }
        }
    }

    fn undo(&self, matrix: &mut Matrix) {
        match self {
            Self::Add(each) => columnwise(matrix, each, |value, by| value - by),
            Self::Subtract(each) => columnwise(matrix, each, |value, by| value + by),
            Self::Multiply(each) => columnwise(matrix, each, |value, by| value / by),
            Self::Divide(each) => columnwise(matrix, each, |value, by| value * by),
            Self::Clip(..) => {}
        }
    }

    /// Zeros that are not written stay zeros; scikit-learn multiplies by the inverse here.
    fn apply_sparse(&self, matrix: &mut Csr) -> Result<()> {
        match self {
            Self::Divide(each) => {
                for (value, &column) in matrix.values.iter_mut().zip(&matrix.indices) {
                    *value *= 1.0 / each.get(column as usize).copied().unwrap_or(1.0);
                }
            }
            Self::Clip(low, high) => {
                for value in &mut matrix.values {
                    *value = clip(*value, *low, *high);
                }
            }
            Self::Add(_) | Self::Subtract(_) | Self::Multiply(_) => {
                return Err(Error::invalid("a sparse matrix cannot be centred"));
            }
        }
        Ok(())
    }
}

/// `numpy.clip`: NaN stays.
fn clip(value: f64, low: f64, high: f64) -> f64 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

fn columnwise(matrix: &mut Matrix, each: &[f64], operation: impl Fn(f64, f64) -> f64) {
    for row in 0..matrix.rows {
        for (value, &by) in matrix.row_mut(row).iter_mut().zip(each) {
            *value = operation(*value, by);
        }
    }
}

impl Estimator for Scaler {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.width)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Missing
    }

    fn width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        if let Table::Sparse(matrix) = rows {
            let mut found = matrix.clone();
            self.steps
                .iter()
                .try_for_each(|step| step.apply_sparse(&mut found))?;
            return Ok(found.into());
        }
        let mut found = rows.dense()?.into_owned();
        self.scale(&mut found);
        Ok(found.into())
    }

    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        let mut found = rows.dense()?.into_owned();
        self.unscale(&mut found);
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        self.steps.len() * self.width * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaler() -> Scaler {
        let steps = vec![
            Step::Subtract(vec![1.0, 2.0]),
            Step::Divide(vec![2.0, 4.0]),
            Step::Clip(-1.0, 1.0),
        ];
        Scaler { width: 2, steps }
    }

    #[test]
    fn what_is_scaled_comes_back() {
        let rows = Matrix::new(2, 2, vec![2.0, 2.0, f64::NAN, 100.0]);
        let found = scaler().transform(&rows.clone().into()).unwrap();
        let found = found.dense().unwrap().into_owned();
        assert_eq!(found.values[..2], [0.5, 0.0]);
        assert!(found.values[2].is_nan());
        assert_eq!(found.values[3], 1.0, "clipped");
        let back = scaler().inverse_transform(&found.into()).unwrap();
        assert_eq!(back.dense().unwrap().values[..2], rows.values[..2]);
    }

    #[test]
    fn a_sparse_matrix_is_scaled_and_not_centred() {
        let rows = Csr::from_dense(&Matrix::new(1, 2, vec![0.0, 6.0]));
        assert!(scaler().transform(&rows.clone().into()).is_err());
        let divided = Scaler {
            width: 2,
            steps: vec![Step::Divide(vec![2.0, 4.0])],
        };
        let found = divided.transform(&rows.into()).unwrap();
        assert_eq!(found.dense().unwrap().values, [0.0, 1.5]);
    }
}
