//! Bounds on what one request may hold; the defaults are the safe ones.

use std::time::Duration;

/// Bounds on one request. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Body or gRPC message as received.
    pub body: usize,
    /// Body after decompression.
    pub decompressed: usize,
    /// Decompressed size over received size.
    pub ratio: usize,
    /// A tensor once expanded.
    pub tensor: usize,
    /// Dimensions of a tensor.
    pub rank: usize,
    /// Tensors in one request.
    pub inputs: usize,
    /// Nested arrays and objects in JSON.
    pub json_depth: usize,
    /// From the last byte received to the reply.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            decompressed: 64 << 20,
            ratio: 100,
            tensor: 64 << 20,
            rank: 16,
            inputs: 1024,
            json_depth: 128,
            deadline: Duration::from_secs(30),
        }
    }
}
