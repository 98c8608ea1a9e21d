//! Covariances between rows: kernels, and sums, products and powers of them.

use std::f64::consts::PI;

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::number;
use crate::math::dot;
use crate::metrics::pairwise::{self, Parameters};
use crate::special::{bessel_k, gamma};
use crate::table::Matrix;

/// Kernels inside each other, and in all.
const MAX_DEPTH: usize = 64;
const MAX_KERNELS: usize = 4096;

#[derive(Clone, Debug)]
pub(super) enum Kernel {
    Constant(f64),
    /// Noise: nothing between one row and another.
    White(f64),
    /// The squared distance, exponentially.
    Rbf(Scale),
    Matern(Scale, Smoothness),
    RationalQuadratic {
        scale: f64,
        alpha: f64,
    },
    ExpSineSquared {
        scale: f64,
        period: f64,
    },
    /// With the square of what is added.
    DotProduct(f64),
    Pairwise(pairwise::Kernel),
    Sum(Box<[Self; 2]>),
    Product(Box<[Self; 2]>),
    Power(Box<Self>, f64),
}

/// Of each column; one number for all.
#[derive(Clone, Debug)]
pub(super) struct Scale(Vec<f64>);

/// `nu`, of which some values need no Bessel function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Smoothness {
    Half,
    ThreeHalves,
    FiveHalves,
    Infinite,
    Any(f64),
}

impl Kernel {
    /// The kernel of an object of `sklearn.gaussian_process.kernels`, for rows of so many columns.
    pub(super) fn read(cursor: &Cursor<'_>, width: usize) -> Result<Self> {
        let mut left = MAX_KERNELS;
        read(cursor, width, MAX_DEPTH, &mut left)
    }

    /// The covariance of two rows.
    fn of(&self, a: &[f64], b: &[f64]) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::White(_) => 0.0,
            Self::Rbf(scale) => (-0.5 * scale.squared(a, b)).exp(),
            Self::Matern(scale, smoothness) => smoothness.of(scale.squared(a, b).sqrt()),
            Self::RationalQuadratic { scale, alpha } => {
                let squared = crate::metrics::distance::squared(a, b);
                (1.0 + squared / (2.0 * alpha * scale * scale)).powf(-alpha)
            }
            Self::ExpSineSquared { scale, period } => {
                let away = crate::metrics::distance::squared(a, b).sqrt();
                (-2.0 * ((PI / period * away).sin() / scale).powi(2)).exp()
            }
            Self::DotProduct(sigma) => dot(a, b) + sigma * sigma,
            Self::Pairwise(kernel) => kernel.of(a, b),
            Self::Sum(parts) => parts[0].of(a, b) + parts[1].of(a, b),
            Self::Product(parts) => parts[0].of(a, b) * parts[1].of(a, b),
            Self::Power(inner, power) => inner.of(a, b).powf(*power),
        }
    }

    /// The variance of a row: with its noise.
    pub(super) fn variance(&self, row: &[f64]) -> f64 {
        match self {
            Self::Constant(value) | Self::White(value) => *value,
            Self::Sum(parts) => parts[0].variance(row) + parts[1].variance(row),
            Self::Product(parts) => parts[0].variance(row) * parts[1].variance(row),
            Self::Power(inner, power) => inner.variance(row).powf(*power),
            Self::DotProduct(_) | Self::Pairwise(_) => self.of(row, row),
            _ => 1.0,
        }
    }

    /// The covariance of a row with each of `points`.
    pub(super) fn with_each(&self, row: &[f64], points: &Matrix) -> Vec<f64> {
        points
            .iter_rows()
            .map(|point| self.of(row, point))
            .collect()
    }
}

impl Scale {
    fn read(cursor: &Cursor<'_>, width: usize) -> Result<Self> {
        let at = cursor.attribute("length_scale")?;
        let found = match at.float() {
            Ok(one) => vec![one],
            Err(_) => at.numbers()?.values,
        };
        if found.len() != 1 && found.len() != width {
            return Err(at.refuse(format_args!(
                "expected 1 or {width} lengths, found {}",
                found.len()
            )));
        }
        Ok(Self(found))
    }

    fn squared(&self, a: &[f64], b: &[f64]) -> f64 {
        let away = |(x, y): (&f64, &f64), length: &f64| (x / length - y / length).powi(2);
        let pairs = a.iter().zip(b);
        match self.0.as_slice() {
            [one] => pairs.map(|pair| away(pair, one)).sum(),
            each => pairs
                .zip(each)
                .map(|(pair, length)| away(pair, length))
                .sum(),
        }
    }
}

impl Smoothness {
    fn new(nu: f64) -> Self {
        match nu {
            0.5 => Self::Half,
            1.5 => Self::ThreeHalves,
            2.5 => Self::FiveHalves,
            f64::INFINITY => Self::Infinite,
            nu => Self::Any(nu),
        }
    }

    /// The Matérn covariance at a distance: Rasmussen and Williams, "Gaussian Processes for Machine
    /// Learning", equation 4.14.
    fn of(self, away: f64) -> f64 {
        match self {
            Self::Half => (-away).exp(),
            Self::ThreeHalves => {
                let far = away * 3f64.sqrt();
                (1.0 + far) * (-far).exp()
            }
            Self::FiveHalves => {
                let far = away * 5f64.sqrt();
                (1.0 + far + far * far / 3.0) * (-far).exp()
            }
            Self::Infinite => (-(away * away) / 2.0).exp(),
            Self::Any(nu) => {
                let away = if away == 0.0 { f64::EPSILON } else { away };
                let far = (2.0 * nu).sqrt() * away;
                2f64.powf(1.0 - nu) / gamma(nu) * far.powf(nu) * bessel_k(nu, far)
            }
        }
    }
}

fn read(cursor: &Cursor<'_>, width: usize, depth: usize, left: &mut usize) -> Result<Kernel> {
    let (Some(depth), Some(rest)) = (depth.checked_sub(1), left.checked_sub(1)) else {
        return Err(cursor.refuse("there are too many kernels inside each other"));
    };
    *left = rest;
    let class = cursor.class()?;
    let name = class.strip_prefix("sklearn.gaussian_process.kernels.");
    let float = |name: &str| cursor.attribute(name)?.float();
    let mut inner = |name: &str| read(&cursor.attribute(name)?, width, depth, left);
    Ok(match name.unwrap_or_default() {
        "ConstantKernel" => Kernel::Constant(float("constant_value")?),
        "WhiteKernel" => Kernel::White(float("noise_level")?),
        "RBF" => Kernel::Rbf(Scale::read(cursor, width)?),
        "Matern" => Kernel::Matern(Scale::read(cursor, width)?, Smoothness::new(float("nu")?)),
        "RationalQuadratic" => Kernel::RationalQuadratic {
            scale: float("length_scale")?,
            alpha: float("alpha")?,
        },
        "ExpSineSquared" => Kernel::ExpSineSquared {
            scale: float("length_scale")?,
            period: float("periodicity")?,
        },
        "DotProduct" => Kernel::DotProduct(float("sigma_0")?),
        "PairwiseKernel" => Kernel::Pairwise(pairwise(cursor, width)?),
        "Sum" => Kernel::Sum(Box::new([inner("k1")?, inner("k2")?])),
        "Product" => Kernel::Product(Box::new([inner("k1")?, inner("k2")?])),
        "Exponentiation" => Kernel::Power(Box::new(inner("kernel")?), float("exponent")?),
        _ => return Err(cursor.refuse(format_args!("the kernel `{class}` is not supported"))),
    })
}

/// `PairwiseKernel`, with what else it is given in a dictionary.
fn pairwise(cursor: &Cursor<'_>, width: usize) -> Result<pairwise::Kernel> {
    let given = cursor.find_attribute("pairwise_kernels_kwargs")?;
    let given = given.and_then(Cursor::optional);
    let find = |name: &str| {
        let found = given.as_ref().and_then(|all| all.get(name).ok());
        found.map(|at| at.float()).transpose()
    };
    let parameters = Parameters {
        gamma: number(cursor, "gamma")?,
        coef0: find("coef0")?,
        degree: find("degree")?,
    };
    pairwise::Kernel::read(&cursor.attribute("metric")?, parameters, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothness_of_any_order_meets_those_that_are_elementary() {
        for (nu, known) in [
            (0.5, Smoothness::Half),
            (1.5, Smoothness::ThreeHalves),
            (2.5, Smoothness::FiveHalves),
        ] {
            for away in [0.0, 0.01, 0.7, 4.0] {
                let (found, expected) = (Smoothness::Any(nu).of(away), known.of(away));
                assert!((found - expected).abs() < 1e-13, "{nu} at {away}: {found}");
            }
        }
    }

    #[test]
    fn noise_counts_for_a_row_alone() {
        let noisy = Kernel::Sum(Box::new([Kernel::Constant(2.0), Kernel::White(0.5)]));
        assert_eq!(noisy.of(&[1.0], &[1.0]), 2.0);
        assert_eq!(noisy.variance(&[1.0]), 2.5);
        let power = Kernel::Power(Box::new(Kernel::DotProduct(1.0)), 2.0);
        assert_eq!(power.of(&[1.0], &[2.0]), 9.0);
        assert_eq!(power.variance(&[2.0]), 25.0);
    }
}
