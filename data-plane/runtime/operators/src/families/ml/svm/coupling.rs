//! Probabilities of classes from decisions between pairs of them: the second method of Wu, Lin and
//! Weng, "Probability Estimates for Multi-class Classification by Pairwise Coupling" (2004), with
//! libsvm's limit of rounds and tolerance.

use crate::families::ml::transform::logistic;

/// The tolerance of libsvm, shared by the classes.
const TOLERANCE: f32 = 0.005;
const ROUNDS: usize = 100;

/// The probability that the first of a pair is right, by Platt's sigmoid.
pub(super) fn platt(score: f32, a: f32, b: f32) -> f32 {
    let probability = 1.0 - logistic(f64::from(score * a + b)) as f32;
    probability.clamp(1e-7, 1.0 - 1e-7)
}

/// A square matrix.
struct Square {
    values: Vec<f32>,
    size: usize,
}

impl Square {
    fn zeros(size: usize) -> Self {
        Self {
            values: vec![0.0; size * size],
            size,
        }
    }

    fn at(&self, row: usize, column: usize) -> f32 {
        let found = self.values.get(row * self.size + column);
        found.copied().unwrap_or_default()
    }

    fn set(&mut self, row: usize, column: usize, value: f32) {
        if let Some(cell) = self.values.get_mut(row * self.size + column) {
            *cell = value;
        }
    }
}

/// Probabilities of `classes` from those of the pairs (0, 1), (0, 2), ..., (1, 2), ...
pub(super) fn couple(classes: usize, pairs: &[f32]) -> Vec<f32> {
    let q = quadratic(&against(classes, pairs));
    let mut p = vec![1.0 / classes as f32; classes];
    let tolerance = TOLERANCE / classes as f32;
    for _ in 0..ROUNDS {
        let mut qp: Vec<f32> = (0..classes).map(|row| product(&q, row, &p)).collect();
        let mut pqp: f32 = p.iter().zip(&qp).map(|(p, qp)| p * qp).sum();
        let error = qp.iter().map(|qp| (qp - pqp).abs()).fold(0.0, f32::max);
        if error < tolerance {
            break;
        }
        for class in 0..classes {
            improve(class, &q, &mut p, &mut qp, &mut pqp);
        }
    }
    p
}

/// Which class wins against which, with what probability.
fn against(classes: usize, pairs: &[f32]) -> Square {
    let mut r = Square::zeros(classes);
    let all = (0..classes).flat_map(|i| (i + 1..classes).map(move |j| (i, j)));
    for ((i, j), &probability) in all.zip(pairs) {
        r.set(i, j, probability);
        r.set(j, i, 1.0 - probability);
    }
    r
}

/// The matrix of the quadratic form that the probabilities minimise.
fn quadratic(r: &Square) -> Square {
    let mut q = Square::zeros(r.size);
    for i in 0..r.size {
        let others = (0..r.size).filter(|&j| j != i);
        q.set(i, i, others.map(|j| r.at(j, i) * r.at(j, i)).sum());
        for j in i + 1..r.size {
            let value = -r.at(j, i) * r.at(i, j);
            q.set(i, j, value);
            q.set(j, i, value);
        }
    }
    q
}

fn product(q: &Square, row: usize, p: &[f32]) -> f32 {
    let products = p
        .iter()
        .enumerate()
        .map(|(column, p)| q.at(row, column) * p);
    products.sum()
}

/// One step along the axis of one class, after which the probabilities sum to one again.
fn improve(class: usize, q: &Square, p: &mut [f32], qp: &mut [f32], pqp: &mut f32) {
    let (Some(own), diagonal) = (qp.get(class).copied(), q.at(class, class)) else {
        return;
    };
    let step = (*pqp - own) / diagonal;
    if let Some(p) = p.get_mut(class) {
        *p += step;
    }
    let whole = 1.0 + step;
    *pqp = (*pqp + step * (step * diagonal + 2.0 * own)) / whole / whole;
    for (column, (p, qp)) in p.iter_mut().zip(qp).enumerate() {
        *qp = (*qp + step * q.at(class, column)) / whole;
        *p /= whole;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_classes_keep_the_probability_of_their_pair() {
        let p = couple(2, &[0.8]);
        assert!(
            (p[0] - 0.8).abs() < 5e-3 && (p[1] - 0.2).abs() < 5e-3,
            "{p:?}"
        );
    }

    #[test]
    fn the_class_that_wins_all_its_pairs_is_the_likeliest() {
        let p = couple(3, &[0.1, 0.7, 0.9]);
        assert!(p[1] > p[0] && p[0] > p[2], "{p:?}");
    }

    proptest! {
        #[test]
        fn probabilities_sum_to_one(pairs in prop::collection::vec(0.001_f32..0.999, 6)) {
            let p = couple(4, &pairs);
            prop_assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{:?}", p);
            prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", p);
        }
    }
}
