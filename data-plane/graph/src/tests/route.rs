//! Routers: what their number means, and what becomes of a number that means nothing.

use hari_core::Payload;
use hari_error::Kind;
use serde_json::{Value, json};

use super::double::{Double, Log};
use super::*;

fn tree(branch: i32, log: &Log) -> Node {
    let children = ["a", "b", "c"].map(|name| spelling(name, MODEL, log, vec![]));
    router("r", branch, log, children.into())
}

#[tokio::test]
async fn a_branch_gets_the_message_alone() {
    for (branch, child) in [(0, "a"), (1, "b"), (2, "c")] {
        let log = Log::default();
        let reply = predict(tree(branch, &log), text("in")).await.unwrap();
        assert_eq!(words(&reply), format!("in.{child}"));
        assert_eq!(
            log.lines(),
            ["r route".to_owned(), format!("{child} predict")]
        );
        assert_eq!(reply.meta.routing, routing(&[("r", branch), (child, -1)]));
    }
}

#[tokio::test]
async fn minus_one_is_all_and_minus_two_is_none() {
    let log = Log::default();
    let reply = predict(tree(-1, &log), text("in")).await.unwrap();
    assert_eq!(words(&reply), "in.a");
    assert_eq!(log.lines().len(), 4);

    let log = Log::default();
    let calls = Calls {
        transform_output: true,
        aggregate: true,
        ..ROUTER
    };
    let none = Double::new("r", |method, input| match (method, input) {
        (Method::Route, _) => Ok(number(-2)),
        (Method::TransformOutput, Input::One(message)) => {
            Ok(text(&format!("{}.out", words(&message))))
        }
        other => panic!("unexpected {other:?}"),
    });
    let child = spelling("a", MODEL, &log, vec![]);
    let root = node("r", calls, none.logged(&log), vec![child]);
    let reply = predict(root, text("in")).await.unwrap();
    assert_eq!(words(&reply), "in.out");
    assert_eq!(log.lines(), ["r route", "r transform-output"]);
    assert_eq!(reply.meta.routing, routing(&[("r", -2)]));
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_the_routers_fault() {
    for branch in [3, 4, -3, i32::MAX, i32::MIN] {
        let error = predict(tree(branch, &Log::default()), text("in"))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.node()),
            (Kind::Model, Some("r")),
            "{branch}"
        );
    }
    let error = predict(tree(3, &Log::default()), text("in"))
        .await
        .unwrap_err();
    assert_eq!(
        error.message(),
        "node `r` has no branch 3: expected -2 (no child), -1 (all children) or a child from 0 to 2"
    );
}

async fn routed(payload: Payload) -> Result<Message> {
    let log = Log::default();
    let children = ["a", "b"]
        .map(|name| spelling(name, MODEL, &log, vec![]))
        .into();
    let reply = Message {
        payload,
        ..Message::default()
    };
    predict(
        node("r", ROUTER, Double::answering("r", reply), children),
        text("in"),
    )
    .await
}

fn tensor_payload<T: hari_core::Element>(values: Vec<T>) -> Payload {
    let tensor = Tensor::from_vec([values.len()], values).unwrap();
    Message::tensor("", tensor).payload
}

#[tokio::test]
async fn the_first_number_of_any_form_counts() {
    let forms = [
        tensor_payload(vec![1.0_f64, 0.0]),
        tensor_payload(vec![1_i64]),
        tensor_payload(vec![1_u8, 7]),
        Payload::Json(json!([1])),
        Payload::Json(json!([[1, 0]])),
        Payload::Json(json!(1)),
    ];
    for form in forms {
        assert_eq!(
            words(&routed(form.clone()).await.unwrap()),
            "in.b",
            "{form:?}"
        );
    }
}

#[tokio::test]
async fn a_reply_without_a_whole_number_is_refused() {
    let strings = Tensor::from_strings([1], vec!["1".into()]).unwrap();
    let forms = [
        Payload::Empty,
        Payload::Text("1".to_owned()),
        Payload::Tensors(vec![]),
        Message::tensor("", strings).payload,
        tensor_payload(vec![0.5_f64]),
        tensor_payload(vec![f64::NAN]),
        tensor_payload(vec![f64::INFINITY]),
        tensor_payload(vec![1e300_f64]),
        tensor_payload(Vec::<f32>::new()),
        Payload::Json(json!([])),
        Payload::Json(json!({"branch": 1})),
        Payload::Json(Value::Null),
    ];
    for form in forms {
        let error = routed(form.clone()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.node()),
            (Kind::Model, Some("r")),
            "{form:?}"
        );
    }
    let error = routed(tensor_payload(vec![0.5_f64])).await.unwrap_err();
    assert_eq!(
        error.message(),
        "the route: expected the integer of a branch, found 0.5"
    );
}

#[tokio::test]
async fn routers_below_routers_are_all_reported() {
    let log = Log::default();
    let leaf = |name: &str| spelling(name, MODEL, &log, vec![]);
    let inner = router("inner", 1, &log, vec![leaf("a"), leaf("b")]);
    let other = router("other", 0, &log, vec![leaf("c")]);
    let root = router("root", 0, &log, vec![inner, other]);
    let reply = predict(root, text("in")).await.unwrap();
    assert_eq!(words(&reply), "in.b");
    assert_eq!(
        reply.meta.routing,
        routing(&[("root", 0), ("inner", 1), ("b", -1)])
    );
}

#[tokio::test]
async fn a_router_that_combines_keeps_its_branch() {
    let log = Log::default();
    let calls = Calls {
        aggregate: true,
        ..ROUTER
    };
    let unit = Double::new("r", |method, input| match (method, input) {
        (Method::Route, _) => Ok(number(1)),
        (Method::Aggregate, Input::Many(replies)) => Ok(text(&format!("{} reply", replies.len()))),
        other => panic!("unexpected {other:?}"),
    });
    let children = ["a", "b"]
        .map(|name| spelling(name, MODEL, &log, vec![]))
        .into();
    let reply = predict(node("r", calls, unit, children), text("in"))
        .await
        .unwrap();
    assert_eq!(words(&reply), "1 reply");
    assert_eq!(reply.meta.routing, routing(&[("r", 1), ("b", -1)]));
}
