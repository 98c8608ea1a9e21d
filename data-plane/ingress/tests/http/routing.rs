//! Which deployment and which predictor answer.

use hari_core::{Message, Payload};
use hari_error::Kind;
use hari_ingress::Predictor;
use hari_testkit::{Constant, Failing, Gated, Identity};

use crate::server::{Server, deployment, plain, predictor, settings};

const PATH: &str = "/api/v1.0/predictions";
const BODY: &str = r#"{"strData":"x"}"#;

fn says(name: &str, text: &str) -> Constant {
    let payload = Payload::Text(text.to_owned());
    let message = Message {
        payload,
        ..Message::default()
    };
    Constant::new(name, message)
}

fn two() -> Server {
    let deployments = vec![
        plain("default", "one", says("a", "first")),
        plain("other", "two", says("b", "second")),
    ];
    Server::with(settings(), deployments)
}

#[tokio::test]
async fn the_prefix_names_the_deployment_in_every_protocol() {
    let server = two();
    let reply = server
        .post(&format!("/seldon/default/one{PATH}"), BODY)
        .await;
    assert_eq!(reply.ok()["strData"], "first");
    let reply = server.post(&format!("/seldon/other/two{PATH}"), BODY).await;
    assert_eq!(reply.ok()["strData"], "second");
    for path in [
        "/seldon/other/two/v2/models/b",
        "/seldon/other/two/v1/models/b/metadata",
    ] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    assert_eq!(
        server.get("/seldon/other/two/v2/models/a").await.status,
        404
    );
}

#[tokio::test]
async fn a_bare_path_reaches_the_only_deployment() {
    let server = Server::of(says("a", "only"));
    assert_eq!(server.post(PATH, BODY).await.ok()["strData"], "only");
    let prefixed = server
        .post(&format!("/seldon/default/mnist{PATH}"), BODY)
        .await;
    assert_eq!(prefixed.ok()["strData"], "only");
}

#[tokio::test]
async fn a_bare_path_among_several_is_told_which_there_are() {
    let server = two();
    let reply = server.post(PATH, BODY).await;
    assert_eq!(reply.status, 404);
    let info = reply.json()["status"]["info"].to_string();
    assert!(
        info.contains("default/one") && info.contains("other/two"),
        "{info}"
    );
}

#[tokio::test]
async fn among_several_a_model_that_only_one_has_is_found() {
    let server = two();
    assert_eq!(server.get("/v2/models/b").await.ok()["name"], "b");
    assert_eq!(server.get("/v1/models/one").await.status, 200);
    assert_eq!(server.get("/v2/models/nobody").await.status, 404);
}

#[tokio::test]
async fn an_unknown_deployment_is_404() {
    let server = two();
    for prefix in ["/seldon/default/none", "/seldon/none/one"] {
        let reply = server.post(&format!("{prefix}{PATH}"), BODY).await;
        assert_eq!(reply.status, 404, "{prefix}");
    }
}

#[tokio::test]
async fn deployments_come_and_go_while_requests_run() {
    let server = Server::of(says("a", "old"));
    let mut client = server.client().await;
    let mut ask = async || {
        let reply = client.send(crate::server::post(PATH, BODY)).await;
        reply.json()["strData"].clone()
    };
    assert_eq!(ask().await, "old");
    server
        .directory
        .put(plain("default", "mnist", says("a", "new")));
    assert_eq!(ask().await, "new");
    assert!(server.directory.remove("default", "mnist").is_some());
    assert_eq!(server.post(PATH, BODY).await.status, 404);
    assert_eq!(server.get("/ready").await.status, 503, "nothing is served");
}

#[tokio::test]
async fn traffic_is_split_by_share() {
    fastrand::seed(7);
    let split = deployment(
        "default",
        "split",
        [
            predictor("main", 75, says("a", "main")),
            predictor("canary", 25, says("b", "canary")),
            predictor("idle", 0, says("c", "idle")),
        ],
    );
    let server = Server::with(settings(), vec![split]);
    let mut client = server.client().await;
    let mut canary = 0;
    for _ in 0..400 {
        let reply = client.send(crate::server::post(PATH, BODY)).await.ok();
        match reply["strData"].as_str() {
            Some("canary") => canary += 1,
            other => assert_eq!(other, Some("main")),
        }
    }
    // Binomial with mean 100 and deviation 8.7.
    assert!((65..=135).contains(&canary), "{canary} of 400");
}

#[tokio::test]
async fn a_shadow_gets_copies_and_its_answers_are_thrown_away() {
    let shadow = Gated::new("shadow");
    let copy = Predictor {
        shadow: true,
        ..predictor("copy", 100, shadow.clone())
    };
    let main = predictor("main", 100, says("a", "main"));
    let server = Server::with(settings(), vec![deployment("default", "d", [main, copy])]);
    for copies in 1..=3 {
        // The answer does not wait for the shadow, which hangs.
        assert_eq!(server.post(PATH, BODY).await.ok()["strData"], "main");
        shadow.until_waiting(copies).await;
    }
    shadow.release(3);
    shadow.until_waiting(0).await;
    server.app.finished().await;
}

#[tokio::test]
async fn a_shadow_that_fails_hurts_no_one() {
    let copy = Predictor {
        shadow: true,
        ..predictor("copy", 0, Failing::new("bad", Kind::Internal, "boom"))
    };
    let main = predictor("main", 100, Identity::new("echo"));
    let server = Server::with(settings(), vec![deployment("default", "d", [main, copy])]);
    for _ in 0..10 {
        assert_eq!(server.post(PATH, BODY).await.ok()["strData"], "x");
    }
    assert_eq!(server.get("/ready").await.status, 200, "nor the readiness");
}
