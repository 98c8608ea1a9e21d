//! `OneVsRestClassifier`.

use hari_core::DataType;
use hari_error::Result;
use hari_pickle::Cursor;

use super::team::{Team, beside};
use crate::attributes::{classes, text};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::linear_model::with_complement;
use crate::math::argmax_rows;
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::values::Values;

/// `OneVsRestClassifier`: an estimator for each class.
#[derive(Debug)]
pub(super) struct OneVsRest {
    classes: [Values; 1],
    team: Team,
    kind: Target,
    /// Of classes that are as sure the last one counts, as until 1.7.
    last: bool,
    /// Where every class is impossible, probabilities are NaN rather than 0, as until 1.6.
    undefined: bool,
}

/// What was fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Two,
    Several,
    /// Each label is there or not.
    Labels,
}

impl OneVsRest {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let binarizer = cursor.attribute("label_binarizer_")?;
        let classes = classes(&binarizer)?;
        let kind = match text(&binarizer, "y_type_")?.as_str() {
            "binary" => Target::Two,
            "multiclass" => Target::Several,
            name if name.starts_with("multilabel") => Target::Labels,
            other => {
                let what = format_args!("`{other}` is no kind of classes that is supported");
                return Err(binarizer.refuse(what));
            }
        };
        let count = if kind == Target::Two {
            1
        } else {
            classes.len()
        };
        Ok(Box::new(Self {
            team: Team::read(cursor, reader, Some(count))?,
            classes: [classes],
            kind,
            last: crate::version::of(cursor) < (1, 8),
            undefined: crate::version::of(cursor) < (1, 7),
        }))
    }
}

/// The place of the largest value of each row, the last of several.
fn last_argmax_rows(matrix: &Matrix) -> Vec<usize> {
    let last = |row: &[f64]| {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter().rposition(|&value| value == top).unwrap_or(0)
    };
    matrix.iter_rows().map(last).collect()
}

impl Estimator for OneVsRest {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::Predict if self.kind == Target::Labels => Some(Form {
                dtype: DataType::Int64,
                ..Form::numbers(classes.len())
            }),
            Method::Predict => Some(Form::label(classes)),
            Method::PredictProba if self.team.all_have(method) => {
                Some(Form::numbers(self.team.0.len().max(2)))
            }
            Method::DecisionFunction if self.team.all_have(method) => match self.team.0.len() {
                1 => Some(Form::NUMBER),
                several => Some(Form::numbers(several)),
            },
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.team.takes(column)
    }

    fn names(&self) -> &[String] {
        self.team.names()
    }

    fn width(&self) -> Option<usize> {
        self.team.0.iter().find_map(Estimator::width)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let scores = self.team.scores(rows)?;
        let above = |score: &f64| *score > self.team.threshold();
        Ok(match self.kind {
            Target::Labels => {
                Values::Integers(scores.values.iter().map(above).map(i64::from).collect())
            }
            Target::Several if self.last => classes.at(&last_argmax_rows(&scores)),
            Target::Several => classes.at(&argmax_rows(&scores)),
            Target::Two => {
                // A single class is the answer to everything.
                let last = classes.len().saturating_sub(1);
                let place = |score| usize::from(above(score)).min(last);
                classes.at(&scores.values.iter().map(place).collect::<Vec<_>>())
            }
        })
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let second = |node: &Node| Ok(node.predict_proba(rows)?.column(1));
        let columns: Vec<_> = self.team.0.iter().map(second).collect::<Result<_>>()?;
        let mut found = match columns.as_slice() {
            [only] => with_complement(only),
            each => beside(rows.rows(), each),
        };
        if self.kind != Target::Labels {
            for row in 0..found.rows {
                let row = found.row_mut(row);
                let sum: f64 = row.iter().sum();
                if sum != 0.0 || self.undefined {
                    row.iter_mut().for_each(|value| *value /= sum);
                }
            }
        }
        Ok(found)
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.team.scores(rows)
    }

    fn memory_bytes(&self) -> usize {
        self.team.memory_bytes()
    }
}
