//! `meta` as JSON, both ways.

use std::collections::BTreeMap;

use hari_core::{Meta, Metric, MetricKind};
use hari_error::Result;

use crate::json::write::{self, Escape};
use crate::json::{Reader, What};

/// Reads `meta`; unknown members are passed over.
pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Meta> {
    let mut meta = Meta::default();
    reader.object(|reader, key| {
        match key {
            _ if reader.null()? => {}
            "puid" => {
                meta.puid = Some(reader.string()?.into_owned()).filter(|puid| !puid.is_empty());
            }
            "tags" => meta.tags = reader.map()?,
            "routing" => meta.routing = map(reader, branch)?,
            "requestPath" => meta.request_path = map(reader, text)?,
            "metrics" => meta.metrics = metrics(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(meta)
}

fn map<T>(
    reader: &mut Reader<'_>,
    value: impl Fn(&mut Reader<'_>) -> Result<T>,
) -> Result<BTreeMap<String, T>> {
    let mut map = BTreeMap::new();
    reader.object(|reader, key| {
        map.insert(key.to_owned(), value(reader)?);
        Ok(())
    })?;
    Ok(map)
}

fn text(reader: &mut Reader<'_>) -> Result<String> {
    reader.string().map(Into::into)
}

fn branch(reader: &mut Reader<'_>) -> Result<i32> {
    let number = reader.number()?;
    let branch = number
        .to_i64()
        .and_then(|branch| i32::try_from(branch).ok());
    branch.ok_or_else(|| reader.error(format!("{} is no branch number", number.text())))
}

/// Reads a single-precision number.
pub(super) fn single(reader: &mut Reader<'_>) -> Result<f32> {
    let number = reader.number()?;
    number
        .to_f32()
        .ok_or_else(|| reader.error(format!("{} does not fit FP32", number.text())))
}

fn metrics(reader: &mut Reader<'_>) -> Result<Vec<Metric>> {
    let mut metrics = Vec::new();
    reader.array(|reader, _| {
        metrics.push(metric(reader)?);
        Ok(())
    })?;
    Ok(metrics)
}

fn metric(reader: &mut Reader<'_>) -> Result<Metric> {
    let mut metric = Metric {
        key: String::new(),
        kind: MetricKind::Counter,
        value: 0.0,
        tags: BTreeMap::new(),
    };
    reader.object(|reader, key| {
        match key {
            _ if reader.null()? => {}
            "key" => metric.key = text(reader)?,
            "type" => metric.kind = kind(reader)?,
            "value" => metric.value = single(reader)?,
            "tags" => metric.tags = map(reader, text)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(metric)
}

const KINDS: [(MetricKind, &str); 3] = [
    (MetricKind::Counter, "COUNTER"),
    (MetricKind::Gauge, "GAUGE"),
    (MetricKind::Timer, "TIMER"),
];

/// A kind by name or by its number in the protocol buffer.
fn kind(reader: &mut Reader<'_>) -> Result<MetricKind> {
    let kind = match reader.peek()? {
        What::Number => {
            let number = reader
                .number()?
                .to_u64()
                .and_then(|number| usize::try_from(number).ok());
            number.and_then(|number| KINDS.get(number))
        }
        _ => {
            let name = reader.string()?;
            KINDS.iter().find(|(_, known)| *known == name)
        }
    };
    let kind = kind.ok_or_else(|| reader.error("expected COUNTER, GAUGE or TIMER"))?;
    Ok(kind.0)
}

/// Writes `meta` as an object without its empty members, keys in alphabetical order.
pub(super) fn encode(out: &mut Vec<u8>, meta: &Meta) -> Result<()> {
    let mut members = Members { out, first: true };
    members.out.push(b'{');
    if !meta.metrics.is_empty() {
        encode_metrics(members.key("metrics"), &meta.metrics)?;
    }
    if let Some(puid) = &meta.puid {
        write::string(members.key("puid"), puid, Escape::Html);
    }
    if !meta.request_path.is_empty() {
        write::serialize(members.key("requestPath"), &meta.request_path, Escape::Html)?;
    }
    if !meta.routing.is_empty() {
        write::serialize(members.key("routing"), &meta.routing, Escape::Html)?;
    }
    if !meta.tags.is_empty() {
        write::serialize(members.key("tags"), &meta.tags, Escape::Html)?;
    }
    members.out.push(b'}');
    Ok(())
}

/// Writes the commas and keys of an object.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Members<'_> {
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        write::string(self.out, key, Escape::Plain);
        self.out.push(b':');
        self.out
    }
}

fn encode_metrics(out: &mut Vec<u8>, metrics: &[Metric]) -> Result<()> {
    out.push(b'[');
    for (index, metric) in metrics.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"{" } else { b",{" });
        let mut members = Members {
            out: &mut *out,
            first: true,
        };
        write::string(members.key("key"), &metric.key, Escape::Html);
        if !metric.tags.is_empty() {
            write::serialize(members.key("tags"), &metric.tags, Escape::Html)?;
        }
        let name = KINDS
            .iter()
            .find(|(kind, _)| *kind == metric.kind)
            .map_or("COUNTER", |k| k.1);
        write::string(members.key("type"), name, Escape::Plain);
        write::float(members.key("value"), metric.value);
        out.push(b'}');
    }
    out.push(b']');
    Ok(())
}
