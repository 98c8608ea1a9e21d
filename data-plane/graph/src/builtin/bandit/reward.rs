//! What a feedback says of one router.

use hari_core::{Feedback, Message, Payload};
use hari_error::{Error, Result};
use serde_json::Value;

/// What came of one answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reward {
    /// The branch that answered.
    pub(super) branch: usize,
    /// Rows of the request.
    pub(super) rows: u64,
    /// How many of them were a success: reward times rows, rounded down.
    pub(super) successes: u64,
    /// Reward times rows.
    pub(super) sum: f64,
}

impl Reward {
    /// Reads the feedback for the router `name` with this many branches.
    ///
    /// # Errors
    /// `InvalidInput` if it has no request, no routing of this router to one of its branches, or
    /// a reward that is not from 0 to 1.
    pub(super) fn read(feedback: &Feedback, name: &str, branches: usize) -> Result<Self> {
        let reward = f64::from(feedback.reward);
        if !(0.0..=1.0).contains(&reward) {
            return Err(Error::invalid(format!(
                "reward: expected a number from 0 to 1, found {reward}"
            )));
        }
        let branch = taken(feedback, name, branches)?;
        let rows = rows(feedback)?;
        let sum = reward * rows as f64;
        // A reward has seven digits: 0.7 of 10 rows are 7, not 6.9999999.
        let successes = (sum + rows as f64 * 1e-7).floor() as u64;
        Ok(Self {
            branch,
            rows,
            successes: successes.min(rows),
            sum,
        })
    }
}

fn taken(feedback: &Feedback, name: &str, branches: usize) -> Result<usize> {
    let routing = feedback
        .response
        .as_ref()
        .map(|response| &response.meta.routing);
    let Some(number) = routing.and_then(|routing| routing.get(name)) else {
        return Err(Error::invalid(format!(
            "response.meta.routing: expected the branch that `{name}` chose, found none: send the \
             response back with the `meta` that it came with"
        )));
    };
    let branch = usize::try_from(*number).ok();
    branch.filter(|branch| *branch < branches).ok_or_else(|| {
        Error::invalid(format!(
            "response.meta.routing: expected a branch of `{name}` from 0 to {}, found {number}",
            branches.saturating_sub(1)
        ))
    })
}

fn rows(feedback: &Feedback) -> Result<u64> {
    let missing =
        || Error::invalid("request: expected what was asked, found none: its rows are counted");
    let request = feedback.request.as_ref().ok_or_else(missing)?;
    rows_of(request).map(|rows| rows as u64).ok_or_else(missing)
}

/// What has no rows counts as one.
fn rows_of(request: &Message) -> Option<usize> {
    match &request.payload {
        Payload::Empty => None,
        Payload::Tensors(tensors) => {
            let first = tensors.first()?;
            Some(first.tensor.shape().first().copied().unwrap_or(1))
        }
        Payload::Json(Value::Array(values)) => Some(values.len()),
        Payload::Json(_) | Payload::Text(_) | Payload::Binary(_) | Payload::Any(_) => Some(1),
    }
}
