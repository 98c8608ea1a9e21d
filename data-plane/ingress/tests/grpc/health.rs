//! Health and reflection.

use hari_error::Kind;
use hari_testkit::{Failing, Identity};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::server::{Server, deployment, settings};

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[tokio::test]
async fn health_is_readiness() {
    let server = Server::of(Identity::new("echo")).await;
    let mut client = HealthClient::new(server.channel.clone());
    for service in ["", "seldon.protos.Seldon", "inference.GRPCInferenceService"] {
        let reply = client.check(of(service)).await.unwrap().into_inner();
        assert_eq!(reply.status(), ServingStatus::Serving, "{service}");
    }
    assert_eq!(
        client.check(of("nothing")).await.unwrap_err().code(),
        Code::NotFound
    );

    server.directory.put(deployment(
        "default",
        "bad",
        Failing::new("m", Kind::Model, "no"),
    ));
    let reply = client.check(of("")).await.unwrap().into_inner();
    assert_eq!(reply.status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn nothing_served_is_not_ready() {
    let server = Server::with(settings(), Vec::new()).await;
    let reply = HealthClient::new(server.channel.clone())
        .check(of(""))
        .await
        .unwrap();
    assert_eq!(reply.into_inner().status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn a_watch_tells_changes_and_ends_when_the_server_stops() {
    let server = Server::of(Identity::new("echo")).await;
    let mut client = HealthClient::new(server.channel.clone());
    let mut changes = client.watch(of("")).await.unwrap().into_inner();
    let mut next = async || changes.message().await.unwrap().map(|reply| reply.status());
    assert_eq!(next().await, Some(ServingStatus::Serving));
    let removed = server.directory.remove("default", "mnist").unwrap();
    assert_eq!(next().await, Some(ServingStatus::NotServing));
    server.directory.put(removed);
    assert_eq!(next().await, Some(ServingStatus::Serving));
    server.app.drain();
    assert_eq!(next().await, Some(ServingStatus::NotServing));
    assert_eq!(next().await, None);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_service_is_watched_in_case_it_comes() {
    let server = Server::of(Identity::new("echo")).await;
    let mut client = HealthClient::new(server.channel.clone());
    let mut changes = client.watch(of("nothing")).await.unwrap().into_inner();
    let first = changes.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
}

#[tokio::test]
async fn reflection_lists_what_is_served_in_both_versions() {
    let server = Server::of(Identity::new("echo")).await;
    let services = reflected_v1(&server).await;
    for service in [
        "seldon.protos.Seldon",
        "seldon.protos.Combiner",
        "inference.GRPCInferenceService",
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "grpc.health.v1.Health",
    ] {
        assert!(
            services.iter().any(|name| name == service),
            "{service} in {services:?}"
        );
    }
    assert_eq!(reflected_v1alpha(&server).await.len(), services.len());
}

macro_rules! reflected {
    ($name:ident, $version:ident) => {
        async fn $name(server: &Server) -> Vec<String> {
            use tonic_reflection::pb::$version as pb;
            let ask = pb::server_reflection_request::MessageRequest::ListServices(String::new());
            let request = pb::ServerReflectionRequest {
                host: String::new(),
                message_request: Some(ask),
            };
            let requests = futures_util::stream::iter([request]);
            let mut client =
                pb::server_reflection_client::ServerReflectionClient::new(server.channel.clone());
            let replies = client.server_reflection_info(requests).await.unwrap();
            let reply = replies.into_inner().message().await.unwrap().unwrap();
            match reply.message_response.unwrap() {
                pb::server_reflection_response::MessageResponse::ListServicesResponse(list) => list
                    .service
                    .into_iter()
                    .map(|service| service.name)
                    .collect(),
                other => panic!("expected services, found {other:?}"),
            }
        }
    };
}

reflected!(reflected_v1, v1);
reflected!(reflected_v1alpha, v1alpha);
