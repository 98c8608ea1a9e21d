//! How leaves become scores and scores an answer, case by case as ONNX Runtime has them.

use std::collections::HashSet;

use hari_error::{Error, Result};

use super::flat::{Parsed, Real};
use super::score::{Row, Score};
use crate::attributes::Attributes;
use crate::families::ml::transform::{Second, Transform, probit};

/// The attribute `aggregate_function`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Average,
    Sum,
    Min,
    Max,
}

impl Aggregate {
    pub(super) fn of(attributes: Attributes<'_>) -> Result<Self> {
        match attributes.text("aggregate_function")?.unwrap_or("SUM") {
            "AVERAGE" => Ok(Self::Average),
            "SUM" => Ok(Self::Sum),
            "MIN" => Ok(Self::Min),
            "MAX" => Ok(Self::Max),
            other => Err(Error::model(format!(
                "attribute `aggregate_function`: expected AVERAGE, SUM, MIN or MAX, found {other}"
            ))),
        }
    }

    pub(super) fn numbered(number: i64) -> Result<Self> {
        match number {
            0 => Ok(Self::Average),
            1 => Ok(Self::Sum),
            2 => Ok(Self::Min),
            3 => Ok(Self::Max),
            _ => Err(Error::model(format!(
                "attribute `aggregate_function`: expected 0 to 3, found {number}"
            ))),
        }
    }

    /// The score with the weight of one more leaf.
    pub(super) fn add<T: Real>(self, score: &mut Score<T>, weight: T) {
        let replaced = match self {
            Self::Average | Self::Sum => {
                score.value = score.value + weight;
                false
            }
            Self::Min => !score.given || weight < score.value,
            Self::Max => !score.given || weight > score.value,
        };
        if replaced {
            score.value = weight;
        }
        score.given = true;
    }
}

/// What is done to the scores of a row.
pub(super) struct Finish {
    pub(super) aggregate: Aggregate,
    pub(super) transform: Transform,
    pub(super) base: Vec<f64>,
    pub(super) trees: usize,
}

/// What a classifier of two classes knows of its leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    /// Two classes, and all weights are for one of them.
    one: bool,
    /// No weight is negative: they are probabilities.
    positive: bool,
}

impl Sides {
    pub(super) fn of(parsed: &Parsed, classes: usize) -> Self {
        let weights = || parsed.leaves.iter().flatten();
        let targets: HashSet<u32> = weights().map(|weight| weight.target).collect();
        Self {
            one: classes == 2 && targets.len() == 1,
            positive: weights().all(|weight| weight.value >= 0.0),
        }
    }

    /// Which of two classes a score chooses, and how it becomes two.
    fn choose(self, score: f64, second: Second) -> (usize, Second) {
        match (self.one, self.positive) {
            (true, true) => (usize::from(score > 0.5), Second::Complement),
            (true, false) => (usize::from(score > 0.0), Second::Opposite),
            (false, _) => (usize::from(score > 0.0), second),
        }
    }
}

impl Finish {
    fn base(&self, at: usize) -> f64 {
        self.base.get(at).copied().unwrap_or_default()
    }

    /// The targets of a regressor. With one target, only PROBIT is a transform.
    pub(super) fn regression(&self, row: &Row) -> Vec<f64> {
        let alone = row.scores.len() == 1;
        let based = self.base.len() == row.scores.len();
        let values = row.scores.iter().enumerate().map(|(at, score)| {
            let base = if based { self.base(at) } else { 0.0 };
            row.round(self.mean(row, *score) + base)
        });
        let mut values: Vec<f64> = values.collect();
        match (&mut *values, self.transform) {
            ([value], Transform::Probit) => *value = probit(*value),
            _ if alone => {}
            _ => self.transform.finish(&mut values, Second::No),
        }
        values
    }

    fn mean(&self, row: &Row, score: Score<f64>) -> f64 {
        match self.aggregate {
            Aggregate::Average => row.round(score.value / self.trees as f64),
            _ => score.value,
        }
    }

    /// The class that is chosen and the scores of all classes.
    pub(super) fn classification(&self, row: &Row, sides: Sides) -> (usize, Vec<f64>) {
        let (class, second, mut scores) = match row.scores.len() {
            0 | 1 => (0, Second::No, self.single(row)),
            2 => self.two(row, sides),
            _ => self.several(row),
        };
        self.transform.finish(&mut scores, second);
        (class, scores)
    }

    fn single(&self, row: &Row) -> Vec<f64> {
        let base = self.base.last().copied().unwrap_or_default();
        let scores = row.scores.iter();
        scores.map(|score| row.round(score.value + base)).collect()
    }

    fn several(&self, row: &Row) -> (usize, Second, Vec<f64>) {
        let mut best: Option<(usize, f64)> = None;
        let mut values = Vec::with_capacity(row.scores.len());
        for (at, score) in row.scores.iter().enumerate() {
            let value = row.round(score.value + self.base(at));
            let given = score.given || at < self.base.len();
            if given && best.is_none_or(|(_, found)| value > found) {
                best = Some((at, value));
            }
            values.push(value);
        }
        (best.map_or(0, |(at, _)| at), Second::No, values)
    }

    /// Two classes, of which the leaves may know one alone. One base value belongs to the first
    /// score; of two, the first is not used where both classes have weights.
    fn two(&self, row: &Row, sides: Sides) -> (usize, Second, Vec<f64>) {
        let [first, second] = *row.scores else {
            return (0, Second::No, Vec::new());
        };
        let plus = |value: f64, at: usize| row.round(value + self.base(at));
        let (values, more) = match (self.base.len(), second.given) {
            (2, true) => {
                let value = plus(first.value, 1);
                (vec![-value, value], Second::No)
            }
            // A score that no leaf gave stays zero.
            (2, false) => (vec![plus(first.value, 0), 0.0], Second::No),
            (1, true) => (vec![plus(first.value, 0), second.value], Second::No),
            (1, false) => (vec![plus(first.value, 0)], Second::No),
            (0, false) => (vec![first.value], Second::Opposite),
            (0, true) => (vec![first.value, second.value], Second::Opposite),
            _ => (vec![first.value, second.value], Second::No),
        };
        let deciding = match (&*values, second.given) {
            ([_, second], true) => *second,
            ([value, ..], _) if first.given => *value,
            _ => 0.0,
        };
        let (class, more) = sides.choose(deciding, more);
        (class, more, values)
    }
}
