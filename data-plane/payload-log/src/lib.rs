//! Requests and responses of nodes, to sinks, off the request path.
//!
//! [`PayloadLog`] holds one bounded queue for each [`Target`]. What looks on at a node
//! ([`PayloadLog::watch`]) puts a cheap copy of a message there, or drops it if there is no room:
//! it never waits. Workers turn copies into CloudEvents and hand them to the sink: an HTTP
//! receiver, a topic of Kafka, or files. An event has an id and may arrive more than once, and in
//! any order.

mod attributes;
mod body;
mod event;
mod journal;
mod onlooker;
mod publish;
mod queue;
mod record;
mod redaction;
mod sample;
mod sink;
mod target;
#[cfg(test)]
mod testing;
mod time;
mod worker;

pub use journal::PayloadLog;
pub use onlooker::Mode;
pub use publish::{Connect, Header, Publish};
pub use record::NodeLog;
pub use target::{FileTarget, Format, Target};
