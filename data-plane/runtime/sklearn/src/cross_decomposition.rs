//! `sklearn.cross_decomposition`: partial least squares and canonical correlation.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{flag, matrix_at, matrix_of, numbers, numbers_at, numbers_of, rows_of};
use crate::estimator::{Estimator, Form, Method};
use crate::math::affine;
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.cross_decomposition._pls.CCA", Pls::read),
    ("sklearn.cross_decomposition._pls.PLSCanonical", Pls::read),
    ("sklearn.cross_decomposition._pls.PLSRegression", Pls::read),
    ("sklearn.cross_decomposition._pls.PLSSVD", Pls::svd),
];

#[derive(Debug)]
struct Pls {
    means: Vec<f64>,
    scales: Vec<f64>,
    /// `[components, features]`.
    rotations: Matrix,
    regression: Option<Regression>,
}

#[derive(Debug)]
struct Regression {
    /// `[features, components]`: the way back.
    loadings: Matrix,
    /// `[targets, features]`.
    weights: Matrix,
    offsets: Vec<f64>,
    /// Whether features are divided by their scales before: until 1.2.
    scaled: bool,
    /// Whether the target had no dimension of its own.
    flat: bool,
}

/// The matrix with rows and columns exchanged.
fn turned(matrix: &Matrix) -> Matrix {
    let values = (0..matrix.columns).flat_map(|column| matrix.column(column));
    Matrix::new(matrix.columns, matrix.rows, values.collect())
}

impl Pls {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let mut found = Self::scores(cursor, "x_rotations_")?;
        found.regression = Some(found.regression(cursor)?);
        Ok(Box::new(found))
    }

    /// `PLSSVD` transforms alone.
    fn svd(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self::scores(cursor, "x_weights_")?))
    }

    fn scores(cursor: &Cursor<'_>, rotations: &str) -> Result<Self> {
        let means = numbers(cursor, "_x_mean")?;
        let rotations = rows_of(cursor, rotations, means.len())?;
        Ok(Self {
            scales: numbers_of(cursor, "_x_std", means.len())?,
            rotations: turned(&rotations),
            means,
            regression: None,
        })
    }

    /// The weights have been turned, and what they take scaled, from version to version.
    fn regression(&self, cursor: &Cursor<'_>) -> Result<Regression> {
        let features = self.means.len();
        let hidden = cursor.find_attribute("_coef_")?;
        let intercept = cursor.find_attribute("intercept_")?;
        let scaled = hidden.is_some() || intercept.is_none();
        let weights = matrix_at(&hidden.map_or_else(|| cursor.attribute("coef_"), Ok)?)?;
        let weights = match intercept {
            None => turned(&weights),
            Some(_) => weights,
        };
        if weights.columns != features {
            return Err(cursor.refuse("`coef_` does not fit `_x_mean`"));
        }
        let offsets = match intercept {
            Some(at) => numbers_at(&at, weights.rows)?,
            None => numbers_of(cursor, "_y_mean", weights.rows)?,
        };
        Ok(Regression {
            loadings: matrix_of(cursor, "x_loadings_", (features, self.rotations.rows))?,
            flat: flag(cursor, "_predict_1d")? && weights.rows == 1,
            weights,
            offsets,
            scaled,
        })
    }

    /// Rows with the means taken away, and divided by the scales.
    fn centred(&self, rows: &Table, scaled: bool) -> Result<Table> {
        let rows = rows.dense()?;
        Ok(rows
            .map_rows(rows.columns, |row, found| {
                let spread = self.means.iter().zip(&self.scales);
                for ((to, value), (mean, scale)) in found.iter_mut().zip(row).zip(spread) {
                    *to = value - mean;
                    if scaled {
                        *to /= scale;
                    }
                }
            })
            .into())
    }
}

impl Estimator for Pls {
    fn form(&self, method: Method) -> Option<Form> {
        match (method, &self.regression) {
            (Method::Transform, _) => Some(Form::numbers(self.rotations.rows)),
            (Method::Predict, Some(regression)) if regression.flat => Some(Form::NUMBER),
            (Method::Predict, Some(regression)) => Some(Form::numbers(regression.weights.rows)),
            _ => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.means.len())
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let Some(regression) = &self.regression else {
            return Ok(Values::Floats(Vec::new()));
        };
        let rows = self.centred(rows, regression.scaled)?;
        let found = affine(&rows, &regression.weights, &regression.offsets)?;
        Ok(Values::Floats(found.values))
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = self.centred(rows, true)?;
        Ok(affine(&rows, &self.rotations, &[])?.into())
    }

    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        let Some(regression) = &self.regression else {
            return Err(hari_error::Error::model(
                "`PLSSVD` has no `inverse_transform`",
            ));
        };
        let mut found = affine(rows, &regression.loadings, &[])?;
        for row in 0..found.rows {
            let spread = self.means.iter().zip(&self.scales);
            for (to, (mean, scale)) in found.row_mut(row).iter_mut().zip(spread) {
                *to = *to * scale + mean;
            }
        }
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        let more = self.regression.as_ref().map_or(0, |regression| {
            regression.weights.values.len() + regression.loadings.values.len()
        });
        (self.rotations.values.len() + more) * size_of::<f64>()
    }
}
