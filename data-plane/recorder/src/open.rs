//! A request that is under way: what was seen of it so far.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hari_core::{Asked, Context, Feedback, Message, Method, Moment, Stage};
use hari_error::Error;

use crate::content::Length;
use crate::recording::{Content, Event, Fault, GraphNode, Recording};
use crate::time::rfc3339;

/// Stages of one request that are kept at most.
const STAGES: usize = 4096;

/// A predictor whose requests are recorded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) deployment: String,
    pub(crate) predictor: String,
    pub(crate) graph: Vec<GraphNode>,
}

/// What was seen of a request. Messages share their bytes with those that are under way.
pub(crate) struct Open {
    place: Arc<Place>,
    /// Keeps the id where it is: it is known by its address.
    id: Arc<str>,
    began: SystemTime,
    since: Instant,
    deadline: Instant,
    stages: Vec<Seen>,
}

struct Seen {
    node: String,
    stage: Stage,
    start: Duration,
    took: Option<Duration>,
    asked: Said,
    answer: Option<Result<Message, Fault>>,
}

enum Said {
    /// What is said in another stage.
    Elsewhere,
    /// One, or several to aggregate.
    Messages(Vec<Message>),
    Feedback(Box<Feedback>),
}

impl Said {
    fn of(asked: Asked<'_>) -> Self {
        match asked {
            Asked::One(message) => Self::Messages(vec![message.clone()]),
            Asked::Many(messages) => Self::Messages(messages.to_vec()),
            Asked::Feedback(feedback) => Self::Feedback(Box::new(feedback.clone())),
        }
    }
}

impl Open {
    pub(crate) fn new(place: &Arc<Place>, context: &Context) -> Self {
        Self {
            place: Arc::clone(place),
            id: Arc::clone(&context.puid),
            began: SystemTime::now(),
            since: Instant::now(),
            deadline: context.deadline,
            stages: Vec::new(),
        }
    }

    /// Whether nobody waits for it any more: its caller went away.
    pub(crate) fn is_left(&self, now: Instant) -> bool {
        self.deadline < now
    }

    /// A node and all below it is said by the calls; only the first stage is kept whole.
    pub(crate) fn asked(&mut self, moment: &Moment<'_>, asked: Asked<'_>) {
        if self.stages.len() >= STAGES {
            return;
        }
        let whole = self.stages.is_empty() || matches!(moment.stage, Stage::Call(_));
        self.stages.push(Seen {
            node: moment.node.to_owned(),
            stage: moment.stage,
            start: self.since.elapsed(),
            took: None,
            asked: if whole {
                Said::of(asked)
            } else {
                Said::Elsewhere
            },
            answer: None,
        });
    }

    /// Gives back whether this was the answer to the request.
    pub(crate) fn answered(
        &mut self,
        moment: &Moment<'_>,
        answer: Result<&Message, &Error>,
        took: Duration,
    ) -> bool {
        let waits = |seen: &Seen| {
            seen.took.is_none() && seen.stage == moment.stage && seen.node == moment.node
        };
        let Some(at) = self.stages.iter().rposition(waits) else {
            return false;
        };
        if let Some(seen) = self.stages.get_mut(at) {
            seen.took = Some(took);
            seen.answer = match (answer, &seen.asked) {
                (Ok(_), Said::Elsewhere) => None,
                (Ok(message), _) => Some(Ok(message.clone())),
                (Err(error), _) => Some(Err(fault(error))),
            };
        }
        at == 0
    }

    pub(crate) fn recording(self, length: Length) -> Recording {
        let last = |seen: &Seen| seen.start + seen.took.unwrap_or_default();
        let took = match self.stages.first().and_then(|first| first.took) {
            Some(took) => took,
            None => self.stages.iter().map(last).max().unwrap_or_default(),
        };
        Recording {
            id: self.id.to_string(),
            time: rfc3339(self.began),
            deployment: self.place.deployment.clone(),
            predictor: self.place.predictor.clone(),
            took: micros(took),
            graph: self.place.graph.clone(),
            events: self
                .stages
                .into_iter()
                .map(|seen| seen.event(length))
                .collect(),
        }
    }
}

impl Seen {
    fn event(self, length: Length) -> Event {
        let (stage, method) = match self.stage {
            Stage::Node(method) => ("node", method),
            Stage::Call(method) => ("call", method),
        };
        let reward = match &self.asked {
            Said::Feedback(feedback) => Some(feedback.reward),
            _ => None,
        };
        let (answer, error) = match self.answer {
            Some(Ok(message)) => (Some(length.message(&message)), None),
            Some(Err(fault)) => (None, Some(fault)),
            None => (None, None),
        };
        let routes = self.stage == Stage::Call(Method::Route);
        Event {
            node: self.node,
            stage: stage.to_owned(),
            method: method.path().to_owned(),
            start: micros(self.start),
            took: self.took.map(micros),
            asked: contents(&self.asked, length),
            reward,
            branch: answer.as_ref().filter(|_| routes).and_then(branch),
            answer,
            error,
        }
    }
}

fn contents(said: &Said, length: Length) -> Vec<Content> {
    match said {
        Said::Elsewhere => Vec::new(),
        Said::Messages(messages) => messages.iter().map(|one| length.message(one)).collect(),
        Said::Feedback(feedback) => length.feedback(feedback),
    }
}

/// The first number of a router's answer.
fn branch(answer: &Content) -> Option<i64> {
    let mut first = match answer.tensors.first() {
        Some(tensor) => tensor.values.first(),
        None => answer.json.as_ref(),
    }?;
    while let Some(values) = first.as_array() {
        first = values.first()?;
    }
    let number = first.as_f64().filter(|number| number.fract() == 0.0)?;
    Some(number as i64)
}

fn fault(error: &Error) -> Fault {
    Fault {
        reason: error.reason().to_owned(),
        message: error.message().to_owned(),
        node: error.node().map(str::to_owned),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
