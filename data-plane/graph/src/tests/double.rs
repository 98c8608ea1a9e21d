//! A unit that answers what a test tells it to, and writes down what it is called for.

use std::sync::{Arc, Mutex};

use hari_core::{
    BoxFuture, Context, Input, Message, Meta, Method, ModelMetadata, Payload, Target, Unit,
};
use hari_error::Result;

/// What a unit was called with.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) input: Input,
    pub(super) target: Target,
}

/// All calls of a test, in the order in which they began.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    pub(super) fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    /// `name method`, one for each call.
    pub(super) fn lines(&self) -> Vec<String> {
        self.all()
            .iter()
            .map(|seen| format!("{} {}", seen.name, seen.method.path()))
            .collect()
    }

    /// The one message that `name` was called with.
    pub(super) fn message_of(&self, name: &str) -> Message {
        match self
            .all()
            .into_iter()
            .find(|seen| seen.name == name)
            .map(|seen| seen.input)
        {
            Some(Input::One(message)) => message,
            other => panic!("{name} got {other:?}"),
        }
    }

    fn add(&self, seen: Seen) {
        self.0.lock().unwrap().push(seen);
    }
}

type Answer = dyn Fn(Method, Input) -> Result<Message> + Send + Sync;

#[derive(Clone)]
pub(super) struct Double {
    metadata: Arc<ModelMetadata>,
    answer: Arc<Answer>,
    log: Log,
}

impl Double {
    pub(super) fn new(
        name: &str,
        answer: impl Fn(Method, Input) -> Result<Message> + Send + Sync + 'static,
    ) -> Self {
        let metadata = Arc::new(hari_testkit::metadata(name));
        Self {
            metadata,
            answer: Arc::new(answer),
            log: Log::default(),
        }
    }

    pub(super) fn answering(name: &str, message: Message) -> Self {
        Self::new(name, move |_, _| Ok(message.clone()))
    }

    /// Answers the text it gets and its own name: `request.a.b`. Of several texts it makes
    /// `(first,second).name`.
    pub(super) fn spelling(name: &str) -> Self {
        let own = name.to_owned();
        Self::new(name, move |_, input| {
            let before = match input {
                Input::One(message) => super::words(&message).to_owned(),
                Input::Many(messages) => {
                    let all: Vec<_> = messages.iter().map(super::words).collect();
                    format!("({})", all.join(","))
                }
                Input::Feedback(feedback) => format!("reward {}", feedback.reward),
            };
            Ok(super::text(&format!("{before}.{own}")))
        })
    }

    /// Answers text with this meta of its own.
    pub(super) fn saying(name: &str, meta: Meta) -> Self {
        let payload = Payload::Text(name.to_owned());
        Self::answering(
            name,
            Message {
                payload,
                meta,
                ..Message::default()
            },
        )
    }

    pub(super) fn logged(self, log: &Log) -> Self {
        Self {
            log: log.clone(),
            ..self
        }
    }
}

impl Unit for Double {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            self.log.add(Seen {
                name: self.metadata.name.clone(),
                method,
                input: input.clone(),
                target: (*context.target).clone(),
            });
            (self.answer)(method, input)
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.metadata.clone()
    }
}
