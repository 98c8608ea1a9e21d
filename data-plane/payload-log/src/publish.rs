//! What this crate asks of a client of Kafka.

use std::sync::Arc;

use bytes::Bytes;
use hari_core::BoxFuture;
use hari_error::Result;

/// A header of a record: its name and its value.
pub type Header = (String, Bytes);

/// Writes records to the topics of one cluster.
pub trait Publish: Send + Sync + 'static {
    /// Writes a record and resolves when the brokers have it.
    ///
    /// # Errors
    /// `Unavailable` and `DeadlineExceeded` are tried again, all others are not.
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        key: Bytes,
        headers: Vec<Header>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<()>>;
}

/// Makes a client for these brokers (`host:port`, with commas). Nothing is sent yet.
pub type Connect = Arc<dyn Fn(&str) -> Arc<dyn Publish> + Send + Sync>;
