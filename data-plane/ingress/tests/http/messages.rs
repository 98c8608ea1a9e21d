//! Messages of a topic: answered by one predictor, as requests over a socket are.

use bytes::Bytes;
use hari_error::Kind;
use hari_ingress::message::{Desk, Outcome, Recipient, Spoken, Told};
use hari_proto::{inference, seldon};
use hari_testkit::{Failing, Identity};
use prost::Message as _;

use crate::server::{Server, deployment, predictor, settings};

const BODY: &str = r#"{"strData":"x"}"#;

fn desk(server: &Server, predictor: &str, grpc: bool) -> Desk {
    let recipient = Recipient {
        namespace: "post".to_owned(),
        deployment: "clerk".to_owned(),
        predictor: predictor.to_owned(),
        model: "echo".to_owned(),
        spoken: Spoken::Seldon,
        grpc,
    };
    Desk::new(&server.app, recipient)
}

/// All traffic is `main`'s; `rest` gets none over a socket.
fn server() -> Server {
    let main = predictor("main", 100, Identity::new("echo"));
    let down = predictor(
        "rest",
        0,
        Failing::new("far", Kind::Unavailable, "far is down"),
    );
    Server::with(settings(), vec![deployment("post", "clerk", [main, down])])
}

fn header<'a>(told: &'a Told, name: &str) -> Option<&'a str> {
    let found = told.headers.iter().find(|(one, _)| one == name);
    found.map(|(_, value)| std::str::from_utf8(value).expect("text"))
}

fn proto(name: &str) -> Vec<(String, Bytes)> {
    vec![("proto-name".to_owned(), name.to_owned().into())]
}

#[tokio::test]
async fn a_message_is_answered_with_its_id() {
    let server = server();
    let id = [("Seldon-Puid".to_owned(), Bytes::from("id-7"))];
    let told = desk(&server, "main", false).ask(BODY.into(), &id).await;
    assert_eq!(told.outcome, Outcome::Answered, "{told:?}");
    assert_eq!(header(&told, "seldon-puid"), Some("id-7"));
    assert_eq!(header(&told, "content-type"), Some("application/json"));
    assert_eq!(header(&told, "error-code"), None);
    let reply: serde_json::Value = serde_json::from_slice(&told.body).expect("JSON");
    assert_eq!(reply["strData"], "x");
}

#[tokio::test]
async fn the_predictor_is_the_one_that_reads() {
    let server = server();
    for _ in 0..5 {
        let told = desk(&server, "rest", false).ask(BODY.into(), &[]).await;
        assert_eq!(told.outcome, Outcome::Unavailable, "{told:?}");
        assert_eq!(header(&told, "error-code"), Some("503"));
    }
    let gone = desk(&server, "gone", false).ask(BODY.into(), &[]).await;
    assert_eq!(gone.outcome, Outcome::Unavailable, "{gone:?}");
}

#[tokio::test]
async fn a_fault_of_the_caller_is_told_in_the_protocol() {
    let server = server();
    let told = desk(&server, "main", false).ask("{".into(), &[]).await;
    assert_eq!(told.outcome, Outcome::Failed);
    assert_eq!(header(&told, "error-code"), Some("400"));
    let reply: serde_json::Value = serde_json::from_slice(&told.body).expect("JSON");
    assert_eq!(reply["status"]["status"], "FAILURE");
}

#[tokio::test]
async fn a_message_of_grpc_is_answered_with_one() {
    let server = server();
    let asked = seldon::SeldonMessage {
        data_oneof: Some(seldon::seldon_message::DataOneof::StrData("x".to_owned())),
        ..seldon::SeldonMessage::default()
    };
    let value = Bytes::from(asked.encode_to_vec());
    let headers = proto("seldon.protos.SeldonMessage");
    let told = desk(&server, "main", true)
        .ask(value.clone(), &headers)
        .await;
    assert_eq!(told.outcome, Outcome::Answered, "{told:?}");
    assert_eq!(
        header(&told, "proto-name"),
        Some("seldon.protos.SeldonMessage")
    );
    assert_eq!(header(&told, "content-type"), Some("application/protobuf"));
    let reply = seldon::SeldonMessage::decode(told.body).expect("a message");
    assert_eq!(reply.data_oneof, asked.data_oneof);
    let told = desk(&server, "rest", true).ask(value, &headers).await;
    assert_eq!(told.outcome, Outcome::Unavailable, "{told:?}");
}

#[tokio::test]
async fn what_is_no_message_of_grpc_is_a_fault_of_the_caller() {
    let server = server();
    let desk = desk(&server, "main", true);
    let infer = inference::ModelInferRequest {
        model_name: "no-such-model".to_owned(),
        ..inference::ModelInferRequest::default()
    };
    for (value, headers, code) in [
        (Bytes::new(), Vec::new(), "400"),
        (Bytes::new(), proto("my.Message"), "400"),
        ("\u{7f}".into(), proto("seldon.protos.SeldonMessage"), "400"),
        (
            infer.encode_to_vec().into(),
            proto("inference.ModelInferRequest"),
            "404",
        ),
    ] {
        let told = desk.ask(value, &headers).await;
        assert_eq!(told.outcome, Outcome::Failed, "{told:?}");
        assert_eq!(header(&told, "error-code"), Some(code), "{told:?}");
        assert_eq!(header(&told, "content-type"), Some("application/json"));
    }
}
