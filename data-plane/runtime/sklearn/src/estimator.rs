//! What an estimator can be asked.

use std::fmt::Debug;

use hari_core::DataType;
use hari_error::{Error, Result};

use crate::input::Kind;
use crate::table::{Matrix, Table};
use crate::values::Values;

/// A method of a fitted estimator, by scikit-learn's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Labels, numbers or cluster numbers.
    Predict,
    /// A probability for each class.
    PredictProba,
    /// Distances from the border between classes; how normal a row is.
    DecisionFunction,
    /// Rows for the next step.
    Transform,
    /// How likely a row is.
    ScoreSamples,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Predict,
        Self::PredictProba,
        Self::DecisionFunction,
        Self::Transform,
        Self::ScoreSamples,
    ];

    /// The name in Python.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::PredictProba => "predict_proba",
            Self::DecisionFunction => "decision_function",
            Self::Transform => "transform",
            Self::ScoreSamples => "score_samples",
        }
    }

    /// The method of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// How many values a row gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// One, without a dimension of its own: shape `[rows]`.
    One,
    /// So many: shape `[rows, columns]`.
    Columns(usize),
    /// Known when it is computed: shape `[rows, ?]`.
    Unknown,
    /// A matrix for each output, with so many columns: what `predict_proba` of several outputs is.
    Many(Vec<usize>),
}

/// Type and shape of what a method answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) dtype: DataType,
    pub(crate) width: Width,
}

impl Form {
    /// A float for each row.
    pub(crate) const NUMBER: Self = Self {
        dtype: DataType::Fp64,
        width: Width::One,
    };
    /// An integer for each row: the number of a cluster, 1 or -1 for what is normal or not.
    pub(crate) const INTEGER: Self = Self {
        dtype: DataType::Int64,
        width: Width::One,
    };

    /// So many floats for each row.
    pub(crate) fn numbers(columns: usize) -> Self {
        Self {
            dtype: DataType::Fp64,
            width: Width::Columns(columns),
        }
    }

    /// What a transformer answers, which has no other method: so many floats for each row.
    pub(crate) fn transformed(method: Method, columns: usize) -> Option<Self> {
        (method == Method::Transform).then(|| Self::numbers(columns))
    }

    /// What a decision function gives: one number for two classes, else one for each.
    pub(crate) fn decision(classes: usize) -> Self {
        if classes <= 2 {
            Self::NUMBER
        } else {
            Self::numbers(classes)
        }
    }

    /// What a classifier of these classes answers: labels, and a probability for each class.
    pub(crate) fn labelled(classes: &Values, method: Method) -> Option<Self> {
        match method {
            Method::Predict => Some(Self::label(classes)),
            Method::PredictProba => Some(Self::numbers(classes.len())),
            _ => None,
        }
    }

    /// A label of one of these classes for each row.
    pub(crate) fn label(classes: &Values) -> Self {
        Self {
            dtype: classes.dtype(),
            width: Width::One,
        }
    }
}

/// Which values an estimator takes beside finite numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// Finite numbers alone.
    #[default]
    Finite,
    /// NaN too, but no infinity.
    Missing,
    /// Whatever comes: it is checked by the estimator itself, or by those that it holds.
    Anything,
}

/// A fitted estimator. Methods are called for tables of the width that was fitted; a method
/// without a [`Form`] is never called.
pub(crate) trait Estimator: Debug + Send + Sync {
    /// Type and shape of what a method answers; none if it does not have that method.
    fn form(&self, method: Method) -> Option<Form>;

    /// Which values it takes.
    fn accepts(&self) -> Accepts {
        Accepts::Finite
    }

    /// What it takes in a column.
    fn takes(&self, column: usize) -> Kind {
        let _ = column;
        Kind::Number
    }

    /// How many columns it takes, if the file says.
    fn width(&self) -> Option<usize> {
        None
    }

    /// Names of the columns that it was fitted with; empty if with none.
    fn names(&self) -> &[String] {
        &[]
    }

    /// Labels of the classes, for each output; none for what is no classifier.
    fn classes(&self) -> &[Values] {
        &[]
    }

    /// `[rows]`, or `[rows, outputs]` row by row.
    ///
    /// # Errors
    /// `InvalidInput` for values that it cannot take; so below.
    fn predict(&self, rows: &Table) -> Result<Values> {
        let _ = rows;
        Err(absent(Method::Predict))
    }

    /// `[rows, classes]` of the only output.
    ///
    /// # Errors
    /// As above.
    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let _ = rows;
        Err(absent(Method::PredictProba))
    }

    /// [`Self::predict_proba`] for each output.
    ///
    /// # Errors
    /// As above.
    fn predict_probas(&self, rows: &Table) -> Result<Vec<Matrix>> {
        Ok(vec![self.predict_proba(rows)?])
    }

    /// `[rows, 1]` for what has one number a row, else `[rows, columns]`.
    ///
    /// # Errors
    /// As above.
    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        let _ = rows;
        Err(absent(Method::DecisionFunction))
    }

    /// `[rows, columns]` of the next step.
    ///
    /// # Errors
    /// As above.
    fn transform(&self, rows: &Table) -> Result<Table> {
        let _ = rows;
        Err(absent(Method::Transform))
    }

    /// The other way round: what `TransformedTargetRegressor` asks of its transformer.
    ///
    /// # Errors
    /// As above, and for a transformer that has no way back.
    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        let _ = rows;
        Err(Error::model("this transformer has no `inverse_transform`"))
    }

    /// A number for each row.
    ///
    /// # Errors
    /// As above.
    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        let _ = rows;
        Err(absent(Method::ScoreSamples))
    }

    /// Bytes that it keeps in memory, roughly.
    fn memory_bytes(&self) -> usize {
        0
    }
}

fn absent(method: Method) -> Error {
    Error::invalid(format!("the model has no method `{}`", method.name()))
}
