//! What a node says of itself: known late, without a request that waits for it.

use std::sync::Arc;
use std::time::Duration;

use hari_core::{Context, Input, Message, Method, ModelMetadata, Tensor, Unit as _};
use hari_egress::{Options, Protocol, Remote, Transport};
use hari_error::Kind;
use hari_testkit::Identity;
use tokio::time::{Instant, sleep};

use crate::peer::{Does, Ours, Peer, options};

const METADATA: &str = r#"{"name":"there","versions":["v3"],"platform":"here and there",
    "inputs":[{"name":"a","datatype":"FP32","shape":[-1,4]}],
    "outputs":[{"name":"b","datatype":"BYTES","shape":[-1]}],"custom":{"by":"us"}}"#;

/// Asks until the metadata is as it should be.
async fn known(unit: &Remote, enough: impl Fn(&ModelMetadata) -> bool) -> Arc<ModelMetadata> {
    let begun = Instant::now();
    loop {
        let metadata = unit.metadata();
        if enough(&metadata) {
            return metadata;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{metadata:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_a_unit_says_is_known_soon_and_asked_for_once() {
    let peer = Peer::answers("200 OK", "application/json", METADATA).await;
    let unit = Remote::new(options(peer.address)).unwrap();
    let before = unit.metadata();
    assert_eq!((&*before.name, &*before.platform), ("m", "remote"));
    let metadata = known(&unit, |metadata| !metadata.signatures.is_empty()).await;
    assert_eq!(metadata.name, "m");
    assert_eq!(metadata.platform, "here and there");
    assert_eq!(metadata.versions, ["v3"]);
    let signature = metadata.signature(None).unwrap();
    assert_eq!(signature.inputs[0].to_string(), "`a` FP32 [-1, 4]");
    assert_eq!(signature.outputs[0].to_string(), "`b` BYTES [-1]");
    assert!(Arc::ptr_eq(&metadata, &unit.metadata()));
    let requests = peer.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with("GET /metadata "), "{requests:?}");
}

#[tokio::test]
async fn every_protocol_says_inputs_and_outputs() {
    let ours = Ours::with(Identity::new("m"));
    for protocol in [Protocol::OpenInference, Protocol::Tensorflow] {
        for transport in [Transport::Rest, Transport::Grpc] {
            let unit = Remote::new(Options {
                protocol,
                transport,
                ..options(ours.address)
            });
            let unit = unit.unwrap();
            let metadata = known(&unit, |metadata| !metadata.signatures.is_empty()).await;
            assert_eq!(metadata.signatures[0].inputs[0].name, "x");
            assert_eq!(metadata.signatures[0].outputs.len(), 1, "{metadata:?}");
        }
    }
}

#[tokio::test]
async fn a_node_that_says_nothing_keeps_nobody_waiting() {
    let peer = Peer::that(Does::Waits).await;
    let unit = Remote::new(options(peer.address)).unwrap();
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(unit.metadata().platform, "remote");
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    let begun = Instant::now();
    while peer.requests().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(peer.requests().len(), 1, "one question at a time");
}

#[tokio::test]
async fn a_node_that_was_lost_is_asked_anew() {
    let peer = Peer::answers_once("application/json", METADATA).await;
    let address = peer.address;
    let unit = Remote::new(options(address)).unwrap();
    let first = known(&unit, |metadata| metadata.platform == "here and there").await;
    drop(peer);
    loop {
        let input = Tensor::from_vec([1], vec![1.0_f32]).unwrap();
        let input = Input::One(Message::tensor("x", input));
        let context = Context::new("some-id", Duration::from_secs(20));
        let lost = unit.call(Method::Predict, input, &context).await;
        if lost.unwrap_err().kind() == Kind::Unavailable {
            break;
        }
    }
    assert!(Arc::ptr_eq(&first, &unit.metadata()), "it stays known");
    let other = METADATA.replace("here and there", "another");
    let _peer = Peer::answers_at(address, "200 OK", "application/json", &other).await;
    known(&unit, |metadata| metadata.platform == "another").await;
}
