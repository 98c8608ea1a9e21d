//! `sklearn.dummy`: answers that do not look at the rows.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.dummy.DummyClassifier", Classifier::read),
    ("sklearn.dummy.DummyRegressor", Regressor::read),
];

/// `DummyRegressor`: one constant for each output.
#[derive(Debug)]
struct Regressor {
    constants: Vec<f64>,
}

impl Regressor {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let constants = cursor.attribute("constant_")?.numbers()?.values;
        Ok(Box::new(Self { constants }))
    }
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        let one = self.constants.len() == 1;
        let form = if one {
            Form::NUMBER
        } else {
            Form::numbers(self.constants.len())
        };
        (method == Method::Predict).then_some(form)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        Ok(Values::Floats(self.constants.repeat(rows.rows())))
    }
}

/// `DummyClassifier` of one output, with a strategy that draws no random numbers.
#[derive(Debug)]
struct Classifier {
    classes: [Values; 1],
    /// The place of the label that is always predicted.
    chosen: usize,
    /// What `predict_proba` gives for every row.
    probabilities: Vec<f64>,
}

impl Classifier {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = Values::read(&cursor.attribute("classes_")?)?;
        let priors = cursor.attribute("class_prior_")?.numbers()?.values;
        if priors.len() != classes.len() || priors.is_empty() {
            return Err(cursor.refuse("`class_prior_` and `classes_` differ in length"));
        }
        let strategy = cursor
            .find_attribute("_strategy")?
            .unwrap_or(cursor.attribute("strategy")?);
        let strategy_name = strategy.text()?;
        let chosen = match strategy_name.as_str() {
            "prior" | "most_frequent" => crate::math::argmax(&priors),
            "constant" => constant(cursor, &classes)?,
            other => {
                return Err(strategy.refuse(format_args!(
                    "`{other}` draws random labels: expected `prior`, `most_frequent` or `constant`"
                )));
            }
        };
        let certain = || {
            (0..priors.len())
                .map(|place| f64::from(u8::from(place == chosen)))
                .collect()
        };
        let probabilities = if strategy_name == "prior" {
            priors.clone()
        } else {
            certain()
        };
        Ok(Box::new(Self {
            classes: [classes],
            chosen,
            probabilities,
        }))
    }
}

/// The place of `constant` among the classes.
fn constant(cursor: &Cursor<'_>, classes: &Values) -> Result<usize> {
    let given = cursor.attribute("constant")?;
    let label = match (classes, given.items()) {
        (_, Ok(items)) if items.len() == 1 => given.item(0)?,
        _ => given,
    };
    let place = match classes {
        Values::Texts(labels) => {
            let text = label.text()?;
            labels.iter().position(|one| **one == *text)
        }
        Values::Integers(labels) => {
            let value = label.integer()?;
            labels.iter().position(|&one| one == value)
        }
        Values::Booleans(labels) => {
            let value = label.boolean()?;
            labels.iter().position(|&one| one == value)
        }
        Values::Floats(labels) => {
            let value = label.float()?;
            labels.iter().position(|&one| one == value)
        }
    };
    place.ok_or_else(|| label.refuse("expected one of the classes"))
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        Form::labelled(classes, method)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        Ok(classes.at(&vec![self.chosen; rows.rows()]))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let values = self.probabilities.repeat(rows.rows());
        Ok(Matrix::new(rows.rows(), self.probabilities.len(), values))
    }
}
