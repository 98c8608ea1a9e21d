//! Units that do one thing.

use std::sync::Arc;
use std::time::Duration;

use hari_core::{
    BoxFuture, Context, DataType, Dim, Feedback, Input, Message, Method, ModelMetadata, Signature,
    SignatureMethod, TensorSpec, Unit,
};
use hari_error::{Error, Kind, Result};

/// Metadata of a model `name`: `x` FP32 `[-1, 2]` in, `y` FP32 `[-1, 2]` out, version 1.
#[must_use]
pub fn metadata(name: &str) -> ModelMetadata {
    let spec = |name: &str| TensorSpec {
        name: name.to_owned(),
        dtype: DataType::Fp32,
        shape: Some(vec![Dim::Dynamic(None), Dim::Fixed(2)]),
    };
    ModelMetadata {
        name: name.to_owned(),
        versions: vec!["1".to_owned()],
        platform: "test".to_owned(),
        signatures: vec![Signature {
            name: Signature::DEFAULT.to_owned(),
            method: SignatureMethod::Predict,
            inputs: vec![spec("x")],
            outputs: vec![spec("y")],
        }],
        ..ModelMetadata::default()
    }
}

/// Answers with what it is asked: the message, the first of several, the truth of a feedback.
#[derive(Clone, Debug)]
pub struct Identity(Arc<ModelMetadata>);

impl Identity {
    /// A unit of this name, with the metadata of [`metadata`].
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::new(metadata(name)))
    }

    /// A unit that says this of itself.
    #[must_use]
    pub fn with_metadata(metadata: ModelMetadata) -> Self {
        Self(Arc::new(metadata))
    }
}

/// What [`Identity`] answers to `input`.
pub(crate) fn echo(input: Input) -> Message {
    match input {
        Input::One(message) => message,
        Input::Many(messages) => messages.into_iter().next().unwrap_or_default(),
        Input::Feedback(feedback) => {
            let Feedback { truth, request, .. } = *feedback;
            truth.or(request).unwrap_or_default()
        }
    }
}

impl Unit for Identity {
    fn call<'a>(
        &'a self,
        _method: Method,
        input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move { Ok(echo(input)) })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.0.clone()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        (name == self.0.name).then(|| Arc::new(self.clone()) as _)
    }
}

/// Answers with the same message, whatever it is asked.
#[derive(Clone, Debug)]
pub struct Constant {
    metadata: Arc<ModelMetadata>,
    answer: Message,
}

impl Constant {
    /// A unit of this name that always says `answer`.
    #[must_use]
    pub fn new(name: &str, answer: Message) -> Self {
        Self {
            metadata: Arc::new(metadata(name)),
            answer,
        }
    }
}

impl Unit for Constant {
    fn call<'a>(
        &'a self,
        _method: Method,
        _input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async { Ok(self.answer.clone()) })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.metadata.clone()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        (name == self.metadata.name).then(|| Arc::new(self.clone()) as _)
    }
}

/// Fails, whatever it is asked, and is never ready.
#[derive(Clone, Debug)]
pub struct Failing {
    metadata: Arc<ModelMetadata>,
    kind: Kind,
    message: String,
}

impl Failing {
    /// A unit of this name that always fails like this.
    #[must_use]
    pub fn new(name: &str, kind: Kind, message: &str) -> Self {
        Self {
            metadata: Arc::new(metadata(name)),
            kind,
            message: message.to_owned(),
        }
    }

    fn error(&self) -> Error {
        Error::new(self.kind, &*self.message)
    }
}

impl Unit for Failing {
    fn call<'a>(
        &'a self,
        _method: Method,
        _input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async { Err(self.error()) })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Err(self.error()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.metadata.clone()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        (name == self.metadata.name).then(|| Arc::new(self.clone()) as _)
    }
}

/// Answers like [`Identity`], after a while.
#[derive(Clone, Debug)]
pub struct Slow {
    inner: Identity,
    delay: Duration,
}

impl Slow {
    /// A unit of this name that takes `delay` for each answer.
    #[must_use]
    pub fn new(name: &str, delay: Duration) -> Self {
        Self {
            inner: Identity::new(name),
            delay,
        }
    }
}

impl Unit for Slow {
    fn call<'a>(
        &'a self,
        _method: Method,
        input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async {
            tokio::time::sleep(self.delay).await;
            Ok(echo(input))
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.ready()
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.inner.metadata()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        (name == self.inner.0.name).then(|| Arc::new(self.clone()) as _)
    }
}

#[cfg(test)]
mod tests {
    use hari_core::Tensor;

    use super::*;

    fn message(value: f32) -> Message {
        Message::tensor("x", Tensor::from_vec([1, 2], vec![value, value]).unwrap())
    }

    fn context() -> Context {
        Context::new("id", Duration::from_secs(10))
    }

    #[tokio::test]
    async fn identity_answers_with_what_it_is_asked() {
        let unit = Identity::new("echo");
        let one = unit
            .call(Method::Predict, Input::One(message(1.0)), &context())
            .await
            .unwrap();
        assert_eq!(one, message(1.0));
        let many = Input::Many(vec![message(1.0), message(2.0)]);
        assert_eq!(
            unit.call(Method::Aggregate, many, &context())
                .await
                .unwrap(),
            message(1.0)
        );
        let feedback = Feedback {
            truth: Some(message(3.0)),
            ..Feedback::default()
        };
        let input = Input::Feedback(Box::new(feedback));
        assert_eq!(
            unit.call(Method::SendFeedback, input, &context())
                .await
                .unwrap(),
            message(3.0)
        );
    }

    #[tokio::test]
    async fn constant_answers_the_same() {
        let unit = Constant::new("one", message(1.0));
        let answer = unit
            .call(Method::Predict, Input::One(message(5.0)), &context())
            .await;
        assert_eq!(answer.unwrap(), message(1.0));
    }

    #[tokio::test]
    async fn failing_fails_and_is_not_ready() {
        let unit = Failing::new("broken", Kind::Model, "out of luck");
        let input = Input::One(message(5.0));
        let error = unit
            .call(Method::Predict, input, &context())
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::Model, "out of luck")
        );
        assert_eq!(unit.ready().await.unwrap_err().kind(), Kind::Model);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_takes_its_time() {
        let unit = Slow::new("slow", Duration::from_secs(5));
        let before = tokio::time::Instant::now();
        unit.call(Method::Predict, Input::One(message(5.0)), &context())
            .await
            .unwrap();
        assert_eq!(before.elapsed(), Duration::from_secs(5));
    }

    #[test]
    fn a_unit_finds_itself_by_name() {
        assert!(Identity::new("echo").find("echo").is_some());
        assert!(Identity::new("echo").find("other").is_none());
    }
}
