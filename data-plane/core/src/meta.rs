//! What travels beside a payload: tags, routing, request path and metrics of the Seldon protocol.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The meta of a message. Field meanings are the Seldon protocol's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// The id that the caller put into the message.
    pub puid: Option<String>,
    /// Free tags; a later unit overwrites an earlier one.
    pub tags: Map<String, Value>,
    /// Unit name to the branch it chose; -1 for all, -2 for none.
    pub routing: BTreeMap<String, i32>,
    /// Unit name to the image or runtime that answered.
    pub request_path: BTreeMap<String, String>,
    /// Custom metrics of the units on the way.
    pub metrics: Vec<Metric>,
}

impl Meta {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what `later` says: tags and maps are overwritten key by key, metrics appended.
    pub fn merge(&mut self, later: Self) {
        self.puid = self.puid.take().or(later.puid);
        self.tags.extend(later.tags);
        self.routing.extend(later.routing);
        self.request_path.extend(later.request_path);
        self.metrics.extend(later.metrics);
    }
}

/// A custom metric of a unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name it is exposed under.
    pub key: String,
    /// How values are combined.
    pub kind: MetricKind,
    /// The value; milliseconds for a timer.
    pub value: f32,
    /// Extra labels.
    pub tags: BTreeMap<String, String>,
}

/// How values of a custom metric are combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricKind {
    /// Added up.
    #[default]
    Counter,
    /// The last one counts.
    Gauge,
    /// Observed in a histogram.
    Timer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_tags_win_and_the_first_puid_stays() {
        let tags = |pairs: &[(&str, i64)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
                .collect()
        };
        let mut meta = Meta {
            puid: Some("a".into()),
            tags: tags(&[("common", 1), ("one", 1)]),
            ..Meta::default()
        };
        meta.merge(Meta {
            puid: Some("b".into()),
            tags: tags(&[("common", 2), ("two", 2)]),
            ..Meta::default()
        });
        assert_eq!(meta.puid.as_deref(), Some("a"));
        assert_eq!(meta.tags, tags(&[("common", 2), ("one", 1), ("two", 2)]));
    }
}
