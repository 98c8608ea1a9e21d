//! The open inference protocol.

use hari_error::Kind;
use hari_proto::inference as pb;
use hari_proto::inference::grpc_inference_service_client::GrpcInferenceServiceClient as Client;
use hari_proto::inference::model_infer_request::InferInputTensor;
use hari_testkit::{Failing, Identity};
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::server::{Server, deployment, settings};

fn request(model: &str, id: &str) -> pb::ModelInferRequest {
    let contents = pb::InferTensorContents {
        fp32_contents: vec![0.5, -1.0],
        ..Default::default()
    };
    let input = InferInputTensor {
        name: "x".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![1, 2],
        contents: Some(contents),
        ..InferInputTensor::default()
    };
    pb::ModelInferRequest {
        model_name: model.to_owned(),
        id: id.to_owned(),
        inputs: vec![input],
        ..pb::ModelInferRequest::default()
    }
}

fn raw(mut request: pb::ModelInferRequest) -> pb::ModelInferRequest {
    request.inputs[0].contents = None;
    let bytes = [0.5_f32, -1.0].map(f32::to_le_bytes).concat();
    request.raw_input_contents = vec![bytes.into()];
    request
}

async fn echo() -> (Server, Client<Channel>) {
    let server = Server::of(Identity::new("echo")).await;
    let client = Client::new(server.channel.clone());
    (server, client)
}

#[tokio::test]
async fn an_inference_is_answered_in_the_form_of_its_request() {
    let (_server, mut client) = echo().await;
    let reply = client.model_infer(request("echo", "7")).await.unwrap();
    assert!(reply.metadata().get("seldon-puid").is_some());
    let reply = reply.into_inner();
    assert_eq!(
        (&*reply.model_name, &*reply.model_version, &*reply.id),
        ("echo", "1", "7")
    );
    let output = &reply.outputs[0];
    assert_eq!((&*output.datatype, &*output.shape), ("FP32", &[1, 2][..]));
    assert_eq!(output.contents.as_ref().unwrap().fp32_contents, [0.5, -1.0]);
    assert!(reply.raw_output_contents.is_empty());

    let reply = client
        .model_infer(raw(request("echo", "")))
        .await
        .unwrap()
        .into_inner();
    assert!(reply.outputs[0].contents.is_none());
    assert_eq!(
        reply.raw_output_contents[0],
        [0.5_f32, -1.0].map(f32::to_le_bytes).concat()
    );
}

#[tokio::test]
async fn the_model_may_be_the_deployment_the_unit_or_unnamed() {
    let (_server, mut client) = echo().await;
    for name in ["mnist", "echo", ""] {
        let reply = client
            .model_infer(request(name, ""))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            reply.model_name,
            if name.is_empty() { "echo" } else { name }
        );
    }
    let status = client.model_infer(request("other", "")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("`other`"), "{status}");
}

#[tokio::test]
async fn of_several_deployments_the_one_with_the_model_answers() {
    let deployments = vec![
        deployment("default", "one", Identity::new("a")),
        deployment("default", "two", Identity::new("b")),
    ];
    let server = Server::with(settings(), deployments).await;
    let mut client = Client::new(server.channel.clone());
    for model in ["a", "b", "two"] {
        let reply = client
            .model_infer(request(model, ""))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(reply.model_name, model);
    }
    let status = client.model_infer(request("", "")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn a_version_that_is_not_served_is_not_found() {
    let (_server, mut client) = echo().await;
    let of_version = |version: &str| {
        let model_version = version.to_owned();
        pb::ModelInferRequest {
            model_version,
            ..request("echo", "")
        }
    };
    assert!(client.model_infer(of_version("1")).await.is_ok());
    let status = client.model_infer(of_version("9")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn a_bad_tensor_is_named() {
    let (_server, mut client) = echo().await;
    let mut bad = request("echo", "");
    bad.inputs[0].shape = vec![3, 2];
    let status = client.model_infer(bad).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("`x`"), "{status}");
}

#[tokio::test]
async fn the_server_and_its_models_say_what_they_are() {
    let (_server, mut client) = echo().await;
    assert!(
        client
            .server_live(pb::ServerLiveRequest {})
            .await
            .unwrap()
            .into_inner()
            .live
    );
    assert!(
        client
            .server_ready(pb::ServerReadyRequest {})
            .await
            .unwrap()
            .into_inner()
            .ready
    );
    let about = client
        .server_metadata(pb::ServerMetadataRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(about.name, "hari");

    let named = |name: &str, version: &str| pb::ModelMetadataRequest {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    let model = client
        .model_metadata(named("echo", "1"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((&*model.name, &*model.platform), ("echo", "test"));
    assert_eq!(
        (&*model.inputs[0].name, &*model.inputs[0].shape),
        ("x", &[-1, 2][..])
    );
    let status = client.model_metadata(named("echo", "2")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);

    let asked = pb::ModelConfigRequest {
        name: "echo".to_owned(),
        ..Default::default()
    };
    let config = client
        .model_config(asked)
        .await
        .unwrap()
        .into_inner()
        .config
        .unwrap();
    assert_eq!((&*config.name, &*config.output[0].name), ("echo", "y"));
}

#[tokio::test]
async fn a_model_is_ready_when_it_is() {
    let bad = Failing::new("bad", Kind::Unavailable, "loading");
    let deployments = vec![
        deployment("default", "one", Identity::new("good")),
        deployment("default", "two", bad),
    ];
    let server = Server::with(settings(), deployments).await;
    let mut client = Client::new(server.channel.clone());
    for (name, version, ready) in [
        ("good", "", true),
        ("good", "1", true),
        ("good", "5", false),
        ("bad", "", false),
        ("none", "", false),
    ] {
        let asked = pb::ModelReadyRequest {
            name: name.into(),
            version: version.into(),
        };
        let reply = client.model_ready(asked).await.unwrap().into_inner();
        assert_eq!(reply.ready, ready, "{name} {version}");
    }
    assert!(
        !client
            .server_ready(pb::ServerReadyRequest {})
            .await
            .unwrap()
            .into_inner()
            .ready
    );

    let index = async |ready: bool, client: &mut Client<Channel>| {
        let asked = pb::RepositoryIndexRequest {
            ready,
            ..Default::default()
        };
        let models = client
            .repository_index(asked)
            .await
            .unwrap()
            .into_inner()
            .models;
        models
            .into_iter()
            .map(|one| (one.name, one.state, one.reason))
            .collect::<Vec<_>>()
    };
    let entry = |name: &str, state: &str, reason: &str| (name.into(), state.into(), reason.into());
    let good = entry("good", "READY", "");
    let all = [good.clone(), entry("bad", "UNAVAILABLE", "loading")];
    assert_eq!(index(false, &mut client).await, all);
    assert_eq!(index(true, &mut client).await, [good]);
}

#[tokio::test]
async fn a_stream_is_answered_in_order_and_outlives_a_failure() {
    let (_server, mut client) = echo().await;
    let requests = [
        request("echo", "1"),
        request("other", "2"),
        raw(request("echo", "3")),
    ];
    let stream = Request::new(futures_util::stream::iter(requests));
    let replies = client.model_stream_infer(stream).await.unwrap();
    assert!(replies.metadata().get("seldon-puid").is_some());
    let mut replies = replies.into_inner();
    let mut seen = Vec::new();
    while let Some(reply) = replies.message().await.unwrap() {
        let infer = reply.infer_response.unwrap();
        assert!(infer.parameters.contains_key("triton_final_response"));
        seen.push((
            infer.id,
            reply.error_message.is_empty(),
            infer.outputs.len(),
        ));
    }
    let expected = [
        ("1".to_owned(), true, 1),
        ("2".to_owned(), false, 0),
        ("3".to_owned(), true, 1),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn what_is_not_offered_says_so() {
    let (_server, mut client) = echo().await;
    let load = client
        .repository_model_load(pb::RepositoryModelLoadRequest::default())
        .await;
    assert_eq!(load.unwrap_err().code(), Code::Unimplemented);
    let unload = client
        .repository_model_unload(pb::RepositoryModelUnloadRequest::default())
        .await;
    assert_eq!(unload.unwrap_err().code(), Code::Unimplemented);
    let statistics = client
        .model_statistics(pb::ModelStatisticsRequest::default())
        .await;
    assert_eq!(statistics.unwrap_err().code(), Code::Unimplemented);
}
