//! Where a request goes in, by the name of a model; names; methods of one node; readiness.

use hari_core::Target;
use hari_error::Kind;
use hari_testkit::{Failing, Identity};

use super::double::Log;
use super::*;

fn chain(log: &Log) -> Node {
    let last = spelling("c", MODEL, log, vec![]);
    spelling("a", MODEL, log, vec![spelling("b", MODEL, log, vec![last])])
}

fn named(model: &str) -> Target {
    Target {
        model: Some(model.to_owned()),
        signature: Some("other".to_owned()),
        outputs: vec!["y".to_owned()],
        ..Target::default()
    }
}

async fn ask(graph: &dyn Unit, target: Target) -> Message {
    let context = context().aimed(target);
    graph
        .call(Method::Predict, Input::One(text("in")), &context)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_named_node_is_where_the_walk_starts() {
    for (name, answer) in [
        ("a", "in.a.b.c"),
        ("b", "in.b.c"),
        ("c", "in.c"),
        ("predictor", "in.a.b.c"),
    ] {
        let graph = graph(chain(&Log::default()));
        assert_eq!(words(&ask(&graph, named(name)).await), answer);
        let found = graph.find(name).unwrap();
        assert_eq!(
            words(&ask(&*found, named(name)).await),
            answer,
            "found by name"
        );
    }
}

#[tokio::test]
async fn a_name_of_no_node_is_the_root() {
    let graph = graph(chain(&Log::default()));
    let reply = ask(&graph, named("stranger")).await;
    assert_eq!(words(&reply), "in.a.b.c");
    assert!(graph.find("stranger").is_none());
}

#[tokio::test]
async fn a_walk_from_the_middle_reports_what_is_below() {
    let reply = ask(&graph(chain(&Log::default())), named("b")).await;
    assert_eq!(reply.meta.routing, routing(&[("b", -1), ("c", -1)]));
}

#[tokio::test]
async fn a_model_alone_gets_the_whole_target() {
    let log = Log::default();
    let single = || graph(spelling("m", MODEL, &log, vec![]));
    ask(&single(), named("m")).await;
    ask(&single(), named("predictor")).await;
    let seen: Vec<Target> = log.all().into_iter().map(|seen| seen.target).collect();
    assert_eq!(
        seen,
        [
            named("m"),
            Target {
                model: None,
                ..named("m")
            }
        ]
    );
}

#[tokio::test]
async fn in_a_larger_graph_only_the_entry_gets_the_signature_and_no_one_the_outputs() {
    let log = Log::default();
    ask(
        &graph(chain(&log)),
        Target {
            version: Some("3".into()),
            ..named("a")
        },
    )
    .await;
    let seen: Vec<Target> = log.all().into_iter().map(|seen| seen.target).collect();
    let signature = Some("other".to_owned());
    let version = Some("3".to_owned());
    let entry = Target {
        signature,
        version,
        ..Target::default()
    };
    assert_eq!(seen, [entry, Target::default(), Target::default()]);
}

#[tokio::test]
async fn names_are_the_nodes_the_root_first() {
    let graph = graph(chain(&Log::default()));
    assert_eq!(graph.names(), ["a", "b", "c"]);
    assert_eq!(graph.metadata().name, "a");
    for name in graph.names() {
        assert_eq!(graph.find(&name).unwrap().metadata().name, name);
    }
}

#[tokio::test]
async fn another_method_is_the_entrys_own() {
    let log = Log::default();
    let calls = Calls {
        transform_output: true,
        route: true,
        ..TRANSFORMER
    };
    let graph = graph(spelling(
        "t",
        calls,
        &log,
        vec![spelling("m", MODEL, &log, vec![])],
    ));
    for method in [
        Method::TransformInput,
        Method::TransformOutput,
        Method::Route,
    ] {
        let reply = graph
            .call(method, Input::One(text("in")), &context())
            .await
            .unwrap();
        assert_eq!(words(&reply), "in.t");
    }
    let lines = ["t transform-input", "t transform-output", "t route"];
    assert_eq!(log.lines(), lines);
}

#[tokio::test]
async fn an_aggregate_is_made_by_the_entry() {
    let log = Log::default();
    let graph = graph(spelling("c", COMBINER, &log, vec![]));
    let input = Input::Many(vec![text("1"), text("2")]);
    let reply = graph
        .call(Method::Aggregate, input, &context())
        .await
        .unwrap();
    assert_eq!(words(&reply), "(1,2).c");
}

#[tokio::test]
async fn a_method_that_the_node_does_not_have_is_unimplemented() {
    let graph = graph(spelling("m", MODEL, &Log::default(), vec![]));
    let answer = graph
        .call(Method::Route, Input::One(text("in")), &context())
        .await;
    let error = answer.unwrap_err();
    assert_eq!(
        (error.kind(), error.node()),
        (Kind::Unimplemented, Some("m"))
    );
    assert_eq!(error.message(), "node `m` is not called for route");
}

#[tokio::test]
async fn a_method_with_the_wrong_input_is_refused() {
    let graph = graph(spelling("m", MODEL, &Log::default(), vec![]));
    for (method, input) in [
        (Method::Predict, Input::Many(vec![])),
        (Method::SendFeedback, Input::One(text("in"))),
    ] {
        let error = graph.call(method, input, &context()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
    }
}

#[tokio::test]
async fn it_is_ready_when_all_units_are() {
    let fine = |name: &str, children| node(name, MODEL, Identity::new(name), children);
    let down = |name: &str, children| {
        node(
            name,
            MODEL,
            Failing::new(name, Kind::Unavailable, "loading"),
            children,
        )
    };
    assert!(
        graph(fine("a", vec![fine("b", vec![])]))
            .ready()
            .await
            .is_ok()
    );
    assert!(graph(bare("a", NOTHING, vec![])).ready().await.is_ok());
    let error = graph(down("a", vec![fine("b", vec![]), down("c", vec![])]))
        .ready()
        .await;
    assert_eq!(error.unwrap_err().node(), Some("c"), "children first");
    let mixed = graph(fine("a", vec![down("b", vec![])]));
    assert!(mixed.find("a").unwrap().ready().await.is_err());
    let leaf = graph(down("a", vec![fine("b", vec![])]));
    assert!(leaf.find("b").unwrap().ready().await.is_ok());
}
