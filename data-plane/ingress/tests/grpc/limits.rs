//! What is bounded: time, size, number; and what a caller learns of it.

use std::time::Duration;

use hari_proto::seldon as pb;
use hari_proto::seldon::seldon_client::SeldonClient;
use hari_proto::seldon::seldon_message::DataOneof;
use hari_proto::tensorflow::serving::{GetModelStatusRequest, ModelSpec};
use hari_testkit::{Gated, Identity};
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request};

use crate::server::{Server, deployment, settings, timed};

fn sized(bytes: usize) -> pb::SeldonMessage {
    let data = DataOneof::BinData(vec![0; bytes].into());
    pb::SeldonMessage {
        data_oneof: Some(data),
        ..pb::SeldonMessage::default()
    }
}

#[tokio::test]
async fn the_callers_deadline_ends_the_work() {
    let unit = Gated::new("gate");
    let server = Server::of(unit.clone()).await;
    // Without a connection: the client would keep the deadline itself.
    let mut client = SeldonClient::new(hari_ingress::everything(&server.app));
    let mut request = Request::new(sized(1));
    request
        .metadata_mut()
        .insert("grpc-timeout", "20m".parse().unwrap());
    let status = client.predict(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    unit.until_waiting(0).await;
}

#[tokio::test]
async fn the_deployments_deadline_ends_the_work() {
    let timeout = Some(Duration::from_millis(20));
    let gated = timed("default", "mnist", timeout, Gated::new("gate"));
    let server = Server::with(settings(), vec![gated]).await;
    let status = SeldonClient::new(server.channel.clone())
        .predict(sized(1))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_caller_that_gives_up_stops_the_work() {
    let unit = Gated::new("gate");
    let server = Server::of(unit.clone()).await;
    let mut client = SeldonClient::new(server.channel.clone());
    let call = tokio::spawn(async move { client.predict(sized(1)).await });
    unit.until_waiting(1).await;
    call.abort();
    unit.until_waiting(0).await;
}

#[tokio::test]
async fn beyond_the_requests_in_flight_a_caller_is_told_to_wait() {
    let unit = Gated::new("gate");
    let bounds = hari_settings::Server {
        max_in_flight: 1,
        ..settings()
    };
    let server = Server::with(bounds, vec![deployment("default", "mnist", unit.clone())]).await;
    let mut client = SeldonClient::new(server.channel.clone());
    let mut other = client.clone();
    let first = tokio::spawn(async move { client.predict(sized(1)).await });
    unit.until_waiting(1).await;
    let status = other.predict(sized(1)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(
        status.metadata().get("grpc-retry-pushback-ms").unwrap(),
        "1000"
    );
    unit.release(1);
    assert!(first.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_plain_and_compressed() {
    let server = Server::of(Identity::new("echo")).await;
    let plain = SeldonClient::new(server.channel.clone());
    let packed = plain.clone().send_compressed(CompressionEncoding::Gzip);
    for mut client in [plain.clone(), packed] {
        let status = client.predict(sized(2 << 20)).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    }
    assert!(
        plain.clone().predict(sized(1000)).await.is_ok(),
        "the server lives"
    );
}

#[tokio::test]
async fn who_asks_compressed_is_answered_compressed() {
    let server = Server::of(Identity::new("echo")).await;
    for (encoding, name) in [
        (CompressionEncoding::Gzip, "gzip"),
        (CompressionEncoding::Zstd, "zstd"),
    ] {
        let mut client = SeldonClient::new(server.channel.clone()).accept_compressed(encoding);
        let plain = client.predict(sized(10_000)).await.unwrap();
        assert!(plain.metadata().get("grpc-encoding").is_none(), "{name}");
        let mut client = client.send_compressed(encoding);
        let packed = client.predict(sized(10_000)).await.unwrap();
        assert_eq!(packed.metadata().get("grpc-encoding").unwrap(), name);
        assert_eq!(packed.into_inner(), plain.into_inner());
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_the_callers_fault() {
    let server = Server::of(Identity::new("echo")).await;
    let mut raw = tonic::client::Grpc::new(server.channel.clone());
    raw.ready().await.unwrap();
    // The field of a status is a message here and text there.
    let spec = ModelSpec {
        name: "mnist".to_owned(),
        ..ModelSpec::default()
    };
    let wrong = GetModelStatusRequest {
        model_spec: Some(spec),
    };
    let codec = tonic_prost::ProstCodec::<GetModelStatusRequest, pb::SeldonMessage>::default();
    let path = http::uri::PathAndQuery::from_static("/seldon.protos.Seldon/Predict");
    let status = raw
        .unary(Request::new(wrong), path, codec)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
}

#[tokio::test]
async fn a_method_that_no_service_has_is_unimplemented() {
    let server = Server::of(Identity::new("echo")).await;
    for path in ["/seldon.protos.Seldon/Nothing", "/no.such.Service/Predict"] {
        for router in [
            hari_ingress::everything(&server.app),
            hari_ingress::grpc_only(&server.app),
        ] {
            let mut raw = tonic::client::Grpc::new(router);
            raw.ready().await.unwrap();
            let codec = tonic_prost::ProstCodec::<pb::SeldonMessage, pb::SeldonMessage>::default();
            let path = http::uri::PathAndQuery::from_static(path);
            let status = raw
                .unary(Request::new(sized(1)), path, codec)
                .await
                .unwrap_err();
            assert_eq!(status.code(), Code::Unimplemented, "{status}");
        }
    }
}
