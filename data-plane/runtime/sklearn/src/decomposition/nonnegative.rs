//! `NMF` and `MiniBatchNMF`: rows as sums of parts, nothing being below 0.
//!
//! The rows of a call are solved together, as scikit-learn does: when it is near enough depends on
//! all of them.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use super::equations::{product, transposed};
use super::{most_rounds, paired_components};
use crate::attributes::{count, flag, number, text};
use crate::estimator::{Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Matrix, Table};

/// What stands for zero where something is divided by it.
const LEAST: f64 = f32::EPSILON as f64;

#[derive(Debug)]
pub(super) struct Nonnegative {
    /// `[parts, columns]`.
    parts: Matrix,
    /// `[columns, parts]`.
    across: Matrix,
    solver: Solver,
    rounds: usize,
    tolerance: f64,
    /// Weights of the norms of what is found.
    l1: f64,
    l2: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Solver {
    /// One part after the other, Cichocki and Phan.
    Coordinates,
    /// Multiplicative updates, Fevotte and Idier: the divergence that is made small; whether it is
    /// measured how near the solution is, or how much it changes.
    Updates { beta: f64, measured: bool },
}

/// `NMF`.
pub(super) fn nmf(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let solver = match text(cursor, "solver")?.as_str() {
        "cd" => Solver::Coordinates,
        "mu" => Solver::Updates {
            beta: divergence(cursor)?,
            measured: true,
        },
        other => return Err(cursor.refuse(format_args!("the solver `{other}` is not known"))),
    };
    if flag(cursor, "shuffle")? && solver == Solver::Coordinates {
        return Err(cursor.refuse("`shuffle` draws random numbers: expected an NMF without it"));
    }
    let rounds = count(cursor, "max_iter")?;
    Ok(Box::new(Nonnegative::read(cursor, solver, rounds)?))
}

/// `MiniBatchNMF`.
pub(super) fn mini_batch(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let solver = Solver::Updates {
        beta: divergence(cursor)?,
        measured: false,
    };
    let rounds = count(cursor, "_transform_max_iter")?;
    Ok(Box::new(Nonnegative::read(cursor, solver, rounds)?))
}

fn divergence(cursor: &Cursor<'_>) -> Result<f64> {
    let found = cursor.attribute("beta_loss")?;
    match found.text() {
        Ok(name) => match name.as_str() {
            "frobenius" => Ok(2.0),
            "kullback-leibler" => Ok(1.0),
            "itakura-saito" => Ok(0.0),
            other => Err(found.refuse(format_args!("`{other}` is not known"))),
        },
        Err(_) => found.float(),
    }
}

impl Nonnegative {
    fn read(cursor: &Cursor<'_>, solver: Solver, rounds: usize) -> Result<Self> {
        let parts = paired_components(cursor)?;
        let alpha = match number(cursor, "alpha_W")? {
            Some(alpha) => alpha * parts.columns as f64,
            // Before 1.0 it was not scaled.
            None => match text(cursor, "regularization").unwrap_or_default().as_str() {
                "both" | "transformation" => number(cursor, "alpha")?.unwrap_or(0.0),
                _ => 0.0,
            },
        };
        let ratio = number(cursor, "l1_ratio")?.unwrap_or(0.0);
        Ok(Self {
            across: transposed(&parts),
            parts,
            solver,
            rounds: most_rounds(cursor, rounds)?,
            tolerance: number(cursor, "tol")?.unwrap_or(0.0),
            l1: alpha * ratio,
            l2: alpha * (1.0 - ratio),
        })
    }

    fn by_coordinates(&self, rows: &Matrix) -> Matrix {
        let mut square = product(&self.parts, &self.parts);
        for at in 0..square.rows {
            if let Some(value) = square.row_mut(at).get_mut(at) {
                *value += self.l2;
            }
        }
        let mut wanted = product(rows, &self.parts);
        wanted.values.iter_mut().for_each(|value| *value -= self.l1);
        let mut found = Matrix::zeros(rows.rows, self.parts.rows);
        let mut first = 0.0;
        for round in 0..self.rounds {
            let violation = coordinates(&mut found, &square, &wanted);
            if round == 0 {
                first = violation;
            }
            if first == 0.0 || violation / first <= self.tolerance {
                break;
            }
        }
        found
    }

    fn by_updates(&self, rows: &Matrix, beta: f64, measured: bool) -> Matrix {
        let mean = rows.values.iter().sum::<f64>() / rows.values.len() as f64;
        let start = (mean / self.parts.rows as f64).sqrt();
        let values = vec![start; rows.rows * self.parts.rows];
        let mut found = Matrix::new(rows.rows, self.parts.rows, values);
        let far = |found: &Matrix| self.divergence(rows, found, beta);
        let first = if measured { far(&found) } else { 0.0 };
        let mut last = first;
        for round in 1..=self.rounds {
            let before = if measured {
                Vec::new()
            } else {
                found.values.clone()
            };
            self.update(rows, &mut found, beta);
            if measured && beta < 1.0 {
                let small = found
                    .values
                    .iter_mut()
                    .filter(|value| **value < f64::EPSILON);
                small.for_each(|value| *value = 0.0);
            }
            if self.tolerance <= 0.0 {
                continue;
            }
            if !measured {
                let moved = found.values.iter().zip(&before).map(|(new, old)| new - old);
                if norm(moved) / norm(found.values.iter().copied()) <= self.tolerance {
                    break;
                }
            } else if round.is_multiple_of(10) {
                let now = far(&found);
                if (last - now) / first < self.tolerance {
                    break;
                }
                last = now;
            }
        }
        found
    }

    /// One multiplicative update.
    fn update(&self, rows: &Matrix, found: &mut Matrix, beta: f64) {
        let sums = product(found, &self.across);
        let power = |exponent: f64, least: bool| {
            let each = sums.values.iter().map(move |&sum| {
                let sum = if least { sum.max(LEAST) } else { sum };
                match exponent {
                    0.0 => 1.0,
                    1.0 => sum,
                    -1.0 => 1.0 / sum,
                    _ => sum.powf(exponent),
                }
            });
            Matrix::new(sums.rows, sums.columns, each.collect())
        };
        let mut above = power(beta - 2.0, beta < 2.0);
        for (value, row) in above.values.iter_mut().zip(&rows.values) {
            *value *= row;
        }
        let above = product(&above, &self.parts);
        let below = product(&power(beta - 1.0, beta < 1.0), &self.parts);
        let exponent = match beta {
            _ if beta < 1.0 => 1.0 / (2.0 - beta),
            _ if beta > 2.0 => 1.0 / (beta - 1.0),
            _ => 1.0,
        };
        let ratios = above.values.iter().zip(&below.values);
        for (value, (above, below)) in found.values.iter_mut().zip(ratios) {
            let below = below + self.l1 + self.l2 * *value;
            let ratio = above / if below == 0.0 { LEAST } else { below };
            *value *= if exponent == 1.0 {
                ratio
            } else {
                ratio.powf(exponent)
            };
        }
    }

    /// The root of twice the divergence of the rows from the sums of parts.
    fn divergence(&self, rows: &Matrix, found: &Matrix, beta: f64) -> f64 {
        let sums = product(found, &self.across);
        let pairs = || rows.values.iter().copied().zip(sums.values.iter().copied());
        let seen = || {
            let seen = pairs().filter(|(x, _)| *x > LEAST);
            seen.map(|(x, sum)| (x, sum.max(LEAST)))
        };
        let half = match beta {
            2.0 => pairs().map(|(x, sum)| (x - sum) * (x - sum)).sum::<f64>() / 2.0,
            1.0 => {
                let logs: f64 = seen().map(|(x, sum)| x * (x / sum).ln()).sum();
                let all: f64 = sums.values.iter().sum();
                logs + all - seen().map(|(x, _)| x).sum::<f64>()
            }
            0.0 => {
                let ratios: f64 = seen().map(|(x, sum)| x / sum - (x / sum).ln()).sum();
                ratios - rows.values.len() as f64
            }
            _ => {
                let all: f64 = sums.values.iter().map(|sum| sum.powf(beta)).sum();
                let own: f64 = seen().map(|(x, _)| x.powf(beta)).sum();
                let both: f64 = seen().map(|(x, sum)| x * sum.powf(beta - 1.0)).sum();
                (own - beta * both + all * (beta - 1.0)) / (beta * (beta - 1.0))
            }
        };
        (2.0 * half.max(0.0)).sqrt()
    }
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// One round over all parts; how far it was from the best.
fn coordinates(found: &mut Matrix, square: &Matrix, wanted: &Matrix) -> f64 {
    let mut violation = 0.0;
    for part in 0..square.rows {
        let weights = square.row(part);
        let steep = weights.get(part).copied().unwrap_or(0.0);
        for row in 0..found.rows {
            let wanted = wanted.row(row).get(part).copied().unwrap_or(0.0);
            let values = found.row_mut(row);
            let slope = weights.iter().zip(&*values);
            let slope = slope.fold(-wanted, |sum, (weight, value)| sum + weight * value);
            if let Some(value) = values.get_mut(part) {
                violation += if *value == 0.0 { slope.min(0.0) } else { slope }.abs();
                if steep != 0.0 {
                    *value = (*value - slope / steep).max(0.0);
                }
            }
        }
    }
    violation
}

impl Estimator for Nonnegative {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.parts.rows)
    }

    fn width(&self) -> Option<usize> {
        Some(self.parts.columns)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = rows.dense()?;
        if rows.values.iter().any(|&value| value < 0.0) {
            return Err(Error::invalid("expected no number below 0"));
        }
        if rows.columns != self.parts.columns {
            return Err(Error::invalid(format!(
                "expected {} columns, found {}",
                self.parts.columns, rows.columns
            )));
        }
        Ok(match self.solver {
            _ if rows.rows == 0 => Matrix::zeros(0, self.parts.rows).into(),
            Solver::Coordinates => self.by_coordinates(&rows).into(),
            Solver::Updates { beta, measured } => self.by_updates(&rows, beta, measured).into(),
        })
    }

    fn memory_bytes(&self) -> usize {
        self.parts.values.len() * 2 * size_of::<f64>()
    }
}
