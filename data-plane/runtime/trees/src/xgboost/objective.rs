//! Objectives: what becomes of a sum, and of the base score that a sum starts from.

use hari_error::{Error, Result};

use super::release::Release;

/// What a booster was trained for.
#[derive(Clone, Debug)]
pub(crate) struct Objective {
    pub(crate) name: String,
    pub(super) transform: Transform,
    /// Whether the base score is one sum rather than what comes out.
    start: Start,
}

/// From sums to predictions, in float32, with the operations of XGBoost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    Identity,
    Sigmoid,
    /// Without a bound, as before 1.6.
    FreeSigmoid,
    Exponential,
    /// 1 above zero, else 0.
    Sign,
    Softmax,
    /// The number of the largest sum, the first of several.
    Largest,
}

/// From the base score to where sums start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Same,
    Logit,
    Logarithm,
}

/// Objectives by name (`src/objective` of XGBoost; `reg:linear` and `reg:gpu` forms are old names).
const OBJECTIVES: &[(&str, Transform, Start)] = &[
    ("reg:squarederror", Transform::Identity, Start::Same),
    ("reg:linear", Transform::Identity, Start::Same),
    ("reg:squaredlogerror", Transform::Identity, Start::Same),
    ("reg:pseudohubererror", Transform::Identity, Start::Same),
    ("reg:absoluteerror", Transform::Identity, Start::Same),
    ("reg:quantileerror", Transform::Identity, Start::Same),
    ("reg:expectileerror", Transform::Identity, Start::Same),
    ("reg:logistic", Transform::Sigmoid, Start::Logit),
    ("binary:logistic", Transform::Sigmoid, Start::Logit),
    ("binary:logitraw", Transform::Identity, Start::Same),
    ("binary:hinge", Transform::Sign, Start::Same),
    ("multi:softprob", Transform::Softmax, Start::Same),
    ("multi:softmax", Transform::Largest, Start::Same),
    ("rank:pairwise", Transform::Identity, Start::Same),
    ("rank:ndcg", Transform::Identity, Start::Same),
    ("rank:map", Transform::Identity, Start::Same),
    ("count:poisson", Transform::Exponential, Start::Logarithm),
    ("reg:gamma", Transform::Exponential, Start::Logarithm),
    ("reg:tweedie", Transform::Exponential, Start::Logarithm),
    ("survival:cox", Transform::Exponential, Start::Logarithm),
    ("survival:aft", Transform::Exponential, Start::Logarithm),
];

impl Objective {
    /// The objective of this name.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn named(name: &str) -> Result<Self> {
        let found = OBJECTIVES.iter().find(|(known, ..)| *known == name);
        let &(_, transform, start) = found.ok_or_else(|| {
            Error::model(format!(
                "objective `{name}` is not known: export the booster with one of XGBoost's own"
            ))
        })?;
        let name = name.to_owned();
        Ok(Self {
            name,
            transform,
            start,
        })
    }

    /// As a release has it.
    pub(super) fn of(mut self, release: Release) -> Self {
        if self.transform == Transform::Sigmoid && release.sigmoid_is_free() {
            self.transform = Transform::FreeSigmoid;
        }
        self
    }

    /// Where the sums start, from the base score of the file.
    pub(super) fn start(&self, base_score: f32, release: Release) -> f32 {
        let raw = self.name == "binary:logitraw";
        match self.start {
            Start::Same if raw && release.raw_is_probability() => logit(base_score),
            Start::Same => base_score,
            Start::Logit => logit(base_score),
            Start::Logarithm => base_score.ln(),
        }
    }
}

impl Transform {
    /// Predictions from sums, `[rows, groups]`.
    pub(super) fn apply(self, mut sums: Vec<f32>, groups: usize) -> Vec<f32> {
        match self {
            Self::Identity => (),
            Self::Sigmoid => each(&mut sums, sigmoid),
            Self::FreeSigmoid => each(&mut sums, free_sigmoid),
            Self::Exponential => each(&mut sums, f32::exp),
            Self::Sign => each(&mut sums, |sum| if sum > 0.0 { 1.0 } else { 0.0 }),
            Self::Softmax => sums.chunks_mut(groups.max(1)).for_each(softmax),
            Self::Largest => return sums.chunks(groups.max(1)).map(largest).collect(),
        }
        sums
    }
}

fn each(sums: &mut [f32], change: impl Fn(f32) -> f32) {
    for sum in sums {
        *sum = change(*sum);
    }
}

fn logit(score: f32) -> f32 {
    -(1.0 / score - 1.0).ln()
}

/// `common::Sigmoid`: bounded, so that the exponential does not overflow.
fn sigmoid(sum: f32) -> f32 {
    let bounded = if 88.7 < -sum { 88.7 } else { -sum };
    1.0 / (bounded.exp() + 1.0 + 1e-16)
}

/// The same before 1.6.
fn free_sigmoid(sum: f32) -> f32 {
    1.0 / (1.0 + (-sum).exp())
}

/// `common::Softmax`: summed in double precision, divided in single.
fn softmax(sums: &mut [f32]) {
    let top = sums.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0_f64;
    for sum in sums.iter_mut() {
        *sum = (*sum - top).exp();
        total += f64::from(*sum);
    }
    let total = total as f32;
    for sum in sums {
        *sum /= total;
    }
}

fn largest(sums: &[f32]) -> f32 {
    let mut best = 0;
    for (at, sum) in sums.iter().enumerate() {
        if sums.get(best).is_some_and(|top| top < sum) {
            best = at;
        }
    }
    best as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_that_is_not_known_is_named() {
        let error = Objective::named("reg:mine").unwrap_err();
        assert!(
            error.message().contains("`reg:mine` is not known"),
            "{error}"
        );
    }

    #[test]
    fn probabilities_start_as_log_odds() {
        let (new, old) = (Release::of(&[3, 2]), Release::of(&[1, 0]));
        let logistic = Objective::named("binary:logistic").unwrap();
        assert_eq!(logistic.start(0.5, new), 0.0);
        assert!((logistic.start(0.3, new) - -0.847_297_85).abs() < 1e-7);
        let raw = Objective::named("binary:logitraw").unwrap();
        assert_eq!(raw.start(0.3, new), 0.3);
        assert_eq!(raw.start(0.5, old), 0.0);
        let poisson = Objective::named("count:poisson").unwrap();
        assert_eq!(poisson.start(1.0, new), 0.0);
    }

    #[test]
    fn a_sigmoid_does_not_overflow() {
        assert!(sigmoid(-1e9) > 0.0);
        assert_eq!(sigmoid(1e9), 1.0);
        assert_eq!((sigmoid(0.0), free_sigmoid(0.0)), (0.5, 0.5));
        assert_eq!(free_sigmoid(-1e9), 0.0);
    }

    #[test]
    fn of_equal_sums_the_first_is_the_largest() {
        let sums = vec![1.0, 3.0, 3.0, 0.0, 0.0, 0.0];
        assert_eq!(Transform::Largest.apply(sums, 3), [1.0, 0.0]);
    }

    #[test]
    fn a_softmax_sums_to_one() {
        let shares = Transform::Softmax.apply(vec![1000.0, 1000.0, -1000.0], 3);
        assert_eq!(shares, [0.5, 0.5, 0.0]);
    }
}
