//! Payload, tensor, meta; the traits [`Unit`] and [`Model`].
//!
//! The words of the data plane, and nothing that does I/O:
//!
//! * a [`Tensor`] is typed, contiguous, row-major and little-endian, and shares its bytes;
//! * a [`Message`] is what travels between units: a [`Payload`] with its [`Meta`];
//! * a [`Model`] is synchronous, batched and CPU-bound;
//! * a [`Unit`] is asynchronous, per message: a local node, a remote node, a whole graph.

mod conform;
mod context;
mod dtype;
mod limits;
mod message;
mod meta;
mod missing;
mod model;
mod signature;
mod tensor;
mod unit;
mod watch;

pub use conform::{Conformed, conform};
pub use context::{Context, Spoken, Target};
pub use dtype::{DataType, Element};
pub use limits::Limits;
pub use message::{Any, Message, NamedTensor, Payload, Representation, Typing};
pub use meta::{Meta, Metric, MetricKind};
pub use missing::{Cell, Cells, is_missing_text, missing_text, wire_text, wire_texts};
pub use model::{Call, Model};
pub use signature::{Dim, Method as SignatureMethod, ModelMetadata, Signature, TensorSpec};
pub use tensor::Tensor;
pub use unit::{BoxFuture, Feedback, Input, Method, Unit};
pub use watch::{Asked, Moment, Stage, Watch, Watchers};
