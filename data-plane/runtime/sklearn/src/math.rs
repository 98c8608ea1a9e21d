//! Sums, products and functions that several estimators need.

use crate::table::{Csr, Matrix, Table};
use hari_error::Result;

/// Sums that are built side by side, so that they go through vector registers.
const LANES: usize = 8;

/// The sum of products.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}

/// `rows @ weights.T + offsets`: `[rows, weights.rows]`. `offsets` has one value for each row of
/// the weights, one for all, or none.
///
/// # Errors
/// `InvalidInput` for text.
pub(crate) fn affine(rows: &Table, weights: &Matrix, offsets: &[f64]) -> Result<Matrix> {
    let offset = |at: usize| match offsets {
        [all] => *all,
        each => each.get(at).copied().unwrap_or(0.0),
    };
    if let Table::Sparse(rows) = rows {
        return Ok(sparse_affine(rows, weights, offset));
    }
    let rows = rows.dense()?;
    Ok(rows.map_rows(weights.rows, |row, found| {
        for (at, to) in found.iter_mut().enumerate() {
            *to = dot(row, weights.row(at)) + offset(at);
        }
    }))
}

fn sparse_affine(rows: &Csr, weights: &Matrix, offset: impl Fn(usize) -> f64) -> Matrix {
    let mut found = Matrix::zeros(rows.rows(), weights.rows);
    for row in 0..rows.rows() {
        for (at, to) in found.row_mut(row).iter_mut().enumerate() {
            let weights = weights.row(at);
            let products = rows
                .entries(row)
                .map(|(column, value)| value * weights.get(column).copied().unwrap_or(0.0));
            *to = products.sum::<f64>() + offset(at);
        }
    }
    found
}

/// `1 / (1 + exp(-x))`.
pub(crate) fn expit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Makes probabilities of a row of logits.
pub(crate) fn softmax(row: &mut [f64]) {
    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for value in row.iter_mut() {
        *value = (*value - top).exp();
    }
    let sum: f64 = row.iter().sum();
    for value in row {
        *value /= sum;
    }
}

/// `log(sum(exp(row)))`.
pub(crate) fn logsumexp(row: &[f64]) -> f64 {
    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return top;
    }
    row.iter()
        .map(|value| (value - top).exp())
        .sum::<f64>()
        .ln()
        + top
}

/// The place of the largest value, the first of several; NaN counts as the largest, as in numpy.
pub(crate) fn argmax(row: &[f64]) -> usize {
    let mut best = 0;
    for (at, &value) in row.iter().enumerate() {
        let so_far = row.get(best).copied().unwrap_or(f64::NEG_INFINITY);
        if so_far.is_nan() {
            break;
        }
        if value > so_far || value.is_nan() {
            best = at;
        }
    }
    best
}

/// [`argmax`] of each row.
pub(crate) fn argmax_rows(matrix: &Matrix) -> Vec<usize> {
    matrix.iter_rows().map(argmax).collect()
}

/// Class numbers from decisions: above 0 for two classes, else the largest.
pub(crate) fn decided(decisions: &Matrix) -> Vec<usize> {
    if decisions.columns == 1 {
        return decisions
            .values
            .iter()
            .map(|&value| usize::from(value > 0.0))
            .collect();
    }
    argmax_rows(decisions)
}
