//! A unit: asynchronous, per message. A node, a remote node, a whole graph.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hari_error::Result;

use crate::{Context, Message, ModelMetadata, Target};

/// A boxed future that borrows for `'a`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a unit can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Answer with a prediction.
    Predict,
    /// Change the request on its way down.
    TransformInput,
    /// Change the reply on its way up.
    TransformOutput,
    /// Choose a child: the reply's first number is its index, -1 for all, -2 for none.
    Route,
    /// Make one reply of the children's.
    Aggregate,
    /// Learn from a reward.
    SendFeedback,
}

impl Method {
    /// The unit path of the Seldon protocol, without the slash.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::TransformInput => "transform-input",
            Self::TransformOutput => "transform-output",
            Self::Route => "route",
            Self::Aggregate => "aggregate",
            Self::SendFeedback => "send-feedback",
        }
    }
}

/// What a unit is called with.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message is the common case: no box for it"
)]
pub enum Input {
    /// One message, for every method but two.
    One(Message),
    /// The children's replies in their order, for [`Method::Aggregate`].
    Many(Vec<Message>),
    /// For [`Method::SendFeedback`].
    Feedback(Box<Feedback>),
}

/// A reward for an earlier prediction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feedback {
    /// What was asked.
    pub request: Option<Message>,
    /// What was answered; its routing tells the branch.
    pub response: Option<Message>,
    /// How good the answer was.
    pub reward: f32,
    /// What the answer should have been.
    pub truth: Option<Message>,
}

/// Something that answers messages. Dropping the future cancels the work.
pub trait Unit: Send + Sync + 'static {
    /// Does what `method` says with `input`.
    ///
    /// # Errors
    /// `Unimplemented` for a method that this unit does not have.
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>>;

    /// Whether a request sent now would be answered.
    ///
    /// # Errors
    /// Says why not.
    fn ready(&self) -> BoxFuture<'_, Result<()>>;

    /// What it says of itself.
    fn metadata(&self) -> Arc<ModelMetadata>;

    /// What it says of the version that `target` names; of itself, if it has only one.
    fn metadata_of(&self, target: &Target) -> Arc<ModelMetadata> {
        let _ = target;
        self.metadata()
    }

    /// The unit of this name inside, for a graph; itself for its own name.
    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        let _ = name;
        None
    }

    /// Names of all units inside that can be addressed, itself first.
    fn names(&self) -> Vec<String> {
        vec![self.metadata().name.clone()]
    }
}
