//! Distances between two rows, as the trees of `sklearn.neighbors` take them.
//!
//! Where a distance ends in a root, the reduced distance is what stands below it: it orders alike
//! and is cheaper. Definitions: scikit-learn's `DistanceMetric`; cosine and correlation as in
//! `scipy.spatial.distance`.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{matrix_at, numbers_at};
use crate::math::dot;
use crate::table::Matrix;

/// A distance with its parameters.
#[derive(Clone, Debug)]
pub(crate) enum Metric {
    Euclidean,
    SquaredEuclidean,
    /// Missing numbers are left out, and what is there is scaled up.
    NanEuclidean,
    /// Each square is divided by a variance.
    Standardized(Vec<f64>),
    Manhattan,
    Chebyshev,
    /// Powers, weighted or not.
    Minkowski {
        p: f64,
        weights: Option<Vec<f64>>,
    },
    /// With the inverse of a covariance.
    Mahalanobis(Matrix),
    Hamming,
    Canberra,
    BrayCurtis,
    /// Of rows in which everything but 0 is true.
    Boolean(Boolean),
    /// Of latitude and longitude, in radians.
    Haversine,
    Cosine,
    Correlation,
}

/// Distances that count what is true in both rows, and in one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boolean {
    Jaccard,
    Matching,
    Dice,
    Kulsinski,
    RogersTanimoto,
    RussellRao,
    SokalSneath,
    Yule,
}

impl Metric {
    /// A metric by its name, with parameters in a dictionary, for rows of so many columns.
    ///
    /// # Errors
    /// `Model` for a name that is not known, or parameters that do not fit.
    pub(crate) fn read(
        name: &Cursor<'_>,
        parameters: Option<&Cursor<'_>>,
        width: usize,
    ) -> Result<Self> {
        let text = name.text().map_err(|_| {
            name.refuse("expected a metric by its name: a function of your own cannot be read")
        })?;
        let find = |key: &str| {
            let found = parameters.and_then(|all| all.get(key).ok());
            found.and_then(Cursor::optional)
        };
        let weights = || find("w").map(|at| numbers_at(&at, width)).transpose();
        Ok(match text.as_str() {
            "euclidean" | "l2" => Self::Euclidean,
            "sqeuclidean" => Self::SquaredEuclidean,
            "nan_euclidean" => Self::NanEuclidean,
            "manhattan" | "l1" | "cityblock" => Self::Manhattan,
            "chebyshev" | "infinity" => Self::Chebyshev,
            "minkowski" | "p" => {
                let p = find("p").map_or(Ok(2.0), |at| at.float())?;
                Self::minkowski(p, weights()?)
            }
            "wminkowski" => {
                let p = find("p").map_or(Ok(2.0), |at| at.float())?;
                let powers = weights()?.map(|all| all.iter().map(|w| w.powf(p)).collect());
                Self::minkowski(p, powers)
            }
            "seuclidean" => {
                let at = find("V").ok_or_else(|| name.refuse("`seuclidean` needs `V`"))?;
                Self::Standardized(numbers_at(&at, width)?)
            }
            "mahalanobis" => {
                let at = find("VI").ok_or_else(|| name.refuse("`mahalanobis` needs `VI`"))?;
                Self::mahalanobis(&at, width)?
            }
            "hamming" => Self::Hamming,
            "canberra" => Self::Canberra,
            "braycurtis" => Self::BrayCurtis,
            "haversine" if width == 2 => Self::Haversine,
            "cosine" => Self::Cosine,
            "correlation" => Self::Correlation,
            other => match Boolean::named(other) {
                Some(found) => Self::Boolean(found),
                None => {
                    return Err(name.refuse(format_args!("the metric `{other}` is not supported")));
                }
            },
        })
    }

    fn minkowski(p: f64, weights: Option<Vec<f64>>) -> Self {
        match weights {
            None if p == 1.0 => Self::Manhattan,
            None if p == 2.0 => Self::Euclidean,
            None if p.is_infinite() => Self::Chebyshev,
            weights => Self::Minkowski { p, weights },
        }
    }

    fn mahalanobis(at: &Cursor<'_>, width: usize) -> Result<Self> {
        let inverse = matrix_at(at)?;
        if (inverse.rows, inverse.columns) != (width, width) {
            return Err(at.refuse(format_args!("expected shape [{width}, {width}]")));
        }
        Ok(Self::Mahalanobis(inverse))
    }

    /// The distance before its root, if it ends in one.
    pub(crate) fn reduced(&self, a: &[f64], b: &[f64]) -> f64 {
        let pairs = || a.iter().zip(b);
        let sum = |each: &dyn Fn(f64, f64) -> f64| pairs().map(|(&x, &y)| each(x, y)).sum::<f64>();
        match self {
            Self::Euclidean | Self::SquaredEuclidean => squared(a, b),
            Self::NanEuclidean => nan_squared(a, b),
            Self::Standardized(variances) => pairs()
                .zip(variances)
                .map(|((x, y), variance)| (x - y) * (x - y) / variance)
                .sum(),
            Self::Manhattan => pairs().map(|(x, y)| (x - y).abs()).sum(),
            Self::Chebyshev => pairs().map(|(x, y)| (x - y).abs()).fold(0.0, f64::max),
            Self::Minkowski { p, weights } => match weights {
                None => sum(&|x, y| (x - y).abs().powf(*p)),
                Some(weights) => pairs()
                    .zip(weights)
                    .map(|((x, y), weight)| weight * (x - y).abs().powf(*p))
                    .sum(),
            },
            Self::Mahalanobis(inverse) => mahalanobis(a, b, inverse),
            Self::Hamming => {
                let differ = pairs().filter(|(x, y)| x != y).count();
                differ as f64 / a.len() as f64
            }
            Self::Canberra => sum(&|x, y| {
                let size = x.abs() + y.abs();
                if size > 0.0 {
                    (x - y).abs() / size
                } else {
                    0.0
                }
            }),
            Self::BrayCurtis => {
                let away = sum(&|x, y| (x - y).abs());
                let size = sum(&|x, y| x.abs() + y.abs());
                if size > 0.0 { away / size } else { 0.0 }
            }
            Self::Boolean(boolean) => boolean.distance(a, b),
            Self::Haversine => haversine(a, b),
            Self::Cosine => cosine(a, b),
            Self::Correlation => cosine(&centred(a), &centred(b)),
        }
    }

    /// The distance that a reduced one stands for.
    pub(crate) fn grown(&self, reduced: f64) -> f64 {
        match self {
            Self::Euclidean | Self::NanEuclidean | Self::Standardized(_) | Self::Mahalanobis(_) => {
                reduced.sqrt()
            }
            Self::Minkowski { p, .. } => reduced.powf(1.0 / p),
            Self::Haversine => 2.0 * reduced.sqrt().asin(),
            _ => reduced,
        }
    }

    /// The reduced form of a distance.
    pub(crate) fn shrunk(&self, distance: f64) -> f64 {
        match self {
            Self::Euclidean | Self::NanEuclidean | Self::Standardized(_) | Self::Mahalanobis(_) => {
                distance * distance
            }
            Self::Minkowski { p, .. } => distance.powf(*p),
            Self::Haversine => {
                let sine = (0.5 * distance).sin();
                sine * sine
            }
            _ => distance,
        }
    }

    /// The distance.
    pub(crate) fn distance(&self, a: &[f64], b: &[f64]) -> f64 {
        self.grown(self.reduced(a, b))
    }
}

/// The sum of squared differences: eight sums side by side, which go through vector registers.
pub(crate) fn squared(a: &[f64], b: &[f64]) -> f64 {
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for (lane, (x, y)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += (x - y) * (x - y);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(x, y)| (x - y) * (x - y));
    lanes.iter().sum::<f64>() + rest.sum::<f64>()
}

fn nan_squared(a: &[f64], b: &[f64]) -> f64 {
    let there = a.iter().zip(b).filter(|(x, y)| !x.is_nan() && !y.is_nan());
    let (count, sum) = there.fold((0, 0.0), |(count, sum), (x, y)| {
        (count + 1, sum + (x - y) * (x - y))
    });
    match count {
        0 => f64::NAN,
        count => sum / f64::from(count) * a.len() as f64,
    }
}

fn mahalanobis(a: &[f64], b: &[f64], inverse: &Matrix) -> f64 {
    let away: Vec<_> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    let products = inverse.iter_rows().map(|row| dot(row, &away));
    products
        .zip(&away)
        .map(|(product, away)| product * away)
        .sum()
}

fn haversine(a: &[f64], b: &[f64]) -> f64 {
    let (&[from, east], &[to, west]) = (a, b) else {
        return f64::NAN;
    };
    let (vertical, across) = ((0.5 * (from - to)).sin(), (0.5 * (east - west)).sin());
    vertical * vertical + from.cos() * to.cos() * across * across
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let unit = |row: &[f64]| -> Vec<f64> {
        let norm = dot(row, row).sqrt();
        let norm = if norm == 0.0 { 1.0 } else { norm };
        row.iter().map(|value| value / norm).collect()
    };
    (1.0 - dot(&unit(a), &unit(b))).clamp(0.0, 2.0)
}

fn centred(row: &[f64]) -> Vec<f64> {
    let mean = row.iter().sum::<f64>() / row.len().max(1) as f64;
    row.iter().map(|value| value - mean).collect()
}

impl Boolean {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "jaccard" => Self::Jaccard,
            "matching" => Self::Matching,
            "dice" => Self::Dice,
            "kulsinski" => Self::Kulsinski,
            "rogerstanimoto" | "sokalmichener" => Self::RogersTanimoto,
            "russellrao" => Self::RussellRao,
            "sokalsneath" => Self::SokalSneath,
            "yule" => Self::Yule,
            _ => return None,
        })
    }

    fn distance(self, a: &[f64], b: &[f64]) -> f64 {
        let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
        for (&x, &y) in a.iter().zip(b) {
            match (x != 0.0, y != 0.0) {
                (true, true) => both += 1.0,
                (true, false) => first += 1.0,
                (false, true) => second += 1.0,
                (false, false) => {}
            }
        }
        let (size, differ) = (a.len() as f64, first + second);
        match self {
            Self::Jaccard if both + differ == 0.0 => 0.0,
            Self::Jaccard => differ / (both + differ),
            Self::Matching => differ / size,
            Self::Dice => differ / (2.0 * both + differ),
            Self::Kulsinski => (differ - both + size) / (differ + size),
            Self::RogersTanimoto => 2.0 * differ / (size + differ),
            Self::RussellRao => (size - both) / size,
            Self::SokalSneath => differ / (0.5 * both + differ),
            Self::Yule if first * second == 0.0 => 0.0,
            Self::Yule => {
                let neither = size - both - differ;
                2.0 * first * second / (both * neither + first * second)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 3] = [1.0, 0.0, -2.0];
    const B: [f64; 3] = [0.0, 0.0, 1.0];

    #[test]
    fn distances_are_what_their_definitions_say() {
        let inverse = Matrix::new(3, 3, vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let expected = [
            (Metric::Euclidean, 10f64.sqrt()),
            (Metric::SquaredEuclidean, 10.0),
            (Metric::Standardized(vec![1.0, 1.0, 9.0]), 2f64.sqrt()),
            (Metric::Manhattan, 4.0),
            (Metric::Chebyshev, 3.0),
            (Metric::minkowski(3.0, None), 28f64.powf(1.0 / 3.0)),
            (Metric::Mahalanobis(inverse), 10f64.sqrt()),
            (Metric::Hamming, 2.0 / 3.0),
            (Metric::Canberra, 2.0),
            (Metric::BrayCurtis, 1.0),
            (Metric::Boolean(Boolean::Jaccard), 0.5),
            (Metric::Boolean(Boolean::Dice), 1.0 / 3.0),
            (Metric::Boolean(Boolean::RussellRao), 2.0 / 3.0),
        ];
        for (metric, distance) in expected {
            let found = metric.distance(&A, &B);
            assert!((found - distance).abs() < 1e-12, "{metric:?}: {found}");
        }
    }

    #[test]
    fn a_reduced_distance_grows_back() {
        for metric in [
            Metric::Euclidean,
            Metric::minkowski(1.5, None),
            Metric::Haversine,
            Metric::Manhattan,
        ] {
            let back = metric.grown(metric.shrunk(0.7));
            assert!((back - 0.7).abs() < 1e-12, "{metric:?}: {back}");
        }
    }

    #[test]
    fn missing_numbers_are_left_out() {
        let found = Metric::NanEuclidean.distance(&[3.0, f64::NAN], &[1.0, 2.0]);
        assert!((found - 8f64.sqrt()).abs() < 1e-12, "{found}");
        assert!(Metric::NanEuclidean.distance(&[f64::NAN], &[1.0]).is_nan());
    }
}
