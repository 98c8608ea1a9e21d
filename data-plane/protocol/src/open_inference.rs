//! The open inference protocol, version 2 (KServe, Triton, MLServer): REST and gRPC.
//!
//! Read beyond the protocol's core: the binary tensor data extension (both ways), the
//! classification extension, and MLServer's `content_type` parameters, which stay with their
//! tensor. FP16 and BF16 have no JSON form: they travel as binary data alone, as the extension
//! says. Shared memory is not offered.

#[cfg(test)]
pub(crate) mod arbitrary;
mod classification;
mod metadata;
mod outputs;
pub mod proto;
mod raw;
mod reply;
mod request;

use bytes::Bytes;
use hari_core::Message;
use serde_json::{Map, Value};

pub use metadata::{encode_error, encode_metadata, encode_server_metadata};
pub use reply::{encode_request, encode_response};
pub use request::{decode_request, decode_response};

/// The extensions of the protocol that are spoken, as the server's metadata lists them.
pub const EXTENSIONS: [&str; 2] = ["binary_tensor_data", "classification"];

/// A request for one inference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferRequest {
    /// The caller's id, to be given back.
    pub id: Option<String>,
    /// The inputs, in the caller's order.
    pub message: Message,
    /// The outputs that are asked for; none means all.
    pub outputs: Vec<RequestedOutput>,
    /// Whether outputs are to be binary unless they say otherwise (`binary_data_output`).
    pub binary_default: bool,
    /// Parameters of the request, less the ones that are read here.
    pub parameters: Map<String, Value>,
    /// Whether a gRPC request had its elements in `raw_input_contents`; the reply does the same.
    pub raw: bool,
}

impl InferRequest {
    /// How the outputs are to be written.
    #[must_use]
    pub fn wishes(&self) -> Wishes<'_> {
        Wishes {
            outputs: &self.outputs,
            binary_default: self.binary_default,
        }
    }
}

/// An output that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedOutput {
    /// The model's name for it.
    pub name: String,
    /// Whether it is to be binary (`binary_data`); none leaves it to the request.
    pub binary: Option<bool>,
    /// How many of the highest elements are to be given in its place (`classification`).
    pub classification: Option<u32>,
}

/// How outputs are to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes<'a> {
    /// The outputs that are asked for; none means all.
    pub outputs: &'a [RequestedOutput],
    /// Whether outputs are to be binary unless they say otherwise.
    pub binary_default: bool,
}

/// What a reply says beside its outputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferReply {
    /// The model that answered.
    pub model_name: String,
    /// Its version.
    pub model_version: Option<String>,
    /// The id of the request.
    pub id: Option<String>,
    /// Parameters of the reply.
    pub parameters: Map<String, Value>,
}

/// A body with, perhaps, binary data behind the JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// The JSON and what follows it.
    pub body: Bytes,
    /// The length of the JSON if binary data follows: `Inference-Header-Content-Length`.
    pub json_len: Option<usize>,
}
