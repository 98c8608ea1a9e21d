//! `sklearn.calibration`: probabilities that are as often right as they say.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::classes;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::math::argmax_rows;
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

mod calibrator;
mod pair;

use pair::Pair;

pub(crate) const CLASSES: &[Entry] = &[(
    "sklearn.calibration.CalibratedClassifierCV",
    Calibrated::read,
)];

/// `CalibratedClassifierCV`: the mean of classifiers, each with its calibrators.
#[derive(Debug)]
struct Calibrated {
    classes: [Values; 1],
    pairs: Vec<Pair>,
}

impl Calibrated {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = classes(cursor)?;
        let at = cursor.attribute("calibrated_classifiers_")?;
        let items = at.items()?;
        let pairs = items.iter().map(|item| Pair::read(item, reader, &classes));
        let pairs: Vec<_> = pairs.collect::<Result<_>>()?;
        if pairs.is_empty() {
            return Err(at.refuse("there are no classifiers"));
        }
        Ok(Box::new(Self {
            classes: [classes],
            pairs,
        }))
    }

    fn first(&self) -> Option<&dyn Estimator> {
        self.pairs
            .first()
            .map(|pair| -> &dyn Estimator { &pair.classifier })
    }
}

impl Estimator for Calibrated {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        Form::labelled(classes, method)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> crate::input::Kind {
        self.first()
            .map_or(crate::input::Kind::Number, |first| first.takes(column))
    }

    fn width(&self) -> Option<usize> {
        self.first().and_then(Estimator::width)
    }

    fn names(&self) -> &[String] {
        self.first().map_or(&[], Estimator::names)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        Ok(classes.at(&argmax_rows(&self.predict_proba(rows)?)))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let [classes] = &self.classes;
        let mut found = Matrix::zeros(rows.rows(), classes.len());
        for pair in &self.pairs {
            let chances = pair.chances(rows, classes.len())?;
            for (sum, chance) in found.values.iter_mut().zip(&chances.values) {
                *sum += chance;
            }
        }
        let count = self.pairs.len() as f64;
        found.values.iter_mut().for_each(|sum| *sum /= count);
        Ok(found)
    }

    fn memory_bytes(&self) -> usize {
        self.pairs.iter().map(Pair::memory_bytes).sum()
    }
}
