//! What callers of a node elsewhere get, whatever the node does: over real connections.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test says what it needed"
)]

#[path = "remote/described.rs"]
mod described;
#[path = "remote/faults.rs"]
mod faults;
#[path = "remote/garbled.rs"]
mod garbled;
#[path = "remote/ours.rs"]
mod ours;
#[path = "remote/peer.rs"]
mod peer;
#[path = "remote/tls.rs"]
mod tls;
