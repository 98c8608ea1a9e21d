//! Between the sums of boosted trees and what they stand for.

use crate::math;
use crate::table::Matrix;

/// The link function of a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Identity,
    /// Counts and other numbers above zero.
    Log,
    /// Two classes.
    Logit,
    /// Two classes, the exponential loss: half the logit.
    HalfLogit,
    /// Several classes: logarithms of shares.
    Shares,
    /// Several classes: logarithms of shares, centred.
    CentredShares,
}

impl Link {
    /// Of a loss of a classifier, by the name of its class in any version.
    pub(super) fn of_classes(loss: &str) -> Option<Self> {
        Some(match loss.rsplit('.').next()? {
            "BinomialDeviance" | "HalfBinomialLoss" | "BinaryCrossEntropy" => Self::Logit,
            "ExponentialLoss" => Self::HalfLogit,
            "MultinomialDeviance" | "CategoricalCrossEntropy" => Self::Shares,
            "HalfMultinomialLoss" => Self::CentredShares,
            _ => return None,
        })
    }

    /// Of a loss of a regressor.
    pub(super) fn of_numbers(loss: &str) -> Option<Self> {
        Some(match loss.rsplit('.').next()? {
            "LeastSquares"
            | "LeastAbsoluteDeviation"
            | "HalfSquaredError"
            | "AbsoluteError"
            | "PinballLoss"
            | "HuberLoss"
            | "HalfTweedieLossIdentity" => Self::Identity,
            "Poisson" | "HalfPoissonLoss" | "HalfGammaLoss" | "HalfTweedieLoss" => Self::Log,
            _ => return None,
        })
    }

    /// From shares (of the second class, or of each) to sums.
    pub(super) fn raw(self, shares: &[f64], raw: &mut [f64]) {
        let centre = match self {
            Self::CentredShares => {
                shares.iter().map(|share| share.ln()).sum::<f64>() / shares.len() as f64
            }
            _ => 0.0,
        };
        for (raw, &share) in raw.iter_mut().zip(shares) {
            *raw = match self {
                Self::Identity => share,
                Self::Log | Self::Shares | Self::CentredShares => share.ln() - centre,
                Self::Logit => (share / (1.0 - share)).ln(),
                Self::HalfLogit => 0.5 * (share / (1.0 - share)).ln(),
            };
        }
    }

    /// From sums to a number.
    pub(super) fn number(self, raw: f64) -> f64 {
        match self {
            Self::Log => raw.exp(),
            _ => raw,
        }
    }

    /// From sums to a probability for each class.
    pub(super) fn shares(self, raw: &Matrix) -> Matrix {
        let scale = if self == Self::HalfLogit { 2.0 } else { 1.0 };
        match raw.columns {
            1 => raw.map_rows(2, |raw, shares| {
                if let ([raw], [first, second]) = (raw, shares) {
                    *second = math::expit(scale * raw);
                    *first = 1.0 - *second;
                }
            }),
            columns => raw.map_rows(columns, |raw, shares| {
                shares.copy_from_slice(raw);
                math::softmax(shares);
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_shares_give_the_shares_again() {
        for link in [Link::Logit, Link::HalfLogit] {
            let mut raw = [0.0];
            link.raw(&[0.3], &mut raw);
            let shares = link.shares(&Matrix::new(1, 1, raw.to_vec()));
            assert!((shares.values[1] - 0.3).abs() < 1e-15, "{link:?}");
        }
        for link in [Link::Shares, Link::CentredShares] {
            let mut raw = [0.0; 3];
            link.raw(&[0.2, 0.5, 0.3], &mut raw);
            let shares = link.shares(&Matrix::new(1, 3, raw.to_vec()));
            assert!((shares.values[1] - 0.5).abs() < 1e-15, "{link:?}");
        }
    }

    #[test]
    fn losses_are_known_by_their_names_in_every_version() {
        assert_eq!(
            Link::of_classes("sklearn.ensemble._gb_losses.BinomialDeviance"),
            Link::of_classes("sklearn._loss.loss.HalfBinomialLoss")
        );
        assert_eq!(
            Link::of_numbers("sklearn._loss.loss.HalfGammaLoss"),
            Some(Link::Log)
        );
        assert_eq!(
            Link::of_numbers("sklearn._loss.loss.HalfBinomialLoss"),
            None
        );
    }
}
