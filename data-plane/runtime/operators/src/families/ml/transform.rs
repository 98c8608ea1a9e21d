//! What is done to scores at the end, as ONNX Runtime does it.

use hari_error::{Error, Result};

use crate::attributes::Attributes;

/// The attribute `post_transform`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    None,
    Softmax,
    Logistic,
    SoftmaxZero,
    Probit,
}

/// How one score of two classes becomes two. After a logistic transform both are probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    /// It stays one.
    No,
    /// A probability: the other is one minus it.
    Complement,
    /// A decision: the other is its negative.
    Opposite,
}

impl Transform {
    /// From the attribute as text, `NONE` if left out.
    pub(crate) fn of(attributes: Attributes<'_>) -> Result<Self> {
        match attributes.text("post_transform")?.unwrap_or("NONE") {
            "NONE" => Ok(Self::None),
            "SOFTMAX" => Ok(Self::Softmax),
            "LOGISTIC" => Ok(Self::Logistic),
            "SOFTMAX_ZERO" => Ok(Self::SoftmaxZero),
            "PROBIT" => Ok(Self::Probit),
            other => Err(Error::model(format!(
                "attribute `post_transform`: expected NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or \
                 PROBIT, found {other}"
            ))),
        }
    }

    /// From the attribute as a number, as `TreeEnsemble` has it.
    pub(crate) fn numbered(number: i64) -> Result<Self> {
        Ok(match number {
            0 => Self::None,
            1 => Self::Softmax,
            2 => Self::Logistic,
            3 => Self::SoftmaxZero,
            4 => Self::Probit,
            _ => {
                return Err(Error::model(format!(
                    "attribute `post_transform`: expected 0 to 4, found {number}"
                )));
            }
        })
    }

    /// The scores of one row, in place. One score becomes two if `second` says so; several are
    /// transformed.
    pub(crate) fn finish(self, scores: &mut Vec<f64>, second: Second) {
        match **scores {
            [score] => self.binary(scores, score, second),
            _ => self.several(scores),
        }
    }

    fn binary(self, scores: &mut Vec<f64>, score: f64, second: Second) {
        match (self, second) {
            (Self::Probit, _) => *scores = vec![probit(score)],
            (_, Second::No) => {}
            (Self::Logistic, _) => *scores = vec![logistic(-score), logistic(score)],
            (_, Second::Complement) => *scores = vec![1.0 - score, score],
            (_, Second::Opposite) => *scores = vec![-score, score],
        }
    }

    fn several(self, scores: &mut [f64]) {
        match self {
            Self::None => {}
            Self::Softmax => softmax(scores),
            Self::SoftmaxZero => softmax_zero(scores),
            Self::Logistic => scores
                .iter_mut()
                .for_each(|score| *score = logistic(*score)),
            Self::Probit => scores.iter_mut().for_each(|score| *score = probit(*score)),
        }
    }
}

/// The logistic function, without overflow on either side.
pub(crate) fn logistic(value: f64) -> f64 {
    let positive = 1.0 / (1.0 + (-value.abs()).exp());
    if value < 0.0 {
        1.0 - positive
    } else {
        positive
    }
}

/// The quantile of the normal distribution, by Winitzki's approximation of the inverse error
/// function with the constants of ONNX Runtime, which computes it in FP32.
pub(crate) fn probit(value: f64) -> f64 {
    std::f64::consts::SQRT_2 * inverse_error(2.0 * value - 1.0)
}

fn inverse_error(x: f64) -> f64 {
    const A: f64 = 0.147;
    #[expect(clippy::approx_constant, reason = "the constant of the original")]
    const PI: f64 = 3.14159;
    let sign = if x < 0.0 { -1.0 } else { 1.0 };
    let log = ((1.0 - x) * (1.0 + x)).ln();
    let half = 2.0 / (PI * A) + 0.5 * log;
    let root = (half * half - log / A).sqrt();
    sign * (root - half).sqrt()
}

fn softmax(scores: &mut [f64]) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for score in &mut *scores {
        *score = (*score - largest).exp();
    }
    let sum: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
}

/// A softmax that leaves zeros alone, since the exponential of zero is not zero.
fn softmax_zero(scores: &mut [f64]) {
    const ZERO: f64 = 1e-7;
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut sum, rest) = (0.0, (-largest).exp());
    for score in &mut *scores {
        if score.abs() > ZERO {
            *score = (*score - largest).exp();
            sum += *score;
        } else {
            *score *= rest;
        }
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_quantile_is_close_to_the_true_one() {
        // Quantiles of the normal distribution, from its tables.
        for (p, z) in [
            (0.5, 0.0),
            (0.8413, 0.9998),
            (0.975, 1.95996),
            (0.1, -1.28155),
        ] {
            assert!((probit(p) - z).abs() < 5e-3, "{p}: {}", probit(p));
        }
    }

    #[test]
    fn one_score_becomes_two() {
        let finish = |transform: Transform, second| {
            let mut scores = vec![0.25];
            transform.finish(&mut scores, second);
            scores
        };
        assert_eq!(finish(Transform::None, Second::No), [0.25]);
        assert_eq!(finish(Transform::None, Second::Complement), [0.75, 0.25]);
        assert_eq!(finish(Transform::None, Second::Opposite), [-0.25, 0.25]);
        let both = finish(Transform::Logistic, Second::Opposite);
        assert!((both[0] + both[1] - 1.0).abs() < 1e-12 && both[1] > 0.5);
    }

    #[test]
    fn zeros_stay_zero() {
        let mut scores = vec![0.0, 1.0, 2.0];
        Transform::SoftmaxZero.finish(&mut scores, Second::No);
        assert_eq!(scores[0], 0.0);
        assert!((scores[1] + scores[2] - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn probabilities_sum_to_one(mut scores in prop::collection::vec(-700.0..700.0_f64, 2..9)) {
            Transform::Softmax.finish(&mut scores, Second::No);
            prop_assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
