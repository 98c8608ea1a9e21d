//! `KernelDensity`: how dense the training data lies around a row.

use std::f64::consts::PI;

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{matrix_at, number, numbers_at};
use crate::estimator::{Estimator, Form, Method};
use crate::math::logsumexp;
use crate::metrics::distance::Metric;
use crate::reader::Reader;
use crate::table::{Matrix, Table};

#[derive(Debug)]
pub(super) struct KernelDensity {
    points: Matrix,
    /// The log of each row's weight; empty if all weigh 1.
    log_weights: Vec<f64>,
    metric: Metric,
    kernel: Kernel,
    bandwidth: f64,
    /// The log of what the sum is divided by.
    log_norm: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    Gaussian,
    Tophat,
    Epanechnikov,
    Exponential,
    Linear,
    Cosine,
}

impl Kernel {
    fn read(cursor: &Cursor<'_>) -> Result<Self> {
        Ok(match cursor.text()?.as_str() {
            "gaussian" => Self::Gaussian,
            "tophat" => Self::Tophat,
            "epanechnikov" => Self::Epanechnikov,
            "exponential" => Self::Exponential,
            "linear" => Self::Linear,
            "cosine" => Self::Cosine,
            other => return Err(cursor.refuse(format_args!("there is no kernel `{other}`"))),
        })
    }

    /// The log of the kernel at a distance in units of the bandwidth.
    fn log(self, away: f64) -> f64 {
        match self {
            Self::Gaussian => -0.5 * away * away,
            Self::Exponential => -away,
            _ if away >= 1.0 => f64::NEG_INFINITY,
            Self::Tophat => 0.0,
            Self::Epanechnikov => (1.0 - away * away).ln(),
            Self::Linear => (1.0 - away).ln(),
            Self::Cosine => (0.5 * PI * away).cos().ln(),
        }
    }

    /// The log of the kernel's integral over so many dimensions.
    fn log_volume(self, width: usize) -> f64 {
        let d = width as f64;
        match self {
            Self::Gaussian => 0.5 * d * (2.0 * PI).ln(),
            Self::Tophat => log_ball(d),
            Self::Epanechnikov => log_ball(d) + (2.0 / (d + 2.0)).ln(),
            Self::Exponential => log_sphere(d - 1.0) + libm::lgamma(d),
            Self::Linear => log_ball(d) - (d + 1.0).ln(),
            Self::Cosine => {
                let (mut sum, mut term) = (0.0, 2.0 / PI);
                for k in (1..=width).step_by(2) {
                    sum += term;
                    let k = k as f64;
                    term *= -(d - k) * (d - k - 1.0) * (2.0 / PI) * (2.0 / PI);
                }
                sum.ln() + log_sphere(d - 1.0)
            }
        }
    }
}

/// The log of the volume of the unit ball.
fn log_ball(dimensions: f64) -> f64 {
    0.5 * dimensions * PI.ln() - libm::lgamma(0.5 * dimensions + 1.0)
}

/// The log of the surface of the unit ball in one dimension more.
fn log_sphere(dimensions: f64) -> f64 {
    (2.0 * PI).ln() + log_ball(dimensions - 1.0)
}

impl KernelDensity {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        // The rows are kept by the tree alone.
        let state = cursor.attribute("tree_")?.state()?;
        let points = matrix_at(&state.item(0)?)?;
        let weights = state.item(12).ok().and_then(Cursor::optional);
        let weights = weights.map(|at| numbers_at(&at, points.rows)).transpose()?;
        let given = cursor.find_attribute("metric_params")?;
        let given = given.and_then(Cursor::optional);
        let name = cursor.attribute("metric")?;
        let metric = Metric::read(&name, given.as_ref(), points.columns)?;
        let bandwidth = match number(cursor, "bandwidth_")? {
            Some(found) => found,
            None => cursor.attribute("bandwidth")?.float()?,
        };
        let kernel = Kernel::read(&cursor.attribute("kernel")?)?;
        let total = match &weights {
            Some(weights) => weights.iter().sum(),
            None => points.rows as f64,
        };
        let volume = kernel.log_volume(points.columns) + points.columns as f64 * bandwidth.ln();
        let weights = weights.unwrap_or_default();
        Ok(Box::new(Self {
            log_weights: weights.into_iter().map(f64::ln).collect(),
            metric,
            kernel,
            bandwidth,
            log_norm: f64::ln(total) + volume,
            points,
        }))
    }
}

impl Estimator for KernelDensity {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::ScoreSamples).then_some(Form::NUMBER)
    }

    fn width(&self) -> Option<usize> {
        Some(self.points.columns)
    }

    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        let rows = rows.dense()?;
        let score = |row: &[f64]| {
            let logs = self.points.iter_rows().enumerate().map(|(at, point)| {
                let away = self.metric.distance(row, point) / self.bandwidth;
                self.kernel.log(away) + self.log_weights.get(at).copied().unwrap_or_default()
            });
            logsumexp(&logs.collect::<Vec<_>>()) - self.log_norm
        };
        Ok(rows.iter_rows().map(score).collect())
    }

    fn memory_bytes(&self) -> usize {
        self.points.values.len() * size_of::<f64>()
    }
}
