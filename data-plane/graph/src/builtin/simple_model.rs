//! `SIMPLE_MODEL`: a constant, to try a graph without a model.

use std::sync::Arc;

use hari_core::{
    BoxFuture, Context, DataType, Dim, Input, Message, Method, ModelMetadata, NamedTensor,
    Signature, SignatureMethod, Tensor, TensorSpec, Unit,
};
use hari_error::Result;

use super::{metadata, unimplemented};

/// Answers `proba`, FP64 `[1, 3]`, with the constant `[0.1, 0.9, 0.5]` for the columns `class0`,
/// `class1` and `class2`, whatever it is asked.
#[derive(Clone, Debug)]
pub struct SimpleModel(Arc<ModelMetadata>);

const OUTPUT: &str = "proba";
const PROBABILITIES: [f64; 3] = [0.1, 0.9, 0.5];
const CLASSES: [&str; 3] = ["class0", "class1", "class2"];

impl SimpleModel {
    /// A unit of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let shape = Some(vec![Dim::Fixed(1), Dim::Fixed(PROBABILITIES.len())]);
        let output = TensorSpec {
            name: OUTPUT.to_owned(),
            dtype: DataType::Fp64,
            shape,
        };
        let signature = Signature {
            name: Signature::DEFAULT.to_owned(),
            method: SignatureMethod::Predict,
            inputs: Vec::new(),
            outputs: vec![output],
        };
        Self(Arc::new(ModelMetadata {
            signatures: vec![signature],
            ..metadata(name)
        }))
    }
}

fn answer() -> Result<Message> {
    let tensor = Tensor::from_vec([1, PROBABILITIES.len()], PROBABILITIES.to_vec())?;
    let columns = CLASSES.map(str::to_owned).to_vec();
    Ok(Message::tensors(vec![NamedTensor {
        columns,
        ..NamedTensor::new(OUTPUT, tensor)
    }]))
}

impl Unit for SimpleModel {
    fn call<'a>(
        &'a self,
        method: Method,
        _input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            match method {
                Method::Predict => answer(),
                other => Err(unimplemented("SIMPLE_MODEL", other)),
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hari_error::Kind;
    use hari_testkit::conformance;

    use super::*;

    #[tokio::test]
    async fn it_answers_the_constant_that_its_metadata_promises() {
        let unit = SimpleModel::new("m");
        let context = Context::new("id", Duration::from_secs(10));
        let reply = unit
            .call(Method::Predict, Input::One(Message::default()), &context)
            .await;
        let tensors = reply.unwrap();
        let [named] = tensors.as_tensors().unwrap() else {
            panic!("one tensor")
        };
        assert_eq!(*named.tensor.values::<f64>().unwrap(), [0.1, 0.9, 0.5]);
        assert_eq!(named.columns, ["class0", "class1", "class2"]);
        let metadata = unit.metadata();
        let spec = &metadata.signatures[0].outputs[0];
        assert_eq!(
            (&spec.name, spec.dtype),
            (&named.name, named.tensor.dtype())
        );
        assert_eq!(spec.wire_shape(), [1, 3]);
        assert_eq!(named.tensor.shape(), [1, 3]);
    }

    #[tokio::test]
    async fn it_keeps_the_rules_of_every_unit() {
        let unit = Arc::new(SimpleModel::new("m"));
        conformance(unit.clone(), Message::default()).await.unwrap();
        let context = Context::new("id", Duration::from_secs(10));
        let error = unit
            .call(Method::Route, Input::One(Message::default()), &context)
            .await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Unimplemented);
        assert_eq!(error.message(), "SIMPLE_MODEL has no method route");
    }
}
