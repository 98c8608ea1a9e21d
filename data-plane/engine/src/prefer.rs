//! Puts the signature that a deployment names first, so that it is the default.

use std::sync::Arc;

use hari_core::{Call, Model, Signature, Tensor};
use hari_error::{Error, Result};

/// `model` with `wanted` as its first signature.
pub(crate) fn prefer(model: Arc<dyn Model>, wanted: Option<&str>) -> Result<Arc<dyn Model>> {
    let Some(wanted) = wanted else {
        return Ok(model);
    };
    let names = model.signatures().iter().map(|signature| &*signature.name);
    match names.clone().position(|name| name == wanted) {
        Some(0) => Ok(model),
        Some(at) => Ok(Arc::new(Preferred::new(model, at))),
        None => Err(Error::invalid(format!(
            "parameter `signature_name`: the model has no signature `{wanted}`; it has {}",
            names.collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// A model with its signatures in another order.
struct Preferred {
    inner: Arc<dyn Model>,
    signatures: Vec<Signature>,
    first: usize,
}

impl Preferred {
    fn new(inner: Arc<dyn Model>, first: usize) -> Self {
        let mut signatures = inner.signatures().to_vec();
        signatures[..=first].rotate_right(1);
        Self {
            inner,
            signatures,
            first,
        }
    }

    /// The place in the model itself of the signature that callers know as `at`.
    fn original(&self, at: usize) -> usize {
        match at {
            0 => self.first,
            at if at <= self.first => at - 1,
            at => at,
        }
    }
}

impl Model for Preferred {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        self.inner.run(Call {
            signature: self.original(call.signature),
            ..call
        })
    }

    fn platform(&self) -> &str {
        self.inner.platform()
    }

    fn engine(&self) -> &str {
        self.inner.engine()
    }

    fn memory_bytes(&self) -> u64 {
        self.inner.memory_bytes()
    }

    fn labels(&self, signature: usize, output: usize) -> &[String] {
        self.inner.labels(self.original(signature), output)
    }

    fn batchable(&self, signature: usize) -> bool {
        self.inner.batchable(self.original(signature))
    }
}

#[cfg(test)]
mod tests {
    use hari_core::SignatureMethod;

    use super::*;

    struct Three(Vec<Signature>);

    impl Model for Three {
        fn signatures(&self) -> &[Signature] {
            &self.0
        }

        fn run(&self, call: Call) -> Result<Vec<Tensor>> {
            Ok(vec![Tensor::from_vec([1], vec![call.signature as i64])?])
        }

        fn platform(&self) -> &str {
            "three"
        }

        fn memory_bytes(&self) -> u64 {
            0
        }
    }

    fn three() -> Arc<dyn Model> {
        let named = |name: &str| Signature {
            name: name.into(),
            method: SignatureMethod::Predict,
            inputs: vec![],
            outputs: vec![],
        };
        Arc::new(Three(["a", "b", "c"].map(named).to_vec()))
    }

    fn answers(model: &dyn Model) -> Vec<(String, i64)> {
        let run = |at| {
            let call = Call {
                signature: at,
                inputs: vec![],
                outputs: vec![],
            };
            model.run(call).unwrap()[0].to_vec::<i64>().unwrap()[0]
        };
        model
            .signatures()
            .iter()
            .enumerate()
            .map(|(at, one)| (one.name.clone(), run(at)))
            .collect()
    }

    #[test]
    fn each_name_still_runs_its_own_signature() {
        for first in ["a", "b", "c"] {
            let model = prefer(three(), Some(first)).unwrap();
            let mut answers = answers(&*model);
            assert_eq!(answers[0].0, first);
            answers.sort();
            assert_eq!(answers, [("a".into(), 0), ("b".into(), 1), ("c".into(), 2)]);
        }
    }

    #[test]
    fn an_unknown_signature_is_refused_with_those_there_are() {
        let error = prefer(three(), Some("x")).err().unwrap();
        assert!(error.message().contains("`x`") && error.message().contains("a, b, c"));
    }
}
