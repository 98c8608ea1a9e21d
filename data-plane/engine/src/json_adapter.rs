//! `jsonData` that holds a TensorFlow Serving request is answered with such a reply, as the
//! TensorFlow server of Seldon Core does: `{"jsonData": {"instances": [...]}}`.

use std::sync::Arc;

use hari_core::{
    BoxFuture, Context, Input, Limits, Message, Method, ModelMetadata, Payload, Target, Unit,
};
use hari_error::{Error, Result};
use hari_protocol::tensorflow as codec;

/// A unit in front of a TensorFlow model.
pub(crate) struct JsonAdapter {
    inner: Arc<dyn Unit>,
}

impl JsonAdapter {
    pub(crate) fn new(inner: Arc<dyn Unit>) -> Self {
        Self { inner }
    }

    async fn adapted(
        &self,
        method: Method,
        message: Message,
        context: &Context,
    ) -> Result<Message> {
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

impl Unit for JsonAdapter {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        match input {
            Input::One(message) if matches!(message.payload, Payload::Json(_)) => {
                Box::pin(self.adapted(method, message, context))
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
