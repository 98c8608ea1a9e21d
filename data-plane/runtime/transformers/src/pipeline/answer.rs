//! From answers to tensors, and the arithmetic that pipelines share.

use bytes::Bytes;
use hari_core::Tensor;
use hari_error::{Error, Result};
use serde_json::Value;

use super::{Answers, EMBEDDING, OUTPUT, Pipeline};

impl Pipeline {
    /// The wanted outputs, all of them if none is wanted.
    pub(super) fn tensors(&self, answers: &Answers, wanted: &[usize]) -> Result<Vec<Tensor>> {
        let specs = self
            .signatures
            .first()
            .map_or(&[][..], |signature| &signature.outputs);
        let all: Vec<usize> = (0..specs.len()).collect();
        let wanted = if wanted.is_empty() { &all } else { wanted };
        let names = wanted
            .iter()
            .map(|&at| specs.get(at).map(|spec| &*spec.name));
        names
            .map(|name| answers.tensor(name.unwrap_or_default()))
            .collect()
    }
}

impl Answers {
    fn tensor(&self, name: &str) -> Result<Tensor> {
        match (self, name) {
            (Self::Texts(texts), OUTPUT) => {
                let texts: Vec<Bytes> = texts
                    .iter()
                    .map(|text| Bytes::copy_from_slice(text.as_bytes()))
                    .collect();
                Tensor::from_strings([texts.len(), 1], texts)
            }
            (Self::Vectors(vectors), OUTPUT) => {
                let texts = vectors.iter().map(|vector| json(vector).map(Bytes::from));
                Tensor::from_strings([vectors.len(), 1], texts.collect::<Result<_>>()?)
            }
            (Self::Vectors(vectors), EMBEDDING) => {
                let width = vectors.first().map_or(0, Vec::len);
                Tensor::from_vec([vectors.len(), width], vectors.concat())
            }
            _ => Err(Error::internal(format!("no output `{name}`"))),
        }
    }
}

/// A value as JSON text. 32-bit floats are written with the digits that tell them apart.
pub(super) fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal("an answer cannot be written").with_source(error))
}

/// A score as a JSON number, with every digit of the 32-bit float, as Python writes it.
pub(super) fn score(score: f32) -> Value {
    Value::from(f64::from(score))
}

/// Exponentials over their sum, the highest taken off first.
pub(super) fn softmax(logits: &[f32]) -> Vec<f32> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - highest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

pub(super) fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The place of the highest number, the first of equals; the first place if there is none.
pub(super) fn highest(values: &[f32]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if values.get(best).is_some_and(|high| value > high) {
            best = at;
        }
    }
    best
}

/// Places of numbers from the highest to the lowest, equals in their order.
pub(super) fn descending(values: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let value = |at: &usize| values.get(*at).copied().unwrap_or(f32::NEG_INFINITY);
    order.sort_by(|a, b| value(b).total_cmp(&value(a)));
    order
}

/// An answer of one part, which a task makes exactly one of.
pub(super) fn only<T>(parts: Vec<T>) -> Result<T> {
    parts
        .into_iter()
        .next()
        .ok_or_else(|| Error::internal("the network gave no output"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_of_the_highest() {
        assert_eq!(highest(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(highest(&[]), 0);
        assert_eq!(descending(&[1.0, 3.0, 2.0, 3.0]), [1, 3, 2, 0]);
        assert!((sigmoid(0.0) - 0.5).abs() < 1e-7);
    }

    #[test]
    fn floats_are_written_short_and_scores_long() {
        assert_eq!(json(&vec![0.1_f32, 1.0]).unwrap(), "[0.1,1.0]");
        assert_eq!(score(0.1).to_string(), "0.10000000149011612");
    }

    proptest! {
        #[test]
        fn probabilities_sum_to_one(logits in proptest::collection::vec(-50.0_f32..50.0, 1..40)) {
            let scores = softmax(&logits);
            prop_assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-4);
            prop_assert_eq!(highest(&scores), highest(&logits));
        }
    }
}
