//! Classes in place of probabilities: what `XGBClassifier.predict` answers.

use std::sync::Arc;

use hari_core::{Call, DataType, Dim, Model, Signature, Tensor, TensorSpec};
use hari_error::Result;

use crate::table_server::Opened;

/// A booster whose probabilities become the number of the likeliest class.
pub(super) struct Classes {
    inner: Arc<dyn Model>,
    signatures: Vec<Signature>,
}

impl Classes {
    /// The booster with classes for answers.
    pub(super) fn before(opened: Opened) -> Opened {
        let labels = |spec: &TensorSpec| TensorSpec {
            dtype: DataType::Int64,
            shape: Some(vec![Dim::Dynamic(None)]),
            ..spec.clone()
        };
        let signatures = opened.model.signatures().iter().map(|one| Signature {
            outputs: one.outputs.iter().map(labels).collect(),
            ..one.clone()
        });
        let model = Self {
            signatures: signatures.collect(),
            inner: opened.model,
        };
        Opened {
            model: Arc::new(model),
            ..opened
        }
    }
}

impl Model for Classes {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        let answers = self.inner.run(call)?;
        answers.iter().map(classes).collect()
    }

    fn platform(&self) -> &str {
        self.inner.platform()
    }

    fn memory_bytes(&self) -> u64 {
        self.inner.memory_bytes()
    }
}

/// The likeliest column of each row; of one probability, whether it is above a half.
fn classes(scores: &Tensor) -> Result<Tensor> {
    let values = scores.to_f64()?;
    let classes: Vec<i64> = match *scores.shape() {
        [_, width] if width > 1 => values.chunks(width).map(likeliest).collect(),
        _ => values.iter().map(|&one| i64::from(one > 0.5)).collect(),
    };
    Tensor::from_vec([classes.len()], classes)
}

/// The place of the largest value; the first of several.
fn likeliest(row: &[f64]) -> i64 {
    let best = row
        .iter()
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (at, &value)| {
            if value > best.1 { (at, value) } else { best }
        });
    i64::try_from(best.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_become_classes() {
        let two = Tensor::from_vec([3], vec![0.5_f32, 0.51, 0.1]).unwrap();
        assert_eq!(classes(&two).unwrap().to_vec::<i64>().unwrap(), [0, 1, 0]);
        let three = Tensor::from_vec([2, 3], vec![0.2_f32, 0.4, 0.4, 0.1, 0.2, 0.7]).unwrap();
        assert_eq!(classes(&three).unwrap().to_vec::<i64>().unwrap(), [1, 2]);
    }
}
