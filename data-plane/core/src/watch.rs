//! Who looks on while a graph answers: records, metrics and recordings of what nodes were asked
//! and what they answered.

use std::sync::Arc;
use std::time::Duration;

use hari_error::Error;

use crate::{Context, Feedback, Input, Message, Method};

/// Looks on at one node. Called on the path of the request: it never waits and never fails.
///
/// Every [`Watch::asked`] is followed by one [`Watch::answered`] of the same stage, unless the work
/// was dropped in between (the caller went away, or the deadline passed).
pub trait Watch: Send + Sync + 'static {
    /// The node is about to be asked.
    fn asked(&self, moment: &Moment<'_>, asked: Asked<'_>);

    /// The node answered.
    fn answered(&self, moment: &Moment<'_>, answer: Result<&Message, &Error>, took: Duration);
}

/// Where on its way a request is.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Name of the node.
    pub node: &'a str,
    /// What of the node.
    pub stage: Stage,
    /// The request: its id, and what its caller wants to be left out.
    pub context: &'a Context,
}

/// What of a node is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The node with all that is below it: what went in, and what came out in the end.
    /// [`Method::Predict`] or [`Method::SendFeedback`].
    Node(Method),
    /// One call of the node's own unit. The answer's meta is what the unit itself said.
    Call(Method),
}

/// What a node is asked.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// One message.
    One(&'a Message),
    /// The children's replies, for [`Method::Aggregate`].
    Many(&'a [Message]),
    /// For [`Method::SendFeedback`].
    Feedback(&'a Feedback),
}

impl<'a> From<&'a Input> for Asked<'a> {
    fn from(input: &'a Input) -> Self {
        match input {
            Input::One(message) => Self::One(message),
            Input::Many(messages) => Self::Many(messages),
            Input::Feedback(feedback) => Self::Feedback(feedback),
        }
    }
}

/// Several who look on, told in their order.
pub struct Watchers(Vec<Arc<dyn Watch>>);

impl Watchers {
    /// All of `watchers` as one; `None` if there are none.
    #[must_use]
    pub fn of(mut watchers: Vec<Arc<dyn Watch>>) -> Option<Arc<dyn Watch>> {
        match watchers.len() {
            0 | 1 => watchers.pop(),
            _ => Some(Arc::new(Self(watchers))),
        }
    }
}

impl Watch for Watchers {
    fn asked(&self, moment: &Moment<'_>, asked: Asked<'_>) {
        self.0.iter().for_each(|one| one.asked(moment, asked));
    }

    fn answered(&self, moment: &Moment<'_>, answer: Result<&Message, &Error>, took: Duration) {
        let each = |one: &Arc<dyn Watch>| one.answered(moment, answer, took);
        self.0.iter().for_each(each);
    }
}
