//! Protocol buffer messages and services of every format Hari speaks or reads.
//!
//! The code below `gen/` is made from the `.proto` files in `proto/` by
//! `cargo xtask gen proto` and committed, so that a build needs no compiler for
//! them. Fields of type `bytes` are [`bytes::Bytes`]: decoded from a `Bytes`
//! buffer they are slices of it, not copies. Maps are ordered, so that the same
//! message always encodes to the same bytes. Unknown fields are skipped.

/// The Seldon protocol, version 1 (package `seldon.protos`).
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::too_many_lines,
    reason = "generated code"
)]
pub mod seldon {
    pub use protos::*;

    /// As the generated code names itself.
    pub mod protos {
        include!("gen/seldon.protos.rs");
    }
}

/// The open inference protocol, version 2 (package `inference`).
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::too_many_lines,
    reason = "generated code"
)]
pub mod inference {
    include!("gen/inference.rs");
}

/// TensorFlow's tensors, graphs and saved models (package `tensorflow`).
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::too_many_lines,
    reason = "generated code"
)]
pub mod tensorflow {
    include!("gen/tensorflow.rs");

    /// Canonical error codes (package `tensorflow.error`).
    pub mod error {
        include!("gen/tensorflow.error.rs");
    }

    /// TensorFlow Serving (package `tensorflow.serving`).
    pub mod serving {
        include!("gen/tensorflow.serving.rs");
    }
}

/// ONNX model files (package `onnx`).
#[expect(missing_docs, clippy::all, reason = "generated code")]
pub mod onnx {
    include!("gen/onnx.rs");
}

/// Encoded `FileDescriptorSet` of the services that are served and of all that
/// their files import, for gRPC reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptor.bin");
