//! `LGBMClassifier` and its kin.

use hari_error::Result;
use hari_pickle::Cursor;
use hari_trees::Options;
use hari_trees::lightgbm::Booster;

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
}

impl Inner {
    /// A `lightgbm.basic.Booster`: its state is the text of all rounds, of which the first are
    /// asked if it was stopped early.
    fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let handle = match cursor.find_attribute("_handle")? {
            Some(found) => found,
            None => cursor.attribute("handle")?,
        };
        let text = handle.text()?;
        let read = Booster::read(text.as_bytes(), &Options::default());
        let mut booster = read.map_err(|error| handle.refuse(error))?;
        let best = cursor.find_attribute("best_iteration")?;
        let best = best.map_or(Ok(0), |found| found.integer())?;
        if let Some(rounds) = usize::try_from(best).ok().filter(|&rounds| rounds > 0) {
            booster.keep_rounds(rounds);
        }
        Ok(Self {
            columns: Columns::new(booster.columns()),
            booster,
        })
    }

    /// What the booster says, or the sums of its trees.
    fn ask(&self, rows: &Table, sums: bool) -> Result<Vec<f64>> {
        let code = |column, text: Option<&[u8]>| {
            Ok(text.map_or(f64::NAN, |text| self.booster.code(column, text)))
        };
        let matrix = self.columns.matrix(rows, code)?;
        let encoded = self.booster.encoded(matrix.values.into())?;
        Ok(match sums {
            true => self.booster.margins(&encoded, rows.rows()),
            false => self.booster.predict(&encoded, rows.rows()),
        })
    }
}

pub(super) fn read_booster(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(Box::new(Numbers(Inner::read(cursor)?)))
}

pub(super) fn read_regressor(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let booster = cursor.attribute("_Booster")?;
    Ok(Box::new(Numbers(Inner::read(&booster)?)))
}

pub(super) fn read_classifier(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let inner = Inner::read(&cursor.attribute("_Booster")?)?;
    let classes = super::labels(cursor, "_classes", "_n_classes")?;
    super::check_labels(cursor, &classes, inner.booster.width())?;
    Ok(Box::new(Classifier {
        inner,
        classes: [classes],
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
        Accepts::Anything
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
        Ok(Values::Floats(self.0.ask(rows, false)?))
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
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match (method, self.inner.booster.width()) {
            (Method::PredictProba, None) => Some(Form::numbers(2)),
            (Method::DecisionFunction, width) => Some(super::form_of_numbers(width)),
            _ => Form::labelled(classes, method),
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
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
        let last = classes.len().saturating_sub(1);
        let places = math::argmax_rows(&self.predict_proba(rows)?).into_iter();
        Ok(classes.at(&places.map(|place| place.min(last)).collect::<Vec<_>>()))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let found = self.inner.ask(rows, false)?;
        let count = rows.rows();
        Ok(match self.inner.booster.width() {
            Some(width) => Matrix::new(count, width, found),
            None => {
                let both = found.into_iter().flat_map(|second| [1.0 - second, second]);
                Matrix::new(count, 2, both.collect())
            }
        })
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        let sums = self.inner.ask(rows, true)?;
        let columns = self.inner.booster.width().unwrap_or(1);
        Ok(Matrix::new(rows.rows(), columns, sums))
    }

    fn memory_bytes(&self) -> usize {
        self.inner.booster.memory_bytes()
    }
}
