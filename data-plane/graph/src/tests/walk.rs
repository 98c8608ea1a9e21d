//! The order of the stages, what a node without a unit does, deadlines, chaining of tensors.

use std::sync::Arc;
use std::time::Duration;

use hari_core::{
    BoxFuture, Context, Input, Message, Method, ModelMetadata, NamedTensor, Tensor, Typing, Unit,
};
use hari_error::{Kind, Result};
use hari_testkit::{Failing, Identity, conformance};

use super::double::{Double, Log};
use super::*;

#[tokio::test]
async fn one_model_answers_alone() {
    let log = Log::default();
    let reply = predict(spelling("m", MODEL, &log, vec![]), text("in"))
        .await
        .unwrap();
    assert_eq!(words(&reply), "in.m");
    assert_eq!(log.lines(), ["m predict"]);
    assert_eq!(reply.meta.routing, routing(&[("m", -1)]));
}

#[tokio::test]
async fn down_through_inputs_and_up_through_outputs() {
    let log = Log::default();
    let both = Calls {
        transform_output: true,
        ..TRANSFORMER
    };
    let model = spelling("m", MODEL, &log, vec![]);
    let out = spelling("out", OUTPUT_TRANSFORMER, &log, vec![model]);
    let reply = predict(spelling("both", both, &log, vec![out]), text("in"))
        .await
        .unwrap();
    assert_eq!(words(&reply), "in.both.m.out.both");
    let order = [
        "both transform-input",
        "m predict",
        "out transform-output",
        "both transform-output",
    ];
    assert_eq!(log.lines(), order);
}

#[tokio::test]
async fn a_chain_of_models_hands_on_replies() {
    let log = Log::default();
    let last = spelling("c", MODEL, &log, vec![]);
    let chain = spelling(
        "a",
        MODEL,
        &log,
        vec![spelling("b", MODEL, &log, vec![last])],
    );
    let reply = predict(chain, text("in")).await.unwrap();
    assert_eq!(words(&reply), "in.a.b.c");
    assert_eq!(
        reply.meta.routing,
        routing(&[("a", -1), ("b", -1), ("c", -1)])
    );
}

#[tokio::test]
async fn transform_input_goes_before_predict() {
    let log = Log::default();
    let calls = Calls {
        transform_input: true,
        ..MODEL
    };
    predict(spelling("m", calls, &log, vec![]), text("in"))
        .await
        .unwrap();
    assert_eq!(log.lines(), ["m transform-input"]);
}

#[tokio::test]
async fn a_node_without_a_unit_or_without_calls_hands_on() {
    let log = Log::default();
    let model = spelling("m", MODEL, &log, vec![]);
    let idle = spelling("idle", NOTHING, &log, vec![model]);
    let all = Calls {
        transform_output: true,
        aggregate: true,
        route: true,
        ..MODEL
    };
    let reply = predict(bare("bare", all, vec![idle]), text("in"))
        .await
        .unwrap();
    assert_eq!(words(&reply), "in.m");
    assert_eq!(log.lines(), ["m predict"]);
    assert_eq!(
        reply.meta.routing,
        routing(&[("bare", -1), ("idle", -1), ("m", -1)])
    );
    let alone = predict(bare("bare", all, vec![]), text("in"))
        .await
        .unwrap();
    assert_eq!(words(&alone), "in");
}

#[tokio::test]
async fn a_failure_stops_the_walk_and_names_the_node() {
    let log = Log::default();
    let failing = Failing::new("b", Kind::Model, "no luck");
    let after = spelling("c", MODEL, &log, vec![]);
    let root = spelling(
        "a",
        TRANSFORMER,
        &log,
        vec![node("b", MODEL, failing, vec![after])],
    );
    let error = predict(root, text("in")).await.unwrap_err();
    assert_eq!((error.kind(), error.node()), (Kind::Model, Some("b")));
    assert_eq!(error.to_string(), "node `b`: no luck");
    assert_eq!(log.lines(), ["a transform-input"]);
}

#[tokio::test]
async fn every_stage_names_its_node() {
    for calls in [MODEL, TRANSFORMER, OUTPUT_TRANSFORMER, ROUTER, COMBINER] {
        let log = Log::default();
        let child = spelling("child", MODEL, &log, vec![]);
        let failing = Failing::new("inner name", Kind::Unavailable, "down");
        let error = predict(node("n", calls, failing, vec![child]), text("in"))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.node()),
            (Kind::Unavailable, Some("n")),
            "{calls:?}"
        );
    }
}

#[tokio::test]
async fn a_call_that_comes_too_late_is_not_made() {
    let log = Log::default();
    let late = Context::new("late", Duration::ZERO);
    let graph = graph(spelling("m", MODEL, &log, vec![]));
    let call = graph.call(Method::Predict, Input::One(text("in")), &late);
    let error = call.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.node()),
        (Kind::DeadlineExceeded, Some("m"))
    );
    assert!(log.lines().is_empty());
}

/// Answers once the deadline has passed, and not before.
struct Dawdling;

impl Unit for Dawdling {
    fn call<'a>(
        &'a self,
        _method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            while context.remaining().is_ok() {
                tokio::task::yield_now().await;
            }
            match input {
                Input::One(message) => Ok(message),
                other => panic!("unexpected {other:?}"),
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        Arc::new(hari_testkit::metadata("dawdling"))
    }
}

#[tokio::test]
async fn the_deadline_is_looked_at_before_each_call() {
    let log = Log::default();
    let next = spelling("next", MODEL, &log, vec![]);
    let graph = graph(node("slow", TRANSFORMER, Dawdling, vec![next]));
    let short = Context::new("short", Duration::from_millis(1));
    let error = graph
        .call(Method::Predict, Input::One(text("in")), &short)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::DeadlineExceeded);
    assert!(log.lines().is_empty());
}

fn tensor(name: &str) -> NamedTensor {
    NamedTensor::new(name, Tensor::from_vec([1, 2], vec![1.0_f64, 2.0]).unwrap())
}

fn tensors_of(message: &Message) -> Vec<(String, Typing)> {
    let tensors = message.as_tensors().unwrap();
    tensors
        .iter()
        .map(|named| (named.name.clone(), named.typing))
        .collect()
}

#[tokio::test]
async fn a_single_output_is_the_single_input_of_the_next() {
    let log = Log::default();
    let answer = Message::tensors(vec![tensor("y")]);
    let next = node("next", MODEL, Identity::new("next"), vec![]);
    let watch = Double::answering("watch", answer.clone()).logged(&log);
    let watch = node("watch", OUTPUT_TRANSFORMER, watch, vec![next]);
    let first = node(
        "first",
        MODEL,
        Double::answering("first", answer).logged(&log),
        vec![watch],
    );
    predict(first, Message::tensors(vec![tensor("other")]))
        .await
        .unwrap();
    // The caller's message as it came; then the reply, under no name and of no declared type.
    assert_eq!(
        tensors_of(&log.message_of("first")),
        [("other".into(), Typing::Declared)]
    );
    assert_eq!(
        tensors_of(&log.message_of("watch")),
        [(String::new(), Typing::Inferred)]
    );
}

#[tokio::test]
async fn a_name_that_fits_is_kept_and_so_are_several() {
    for names in [&["x"][..], &["x", "y"], &["y", "z"]] {
        let log = Log::default();
        let answer = Message::tensors(names.iter().map(|name| tensor(name)).collect());
        let next = Double::answering("next", Message::default()).logged(&log);
        let next = node("next", MODEL, next, vec![]);
        predict(
            node(
                "first",
                MODEL,
                Double::answering("first", answer),
                vec![next],
            ),
            text("in"),
        )
        .await
        .unwrap();
        let found: Vec<_> = tensors_of(&log.message_of("next"))
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(found, names);
    }
}

#[tokio::test]
async fn a_node_that_hands_on_leaves_the_callers_tensor_alone() {
    let log = Log::default();
    let model = Double::answering("m", Message::default()).logged(&log);
    let root = bare("root", NOTHING, vec![node("m", MODEL, model, vec![])]);
    predict(root, Message::tensors(vec![tensor("other")]))
        .await
        .unwrap();
    assert_eq!(
        tensors_of(&log.message_of("m")),
        [("other".into(), Typing::Declared)]
    );
}

#[tokio::test]
async fn graphs_keep_the_rules_of_every_unit() {
    let sample = || Message::tensors(vec![tensor("x")]);
    let identity = |name: &str, calls, children| node(name, calls, Identity::new(name), children);
    let single = identity("m", MODEL, vec![]);
    let leaf = |name: &str| identity(name, MODEL, vec![]);
    let combiner = identity("c", COMBINER, vec![leaf("a"), leaf("b")]);
    let out = identity("out", OUTPUT_TRANSFORMER, vec![combiner]);
    let deep = identity("in", TRANSFORMER, vec![out]);
    for root in [single, deep, bare("bare", NOTHING, vec![leaf("m")])] {
        conformance(Arc::new(graph(root)), sample()).await.unwrap();
    }
}
