//! Names of classes: integers or byte strings.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::attributes::Attributes;

/// The classes of a classifier, in the order of its scores.
#[derive(Debug)]
pub(crate) enum Labels {
    Ints(Vec<i64>),
    Strings(Vec<Bytes>),
}

impl Labels {
    /// From the attribute of strings if it names any, else from the one of integers.
    pub(crate) fn of(attributes: Attributes<'_>, ints: &str) -> Result<Self> {
        let strings = attributes.strings("classlabels_strings")?.unwrap_or(&[]);
        if !strings.is_empty() {
            return Ok(Self::Strings(strings.to_vec()));
        }
        let numbers = attributes.ints(ints)?.unwrap_or(&[]);
        if numbers.is_empty() {
            return Err(Error::model(format!(
                "one of the attributes `classlabels_strings` and `{ints}` is needed"
            )));
        }
        Ok(Self::Ints(numbers.to_vec()))
    }

    /// How many classes there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Ints(labels) => labels.len(),
            Self::Strings(labels) => labels.len(),
        }
    }

    /// The element type of labels.
    pub(crate) fn dtype(&self) -> DataType {
        match self {
            Self::Ints(_) => DataType::Int64,
            Self::Strings(_) => DataType::Bytes,
        }
    }

    /// The labels of the two sides of one score: the classes if there are two, else 0 and 1.
    pub(crate) fn sides(self) -> Self {
        match self {
            Self::Ints(labels) if labels.len() != 2 => Self::Ints(vec![0, 1]),
            Self::Strings(labels) if labels.len() != 2 => {
                Self::Strings(vec![Bytes::from_static(b"0"), Bytes::from_static(b"1")])
            }
            two => two,
        }
    }

    /// The labels of the classes at `picks`, one-dimensional.
    pub(crate) fn pick(&self, picks: &[usize]) -> Result<Tensor> {
        match self {
            Self::Ints(labels) => Tensor::from_vec([picks.len()], chosen(labels, picks)?),
            Self::Strings(labels) => Tensor::from_strings([picks.len()], chosen(labels, picks)?),
        }
    }
}

fn chosen<T: Clone>(labels: &[T], picks: &[usize]) -> Result<Vec<T>> {
    let chosen = picks.iter().map(|&pick| labels.get(pick).cloned());
    chosen
        .collect::<Option<_>>()
        .ok_or_else(|| Error::model(format!("a class has no label: there are {}", labels.len())))
}

/// The first of the largest scores.
pub(crate) fn largest(scores: &[f32]) -> usize {
    let mut best = 0;
    for (at, score) in scores.iter().enumerate() {
        if scores.get(best).is_some_and(|found| score > found) {
            best = at;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_score_has_two_sides_whatever_the_labels() {
        let one = Labels::Strings(vec!["only".into()]).sides();
        let picked = one.pick(&[1, 0]).unwrap();
        assert_eq!(picked.strings().unwrap(), [Bytes::from("1"), "0".into()]);
        let two = Labels::Ints(vec![5, 9]).sides();
        assert_eq!(two.pick(&[1]).unwrap().to_vec::<i64>().unwrap(), [9]);
        assert!(two.pick(&[2]).is_err());
    }

    #[test]
    fn the_first_of_equal_scores_wins() {
        assert_eq!(largest(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(largest(&[f32::NAN, 3.0]), 0);
    }
}
