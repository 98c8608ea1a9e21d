//! What the TensorFlow server of Seldon Core does in front of the model.
//!
//! * `jsonData` that holds a TensorFlow Serving request is answered with such a reply:
//!   `{"jsonData": {"instances": [...]}}`;
//! * a tensor without a name goes to the input that parameter `model_input` names, and the reply
//!   then is the output that `model_output` names. Both matter only where there are several.

use std::sync::Arc;

use hari_core::{
    BoxFuture, Context, Input, Limits, Message, Method, ModelMetadata, Payload, Signature, Target,
    TensorSpec, Unit,
};
use hari_error::{Error, Result};
use hari_protocol::tensorflow as codec;

/// A unit in front of a TensorFlow model.
pub(crate) struct TensorflowServer {
    inner: Arc<dyn Unit>,
    unnamed: Unnamed,
}

/// Which input and output a message without names means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unnamed {
    input: Option<String>,
    output: Option<String>,
}

impl Unnamed {
    /// The names that parameters give, as far as they choose among several of `signature`.
    pub(crate) fn of(
        signature: Option<&Signature>,
        input: Option<String>,
        output: Option<String>,
    ) -> Self {
        let among = |specs: &[TensorSpec], name: Option<String>| {
            name.filter(|name| specs.len() > 1 && specs.iter().any(|spec| spec.name == *name))
        };
        signature.map_or_else(Self::default, |signature| Self {
            input: among(&signature.inputs, input),
            output: among(&signature.outputs, output),
        })
    }

    /// Names the only tensor of `message` if it has no name; whether that was so.
    fn name(&self, message: &mut Message) -> bool {
        let Payload::Tensors(tensors) = &mut message.payload else {
            return false;
        };
        let [only] = tensors.as_mut_slice() else {
            return false;
        };
        if !only.name.is_empty() {
            return false;
        }
        if let Some(input) = &self.input {
            only.name.clone_from(input);
        }
        true
    }
}

impl TensorflowServer {
    pub(crate) fn new(inner: Arc<dyn Unit>, unnamed: Unnamed) -> Self {
        Self { inner, unnamed }
    }

    /// The call for a message without names, aimed at the output that parameters name.
    async fn unnamed(
        &self,
        method: Method,
        message: Message,
        context: &Context,
    ) -> Result<Message> {
        let outputs: Vec<String> = self.unnamed.output.iter().cloned().collect();
        if outputs.is_empty() || !context.target.outputs.is_empty() {
            return self.inner.call(method, Input::One(message), context).await;
        }
        let context = context.clone().aimed(Target {
            outputs,
            ..Target::clone(&context.target)
        });
        self.inner.call(method, Input::One(message), &context).await
    }

    async fn json(&self, method: Method, message: Message, context: &Context) -> Result<Message> {
        let Payload::Json(value) = &message.payload else {
            return self.inner.call(method, Input::One(message), context).await;
        };
        let text = serde_json::to_vec(value)
            .map_err(|error| Error::internal("jsonData cannot be written").with_source(error))?;
        let request = codec::decode_predict(&text, &Limits::default())
            .map_err(|error| error.context("jsonData"))?;
        let signature = request.signature_name.clone();
        let target = Target {
            signature,
            ..Target::clone(&context.target)
        };
        let context = context.clone().aimed(target);
        let inner = Input::One(Message {
            meta: message.meta,
            ..request.message
        });
        let answer = self.inner.call(method, inner, &context).await?;
        let reply = codec::encode_predict(&answer, request.layout)?;
        let value = serde_json::from_slice(&reply)
            .map_err(|error| Error::internal("the reply is not JSON").with_source(error))?;
        Ok(Message {
            payload: Payload::Json(value),
            ..answer
        })
    }
}

impl Unit for TensorflowServer {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        match input {
            Input::One(message) if matches!(message.payload, Payload::Json(_)) => {
                Box::pin(self.json(method, message, context))
            }
            Input::One(mut message) if self.unnamed != Unnamed::default() => {
                if self.unnamed.name(&mut message) {
                    Box::pin(self.unnamed(method, message, context))
                } else {
                    self.inner.call(method, Input::One(message), context)
                }
            }
            input => self.inner.call(method, input, context),
        }
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.ready()
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.inner.metadata()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        self.inner.find(name)
    }

    fn names(&self) -> Vec<String> {
        self.inner.names()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hari_core::{DataType, SignatureMethod, Tensor};
    use hari_testkit::Identity;
    use serde_json::json;

    use super::*;

    fn signature(inputs: &[&str], outputs: &[&str]) -> Signature {
        let specs = |names: &[&str]| {
            let spec = |name: &&str| TensorSpec {
                name: (*name).to_owned(),
                dtype: DataType::Fp32,
                shape: None,
            };
            names.iter().map(spec).collect()
        };
        Signature {
            name: Signature::DEFAULT.into(),
            method: SignatureMethod::Predict,
            inputs: specs(inputs),
            outputs: specs(outputs),
        }
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_name_counts_only_where_there_is_a_choice() {
        let one = signature(&["x"], &["y"]);
        assert_eq!(
            Unnamed::of(Some(&one), some("x"), some("y")),
            Unnamed::default()
        );
        let two = signature(&["x", "z"], &["y", "w"]);
        let unnamed = Unnamed::of(Some(&two), some("z"), some("typo"));
        assert_eq!(
            unnamed,
            Unnamed {
                input: some("z"),
                output: None
            }
        );
    }

    #[tokio::test]
    async fn a_tensorflow_request_in_json_data_gets_such_a_reply() {
        let server = TensorflowServer::new(Arc::new(Identity::new("m")), Unnamed::default());
        let context = Context::new("id", Duration::from_secs(1));
        let payload = Payload::Json(json!({"instances": [[1.0, 2.0]]}));
        let message = Message {
            payload,
            ..Message::default()
        };
        let reply = server
            .call(Method::Predict, Input::One(message), &context)
            .await
            .unwrap();
        assert_eq!(
            reply.payload,
            Payload::Json(json!({"predictions": [[1.0, 2.0]]}))
        );
        let payload = Payload::Json(json!({"rows": []}));
        let message = Message {
            payload,
            ..Message::default()
        };
        let error = server
            .call(Method::Predict, Input::One(message), &context)
            .await
            .unwrap_err();
        assert!(error.message().starts_with("jsonData: "), "{error}");
    }

    #[tokio::test]
    async fn an_unnamed_tensor_gets_the_name_that_the_parameter_says() {
        let unnamed = Unnamed {
            input: some("z"),
            output: None,
        };
        let server = TensorflowServer::new(Arc::new(Identity::new("m")), unnamed);
        let context = Context::new("id", Duration::from_secs(1));
        let message = Message::tensor("", Tensor::from_vec([1], vec![1.0_f32]).unwrap());
        let reply = server
            .call(Method::Predict, Input::One(message), &context)
            .await
            .unwrap();
        assert_eq!(reply.as_tensors().unwrap()[0].name, "z");
    }
}
