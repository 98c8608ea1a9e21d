//! Decompositions that multiply rows by a matrix.

use std::f64::consts::PI;

use hari_error::Result;
use hari_pickle::Cursor;

use super::equations::{log_determinant, product, solve, transposed};
use super::paired_components;
use crate::attributes::{flag, matrix, number, numbers_of};
use crate::estimator::{Estimator, Form, Method};
use crate::math::{affine, dot};
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::version;

/// `(rows - mean) @ weights.T / scale`.
#[derive(Debug)]
struct Linear {
    weights: Matrix,
    /// Of each column; empty if it is not taken away.
    mean: Vec<f64>,
    /// Of each component; empty if it is not divided.
    scale: Vec<f64>,
    likelihood: Option<Likelihood>,
}

/// `PCA`.
pub(super) fn pca(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let linear = principal(cursor)?;
    let count = linear.weights.rows;
    let variances = numbers_of(cursor, "explained_variance_", count)?;
    let noise = number(cursor, "noise_variance_")?.unwrap_or(0.0);
    let whiten = flag(cursor, "whiten")?;
    // Beyond the noise; scikit-learn takes it times the variance once more where it whitens.
    let along: Vec<f64> = variances
        .iter()
        .map(|one| (one - noise).max(0.0) * if whiten { *one } else { 1.0 } + noise)
        .collect();
    let width = linear.weights.columns;
    let likelihood = Some(Likelihood::principal(&along, noise, width));
    Ok(Box::new(Linear {
        likelihood,
        ..linear
    }))
}

/// `IncrementalPCA`, which does not say how likely a row is.
pub(super) fn incremental_pca(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(Box::new(principal(cursor)?))
}

fn principal(cursor: &Cursor<'_>) -> Result<Linear> {
    let weights = matrix(cursor, "components_")?;
    let scale = match flag(cursor, "whiten")? {
        true => spread(cursor, weights.rows)?,
        false => Vec::new(),
    };
    let mean = match cursor.attribute("mean_")?.optional() {
        Some(_) => numbers_of(cursor, "mean_", weights.columns)?,
        None => Vec::new(),
    };
    Ok(Linear {
        weights,
        mean,
        scale,
        likelihood: None,
    })
}

/// The standard deviation of each component.
fn spread(cursor: &Cursor<'_>, count: usize) -> Result<Vec<f64>> {
    let variances = numbers_of(cursor, "explained_variance_", count)?;
    // Components without variance are bounded from 1.5 on.
    let least = match version::of(cursor) < (1, 5) {
        true => 0.0,
        false => f64::EPSILON,
    };
    Ok(variances
        .into_iter()
        .map(|one| one.sqrt().max(least))
        .collect())
}

/// `TruncatedSVD`.
pub(super) fn truncated_svd(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let weights = matrix(cursor, "components_")?;
    Ok(Box::new(Linear::plain(weights, Vec::new())))
}

/// `FastICA`.
pub(super) fn fast_ica(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let weights = matrix(cursor, "components_")?;
    let whiten = cursor.attribute("whiten")?;
    let mean = match whiten.boolean() {
        Ok(false) => Vec::new(),
        _ => numbers_of(cursor, "mean_", weights.columns)?,
    };
    Ok(Box::new(Linear::plain(weights, mean)))
}

/// `FactorAnalysis`: what the factors are likely to be.
pub(super) fn factor_analysis(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let components = paired_components(cursor)?;
    let noise = numbers_of(cursor, "noise_variance_", components.columns)?;
    let weighted = components.map_rows(components.columns, |row, found| {
        for (to, (value, noise)) in found.iter_mut().zip(row.iter().zip(&noise)) {
            *to = value / noise;
        }
    });
    let square = raised(product(&weighted, &components), 1.0);
    let both = solve(&square, &weighted).zip(log_determinant(&square));
    let (weights, log_determinant) =
        both.ok_or_else(|| cursor.refuse("its factors are not independent"))?;
    let spread = noise.iter().map(|noise| noise.ln()).sum::<f64>();
    let likelihood = Some(Likelihood {
        level: gaussian(components.columns, spread + log_determinant),
        noise: noise.iter().map(|noise| 1.0 / noise).collect(),
        explained: Explained::By(weighted),
    });
    let mean = numbers_of(cursor, "mean_", components.columns)?;
    let linear = Linear::plain(weights, mean);
    Ok(Box::new(Linear {
        likelihood,
        ..linear
    }))
}

/// `SparsePCA` and `MiniBatchSparsePCA`: the least squares of a row on the components, with a ridge.
pub(super) fn sparse_pca(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let components = paired_components(cursor)?;
    let ridge = number(cursor, "ridge_alpha")?.unwrap_or(0.01);
    let weights = solve(
        &raised(product(&components, &components), ridge),
        &components,
    );
    let weights = weights.ok_or_else(|| cursor.refuse("its components are not independent"))?;
    let mean = numbers_of(cursor, "mean_", components.columns)?;
    Ok(Box::new(Linear::plain(weights, mean)))
}

/// The same with `by` added to the diagonal.
fn raised(mut square: Matrix, by: f64) -> Matrix {
    for at in 0..square.rows {
        if let Some(value) = square.row_mut(at).get_mut(at) {
            *value += by;
        }
    }
    square
}

impl Linear {
    fn plain(weights: Matrix, mean: Vec<f64>) -> Self {
        Self {
            weights,
            mean,
            scale: Vec::new(),
            likelihood: None,
        }
    }

    fn projected(&self, rows: &Table) -> Result<Matrix> {
        match self.mean.is_empty() {
            true => affine(rows, &self.weights, &[]),
            false => affine(&self.centred(rows)?.into(), &self.weights, &[]),
        }
    }

    fn centred(&self, rows: &Table) -> Result<Matrix> {
        let mut away = rows.dense()?.into_owned();
        for row in 0..away.rows {
            for (value, mean) in away.row_mut(row).iter_mut().zip(&self.mean) {
                *value -= mean;
            }
        }
        Ok(away)
    }
}

/// How likely a row is under the normal distribution that was fitted. The inverse of its covariance
/// is never written out: Woodbury's identity takes what components explain off what noise alone
/// would say.
#[derive(Debug)]
struct Likelihood {
    /// The log-likelihood of the mean.
    level: f64,
    /// The inverse of the noise of each column.
    noise: Vec<f64>,
    explained: Explained,
}

/// What is taken off, from the components of a row.
#[derive(Debug)]
enum Explained {
    /// The square of each component with a factor, the components being orthonormal.
    Each(Vec<f64>),
    /// The product of the components with the row times these.
    By(Matrix),
}

/// The log-likelihood of the mean, by the width and the log-determinant of the covariance.
fn gaussian(width: usize, log_determinant: f64) -> f64 {
    -0.5 * (width as f64 * (2.0 * PI).ln() + log_determinant)
}

impl Likelihood {
    /// Of `PCA`: the variances of the components, and the noise in all other directions.
    fn principal(variances: &[f64], noise: f64, width: usize) -> Self {
        let rest = width.saturating_sub(variances.len()) as f64;
        let explained = variances.iter().map(|variance| match noise == 0.0 {
            true => -1.0 / variance,
            false => 1.0 / noise - 1.0 / variance,
        });
        let spread = variances.iter().map(|one| one.ln()).sum::<f64>();
        let unexplained = if rest == 0.0 { 0.0 } else { rest * noise.ln() };
        let inverse = if noise == 0.0 { 0.0 } else { 1.0 / noise };
        Self {
            level: gaussian(width, spread + unexplained),
            noise: vec![inverse; width],
            explained: Explained::Each(explained.collect()),
        }
    }

    /// Of a row without its mean, and its components before they are scaled.
    fn of(&self, row: &[f64], components: &[f64]) -> f64 {
        let squares = row.iter().zip(&self.noise).map(|(x, noise)| x * x * noise);
        let explained = match &self.explained {
            Explained::Each(factors) => {
                let each = components.iter().zip(factors);
                each.map(|(x, factor)| x * x * factor).sum::<f64>()
            }
            Explained::By(weighted) => {
                let each = components.iter().zip(weighted.iter_rows());
                each.map(|(x, weights)| x * dot(row, weights)).sum()
            }
        };
        self.level - 0.5 * (squares.sum::<f64>() - explained)
    }
}

impl Estimator for Linear {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::ScoreSamples => self.likelihood.as_ref().map(|_| Form::NUMBER),
            _ => Form::transformed(method, self.weights.rows),
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.weights.columns)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let mut found = self.projected(rows)?;
        for row in 0..found.rows {
            for (value, scale) in found.row_mut(row).iter_mut().zip(&self.scale) {
                *value /= scale;
            }
        }
        Ok(found.into())
    }

    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        let Some(likelihood) = &self.likelihood else {
            return Ok(Vec::new());
        };
        let rows = self.centred(rows)?;
        let components = product(&rows, &self.weights);
        let each = rows.iter_rows().zip(components.iter_rows());
        Ok(each
            .map(|(row, components)| likelihood.of(row, components))
            .collect())
    }

    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        let mut rows = rows.dense()?.into_owned();
        for row in 0..rows.rows {
            for (value, scale) in rows.row_mut(row).iter_mut().zip(&self.scale) {
                *value *= scale;
            }
        }
        let back = affine(&rows.into(), &transposed(&self.weights), &self.mean)?;
        Ok(back.into())
    }

    fn memory_bytes(&self) -> usize {
        self.weights.values.len() * size_of::<f64>()
    }
}
