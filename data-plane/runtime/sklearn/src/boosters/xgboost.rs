//! `XGBClassifier` and its kin. XGBoost computes in float32; so are its answers, widened.

use hari_error::Result;
use hari_pickle::Cursor;
use hari_trees::Options;
use hari_trees::xgboost::Booster;

use super::Columns;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::math;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

/// The booster, and what it takes.
#[derive(Debug)]
struct Inner {
    booster: Booster,
    columns: Columns,
    /// A number that stands for a missing value; NaN does anyway.
    missing: Option<f32>,
}

impl Inner {
    /// `booster` is a `xgboost.core.Booster`, whose state is what `save_raw` gives, or that with
    /// the configuration of training around it.
    fn read(booster: &Cursor<'_>, best_iteration: bool) -> Result<Self> {
        let handle = booster.attribute("handle")?;
        let options = Options {
            best_iteration,
            ..Options::default()
        };
        let read = Booster::read(model(handle.bytes()?), &options);
        let booster = read.map_err(|error| handle.refuse(error))?;
        Ok(Self {
            columns: Columns::new(booster.columns()),
            booster,
            missing: None,
        })
    }

    /// Of a class that holds a booster.
    fn of_estimator(cursor: &Cursor<'_>) -> Result<Self> {
        let mut inner = Self::read(&cursor.attribute("_Booster")?, true)?;
        // Binary models do not say where they stopped; their classes do.
        let limit = cursor.find_attribute("best_ntree_limit")?;
        let limit = limit.and_then(Cursor::optional);
        if let Some(limit) = limit.map(|found| found.integer()).transpose()? {
            let limit = usize::try_from(limit).ok().filter(|&limit| limit > 0);
            let trees = limit.map(|limit| limit.saturating_mul(inner.booster.groups()));
            inner.booster.keep_trees(trees.unwrap_or(usize::MAX));
        }
        let missing = cursor.find_attribute("missing")?.and_then(Cursor::optional);
        let missing = missing.map(|found| found.float()).transpose()?;
        inner.missing = missing.map(|number| number as f32);
        Ok(inner)
    }

    /// Rows of float32.
    fn rows(&self, rows: &Table) -> Result<Vec<f32>> {
        let code = |column, text: Option<&[u8]>| {
            text.map_or(Ok(f64::NAN), |text| self.booster.code(column, text))
        };
        let mut matrix = self.columns.matrix(rows, code)?;
        if self.booster.encodes() {
            self.booster.encode(&mut matrix.values)?;
        }
        let narrow = matrix.values.into_iter().map(|value| value as f32);
        let known = narrow.map(|value| match self.missing {
            Some(missing) if missing == value => f32::NAN,
            _ => value,
        });
        Ok(known.collect())
    }

    fn predict(&self, rows: &Table) -> Result<Vec<f32>> {
        Ok(self.booster.predict(&self.rows(rows)?, rows.rows()))
    }
}

/// What 1.0 to 1.2 put before a binary model and its configuration: this, and the model's length.
const HEADER: &[u8] = b"CONFIG-offset:";

/// The model, without the configuration that may stand behind it.
fn model(handle: &[u8]) -> &[u8] {
    let Some(rest) = handle.strip_prefix(HEADER) else {
        return handle;
    };
    let Some((length, rest)) = rest.split_first_chunk() else {
        return rest;
    };
    let length = usize::try_from(u64::from_le_bytes(*length));
    let model = length.ok().and_then(|length| rest.get(..length));
    model.unwrap_or(rest)
}

pub(super) fn read_booster(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(Box::new(Numbers(Inner::read(cursor, false)?)))
}

pub(super) fn read_regressor(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(Box::new(Numbers(Inner::of_estimator(cursor)?)))
}

pub(super) fn read_classifier(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let inner = Inner::of_estimator(cursor)?;
    let classes = super::labels(cursor, "classes_", "n_classes_")?;
    let objective = cursor.attribute("objective")?;
    let by_label = objective.text().is_ok_and(|name| name == "multi:softmax");
    let width = match by_label {
        true => Some(inner.booster.groups()),
        false => inner.booster.width(),
    };
    super::check_labels(cursor, &classes, width)?;
    Ok(Box::new(Classifier {
        inner,
        classes: [classes],
        by_label,
    }))
}

/// What the booster says.
#[derive(Debug)]
struct Numbers(Inner);

impl Estimator for Numbers {
    fn form(&self, method: Method) -> Option<Form> {
        let form = super::form_of_numbers(self.0.booster.width());
        (method == Method::Predict).then_some(form)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Missing
    }

    fn takes(&self, column: usize) -> Kind {
        self.0.columns.takes(column)
    }

    fn width(&self) -> Option<usize> {
        Some(self.0.booster.features())
    }

    fn names(&self) -> &[String] {
        &self.0.columns.names
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let found = self.0.predict(rows)?;
        Ok(Values::Floats(found.into_iter().map(f64::from).collect()))
    }

    fn memory_bytes(&self) -> usize {
        self.0.booster.memory_bytes()
    }
}

/// What the booster says, as labels.
#[derive(Debug)]
struct Classifier {
    inner: Inner,
    classes: [Values; 1],
    /// Whether the booster answers with numbers of classes (`multi:softmax`).
    by_label: bool,
}

impl Classifier {
    /// The probability of each class, in float32.
    fn probabilities(&self, rows: &Table) -> Result<Vec<f32>> {
        if self.by_label {
            let rows_of_32 = self.inner.rows(rows)?;
            let mut margins = self.inner.booster.margins(&rows_of_32, rows.rows());
            let groups = self.inner.booster.groups().max(1);
            margins.chunks_mut(groups).for_each(softmax);
            return Ok(margins);
        }
        let found = self.inner.predict(rows)?;
        Ok(match self.inner.booster.width() {
            Some(_) => found,
            None => found
                .into_iter()
                .flat_map(|second| [1.0 - second, second])
                .collect(),
        })
    }
}

fn softmax(row: &mut [f32]) {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for value in row.iter_mut() {
        *value = (*value - top).exp();
    }
    let sum: f32 = row.iter().sum();
    for value in row {
        *value /= sum;
    }
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::PredictProba if !self.by_label && self.inner.booster.width().is_none() => {
                Some(Form::numbers(2))
            }
            _ => Form::labelled(classes, method),
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Missing
    }

    fn takes(&self, column: usize) -> Kind {
        self.inner.columns.takes(column)
    }

    fn width(&self) -> Option<usize> {
        Some(self.inner.booster.features())
    }

    fn names(&self) -> &[String] {
        &self.inner.columns.names
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let found = self.inner.predict(rows)?;
        let places: Vec<_> = match self.inner.booster.width() {
            _ if self.by_label => found.into_iter().map(|label| label as usize).collect(),
            None => {
                let last = classes.len() - 1;
                let place = |second: f32| usize::from(second > 0.5).min(last);
                found.into_iter().map(place).collect()
            }
            Some(width) => {
                let wide = found.into_iter().map(f64::from).collect();
                math::argmax_rows(&Matrix::new(rows.rows(), width, wide))
            }
        };
        Ok(classes.at(&places))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let found = self.probabilities(rows)?;
        let columns = found.len().checked_div(rows.rows()).unwrap_or(1);
        let wide = found.into_iter().map(f64::from).collect();
        Ok(Matrix::new(rows.rows(), columns, wide))
    }

    fn memory_bytes(&self) -> usize {
        self.inner.booster.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_of_training_is_left_out() {
        assert_eq!(model(b"binf..."), b"binf...");
        let wrapped = |length: u64| [HEADER, &length.to_le_bytes(), b"model{}"].concat();
        assert_eq!(model(&wrapped(5)), b"model");
        assert_eq!(model(&wrapped(u64::MAX)), b"model{}");
        assert_eq!(model(HEADER), b"");
    }

    #[test]
    fn probabilities_sum_to_one() {
        let mut row = [1.0, 2.0, 1000.0];
        softmax(&mut row);
        assert_eq!(row, [0.0, 0.0, 1.0]);
        let mut row = [0.5_f32, 0.5];
        softmax(&mut row);
        assert_eq!(row, [0.5, 0.5]);
    }
}
