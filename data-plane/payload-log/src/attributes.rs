//! The attributes of an event: those of CloudEvents 1.0, and the extensions that receivers of
//! Seldon Core read.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::event::Event;
use crate::publish::Header;
use crate::time::rfc3339;

/// Name and value of an attribute.
pub(crate) type Attribute<'a> = (&'static str, Cow<'a, str>);

/// All of them but the content type, which each sink writes in its own way.
pub(crate) fn all(event: &Event) -> Vec<Attribute<'_>> {
    let mut all: Vec<Attribute<'_>> = vec![
        ("specversion", "1.0".into()),
        ("id", event.id.to_string().into()),
        ("type", event.kind.name().into()),
        ("source", source(event).into()),
        ("time", rfc3339(event.time).into()),
    ];
    all.extend(extensions(event));
    all
}

fn extensions(event: &Event) -> Vec<Attribute<'_>> {
    let log = &event.place().log;
    let mut all: Vec<Attribute<'_>> = vec![
        ("modelid", (&log.node).into()),
        ("requestid", (&*event.request_id).into()),
        ("inferenceservicename", (&log.deployment).into()),
        ("namespace", (&log.namespace).into()),
        ("endpoint", (&log.predictor).into()),
        ("protocol", (&event.body.protocol).into()),
    ];
    if let Some(redacted) = &event.place().redacted {
        all.push(("redacted", redacted.into()));
    }
    all
}

/// Whose event it is: the node, not the machine that it ran on.
pub(crate) fn source(event: &Event) -> String {
    let log = &event.place().log;
    let parts = [&log.namespace, &log.deployment, &log.predictor, &log.node];
    parts.iter().fold("/seldon".to_owned(), |path, part| {
        let part = percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC);
        path + "/"
            + &part
                .to_string()
                .replace("%2D", "-")
                .replace("%2E", ".")
                .replace("%5F", "_")
    })
}

/// The headers of a record of Kafka.
pub(crate) fn headers(event: &Event) -> Vec<Header> {
    let kept = |name: &str| matches!(name, "id" | "time" | "type");
    let own = all(event)
        .into_iter()
        .take(5)
        .filter(|(name, _)| kept(name));
    let content = ("content-type", Cow::from(event.body.content_type));
    let each = |(name, value): Attribute<'_>| (name.to_owned(), Bytes::from(value.into_owned()));
    let all = own.chain([content]).chain(extensions(event));
    all.map(each).collect()
}

/// The event as one JSON object (CloudEvents' structured mode). A body that is JSON stands in it
/// as it is, any other as base64.
pub(crate) fn structured(out: &mut Vec<u8>, event: &Event) -> serde_json::Result<()> {
    out.push(b'{');
    for (name, value) in all(event) {
        member(out, name, &value)?;
    }
    member(out, "datacontenttype", event.body.content_type)?;
    if json(&event.body.bytes) {
        out.extend_from_slice(b"\"data\":");
        // Lines are records: a body may be laid out over several.
        let line = |byte: &u8| {
            if matches!(byte, b'\n' | b'\r') {
                b' '
            } else {
                *byte
            }
        };
        out.extend(event.body.bytes.iter().map(line));
    } else {
        let text = STANDARD.encode(&event.body.bytes);
        member(out, "data_base64", &text)?;
        out.pop();
    }
    out.push(b'}');
    Ok(())
}

/// Whether a strict reader takes it: `NaN` and `Infinity` are none.
fn json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn member(out: &mut Vec<u8>, name: &str, value: &str) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *out, name)?;
    out.push(b':');
    serde_json::to_writer(&mut *out, value)?;
    out.push(b',');
    Ok(())
}
