//! Tests of whole graphs, one file for each thing a user relies on.

mod children;
mod describe;
mod double;
mod entry;
mod feedback;
mod meta;
mod neighbours;
mod optional;
mod property;
mod route;
mod span;
mod walk;
mod watch;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hari_core::{Context, Input, Message, Method, Tensor, Unit};
use hari_error::Result;

use crate::{Calls, Graph, Node};
use double::{Double, Log};

const NOTHING: Calls = Calls {
    predict: false,
    transform_input: false,
    transform_output: false,
    route: false,
    aggregate: false,
    feedback: false,
};
const MODEL: Calls = Calls {
    predict: true,
    feedback: true,
    ..NOTHING
};
const TRANSFORMER: Calls = Calls {
    transform_input: true,
    ..NOTHING
};
const OUTPUT_TRANSFORMER: Calls = Calls {
    transform_output: true,
    ..NOTHING
};
const ROUTER: Calls = Calls {
    route: true,
    feedback: true,
    ..NOTHING
};
const COMBINER: Calls = Calls {
    aggregate: true,
    ..NOTHING
};

/// Longer than any test takes; a test that needs it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

fn context() -> Context {
    Context::new("puid", PATIENCE)
}

fn node(name: &str, calls: Calls, unit: impl Unit, children: Vec<Node>) -> Node {
    let unit: Option<Arc<dyn Unit>> = Some(Arc::new(unit));
    Node {
        name: name.to_owned(),
        calls,
        unit,
        children,
        image: format!("{name}:1"),
        ..Node::default()
    }
}

/// A node without a unit.
fn bare(name: &str, calls: Calls, children: Vec<Node>) -> Node {
    Node {
        name: name.to_owned(),
        calls,
        unit: None,
        children,
        ..Node::default()
    }
}

/// A node that adds its name to the text it gets, and its calls to `log`.
fn spelling(name: &str, calls: Calls, log: &Log, children: Vec<Node>) -> Node {
    node(name, calls, Double::spelling(name).logged(log), children)
}

/// A router that always chooses `branch`.
fn router(name: &str, branch: i32, log: &Log, children: Vec<Node>) -> Node {
    node(
        name,
        ROUTER,
        Double::answering(name, number(branch)).logged(log),
        children,
    )
}

fn graph(root: Node) -> Graph {
    Graph::new("predictor".to_owned(), root)
}

fn number(value: i32) -> Message {
    Message::tensor("number", Tensor::from_vec([1, 1], vec![value]).unwrap())
}

fn text(words: &str) -> Message {
    Message {
        payload: hari_core::Payload::Text(words.to_owned()),
        ..Message::default()
    }
}

fn words(message: &Message) -> &str {
    match &message.payload {
        hari_core::Payload::Text(words) => words,
        other => panic!("expected strData, found {}", other.kind()),
    }
}

/// A prediction of the graph from `root` down.
async fn predict(root: Node, message: Message) -> Result<Message> {
    graph(root)
        .call(Method::Predict, Input::One(message), &context())
        .await
}

fn routing(pairs: &[(&str, i32)]) -> BTreeMap<String, i32> {
    pairs
        .iter()
        .map(|(name, branch)| ((*name).to_owned(), *branch))
        .collect()
}

/// Ends a test that would hang.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it hangs")
}
