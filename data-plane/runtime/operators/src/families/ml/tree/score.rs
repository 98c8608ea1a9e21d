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
        finish: impl FnMut(Row) -> Vec<f64>,
    ) -> Result<Tensor> {
        let (rows, width) = matrix(x)?;
        if width < self.features {
            return Err(Error::invalid(format!(
                "expected at least {} features, found {width}",
                self.features
            )));
        }
        size::count(&[rows, self.parsed.targets], DataType::Fp64)?;
        if x.dtype() == DataType::Fp64 || self.parsed.double {
            let trees = self.double.get_or_init(|| Trees::new(&self.parsed));
            self.blocks(trees, &x.to_f64()?, (rows, width), aggregate, finish)
        } else {
            let trees = self.single.get_or_init(|| Trees::new(&self.parsed));
            self.blocks(trees, &singles(x)?, (rows, width), aggregate, finish)
        }
    }

    fn blocks<T: Real>(
        &self,
        trees: &Trees<T>,
        x: &[T],
        (rows, width): (usize, usize),
        aggregate: Aggregate,
        mut finish: impl FnMut(Row) -> Vec<f64>,
    ) -> Result<Tensor> {
        let targets = self.parsed.targets;
        let mut made = Vec::with_capacity(rows * targets);
        let mut columns = targets;
        for block in x.chunks(BLOCK * width.max(1)) {
            let scores = block_scores(trees, block, (width, targets), aggregate);
            for row in scores.chunks(targets) {
                let finished = finish(Row::of(row));
                columns = finished.len();
                made.extend(finished.into_iter().map(T::of));
            }
        }
        Tensor::from_vec([rows, columns], made)
    }
}

/// The scores of the rows of a block, before they are finished.
fn block_scores<T: Real>(
    trees: &Trees<T>,
    block: &[T],
    (width, targets): (usize, usize),
    aggregate: Aggregate,
) -> Vec<Score<T>> {
    let none = Score {
        value: T::zero(),
        given: false,
    };
    let rows = block.len().checked_div(width).unwrap_or(0);
    let mut scores = vec![none; rows * targets];
    trees.walk(block, width, |row, weights| {
        for &(target, weight) in weights {
            if let Some(score) = scores.get_mut(row * targets + target as usize) {
                aggregate.add(score, weight);
            }
        }
    });
    scores
}
