//! Nodes that a request can do without: who stands in, who cannot be spared, what the reply says.

use std::time::Instant;

use hari_core::Meta;
use hari_error::Kind;
use hari_testkit::{Failing, Gated};
use serde_json::{Value, json};

use super::double::{Double, Log};
use super::*;

fn optional(node: Node) -> Node {
    Node {
        optional: true,
        ..node
    }
}

fn failing(name: &str, calls: Calls, children: Vec<Node>) -> Node {
    let unit = Failing::new(name, Kind::Unavailable, "down");
    optional(node(name, calls, unit, children))
}

fn model(name: &str) -> Node {
    spelling(name, MODEL, &Log::default(), vec![])
}

fn combiner(children: Vec<Node>) -> Node {
    spelling("c", COMBINER, &Log::default(), children)
}

fn skipped(message: &Message) -> Option<&Value> {
    message.meta.tags.get(crate::SKIPPED_TAG)
}

#[tokio::test]
async fn a_transformer_that_fails_hands_on() {
    let both = Calls {
        transform_output: true,
        ..TRANSFORMER
    };
    for calls in [TRANSFORMER, OUTPUT_TRANSFORMER, both] {
        let reply = predict(failing("t", calls, vec![model("m")]), text("in"))
            .await
            .unwrap();
        assert_eq!(words(&reply), "in.m", "{calls:?}");
        assert_eq!(skipped(&reply), Some(&json!(["t"])));
        assert_eq!(reply.meta.routing, routing(&[("t", -1), ("m", -1)]));
        assert!(!reply.meta.request_path.contains_key("t"));
    }
}

#[tokio::test]
async fn a_transformer_alone_hands_on_too() {
    let reply = predict(failing("t", TRANSFORMER, vec![]), text("in"))
        .await
        .unwrap();
    assert_eq!(
        (words(&reply), skipped(&reply)),
        ("in", Some(&json!(["t"])))
    );
}

#[tokio::test]
async fn what_answers_well_is_not_told() {
    let node = optional(spelling(
        "t",
        TRANSFORMER,
        &Log::default(),
        vec![model("m")],
    ));
    let reply = predict(node, text("in")).await.unwrap();
    assert_eq!((words(&reply), skipped(&reply)), ("in.t.m", None));
}

#[tokio::test]
async fn a_child_is_left_out_of_what_is_combined() {
    let children = vec![model("a"), failing("b", MODEL, vec![]), model("d")];
    let reply = predict(combiner(children), text("in")).await.unwrap();
    assert_eq!(words(&reply), "(in.a,in.d).c");
    assert_eq!(skipped(&reply), Some(&json!(["b"])));
}

#[tokio::test]
async fn without_a_combiner_the_next_childs_reply_counts() {
    let children = vec![failing("a", MODEL, vec![]), model("b")];
    let reply = predict(bare("root", NOTHING, children), text("in"))
        .await
        .unwrap();
    assert_eq!(words(&reply), "in.b");
}

#[tokio::test]
async fn a_child_goes_with_all_below_it() {
    let broken = node(
        "m",
        MODEL,
        Failing::new("m", Kind::Model, "bad"),
        Vec::new(),
    );
    let branch = optional(spelling("t", TRANSFORMER, &Log::default(), vec![broken]));
    let reply = predict(combiner(vec![branch, model("b")]), text("in"))
        .await
        .unwrap();
    assert_eq!(words(&reply), "(in.b).c");
    assert_eq!(skipped(&reply), Some(&json!(["t"])));
}

#[tokio::test]
async fn if_all_children_fail_the_first_failure_is_told() {
    let children = vec![failing("a", MODEL, vec![]), failing("b", MODEL, vec![])];
    let error = predict(combiner(children), text("in")).await.unwrap_err();
    assert_eq!((error.kind(), error.node()), (Kind::Unavailable, Some("a")));
    let error = predict(combiner(vec![failing("a", MODEL, vec![])]), text("in"))
        .await
        .unwrap_err();
    assert_eq!(error.node(), Some("a"));
}

#[tokio::test]
async fn a_child_that_is_not_optional_still_fails_all() {
    let gate = Gated::new("gate");
    let must = node("b", MODEL, Failing::new("b", Kind::Model, "bad"), vec![]);
    let children = vec![
        failing("a", MODEL, vec![]),
        must,
        node("w", MODEL, gate.clone(), vec![]),
    ];
    let error = soon(predict(combiner(children), text("in")))
        .await
        .unwrap_err();
    assert_eq!(error.node(), Some("b"));
    soon(gate.until_waiting(0)).await;
}

#[tokio::test]
async fn nothing_stands_in_for_models_routers_and_combiners() {
    for calls in [MODEL, ROUTER, COMBINER] {
        let children = vec![model("a"), model("b")];
        let error = predict(failing("n", calls, children), text("in"))
            .await
            .unwrap_err();
        assert_eq!(error.node(), Some("n"), "{calls:?}");
    }
    let error = predict(failing("m", MODEL, vec![]), text("in"))
        .await
        .unwrap_err();
    assert_eq!(error.node(), Some("m"));
    let log = Log::default();
    let routed = router("r", 0, &log, vec![failing("m", MODEL, vec![])]);
    assert_eq!(
        predict(routed, text("in")).await.unwrap_err().node(),
        Some("m")
    );
}

#[tokio::test]
async fn several_are_told_in_the_order_of_the_graph_after_what_a_node_said() {
    let said = [(crate::SKIPPED_TAG.to_owned(), json!(["inner"]))];
    let meta = Meta {
        tags: said.into_iter().collect(),
        ..Meta::default()
    };
    let m = node("m", MODEL, Double::saying("m", meta), vec![]);
    let children = vec![
        m,
        failing("z", MODEL, vec![]),
        failing("y", TRANSFORMER, vec![model("k")]),
    ];
    let root = failing("t", OUTPUT_TRANSFORMER, vec![combiner(children)]);
    let reply = predict(root, text("in")).await.unwrap();
    assert_eq!(words(&reply), "(m,in.k).c");
    assert_eq!(skipped(&reply), Some(&json!(["inner", "t", "z", "y"])));
}

#[tokio::test]
async fn metrics_that_came_before_are_kept() {
    let metric = hari_core::Metric {
        key: "k".to_owned(),
        kind: hari_core::MetricKind::Counter,
        value: 1.0,
        tags: BTreeMap::new(),
    };
    let meta = Meta {
        metrics: vec![metric],
        ..Meta::default()
    };
    let first = Double::saying("first", meta);
    let t = failing("t", TRANSFORMER, vec![model("m")]);
    let reply = predict(node("first", MODEL, first, vec![t]), text("in"))
        .await
        .unwrap();
    assert_eq!(reply.meta.metrics.len(), 1);
}

#[tokio::test]
async fn when_the_time_is_over_nothing_stands_in() {
    let context = Context::new("late", Duration::from_millis(5));
    let deadline = context.deadline;
    let slow = Double::new("t", move |_, _| {
        while Instant::now() < deadline {
            std::thread::yield_now();
        }
        Err(hari_error::Error::unavailable("down"))
    });
    let log = Log::default();
    let model = spelling("m", MODEL, &log, vec![]);
    let graph = graph(optional(node("t", TRANSFORMER, slow, vec![model])));
    let error = graph
        .call(Method::Predict, Input::One(text("in")), &context)
        .await
        .unwrap_err();
    assert_eq!(error.node(), Some("t"));
    assert!(log.lines().is_empty());
}

async fn reward(root: Node) -> Result<Message> {
    let input = Input::Feedback(Box::default());
    graph(root)
        .call(Method::SendFeedback, input, &context())
        .await
}

#[tokio::test]
async fn feedback_passes_over_optional_nodes_below_the_entry() {
    let log = Log::default();
    let last = spelling("m", MODEL, &log, vec![]);
    let chain = spelling("r", ROUTER, &log, vec![failing("t", MODEL, vec![last])]);
    reward(chain).await.unwrap();
    assert_eq!(log.lines(), ["m send-feedback", "r send-feedback"]);
    let error = reward(failing("m", MODEL, vec![])).await.unwrap_err();
    assert_eq!(error.node(), Some("m"));
}

async fn is_ready(root: Node) -> Result<()> {
    graph(root).ready().await
}

#[tokio::test]
async fn a_graph_is_ready_without_what_a_request_can_do_without() {
    // `Failing` is never ready.
    let transformer = failing("t", TRANSFORMER, vec![model("m")]);
    is_ready(transformer).await.unwrap();
    let children = || vec![failing("a", MODEL, vec![]), model("b")];
    is_ready(combiner(children())).await.unwrap();
    is_ready(bare("root", NOTHING, children())).await.unwrap();
    for root in [
        failing("m", MODEL, vec![]),
        failing("c", COMBINER, vec![model("m")]),
        combiner(vec![
            failing("a", MODEL, vec![]),
            failing("b", MODEL, vec![]),
        ]),
        router("r", 0, &Log::default(), children()),
        bare("one", NOTHING, vec![failing("a", MODEL, vec![])]),
        Node {
            optional: false,
            ..failing("t", TRANSFORMER, vec![model("m")])
        },
    ] {
        let name = root.name.clone();
        let error = is_ready(root).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{name}");
    }
}
