//! A unit on the other end of a connection: [`Remote`].
//!
//! It speaks Seldon's protocol, the open inference protocol (V2) or TensorFlow Serving's, over REST
//! or gRPC. What holds for all of them:
//!
//! * **Time.** A call ends with the request's deadline or with the node's own timeout, whichever is
//!   first. Dropping the call drops the connection's request.
//! * **Repeated is only what cannot have been received.** A connection that could not be made is
//!   tried twice more. A request that was handed to a connection is not sent again, even if the
//!   connection breaks: a prediction may cost money, and feedback counts.
//! * **A node that cannot be reached is left alone for a while**, and requests are refused at once:
//!   after five failures in a row, for one second and longer each time. What counts is a connection
//!   that could not be made or that broke, and silence for the node's own timeout; a caller with less
//!   time than that counts for nothing.
//! * **What it says of itself** is asked for in the background when somebody wants to know, and anew
//!   after it was lost; no request waits for it but one that has to be fitted to a V2 model.
//! * **Encrypted where that is asked for**: REST and gRPC alike, with the machine's certificates or
//!   those that are named, and a certificate of our own where nodes want one.
//! * **Everything is bounded**: connections, replies, time.
//! * Redirects are not followed, and replies are taken only as they were asked for.

mod breaker;
mod described;
mod fault;
mod grpc;
mod open_inference;
mod options;
mod remote;
mod rest;
mod said;
mod seldon;
mod signature;
mod tensorflow;
mod tls;

pub use options::{Endpoint, Options, Protocol, Transport};
pub use remote::Remote;
pub use tls::Tls;
