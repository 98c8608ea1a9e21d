//! One tree, from the lines of a section to drafts of nodes.
//!
//! Inner nodes come first, then leaves: child `-1` is leaf 0, child `-2` leaf 1, and so on.

use hari_error::{Error, Result};

use super::text::Section;
use crate::flat::{Branch, Draft, Leaf, Linear, Test};

/// Bits of `decision_type`; above them, the kind of missing values.
const CATEGORICAL: i64 = 1;
const DEFAULT_LEFT: i64 = 2;

/// Inner nodes as columns.
struct Columns {
    feature: Vec<usize>,
    threshold: Vec<f64>,
    decision: Vec<i64>,
    left: Vec<i64>,
    right: Vec<i64>,
    /// Where the words of each set start, and where those of the last end.
    boundaries: Vec<usize>,
    words: Vec<u32>,
}

/// The nodes of a tree. `budget` is how many words sets of categories may take yet.
///
/// # Errors
/// If a line is missing, or a node is wrong, with its number.
pub(super) fn drafts(section: &Section<'_>, budget: &mut usize) -> Result<Vec<Draft<f64>>> {
    let leaves = leaves(section)?;
    let inner = leaves.len() - 1;
    let columns = Columns {
        feature: section.exactly("split_feature", inner)?,
        threshold: section.exactly("threshold", inner)?,
        decision: match section.find("decision_type") {
            Some(_) => section.exactly("decision_type", inner)?,
            None => vec![0; inner],
        },
        left: section.exactly("left_child", inner)?,
        right: section.exactly("right_child", inner)?,
        boundaries: section.numbers("cat_boundaries")?,
        words: section.numbers("cat_threshold")?,
    };
    let mut drafts = Vec::new();
    for at in 0..inner {
        let branch = columns.branch(at, budget);
        let branch = branch.map_err(|error| error.context(format!("node {at}")))?;
        drafts.push(Draft::Split(branch));
    }
    drafts.extend(leaves.into_iter().map(Draft::Leaf));
    Ok(drafts)
}

fn leaves(section: &Section<'_>) -> Result<Vec<Leaf<f64>>> {
    let values: Vec<f64> = section.numbers("leaf_value")?;
    let count = section.count("num_leaves")?;
    if values.len() != count || count == 0 {
        return Err(Error::model(format!(
            "`leaf_value`: expected {count} numbers, and at least one, found {}",
            values.len()
        )));
    }
    if section.count_or("is_linear", 0)? == 0 {
        return Ok(values.into_iter().map(Leaf::Value).collect());
    }
    let constants: Vec<f64> = section.exactly("leaf_const", count)?;
    let sizes: Vec<usize> = section.exactly("num_features", count)?;
    let total = sizes
        .iter()
        .try_fold(0_usize, |sum, &size| sum.checked_add(size));
    let total = total.unwrap_or(usize::MAX);
    let features: Vec<u32> = section.exactly("leaf_features", total)?;
    let coefficients: Vec<f64> = section.exactly("leaf_coeff", total)?;
    let mut terms = features.into_iter().zip(coefficients);
    let leaves = values.into_iter().zip(constants).zip(sizes);
    Ok(leaves
        .map(|((value, constant), size)| {
            let terms = terms.by_ref().take(size).collect();
            Leaf::Linear(Linear { constant, terms }, value)
        })
        .collect())
}

impl Columns {
    fn branch(&self, at: usize, budget: &mut usize) -> Result<Branch<f64>> {
        let decision = column(&self.decision, at)?;
        let threshold = column(&self.threshold, at)?;
        let categorical = decision & CATEGORICAL != 0;
        let (test, missing_left, zero_missing) = if categorical {
            (Test::In(self.set(threshold, budget)?), false, false)
        } else {
            let (left, zero) = missing(decision, threshold)?;
            (Test::Below(threshold), left, zero)
        };
        Ok(Branch {
            feature: column(&self.feature, at)?,
            test,
            missing_left,
            zero_missing,
            left: self.child(column(&self.left, at)?),
            right: self.child(column(&self.right, at)?),
        })
    }

    /// The place of a child in the list of inner nodes and leaves.
    fn child(&self, child: i64) -> usize {
        let place = match child {
            0.. => Some(child),
            leaf => (!leaf).checked_add(self.left.len() as i64),
        };
        // An inner node that does not exist must not be taken for a leaf.
        let inner = child < 0 || child < self.left.len() as i64;
        place
            .filter(|_| inner)
            .and_then(|place| usize::try_from(place).ok())
            .unwrap_or(usize::MAX)
    }

    /// The set of categories of this number.
    fn set(&self, number: f64, budget: &mut usize) -> Result<Box<[u32]>> {
        let at = number as usize;
        let (start, end) = (
            self.boundaries.get(at),
            self.boundaries.get(at.saturating_add(1)),
        );
        let words = start
            .zip(end)
            .and_then(|(&start, &end)| self.words.get(start..end));
        let words = words.ok_or_else(|| {
            Error::model(format!(
                "its set of categories, number {number}, does not exist"
            ))
        })?;
        *budget = budget
            .checked_sub(words.len())
            .ok_or_else(|| Error::model("its set of categories is shared by too many nodes"))?;
        Ok(words.into())
    }
}

fn column<T: Copy>(column: &[T], at: usize) -> Result<T> {
    let found = column.get(at).copied();
    found.ok_or_else(|| Error::model(format!("node {at} is missing")))
}

/// Where a missing value goes, and whether zero is missing. Where a split knows no missing values,
/// NaN is compared as zero.
fn missing(decision: i64, threshold: f64) -> Result<(bool, bool)> {
    let left = decision & DEFAULT_LEFT != 0;
    match decision >> 2 {
        0 => Ok((0.0 <= threshold, false)),
        1 => Ok((left, true)),
        2 => Ok((left, false)),
        _ => Err(Error::model(format!(
            "`decision_type` {decision} is not known"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_are_of_three_kinds() {
        assert_eq!(missing(0, 1.0).unwrap(), (true, false));
        assert_eq!(missing(2, -1.0).unwrap(), (false, false));
        assert_eq!(missing(4, 1.0).unwrap(), (false, true));
        assert_eq!(missing(2 | 4, 1.0).unwrap(), (true, true));
        assert_eq!(missing(2 | 8, -1.0).unwrap(), (true, false));
        assert!(missing(12, 0.0).is_err() && missing(-1, 0.0).is_err());
    }
}
