//! Messages as they travel in frames: one JSON object that points into the frame's body.

mod ndarray;
mod read;
mod write;

use std::collections::BTreeMap;

use hari_core::{Metric, MetricKind, Representation};
use hari_error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use read::{Description, decode_error, decode_loaded, decode_reply};
pub use write::encode_call;

/// The `meta` of a message.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct WireMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    puid: Option<String>,
    tags: Map<String, Value>,
    routing: BTreeMap<String, i32>,
    request_path: BTreeMap<String, String>,
    metrics: Vec<WireMetric>,
}

/// A custom metric, under the names of the Seldon protocol.
#[derive(Debug, Deserialize, Serialize)]
struct WireMetric {
    #[serde(default)]
    key: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    value: f32,
    #[serde(default)]
    tags: BTreeMap<String, Value>,
}

impl From<&Metric> for WireMetric {
    fn from(metric: &Metric) -> Self {
        let kind = match metric.kind {
            MetricKind::Counter => "COUNTER",
            MetricKind::Gauge => "GAUGE",
            MetricKind::Timer => "TIMER",
        };
        let text = |(name, tag): (&String, &String)| (name.clone(), Value::from(tag.clone()));
        Self {
            key: metric.key.clone(),
            kind: kind.to_owned(),
            value: metric.value,
            tags: metric.tags.iter().map(text).collect(),
        }
    }
}

impl TryFrom<WireMetric> for Metric {
    type Error = Error;

    fn try_from(metric: WireMetric) -> Result<Self> {
        let kind = match metric.kind.as_str() {
            "COUNTER" | "" => MetricKind::Counter,
            "GAUGE" => MetricKind::Gauge,
            "TIMER" => MetricKind::Timer,
            other => {
                let words = format!(
                    "metric `{}`: expected the type COUNTER, GAUGE or TIMER, found `{other}`",
                    metric.key
                );
                return Err(Error::model(words).with_reason("MICROSERVICE_BAD_METRIC"));
            }
        };
        let text = |(name, tag)| match tag {
            Value::String(tag) => (name, tag),
            other => (name, other.to_string()),
        };
        Ok(Self {
            key: metric.key,
            kind,
            value: metric.value,
            tags: metric.tags.into_iter().map(text).collect(),
        })
    }
}

const fn word(representation: Representation) -> &'static str {
    match representation {
        Representation::Unspecified => "",
        Representation::Ndarray => "ndarray",
        Representation::Tensor => "tensor",
        Representation::Tftensor => "tftensor",
    }
}

fn representation(word: &str) -> Result<Representation> {
    let all = [
        Representation::Unspecified,
        Representation::Ndarray,
        Representation::Tensor,
        Representation::Tftensor,
    ];
    let found = all.into_iter().find(|one| self::word(*one) == word);
    found.ok_or_else(|| {
        let words = format!("expected ndarray, tensor or tftensor, found `{word}`");
        Error::model(words).context("the representation of the answer")
    })
}

#[cfg(test)]
mod tests;
