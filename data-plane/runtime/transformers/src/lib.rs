//! Hugging Face model folders: text in, labels, spans, scores and embeddings out.
//!
//! [`Pipeline`] loads a folder as `save_pretrained`, Optimum or sentence-transformers write it and
//! implements [`hari_core::Model`]. What it computes follows the pipelines of `transformers`: the same
//! names, defaults and rounding of edges; see [`Task`].
//!
//! | In the folder | Used for |
//! |---|---|
//! | `config.json` | architecture, sizes, labels |
//! | `tokenizer.json`, else `vocab.txt` or `vocab.json` with `merges.txt` | text to tokens |
//! | `model.onnx`, `onnx/model.onnx` | the network, as it was exported |
//! | `model.safetensors`, `model.safetensors.index.json` | weights: the network is written as an ONNX graph ([`graph`]) |
//! | `modules.json`, `1_Pooling/` and its neighbours | sentence embeddings |
//!
//! Both kinds of network run on [`hari_onnx`]. Texts of one run are sorted by length and padded in
//! groups, so that a short text does not pay for a long one.

mod config;
mod folder;
mod forms;
mod graph;
mod inspect;
mod network;
mod options;
mod parameters;
mod pipeline;
mod pooling;
mod task;
mod tokenizer;
mod weights;

pub use forms::{Form, Request};
pub use inspect::{Inspection, inspect};
pub use options::Options;
pub use parameters::{Known, known};
pub use pipeline::Pipeline;
pub use task::Task;
