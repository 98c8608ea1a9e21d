//! gblinear: a weight for each feature and group, and a bias for each group.

use hari_error::{Error, Result};

/// Weights, `[features + 1, groups]`; the last row is the bias.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    weights: Vec<f32>,
    features: usize,
    groups: usize,
}

impl Linear {
    /// # Errors
    /// If there are not as many weights as the sizes want.
    pub(super) fn new(weights: Vec<f32>, features: usize, groups: usize) -> Result<Self> {
        let expected = features
            .checked_add(1)
            .and_then(|rows| rows.checked_mul(groups));
        if expected != Some(weights.len()) {
            return Err(Error::model(format!(
                "`weights` has {} numbers, but there are {features} features, a bias and {groups} \
                 outputs",
                weights.len()
            )));
        }
        Ok(Self {
            weights,
            features,
            groups,
        })
    }

    /// Adds its sums to `sums`, `[rows, groups]`, which start at the base score: the bias first,
    /// then the features in order; those that are missing are left out.
    pub(super) fn add(&self, rows: &[f32], sums: &mut [f32]) {
        let bias = self
            .weights
            .get(self.features * self.groups..)
            .unwrap_or(&[]);
        for (at, sums) in sums.chunks_mut(self.groups.max(1)).enumerate() {
            let row = rows.get(at * self.features..).unwrap_or(&[]);
            for (sum, bias) in sums.iter_mut().zip(bias) {
                *sum += *bias;
            }
            let weights = self.weights.chunks(self.groups.max(1));
            for (&value, weights) in row.iter().take(self.features).zip(weights) {
                if !value.is_nan() {
                    add_scaled(sums, value, weights);
                }
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.weights)
    }
}

fn add_scaled(sums: &mut [f32], value: f32, weights: &[f32]) {
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum += value * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_value_adds_nothing() {
        let linear = Linear::new(vec![1.0, 10.0, 2.0, 20.0, 0.5, 5.0], 2, 2).unwrap();
        let mut sums = vec![0.0; 4];
        linear.add(&[3.0, f32::NAN, 1.0, 1.0], &mut sums);
        assert_eq!(sums, [3.5, 35.0, 3.5, 35.0]);
    }

    #[test]
    fn weights_are_counted() {
        let error = Linear::new(vec![0.0; 5], 2, 2).unwrap_err();
        assert!(
            error.message().starts_with("`weights` has 5 numbers"),
            "{error}"
        );
        assert!(Linear::new(Vec::new(), usize::MAX, 2).is_err());
    }
}
