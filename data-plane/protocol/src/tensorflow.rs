//! TensorFlow Serving: REST (predict, classify, regress, status, metadata) and gRPC.
//!
//! Where TensorFlow Serving needs the signature to read JSON, here the element types are read off
//! the values and fitted to the model later. `NaN`, `Infinity` and `-Infinity` are read and
//! written as bare words.

pub(crate) mod base64;
mod example;
mod examples;
mod metadata;
mod predict;
pub mod proto;
mod results;
mod status;
pub mod tensor;
pub mod tensor_json;

use bytes::Bytes;
use hari_core::Message;
use hari_error::Error;
use serde_json::json;

pub use example::{Example, Feature, to_serialized, to_tensors};
pub use examples::{ExamplesRequest, decode_examples};
pub use metadata::encode_metadata;
pub use predict::{decode_predict, decode_reply, encode_predict, encode_request};
pub use results::{Class, classifications, encode_classify, encode_regress, regressions};
pub use status::{VersionState, encode_status};

/// How tensors are laid out in JSON; the reply has the layout of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// `instances` and `predictions`: one item for each row.
    #[default]
    Row,
    /// `inputs` and `outputs`: one item for each tensor.
    Column,
}

/// A request for a prediction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PredictRequest {
    /// The signature that the caller named.
    pub signature_name: Option<String>,
    /// The layout of the inputs, and so of the reply.
    pub layout: Layout,
    /// The inputs; a single one may be without a name.
    pub message: Message,
}

/// The body of an error reply.
#[must_use]
pub fn encode_error(error: &Error) -> Bytes {
    json!({"error": error.to_string()}).to_string().into()
}
