//! Looks on at one node and puts what it sees into a queue.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hari_core::{Asked, Feedback, Message, Method, Moment, Stage, Watch};
use hari_error::{Error, Result};
use uuid::Uuid;

use crate::queue::Queue;
use crate::record::{Content, Kind, Place, Record, size, size_of_feedback};
use crate::redaction::Redaction;
use crate::sample;

/// What of a node is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Requests, responses and feedback.
    All,
    /// Requests alone.
    Request,
    /// Responses and feedback.
    Response,
}

/// Looks on at one node. A node whose unit predicts or transforms is recorded by these calls, each
/// once; any other (a router, a combiner, a node without a unit) by what goes into it and what
/// comes out.
pub(crate) struct Onlooker {
    pub(crate) place: Arc<Place>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) redaction: Redaction,
}

impl Onlooker {
    fn requests(&self) -> bool {
        self.place.log.mode != Mode::Response
    }

    fn responses(&self) -> bool {
        self.place.log.mode != Mode::Request
    }

    fn sees(&self, stage: Stage) -> bool {
        let own = self.place.log.own_call;
        match stage {
            Stage::Call(Method::Predict | Method::TransformInput | Method::TransformOutput) => own,
            Stage::Node(Method::Predict) => !own,
            Stage::Call(_) | Stage::Node(_) => false,
        }
    }

    fn wanted(&self, moment: &Moment<'_>) -> bool {
        let context = moment.context;
        !context.skip_logging && sample::keeps(self.place.log.sample, &context.puid)
    }

    fn message(&self, moment: &Moment<'_>, kind: Kind, message: &Message) {
        if !self.wanted(moment) {
            return;
        }
        self.offer(moment, kind, size(message), || {
            let mut copy = Box::new(message.clone());
            self.redaction.message(&mut copy)?;
            Ok(Content::Message(copy))
        });
    }

    fn feedback(&self, moment: &Moment<'_>, feedback: &Feedback) {
        if !self.wanted(moment) {
            return;
        }
        self.offer(moment, Kind::Feedback, size_of_feedback(feedback), || {
            let mut copy = Box::new(feedback.clone());
            self.redaction.feedback(&mut copy)?;
            Ok(Content::Feedback(copy))
        });
    }

    /// Room is found before anything is copied.
    fn offer(
        &self,
        moment: &Moment<'_>,
        kind: Kind,
        bytes: usize,
        copy: impl FnOnce() -> Result<Content>,
    ) {
        let Some((room, slot)) = self.queue.reserve(&self.place, bytes) else {
            return;
        };
        match copy() {
            Ok(content) => room.send(Record {
                id: Uuid::new_v4(),
                time: SystemTime::now(),
                kind,
                request_id: moment.context.puid.clone(),
                spoken: moment.context.target.spoken,
                grpc: moment.context.grpc,
                content,
                bytes,
                slot,
            }),
            Err(error) => self.queue.failed(&self.place, 1, &error),
        }
    }
}

impl Watch for Onlooker {
    fn asked(&self, moment: &Moment<'_>, asked: Asked<'_>) {
        match asked {
            Asked::One(message) if self.requests() && self.sees(moment.stage) => {
                self.message(moment, Kind::Request, message);
            }
            Asked::Feedback(feedback)
                if self.responses() && moment.stage == Stage::Node(Method::SendFeedback) =>
            {
                self.feedback(moment, feedback);
            }
            Asked::One(_) | Asked::Many(_) | Asked::Feedback(_) => {}
        }
    }

    fn answered(&self, moment: &Moment<'_>, answer: Result<&Message, &Error>, _: Duration) {
        if let Ok(message) = answer
            && self.responses()
            && self.sees(moment.stage)
        {
            self.message(moment, Kind::Response, message);
        }
    }
}
