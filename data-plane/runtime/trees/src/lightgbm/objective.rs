//! Objectives: what becomes of a sum, in float64, with the operations of LightGBM.

use hari_error::{Error, Result};

/// What a booster was trained for.
#[derive(Clone, Debug)]
pub(crate) struct Objective {
    /// The first word of the file's line; empty if it has none.
    pub(crate) name: String,
    transform: Transform,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Transform {
    Identity,
    /// The square with the sign: labels were roots.
    Square,
    Exponential,
    /// With the steepness.
    Sigmoid(f64),
    Softmax,
    /// `ln(1 + e^x)`.
    Softplus,
}

impl Objective {
    /// From the line `binary sigmoid:1`, say.
    ///
    /// # Errors
    /// If LightGBM has no such objective, or a number is none.
    pub(super) fn read(line: Option<&str>, groups: usize) -> Result<Self> {
        let mut words = line.unwrap_or_default().split_whitespace();
        let name = words.next().unwrap_or_default();
        let rest: Vec<_> = words.collect();
        let transform = match name {
            "regression" if rest.contains(&"sqrt") => Transform::Square,
            "" | "custom" | "none" | "regression" | "regression_l1" | "huber" | "fair"
            | "quantile" | "mape" | "lambdarank" | "rank_xendcg" => Transform::Identity,
            "poisson" | "gamma" | "tweedie" => Transform::Exponential,
            "binary" | "multiclassova" => Transform::Sigmoid(steepness(&rest)?),
            "cross_entropy" | "xentropy" => Transform::Sigmoid(1.0),
            "cross_entropy_lambda" | "xentlambda" => Transform::Softplus,
            "multiclass" => Transform::Softmax,
            other => {
                return Err(Error::model(format!("`objective`: `{other}` is not known")));
            }
        };
        classes(&rest, groups)?;
        Ok(Self {
            name: name.to_owned(),
            transform,
        })
    }

    /// Changes sums, `[rows, groups]`, to predictions.
    pub(super) fn apply(&self, sums: &mut [f64], groups: usize) {
        match self.transform {
            Transform::Identity => (),
            Transform::Square => each(sums, square),
            Transform::Exponential => each(sums, f64::exp),
            Transform::Sigmoid(steepness) => {
                each(sums, |sum| 1.0 / (1.0 + (-steepness * sum).exp()));
            }
            Transform::Softplus => each(sums, |sum| sum.exp().ln_1p()),
            Transform::Softmax => sums.chunks_mut(groups.max(1)).for_each(softmax),
        }
    }
}

fn parameter<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words
        .iter()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix(':'))
}

fn steepness(words: &[&str]) -> Result<f64> {
    let found = parameter(words, "sigmoid").unwrap_or("1");
    let steepness = found.parse();
    steepness.map_err(|_| Error::model(format!("`objective`: `sigmoid:{found}` is no number")))
}

/// The classes that are declared are the sums that there are.
fn classes(words: &[&str], groups: usize) -> Result<()> {
    match parameter(words, "num_class") {
        Some(found) if found.parse() != Ok(groups) => Err(Error::model(format!(
            "`objective` has `num_class:{found}`, but `num_tree_per_iteration` is {groups}"
        ))),
        _ => Ok(()),
    }
}

fn each(sums: &mut [f64], change: impl Fn(f64) -> f64) {
    for sum in sums {
        *sum = change(*sum);
    }
}

fn square(sum: f64) -> f64 {
    let sign = f64::from(i8::from(sum > 0.0) - i8::from(sum < 0.0));
    sign * sum * sum
}

fn softmax(sums: &mut [f64]) {
    let top = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for sum in sums.iter_mut() {
        *sum = (*sum - top).exp();
        total += *sum;
    }
    for sum in sums {
        *sum /= total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(line: &str, sums: &[f64]) -> Vec<f64> {
        let mut sums = sums.to_vec();
        let groups = if line.starts_with("multiclass") {
            sums.len()
        } else {
            1
        };
        Objective::read(Some(line), groups)
            .unwrap()
            .apply(&mut sums, groups);
        sums
    }

    #[test]
    fn each_objective_has_its_transform() {
        assert_eq!(applied("regression", &[2.5]), [2.5]);
        assert_eq!(
            applied("regression sqrt", &[-3.0, 2.0, 0.0]),
            [-9.0, 4.0, 0.0]
        );
        assert_eq!(applied("poisson", &[0.0]), [1.0]);
        assert_eq!(applied("binary sigmoid:2", &[0.0]), [0.5]);
        assert_eq!(applied("cross_entropy_lambda", &[0.0]), [2_f64.ln()]);
        assert_eq!(applied("multiclass num_class:2", &[1.0, 1.0]), [0.5, 0.5]);
        assert_eq!(
            applied("multiclassova num_class:2 sigmoid:1", &[0.0, 0.0]),
            [0.5, 0.5]
        );
        assert_eq!(applied("lambdarank", &[7.0]), [7.0]);
    }

    #[test]
    fn what_is_not_known_is_named() {
        let error = Objective::read(Some("mine a:1"), 1).unwrap_err();
        assert_eq!(error.message(), "`objective`: `mine` is not known");
        let error = Objective::read(Some("multiclass num_class:3"), 2).unwrap_err();
        assert!(error.message().contains("num_class:3"), "{error}");
        assert!(Objective::read(Some("binary sigmoid:x"), 1).is_err());
        assert!(Objective::read(None, 1).is_ok());
    }
}
