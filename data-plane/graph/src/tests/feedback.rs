//! Feedback: whom a reward reaches, in which order, and what is answered.

use hari_core::{Feedback, Meta};
use hari_error::Kind;
use hari_testkit::{Failing, Gated};

use super::double::{Double, Log};
use super::*;
use crate::builtin::SimpleModel;

fn answered(pairs: &[(&str, i32)]) -> Feedback {
    let meta = Meta {
        routing: routing(pairs),
        ..Meta::default()
    };
    let response = Some(Message {
        meta,
        ..Message::default()
    });
    Feedback {
        response,
        reward: 0.5,
        ..Feedback::default()
    }
}

async fn send(root: Node, feedback: Feedback) -> Result<Message> {
    let input = Input::Feedback(Box::new(feedback));
    graph(root)
        .call(Method::SendFeedback, input, &context())
        .await
}

fn tree(log: &Log) -> Node {
    let leaf = |name: &str| spelling(name, MODEL, log, vec![]);
    let inner = router("inner", 0, log, vec![leaf("a"), leaf("b")]);
    spelling("root", ROUTER, log, vec![inner, leaf("c")])
}

#[tokio::test]
async fn it_follows_the_branches_and_goes_children_first() {
    let log = Log::default();
    let reply = send(tree(&log), answered(&[("root", 0), ("inner", 1)]))
        .await
        .unwrap();
    assert_eq!(words(&reply), "reward 0.5.root");
    assert_eq!(
        log.lines(),
        [
            "b send-feedback",
            "inner send-feedback",
            "root send-feedback"
        ]
    );
    let log = Log::default();
    send(tree(&log), answered(&[("root", 1), ("inner", 1)]))
        .await
        .unwrap();
    assert_eq!(log.lines(), ["c send-feedback", "root send-feedback"]);
}

#[tokio::test]
async fn every_unit_gets_the_feedback_as_it_was_sent() {
    let log = Log::default();
    let sent = answered(&[("root", 0), ("inner", 1)]);
    send(tree(&log), sent.clone()).await.unwrap();
    for seen in log.all() {
        assert_eq!(
            seen.input,
            Input::Feedback(Box::new(sent.clone())),
            "{}",
            seen.name
        );
    }
}

#[tokio::test]
async fn without_a_routing_all_children_get_it() {
    for feedback in [
        Feedback::default(),
        answered(&[]),
        answered(&[("root", -1)]),
    ] {
        let log = Log::default();
        send(tree(&log), feedback).await.unwrap();
        assert_eq!(log.lines().len(), 5);
    }
}

#[tokio::test]
async fn minus_two_reaches_no_child() {
    let log = Log::default();
    send(tree(&log), answered(&[("root", -2)])).await.unwrap();
    assert_eq!(log.lines(), ["root send-feedback"]);
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_the_callers_fault() {
    for branch in [2, -3, i32::MAX] {
        let log = Log::default();
        let error = send(tree(&log), answered(&[("root", branch)]))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.node()),
            (Kind::InvalidInput, Some("root"))
        );
        let words = format!("response.meta.routing: node `root` has no branch {branch}");
        assert!(error.message().starts_with(&words), "{error}");
        assert!(log.lines().is_empty());
    }
}

#[tokio::test]
async fn a_root_that_does_not_learn_gives_the_meta_of_the_answer() {
    let log = Log::default();
    let root = spelling(
        "t",
        TRANSFORMER,
        &log,
        vec![spelling("m", MODEL, &log, vec![])],
    );
    let reply = send(root, answered(&[("t", -1), ("m", -1)])).await.unwrap();
    assert_eq!(reply.payload, hari_core::Payload::Empty);
    assert_eq!(reply.meta.routing, routing(&[("t", -1), ("m", -1)]));
    assert_eq!(log.lines(), ["m send-feedback"]);
    let empty = send(bare("bare", MODEL, vec![]), Feedback::default())
        .await
        .unwrap();
    assert_eq!(empty, Message::default());
}

#[tokio::test]
async fn a_model_that_knows_no_feedback_accepts_it() {
    let root = node("m", MODEL, SimpleModel::new("m"), vec![]);
    assert_eq!(send(root, answered(&[])).await.unwrap(), Message::default());
}

#[tokio::test]
async fn any_other_failure_is_told_under_its_node() {
    let root = node(
        "m",
        MODEL,
        Failing::new("m", Kind::Unavailable, "down"),
        vec![],
    );
    let error = send(root, answered(&[])).await.unwrap_err();
    assert_eq!((error.kind(), error.node()), (Kind::Unavailable, Some("m")));
}

#[tokio::test]
async fn one_childs_failure_does_not_cost_another_its_reward() {
    let log = Log::default();
    let failing = |name: &str| node(name, MODEL, Failing::new(name, Kind::Model, name), vec![]);
    let children = vec![
        failing("a"),
        spelling("b", MODEL, &log, vec![]),
        failing("c"),
    ];
    let error = send(spelling("root", ROUTER, &log, children), answered(&[]))
        .await
        .unwrap_err();
    assert_eq!(error.node(), Some("a"));
    assert_eq!(log.lines(), ["b send-feedback"]);
}

#[tokio::test]
async fn children_get_it_at_once() {
    let gate = Gated::new("gate");
    let children = ["a", "b", "c"].map(|name| node(name, MODEL, gate.clone(), vec![]));
    let call = tokio::spawn(send(bare("root", NOTHING, children.into()), answered(&[])));
    soon(gate.until_waiting(3)).await;
    gate.release(3);
    assert!(soon(call).await.unwrap().is_ok());
}

#[tokio::test]
async fn feedback_that_comes_too_late_is_not_sent() {
    let log = Log::default();
    let graph = graph(node("m", MODEL, Double::spelling("m").logged(&log), vec![]));
    let late = Context::new("late", Duration::ZERO);
    let input = Input::Feedback(Box::default());
    let error = graph
        .call(Method::SendFeedback, input, &late)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::DeadlineExceeded);
    assert!(log.lines().is_empty());
}
