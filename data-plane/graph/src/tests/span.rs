//! Spans of a walk: one for each call, under one for the node with its children.

use std::sync::Mutex;

use hari_error::Kind;
use hari_testkit::{Failing, Gated};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{self, DefaultGuard};
use tracing_subscriber::layer::{Context as Within, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use super::double::Log;
use super::*;

/// `parent > span` for every span, in the order in which they began.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<String>>>);

impl Spans {
    /// Every span from here on, while the guard lives.
    fn watched() -> (Self, DefaultGuard) {
        let spans = Self::default();
        let guard = subscriber::set_default(Registry::default().with(spans.clone()));
        (spans, guard)
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// What a span says of itself.
#[derive(Default)]
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "node" || field.name() == "method" {
            self.0.push_str(&format!(" {value:?}").replace('"', ""));
        }
        if field.name() == "otel.status_description" {
            self.0.push_str(&format!(" failed: {value:?}"));
        }
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, within: Within<'_, S>) {
        let mut words = Words(attributes.metadata().name().to_owned());
        attributes.record(&mut words);
        let span = within.span(id).unwrap();
        let parent = span.parent().map_or_else(String::new, |parent| {
            parent.extensions().get::<String>().cloned().unwrap()
        });
        self.0
            .lock()
            .unwrap()
            .push(format!("{parent} > {}", words.0));
        span.extensions_mut().insert(words.0);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, within: Within<'_, S>) {
        let span = within.span(id).unwrap();
        let mut words = Words(span.extensions().get::<String>().cloned().unwrap());
        let before = words.0.clone();
        record.record(&mut words);
        if words.0 != before {
            self.0.lock().unwrap().push(words.0);
        }
    }
}

#[tokio::test]
async fn children_are_siblings_under_their_node() {
    let (spans, _guard) = Spans::watched();
    let log = Log::default();
    // The first child waits while the second is asked: neither is the other's parent.
    let gate = Gated::new("a");
    let children = vec![
        node("a", MODEL, gate.clone(), vec![]),
        spelling("b", MODEL, &log, vec![]),
    ];
    let combiner = spelling("c", COMBINER, &log, children);
    let asked = predict(spelling("t", TRANSFORMER, &log, vec![combiner]), text("in"));
    let released = async {
        gate.until_waiting(1).await;
        gate.release(1);
    };
    let (reply, ()) = soon(async { tokio::join!(asked, released) }).await;
    reply.unwrap();
    let seen = [
        " > node t predict",
        "node t predict > call t transform-input",
        "node t predict > node c predict",
        "node c predict > call a predict",
        "node c predict > call b predict",
        "node c predict > call c aggregate",
    ];
    assert_eq!(spans.lines(), seen);
}

#[tokio::test]
async fn a_failure_is_marked_where_it_passes() {
    let (spans, _guard) = Spans::watched();
    let failing = Failing::new("m", Kind::Model, "bad");
    let root = bare("root", NOTHING, vec![node("m", MODEL, failing, vec![])]);
    predict(root, text("in")).await.unwrap_err();
    let seen = [
        " > node root predict",
        "node root predict > call m predict",
        "call m predict failed: \"bad\"",
        "node root predict failed: \"bad\"",
    ];
    assert_eq!(spans.lines(), seen);
}
