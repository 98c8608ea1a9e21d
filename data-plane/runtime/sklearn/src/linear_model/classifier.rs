//! Linear classifiers, with probabilities where they have them.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{classes, text};
use crate::estimator::{Estimator, Form, Method};
use crate::linear_model::planes::Planes;
use crate::math::{decided, expit, softmax};
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
struct Classifier {
    classes: [Values; 1],
    planes: Planes,
    chance: Option<Chance>,
    /// Whether each class is there or not on its own, rather than one of them.
    labels: bool,
}

/// How decisions become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chance {
    /// Each decision on its own, then divided by their sum.
    OneVersusRest,
    /// All decisions together; of two classes the other one's decision is the negative.
    Softmax,
    /// Clipped to -1 and 1: the loss `modified_huber`.
    Clipped,
}

/// A classifier without probabilities.
pub(crate) fn plain(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    read(cursor, classes(cursor)?, None)
}

fn read(
    cursor: &Cursor<'_>,
    classes: Values,
    chance: Option<Chance>,
) -> Result<Box<dyn Estimator>> {
    let planes = fitting(cursor, &classes)?;
    let classes = [classes];
    Ok(Box::new(Classifier {
        classes,
        planes,
        chance,
        labels: false,
    }))
}

/// The planes: one for two classes, else one for each.
fn fitting(cursor: &Cursor<'_>, classes: &Values) -> Result<Planes> {
    let planes = Planes::read(cursor)?;
    let expected = if classes.len() <= 2 { 1 } else { classes.len() };
    if planes.outputs() == expected {
        return Ok(planes);
    }
    Err(cursor.refuse(format_args!(
        "expected {expected} rows in `coef_` for {} classes, found {}",
        classes.len(),
        planes.outputs()
    )))
}

/// `LogisticRegression`. Since 1.8 there is no `multi_class`: two classes are one decision, more
/// are multinomial.
pub(super) fn logistic(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let classes = classes(cursor)?;
    let two = classes.len() <= 2;
    let split = match cursor.find_attribute("multi_class")? {
        None => two,
        Some(strategy) => match strategy.text()?.as_str() {
            "ovr" | "warn" => true,
            "auto" | "deprecated" => {
                let solver = text(cursor, "solver")?;
                two || matches!(solver.as_str(), "liblinear" | "newton-cholesky")
            }
            _ => false,
        },
    };
    let chance = if split {
        Chance::OneVersusRest
    } else {
        Chance::Softmax
    };
    read(cursor, classes, Some(chance))
}

/// `SGDClassifier`: which probabilities there are is a matter of the loss.
pub(super) fn stochastic(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let chance = match text(cursor, "loss")?.as_str() {
        "log" | "log_loss" => Some(Chance::OneVersusRest),
        "modified_huber" => Some(Chance::Clipped),
        _ => None,
    };
    read(cursor, classes(cursor)?, chance)
}

/// `RidgeClassifier`: its labels are kept with its binarizer, and may be several for a row.
pub(super) fn ridge(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let binarizer = cursor.attribute("_label_binarizer")?;
    let classes = classes(&binarizer)?;
    if !text(&binarizer, "y_type_")?.starts_with("multilabel") {
        return read(cursor, classes, None);
    }
    let planes = Planes::read(cursor)?;
    if planes.outputs() != classes.len() {
        return Err(cursor.refuse("expected a row in `coef_` for each label"));
    }
    Ok(Box::new(Classifier {
        classes: [classes],
        planes,
        chance: None,
        labels: true,
    }))
}

/// Divides each row by its sum; a row of zeros becomes even.
pub(crate) fn normalize(matrix: &mut Matrix) {
    for row in 0..matrix.rows {
        let row = matrix.row_mut(row);
        let sum: f64 = row.iter().sum();
        if sum == 0.0 {
            row.fill(1.0 / row.len() as f64);
        } else {
            row.iter_mut().for_each(|value| *value /= sum);
        }
    }
}

/// The second class's probabilities with the first one's before them.
pub(crate) fn with_complement(second: &[f64]) -> Matrix {
    let pairs = second.iter().flat_map(|&second| [1.0 - second, second]);
    Matrix::new(second.len(), 2, pairs.collect())
}

impl Chance {
    fn of(self, mut decisions: Matrix) -> Matrix {
        match self {
            Self::Softmax if decisions.columns == 1 => {
                let both = decisions.values.iter().flat_map(|&one| [-one, one]);
                Self::Softmax.of(Matrix::new(decisions.rows, 2, both.collect()))
            }
            Self::Softmax => {
                for row in 0..decisions.rows {
                    softmax(decisions.row_mut(row));
                }
                decisions
            }
            Self::OneVersusRest => split(decisions, expit),
            Self::Clipped => split(decisions, |one| (one.clamp(-1.0, 1.0) + 1.0) / 2.0),
        }
    }
}

fn split(mut decisions: Matrix, chance: impl Fn(f64) -> f64) -> Matrix {
    for value in &mut decisions.values {
        *value = chance(*value);
    }
    if decisions.columns == 1 {
        return with_complement(&decisions.values);
    }
    normalize(&mut decisions);
    decisions
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::Predict if self.labels => Some(Form {
                dtype: hari_core::DataType::Int64,
                ..Form::numbers(classes.len())
            }),
            Method::Predict => Some(Form::label(classes)),
            Method::PredictProba => self.chance.map(|_| Form::numbers(classes.len().max(2))),
            Method::DecisionFunction if self.planes.outputs() == 1 => Some(Form::NUMBER),
            Method::DecisionFunction => Some(Form::numbers(self.planes.outputs())),
            Method::Transform | Method::ScoreSamples => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.planes.features())
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let decisions = self.planes.at(rows)?;
        if self.labels {
            let there = decisions.values.iter().map(|&one| i64::from(one > 0.0));
            return Ok(Values::Integers(there.collect()));
        }
        let [classes] = &self.classes;
        Ok(classes.at(&decided(&decisions)))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let decisions = self.planes.at(rows)?;
        // Without a chance there is no such method.
        Ok(self.chance.unwrap_or(Chance::OneVersusRest).of(decisions))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.planes.at(rows)
    }

    fn memory_bytes(&self) -> usize {
        self.planes.memory_bytes()
    }
}
