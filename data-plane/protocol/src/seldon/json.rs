//! The Seldon protocol as JSON.

mod decode;
mod encode;
mod meta;
mod metadata;

pub(super) use decode::{Parts, finish};
pub use decode::{decode_feedback, decode_message, decode_messages, decode_reply};
pub use encode::{encode_error, encode_feedback, encode_message, encode_request};
pub use metadata::{encode_graph_metadata, encode_metadata};

#[cfg(test)]
mod tests;
