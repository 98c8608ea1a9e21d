//! An event, ready for a sink.

use std::sync::Arc;
use std::time::SystemTime;

use hari_core::{Message, Payload};
use hari_error::Result;
use uuid::Uuid;

use crate::body::{self, Body};
use crate::queue::Slot;
use crate::record::{Content, Kind, Place, Record};

pub(crate) struct Event {
    pub(crate) id: Uuid,
    pub(crate) time: SystemTime,
    pub(crate) kind: Kind,
    pub(crate) request_id: Arc<str>,
    pub(crate) body: Body,
    /// Of the first tensor: its name, its datatype and its shape.
    pub(crate) first: Option<(String, &'static str, Vec<usize>)>,
    slot: Slot,
}

impl Event {
    /// Writes the body; as text whatever it came as, if `as_json` says so.
    ///
    /// # Errors
    /// The node, and why its payload has no form.
    pub(crate) fn of(record: Record, as_json: bool) -> Result<Self, (Slot, hari_error::Error)> {
        let body = match &record.content {
            Content::Message(message) => body::message(&record, message, as_json),
            Content::Feedback(feedback) => body::feedback(&record, feedback, as_json),
        };
        let first = match &record.content {
            Content::Message(message) => first(message),
            Content::Feedback(_) => None,
        };
        match body {
            Ok(body) => Ok(Self {
                id: record.id,
                time: record.time,
                kind: record.kind,
                request_id: record.request_id,
                body,
                first,
                slot: record.slot,
            }),
            Err(error) => Err((record.slot, error)),
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.slot.place
    }
}

fn first(message: &Message) -> Option<(String, &'static str, Vec<usize>)> {
    let Payload::Tensors(tensors) = &message.payload else {
        return None;
    };
    let named = tensors.first()?;
    let (tensor, name) = (&named.tensor, named.name.clone());
    Some((name, tensor.dtype().name(), tensor.shape().to_vec()))
}
