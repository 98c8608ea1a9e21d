//! Scores of rows: blocks of rows, tree by tree, so that a tree stays in the cache.

use std::sync::OnceLock;

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::aggregate::Aggregate;
use super::flat::{Parsed, Real, Trees};
use crate::families::kernel::{matrix, singles};
use crate::size;

/// Rows that go through a tree together.
const BLOCK: usize = 64;

/// A score, if any leaf gave one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score<T> {
    pub(super) value: T,
    pub(super) given: bool,
}

/// The scores of one row, widened.
pub(super) struct Row {
    pub(super) scores: Vec<Score<f64>>,
    /// Whether they were summed in FP32, and every step is rounded to it.
    single: bool,
}

impl Row {
    fn of<T: Real>(scores: &[Score<T>]) -> Self {
        let wide = scores.iter().map(|score| Score {
            value: score.value.wide(),
            given: score.given,
        });
        Self {
            scores: wide.collect(),
            single: T::DTYPE == DataType::Fp32,
        }
    }

    /// A result in the precision of the scores.
    pub(super) fn round(&self, value: f64) -> f64 {
        if self.single {
            f64::from(value as f32)
        } else {
            value
        }
    }
}

/// What the scores of a table of rows are made of.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    width: usize,
    targets: usize,
    aggregate: Aggregate,
}

/// Trees in the precision that the input asks for.
pub(super) struct Forest {
    parsed: Parsed,
    features: usize,
    single: OnceLock<Trees<f32>>,
    double: OnceLock<Trees<f64>>,
}

impl Forest {
    /// From checked trees.
    pub(super) fn new(parsed: Parsed) -> Self {
        Self {
            features: parsed.features(),
            parsed,
            single: OnceLock::new(),
            double: OnceLock::new(),
        }
    }

    /// The scores of every row as `finish` leaves them: FP64 if trees or rows are, else FP32.
    pub(super) fn run(
        &self,
        x: &Tensor,
        aggregate: Aggregate,
        finish: impl FnMut(&Row) -> Vec<f64>,
    ) -> Result<Tensor> {
        let (rows, width) = matrix(x)?;
        if width < self.features {
            return Err(Error::invalid(format!(
                "expected at least {} features, found {width}",
                self.features
            )));
        }
        let shape = Shape {
            rows,
            width,
            targets: self.parsed.targets,
            aggregate,
        };
        size::count(&[rows, shape.targets], DataType::Fp64)?;
        if x.dtype() == DataType::Fp64 || self.parsed.double {
            let trees = self.double.get_or_init(|| Trees::new(&self.parsed));
            blocks(trees, &x.to_f64()?, shape, finish)
        } else {
            let trees = self.single.get_or_init(|| Trees::new(&self.parsed));
            blocks(trees, &singles(x)?, shape, finish)
        }
    }
}

/// The scores of all rows, finished.
fn blocks<T: Real>(
    trees: &Trees<T>,
    x: &[T],
    shape: Shape,
    mut finish: impl FnMut(&Row) -> Vec<f64>,
) -> Result<Tensor> {
    let mut made = Vec::with_capacity(shape.rows * shape.targets);
    let mut columns = shape.targets;
    for block in x.chunks(BLOCK * shape.width.max(1)) {
        let scores = block_scores(trees, block, shape);
        for row in scores.chunks(shape.targets) {
            let finished = finish(&Row::of(row));
            columns = finished.len();
            made.extend(finished.into_iter().map(T::of));
        }
    }
    Tensor::from_vec([shape.rows, columns], made)
}

/// The scores of the rows of a block, before they are finished.
fn block_scores<T: Real>(trees: &Trees<T>, block: &[T], shape: Shape) -> Vec<Score<T>> {
    let none = Score {
        value: T::zero(),
        given: false,
    };
    let rows = block.len().checked_div(shape.width).unwrap_or(0);
    let mut scores = vec![none; rows * shape.targets];
    trees.walk(block, shape.width, |row, weights| {
        for &(target, weight) in weights {
            if let Some(score) = scores.get_mut(row * shape.targets + target as usize) {
                shape.aggregate.add(score, weight);
            }
        }
    });
    scores
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::flat::{Child, Draft, Mode, Weight};
    use super::*;

    /// A stump for each threshold: one below it or at it, else nothing.
    fn stumps(thresholds: &[f64]) -> Forest {
        let splits = thresholds.iter().enumerate().map(|(at, &threshold)| Draft {
            threshold,
            feature: at as i64 % 2,
            mode: Mode::LessOrEqual,
            missing_is_true: false,
            yes: Child::Leaf(0),
            no: Child::Leaf(1),
        });
        let weight = Weight {
            target: 0,
            value: 1.0,
        };
        let parsed = Parsed {
            splits: splits.collect(),
            roots: (0..thresholds.len()).map(Child::Split).collect(),
            leaves: vec![vec![weight], Vec::new()],
            sets: Vec::new(),
            targets: 1,
            double: false,
        };
        Forest::new(parsed.checked().unwrap())
    }

    fn plain(row: &Row) -> Vec<f64> {
        row.scores.iter().map(|score| score.value).collect()
    }

    proptest! {
        /// Blocks cut the rows nowhere that could be seen.
        #[test]
        fn many_rows_score_as_each_alone(
            rows in prop::collection::vec((-3.0..3.0_f32, -3.0..3.0_f32), 0..200),
            thresholds in prop::collection::vec(-2.0..2.0_f64, 1..9),
        ) {
            let forest = stumps(&thresholds);
            let flat: Vec<f32> = rows.iter().flat_map(|&(a, b)| [a, b]).collect();
            let x = Tensor::from_vec([rows.len(), 2], flat).unwrap();
            let all = forest.run(&x, Aggregate::Sum, plain).unwrap().to_vec::<f32>().unwrap();
            for (&(a, b), score) in rows.iter().zip(all) {
                let below = thresholds.iter().enumerate().filter(|(at, t)| {
                    let value = if at % 2 == 0 { a } else { b };
                    value <= **t as f32
                });
                prop_assert_eq!(below.count() as f32, score);
            }
        }
    }

    #[test]
    fn doubles_are_compared_as_doubles() {
        let forest = stumps(&[1.0]);
        let just_above = Tensor::from_vec([1, 1], vec![1.0 + 1e-12_f64]).unwrap();
        let made = forest.run(&just_above, Aggregate::Sum, plain).unwrap();
        assert_eq!(made.to_vec::<f64>().unwrap(), [0.0]);
        let narrow = Tensor::from_vec([1, 1], vec![1.0_f32]).unwrap();
        let made = forest.run(&narrow, Aggregate::Sum, plain).unwrap();
        assert_eq!(made.to_vec::<f32>().unwrap(), [1.0]);
    }

    #[test]
    fn too_few_features_are_refused() {
        let forest = stumps(&[0.0, 1.0]);
        let narrow = Tensor::from_vec([1, 1], vec![1.0_f32]).unwrap();
        let error = forest.run(&narrow, Aggregate::Sum, plain).unwrap_err();
        assert_eq!(error.message(), "expected at least 2 features, found 1");
    }
}
