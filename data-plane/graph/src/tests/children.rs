//! Children side by side: all at once, whose reply counts, whose failure counts, cancellation.

use std::sync::Arc;

use hari_error::{Error, Kind};
use hari_testkit::{Failing, Gated, Identity};

use super::double::{Double, Log};
use super::*;

#[tokio::test]
async fn without_a_combiner_all_are_asked_and_the_first_counts() {
    let log = Log::default();
    let children = ["a", "b", "c"].map(|name| spelling(name, MODEL, &log, vec![]));
    let reply = predict(bare("root", NOTHING, children.into()), text("in"))
        .await
        .unwrap();
    assert_eq!(words(&reply), "in.a");
    let mut lines = log.lines();
    lines.sort();
    assert_eq!(lines, ["a predict", "b predict", "c predict"]);
    assert_eq!(
        reply.meta.routing,
        routing(&[("root", -1), ("a", -1), ("b", -1), ("c", -1)])
    );
}

#[tokio::test]
async fn a_combiner_gets_all_replies_in_the_order_of_the_children() {
    let log = Log::default();
    // The first child answers last: what counts is its place.
    let gate = Gated::new("a");
    let first = node(
        "a",
        TRANSFORMER,
        gate.clone(),
        vec![spelling("a2", MODEL, &log, vec![])],
    );
    let second = spelling("b", MODEL, &log, vec![]);
    let root = spelling("c", COMBINER, &log, vec![first, second]);
    let call = tokio::spawn(predict(root, text("in")));
    soon(gate.until_waiting(1)).await;
    gate.release(1);
    let reply = soon(call).await.unwrap().unwrap();
    assert_eq!(words(&reply), "(in.a2,in.b).c");
}

#[tokio::test]
async fn all_children_start_before_any_ends() {
    let gate = Gated::new("gate");
    let children = (0..5).map(|at| node(&format!("m{at}"), MODEL, gate.clone(), vec![]));
    let root = bare("root", NOTHING, children.collect());
    let call = tokio::spawn(predict(root, text("in")));
    soon(gate.until_waiting(5)).await;
    gate.release(5);
    assert_eq!(words(&soon(call).await.unwrap().unwrap()), "in");
}

#[tokio::test]
async fn of_several_failures_the_lowest_child_counts() {
    // The first child fails only after the second has.
    let gate = Gated::new("a");
    let late = Failing::new("late", Kind::Unavailable, "late");
    let first = node(
        "a",
        TRANSFORMER,
        gate.clone(),
        vec![node("late", MODEL, late, vec![])],
    );
    let (tell, told) = tokio::sync::watch::channel(false);
    let early = Double::new("early", move |_, _| {
        tell.send_replace(true);
        Err(Error::model("early"))
    });
    let children = vec![first, node("early", MODEL, early, vec![])];
    let call = tokio::spawn(predict(bare("root", NOTHING, children), text("in")));
    soon(told.clone().wait_for(|done| *done)).await.unwrap();
    soon(gate.until_waiting(1)).await;
    gate.release(1);
    let error = soon(call).await.unwrap().unwrap_err();
    assert_eq!((error.node(), error.message()), (Some("late"), "late"));
}

#[tokio::test]
async fn a_failure_of_a_later_child_is_not_hidden() {
    let log = Log::default();
    let failing = Failing::new("b", Kind::Model, "no luck");
    let children = vec![
        spelling("a", MODEL, &log, vec![]),
        node("b", MODEL, failing, vec![]),
    ];
    let error = predict(bare("root", NOTHING, children), text("in"))
        .await
        .unwrap_err();
    assert_eq!(error.node(), Some("b"));
}

#[tokio::test]
async fn a_dropped_request_drops_the_work_of_all_children() {
    let gate = Gated::new("gate");
    let child = |name: &str| node(name, MODEL, gate.clone(), vec![]);
    let inner = bare("inner", NOTHING, vec![child("b"), child("c")]);
    let graph = Arc::new(graph(bare("root", NOTHING, vec![child("a"), inner])));
    let call = tokio::spawn(async move {
        graph
            .call(Method::Predict, Input::One(text("in")), &context())
            .await
    });
    soon(gate.until_waiting(3)).await;
    call.abort();
    soon(gate.until_waiting(0)).await;
}

#[tokio::test]
async fn a_failure_drops_the_work_that_cannot_count_any_more() {
    let gate = Gated::new("gate");
    let waiting = node("b", MODEL, gate.clone(), vec![]);
    let failing = node(
        "a",
        MODEL,
        Failing::new("a", Kind::Model, "no luck"),
        vec![],
    );
    let root = bare("root", NOTHING, vec![failing, waiting]);
    let error = soon(predict(root, text("in"))).await.unwrap_err();
    assert_eq!(error.node(), Some("a"));
    soon(gate.until_waiting(0)).await;
}

#[tokio::test]
async fn a_combiner_without_children_is_not_called() {
    let root = node("c", COMBINER, Identity::new("c"), vec![]);
    let reply = predict(root, text("in")).await.unwrap();
    assert_eq!(words(&reply), "in");
    assert!(reply.meta.request_path.is_empty());
}
