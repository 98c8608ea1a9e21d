//! gRPC, over real connections, with the clients that are made from the same `.proto` files.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it needed"
)]

#[path = "grpc/health.rs"]
mod health;
#[path = "grpc/limits.rs"]
mod limits;
#[path = "grpc/open_inference.rs"]
mod open_inference;
#[path = "grpc/seldon.rs"]
mod seldon;
#[path = "grpc/server.rs"]
mod server;
#[path = "grpc/tensorflow.rs"]
mod tensorflow;
