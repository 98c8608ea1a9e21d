//! What is asked and what is answered, whatever the protocol.

use bytes::Bytes;
use hari_core::Message;

/// What to send.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Request {
    /// A JSON body that the user wrote.
    Body(Bytes),
    /// Tensors, to be written in the protocol that is spoken.
    Message(Message),
}

impl Request {
    /// Rows that it holds, as far as they are known.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Body(_) => 1,
            Self::Message(message) => message
                .as_tensors()
                .and_then(<[_]>::first)
                .map_or(1, |named| named.tensor.rows()),
        }
    }
}

/// A request in no protocol's form yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) message: Message,
    /// The signature that is named.
    pub(super) signature: Option<String>,
    /// The outputs that are wanted; none means all.
    pub(super) outputs: Vec<String>,
}

/// An answer: as the server wrote it in JSON, and read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) body: Bytes,
    pub(super) message: Message,
}
