//! `IsolationForest`: how early random splits tell a row from the others.
//!
//! A leaf says its depth, plus the mean depth of a tree over the samples that it did not tell
//! apart. The score is `2 ** -(mean of the trees / that mean for the samples of one tree)`.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::tree::{Forest, Planter, Records, count_of};
use crate::values::Values;
use crate::version;

/// Euler's constant, `numpy.euler_gamma`.
const EULER: f64 = 0.577_215_664_901_532_9;

#[derive(Debug)]
pub(super) struct IsolationForest {
    forest: Forest,
    /// What depths are divided by.
    scale: f64,
    offset: f64,
    accepts: Accepts,
}

impl IsolationForest {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let trees = cursor.attribute("estimators_")?.items()?;
        let columns = cursor.attribute("estimators_features_")?.items()?;
        if columns.len() != trees.len() || trees.is_empty() {
            return Err(cursor.refuse(format_args!(
                "{} trees have {} lists of features",
                trees.len(),
                columns.len()
            )));
        }
        let width = count_of(&cursor.attribute("n_features_in_")?)?;
        let mut planter = Planter::new(reader, width, 1);
        for (tree, columns) in trees.iter().zip(&columns) {
            plant(&mut planter, tree, &super::places(columns)?)?;
        }
        let samples = cursor.attribute("max_samples_")?.integer()?;
        // Since 1.6 whatever comes is taken, infinities too.
        let accepts = match version::of(cursor) >= (1, 6) {
            true => Accepts::Anything,
            false => Accepts::Finite,
        };
        Ok(Box::new(Self {
            forest: planter.finish(),
            scale: trees.len() as f64 * mean_depth(samples),
            offset: cursor.attribute("offset_")?.float()?,
            accepts,
        }))
    }
}

/// Adds a tree that was trained with these columns alone.
fn plant(planter: &mut Planter<'_>, tree: &Cursor<'_>, columns: &[usize]) -> Result<()> {
    let depths = depths(&Records::read(&tree.attribute("tree_")?)?);
    let depth = |at: usize| depths.get(at).copied().unwrap_or_default();
    // A feature that does not exist is refused by the builder.
    let feature = |at: usize| columns.get(at).copied().unwrap_or(usize::MAX);
    planter.numbers(tree, 0, feature, |records, at| {
        f64::from(depth(at)) + mean_depth(records.samples(at)) - 1.0
    })
}

/// Nodes on the way to each node, itself included. Children come behind their parents, which the
/// builder checks.
fn depths(records: &Records<'_>) -> Vec<u32> {
    let mut depths = vec![1_u32; records.len()];
    for at in 0..records.len() {
        let Some(split) = records.split(at) else {
            continue;
        };
        let below = depths.get(at).map_or(1, |depth| depth.saturating_add(1));
        for child in [split.left, split.right] {
            if let Some(depth) = depths.get_mut(child) {
                *depth = below;
            }
        }
    }
    depths
}

/// The mean depth of a random tree that tells so many samples apart.
fn mean_depth(samples: i64) -> f64 {
    match samples {
        ..=1 => 0.0,
        2 => 1.0,
        more => {
            let count = more as f64;
            2.0 * ((count - 1.0).ln() + EULER) - 2.0 * (count - 1.0) / count
        }
    }
}

impl Estimator for IsolationForest {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict => Some(Form::INTEGER),
            Method::DecisionFunction | Method::ScoreSamples => Some(Form::NUMBER),
            Method::PredictProba | Method::Transform => None,
        }
    }

    fn accepts(&self) -> Accepts {
        self.accepts
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let normal = |&decision: &f64| if decision < 0.0 { -1 } else { 1 };
        let decisions = self.decision_function(rows)?;
        Ok(Values::Integers(
            decisions.values.iter().map(normal).collect(),
        ))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        let scores = self.score_samples(rows)?;
        let decisions = scores.into_iter().map(|score| score - self.offset);
        Ok(Matrix::column_of(decisions.collect()))
    }

    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        let score = |depth: f64| match self.scale {
            0.0 => -0.5,
            scale => -(-depth / scale).exp2(),
        };
        let depths = self.forest.sums(rows)?.values;
        Ok(depths.into_iter().map(score).collect())
    }

    fn memory_bytes(&self) -> usize {
        self.forest.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_depth_is_that_of_the_paper() {
        assert_eq!([0, 1, 2].map(mean_depth), [0.0, 0.0, 1.0]);
        assert!((mean_depth(5) - 2.327_020_052_4).abs() < 1e-9);
        assert!((mean_depth(999) - 12.967_939_884).abs() < 1e-8);
    }
}
