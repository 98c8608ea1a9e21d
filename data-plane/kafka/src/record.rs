//! What is written to a topic.

use bytes::Bytes;

/// A record to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The topic.
    pub topic: String,
    /// Records of the same key go to the same partition, in order; without one to any.
    pub key: Option<Bytes>,
    /// What it says; none is a tombstone.
    pub value: Option<Bytes>,
    /// In their order; a name may come several times.
    pub headers: Vec<(String, Bytes)>,
}

impl From<Record> for krafka::Record {
    fn from(record: Record) -> Self {
        let mut made = Self::new(record.topic, record.value.clone().unwrap_or_default());
        if record.value.is_none() {
            made = made.without_value();
        }
        if let Some(key) = record.key {
            made = made.key(key);
        }
        let add = |made: Self, (name, value)| Self::header(made, name, value);
        record.headers.into_iter().fold(made, add)
    }
}
