//! `Meta` as a protocol buffer, both ways.

use hari_core::{Meta, Metric, MetricKind};
use hari_proto::seldon;
use hari_proto::seldon::metric::MetricType;

use super::value;

pub(super) fn to_meta(meta: seldon::Meta) -> Meta {
    Meta {
        puid: Some(meta.puid).filter(|puid| !puid.is_empty()),
        tags: meta
            .tags
            .into_iter()
            .map(|(key, tag)| (key, value::to_json(tag)))
            .collect(),
        routing: meta.routing,
        request_path: meta.request_path,
        metrics: meta.metrics.into_iter().map(to_metric).collect(),
    }
}

fn to_metric(metric: seldon::Metric) -> Metric {
    let kind = match metric.r#type() {
        MetricType::Counter => MetricKind::Counter,
        MetricType::Gauge => MetricKind::Gauge,
        MetricType::Timer => MetricKind::Timer,
    };
    Metric {
        key: metric.key,
        kind,
        value: metric.value,
        tags: metric.tags,
    }
}

pub(super) fn from_meta(meta: &Meta) -> seldon::Meta {
    seldon::Meta {
        puid: meta.puid.clone().unwrap_or_default(),
        tags: meta
            .tags
            .iter()
            .map(|(key, tag)| (key.clone(), value::from_json(tag)))
            .collect(),
        routing: meta.routing.clone(),
        request_path: meta.request_path.clone(),
        metrics: meta.metrics.iter().map(from_metric).collect(),
    }
}

fn from_metric(metric: &Metric) -> seldon::Metric {
    let kind = match metric.kind {
        MetricKind::Counter => MetricType::Counter,
        MetricKind::Gauge => MetricType::Gauge,
        MetricKind::Timer => MetricType::Timer,
    };
    seldon::Metric {
        key: metric.key.clone(),
        r#type: kind.into(),
        value: metric.value,
        tags: metric.tags.clone(),
    }
}
