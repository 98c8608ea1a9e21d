//! Tags, metrics, routing, request path, puid and form, on their way through a graph.

use hari_core::{Meta, Metric, MetricKind, Representation};
use hari_testkit::Identity;
use serde_json::{Map, Value, json};

use super::double::{Double, Log};
use super::*;
use crate::builtin::{AverageCombiner, SimpleModel};

fn tags(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("expected an object, found {other}"),
    }
}

fn tagged(value: Value) -> Meta {
    Meta {
        tags: tags(value),
        ..Meta::default()
    }
}

fn metric(key: &str) -> Metric {
    Metric {
        key: key.to_owned(),
        kind: MetricKind::Counter,
        value: 1.0,
        tags: BTreeMap::new(),
    }
}

fn measured(keys: &[&str]) -> Meta {
    Meta {
        metrics: keys.iter().map(|key| metric(key)).collect(),
        ..Meta::default()
    }
}

fn keys(message: &Message) -> Vec<&str> {
    message
        .meta
        .metrics
        .iter()
        .map(|metric| &*metric.key)
        .collect()
}

fn asking(meta: Meta) -> Message {
    Message { meta, ..text("in") }
}

fn saying(name: &str, calls: Calls, meta: Meta, children: Vec<Node>) -> Node {
    node(name, calls, Double::saying(name, meta), children)
}

fn first() -> Meta {
    tagged(json!({"common": 1, "model-1": "yes"}))
}

fn second() -> Meta {
    tagged(json!({"common": 2, "model-2": "yes"}))
}

#[tokio::test]
async fn the_later_of_two_chained_models_wins() {
    let chain = saying(
        "model-1",
        MODEL,
        first(),
        vec![saying("model-2", MODEL, second(), vec![])],
    );
    let reply = predict(chain, text("in")).await.unwrap();
    let expected = json!({"common": 2, "model-1": "yes", "model-2": "yes"});
    assert_eq!(reply.meta.tags, tags(expected));
}

#[tokio::test]
async fn a_combiner_merges_the_tags_of_all_and_adds_its_own() {
    let children = || {
        vec![
            saying("model-1", MODEL, first(), vec![]),
            saying("model-2", MODEL, second(), vec![]),
        ]
    };
    let own = tagged(json!({"combiner": "yes"}));
    let root = saying("combiner", COMBINER, own, children());
    let reply = predict(root, text("in")).await.unwrap();
    let all = json!({"common": 2, "model-1": "yes", "model-2": "yes", "combiner": "yes"});
    assert_eq!(reply.meta.tags, tags(all));
    let path = ["combiner", "model-1", "model-2"].map(|n| (n.to_owned(), format!("{n}:1")));
    assert_eq!(reply.meta.request_path, BTreeMap::from(path));
}

#[tokio::test]
async fn what_the_caller_sends_comes_back_and_units_overwrite_it() {
    let sent = Meta {
        puid: Some("mine".to_owned()),
        request_path: BTreeMap::from([("gateway".to_owned(), "g:1".to_owned())]),
        ..tagged(json!({"caller": true, "common": 0}))
    };
    let reply = predict(saying("model-1", MODEL, first(), vec![]), asking(sent))
        .await
        .unwrap();
    assert_eq!(
        reply.meta.tags,
        tags(json!({"caller": true, "common": 1, "model-1": "yes"}))
    );
    assert_eq!(reply.meta.puid.as_deref(), Some("mine"));
    let path = [("gateway", "g:1"), ("model-1", "model-1:1")];
    let path = path.map(|(name, image)| (name.to_owned(), image.to_owned()));
    assert_eq!(reply.meta.request_path, BTreeMap::from(path));
}

#[tokio::test]
async fn units_see_what_came_before_them() {
    let log = Log::default();
    let second = spelling("m2", MODEL, &log, vec![]);
    predict(saying("m1", MODEL, first(), vec![second]), text("in"))
        .await
        .unwrap();
    let seen = log.message_of("m2").meta;
    assert_eq!(seen.tags, first().tags);
    assert_eq!(
        seen.request_path,
        BTreeMap::from([("m1".to_owned(), "m1:1".to_owned())])
    );
}

#[tokio::test]
async fn units_do_not_see_the_callers_routing() {
    let sent = || Meta {
        routing: routing(&[("m", 7)]),
        ..Meta::default()
    };
    let log = Log::default();
    let single = spelling("m", MODEL, &log, vec![]);
    predict(single, asking(sent())).await.unwrap();
    let pair = bare("root", NOTHING, vec![spelling("m", MODEL, &log, vec![])]);
    predict(pair, asking(sent())).await.unwrap();
    for seen in log.all() {
        let Input::One(message) = seen.input else {
            panic!("one message")
        };
        assert!(message.meta.routing.is_empty());
    }
    assert_eq!(log.all().len(), 2);
}

#[tokio::test]
async fn metrics_are_appended_once_whoever_hands_them_on() {
    // An identity hands on what it gets, the others do not: no metric is lost or doubled.
    let last = saying("c", MODEL, measured(&["c"]), vec![]);
    let echo = node("b", MODEL, Identity::new("b"), vec![last]);
    let chain = saying("a", TRANSFORMER, measured(&["a", "a2"]), vec![echo]);
    let reply = predict(chain, asking(measured(&["caller"]))).await.unwrap();
    assert_eq!(keys(&reply), ["caller", "a", "a2", "c"]);
}

#[tokio::test]
async fn a_combiner_appends_the_metrics_of_all() {
    let children = vec![
        saying("a", MODEL, measured(&["a"]), vec![]),
        saying("b", MODEL, measured(&["b"]), vec![]),
    ];
    let root = saying("c", COMBINER, measured(&["c"]), children);
    assert_eq!(
        keys(&predict(root, text("in")).await.unwrap()),
        ["a", "b", "c"]
    );
}

#[tokio::test]
async fn of_a_router_nothing_but_the_branch_counts() {
    let own = Meta {
        metrics: vec![metric("router")],
        ..tagged(json!({"router": "yes"}))
    };
    let reply = Message {
        meta: own,
        ..number(0)
    };
    let child = saying("m", MODEL, first(), vec![]);
    let root = node("r", ROUTER, Double::answering("r", reply), vec![child]);
    let reply = predict(root, text("in")).await.unwrap();
    assert_eq!(reply.meta.tags, first().tags);
    assert!(reply.meta.metrics.is_empty());
    assert_eq!(
        reply.meta.request_path,
        BTreeMap::from([("m".to_owned(), "m:1".to_owned())])
    );
    assert_eq!(reply.meta.routing, routing(&[("r", 0), ("m", -1)]));
}

#[tokio::test]
async fn routing_is_this_walks_alone() {
    let sent = || Meta {
        routing: routing(&[("m", 7), ("stranger", 1)]),
        ..Meta::default()
    };
    let invented = Meta {
        routing: routing(&[("ghost", 3)]),
        ..Meta::default()
    };
    let alone = saying("m", MODEL, invented.clone(), vec![]);
    let reply = predict(alone, asking(sent())).await.unwrap();
    assert_eq!(reply.meta.routing, routing(&[("m", -1)]));
    let pair = saying(
        "m",
        MODEL,
        invented,
        vec![saying("n", MODEL, sent(), vec![])],
    );
    let reply = predict(pair, asking(sent())).await.unwrap();
    assert_eq!(reply.meta.routing, routing(&[("m", -1), ("n", -1)]));
}

#[tokio::test]
async fn the_form_of_the_request_comes_back() {
    for form in [
        Representation::Ndarray,
        Representation::Tensor,
        Representation::Tftensor,
    ] {
        let request = || Message {
            representation: form,
            ..number(1)
        };
        let model = |name: &str| node(name, MODEL, SimpleModel::new(name), vec![]);
        let reply = predict(model("m"), request()).await.unwrap();
        assert_eq!(reply.representation, form);
        let mean = AverageCombiner::new("c");
        let root = node("c", COMBINER, mean, vec![model("a"), model("b")]);
        assert_eq!(predict(root, request()).await.unwrap().representation, form);
    }
    let told = Message {
        representation: Representation::Tensor,
        ..number(1)
    };
    let unit = Double::answering("m", told);
    let request = Message {
        representation: Representation::Ndarray,
        ..number(1)
    };
    let reply = predict(node("m", MODEL, unit, vec![]), request)
        .await
        .unwrap();
    assert_eq!(reply.representation, Representation::Tensor);
}

#[tokio::test]
async fn a_combined_reply_has_the_id_of_the_first_child() {
    let with = |puid: &str| Meta {
        puid: Some(puid.to_owned()),
        ..Meta::default()
    };
    let children = vec![
        saying("a", MODEL, with("1"), vec![]),
        saying("b", MODEL, with("2"), vec![]),
    ];
    let root = saying("c", COMBINER, Meta::default(), children);
    let reply = predict(root, text("in")).await.unwrap();
    assert_eq!(reply.meta.puid.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_node_without_an_image_is_not_on_the_request_path() {
    let plain = Node {
        image: String::new(),
        ..saying("m", MODEL, Meta::default(), vec![])
    };
    assert!(
        predict(plain, text("in"))
            .await
            .unwrap()
            .meta
            .request_path
            .is_empty()
    );
}
