//! The Seldon protocol, version 1: JSON, forms and protocol buffers.
//!
//! What both wire forms agree on:
//!
//! * The reply takes the form of the request: `data.tensor`, `data.ndarray` or `data.tftensor`.
//!   A request without `data` is answered with `data.tensor`; booleans and strings always travel
//!   in `data.ndarray`.
//! * `data.names` of a reply are the names of its columns; a result of two dimensions without
//!   such names gets `t:0`, `t:1` and so on.
//! * The protocol has room for one array. Several tensors travel as `jsonData`, one member each:
//!   `{"probabilities": [[0.1, 0.9]], "classes": [1]}`; [`named_tensors`] reads them back.

mod data;
mod form;
pub mod json;
pub mod proto;
mod route;

pub use data::named_tensors;
pub use form::{Field, Form, decode_form};
pub use json::{
    decode_feedback, decode_message, decode_messages, decode_reply, encode_error, encode_feedback,
    encode_graph_metadata, encode_message, encode_metadata, encode_request,
};
pub use route::{decode_route, decode_route_reply};
