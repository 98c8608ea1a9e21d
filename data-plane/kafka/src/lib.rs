//! Topics of a Kafka broker: read in a group, written with acknowledgement.
//!
//! [`Cluster`] is a connection with its security. [`Producer`] writes, and says when a record is
//! on disk of every replica that is in step. [`Consumer`] reads one topic as a member of a group;
//! what it commits is only what was acknowledged, in order within each partition. [`Pump`] joins
//! them: read, answer, write, commit.
//!
//! The client below is `krafka`; nothing of it shows in this crate's names, so that another can
//! take its place.

mod cluster;
mod consumer;
mod fault;
mod offsets;
mod producer;
mod pump;
mod record;

pub use cluster::Cluster;
pub use consumer::{Consumer, Received};
pub use offsets::Ticket;
pub use producer::{Delivery, Producer};
pub use pump::{Answer, Answered, Boxed, Pump, Reply};
pub use record::Record;
