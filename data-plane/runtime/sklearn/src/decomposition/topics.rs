//! `LatentDirichletAllocation`: how much of each topic is in a document.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use crate::attributes::{count, matrix, number};
use crate::estimator::{Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Csr, Matrix, Table};

use super::most_rounds;

#[derive(Debug)]
pub(super) struct LatentDirichlet {
    /// `[words, topics]`.
    words: Matrix,
    prior: f64,
    rounds: usize,
    /// Rounds end where the mean change is below.
    tolerance: f64,
}

impl LatentDirichlet {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let topics = matrix(cursor, "exp_dirichlet_component_")?;
        Ok(Box::new(Self {
            words: super::equations::transposed(&topics),
            prior: cursor.attribute("doc_topic_prior_")?.float()?,
            rounds: most_rounds(cursor, count(cursor, "max_doc_update_iter")?)?,
            tolerance: number(cursor, "mean_change_tol")?.unwrap_or(0.0),
        }))
    }

    /// The share of each topic in a document of so many of each word.
    fn shares(&self, words: &[(usize, f64)], found: &mut [f64]) {
        let topics = self.words.columns;
        let mut shares = vec![1.0; topics];
        let mut weights = vec![(psi(1.0) - psi(topics as f64)).exp(); topics];
        for _ in 0..self.rounds {
            let next = self.round(words, &mut weights);
            let change = shares.iter().zip(&next).map(|(old, new)| (old - new).abs());
            let change = change.sum::<f64>() / topics as f64;
            shares = next;
            if change < self.tolerance {
                break;
            }
        }
        let sum: f64 = shares.iter().sum();
        for (to, share) in found.iter_mut().zip(shares) {
            *to = share / sum;
        }
    }

    fn round(&self, words: &[(usize, f64)], weights: &mut [f64]) -> Vec<f64> {
        let mut found = vec![0.0; weights.len()];
        for &(word, count) in words {
            let topics = self.words.row(word);
            let norm = crate::math::dot(weights, topics) + f64::EPSILON;
            for (to, topic) in found.iter_mut().zip(topics) {
                *to += count / norm * topic;
            }
        }
        for (to, weight) in found.iter_mut().zip(weights.iter()) {
            *to = *to * weight + self.prior;
        }
        let total = psi(found.iter().sum());
        for (weight, share) in weights.iter_mut().zip(&found) {
            *weight = (psi(*share) - total).exp();
        }
        found
    }
}

/// The digamma function as scikit-learn approximates it: J. Bernardo, "Algorithm AS 103".
fn psi(x: f64) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    if x.is_nan() || x <= 1e-6 {
        return -EULER - 1.0 / x;
    }
    let (mut x, mut found) = (x, 0.0);
    while x < 6.0 {
        found -= 1.0 / x;
        x += 1.0;
    }
    let inverse = 1.0 / x;
    found += x.ln() - 0.5 * inverse;
    let square = inverse * inverse;
    found - square * (1.0 / 12.0 - square * (1.0 / 120.0 - square * (1.0 / 252.0)))
}

impl Estimator for LatentDirichlet {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.words.columns)
    }

    fn width(&self) -> Option<usize> {
        Some(self.words.rows)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let counts = match rows {
            Table::Sparse(counts) => counts.clone(),
            other => Csr::from_dense(&*other.dense()?),
        };
        if counts.values.iter().any(|&count| count < 0.0) {
            return Err(Error::invalid(
                "words are counted: expected no number below 0",
            ));
        }
        let mut found = Matrix::zeros(counts.rows(), self.words.columns);
        for row in 0..counts.rows() {
            let words: Vec<_> = counts.entries(row).collect();
            self.shares(&words, found.row_mut(row));
        }
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        self.words.values.len() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digamma_function_is_near() {
        for x in [0.3, 1.0, 7.5, 100.0] {
            assert!((psi(x) - crate::special::digamma(x)).abs() < 1e-8, "{x}");
        }
        assert!(psi(f64::NAN).is_nan());
    }
}
