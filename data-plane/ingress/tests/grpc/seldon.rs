//! The Seldon protocol: the graph and the units.

use hari_error::Kind;
use hari_proto::seldon as pb;
use hari_proto::seldon::default_data::DataOneof as Form;
use hari_proto::seldon::seldon_message::DataOneof;
use hari_testkit::{Failing, Identity};
use tonic::{Code, Request};

use crate::server::{Server, Teller, deployment, settings};

fn tensor() -> pb::SeldonMessage {
    let tensor = pb::Tensor {
        shape: vec![1, 2],
        values: vec![0.5, -1.0],
    };
    let data = pb::DefaultData {
        names: vec!["a".to_owned(), "b".to_owned()],
        data_oneof: Some(Form::Tensor(tensor)),
    };
    pb::SeldonMessage {
        data_oneof: Some(DataOneof::Data(data)),
        ..pb::SeldonMessage::default()
    }
}

fn text(message: &pb::SeldonMessage) -> &str {
    match &message.data_oneof {
        Some(DataOneof::StrData(text)) => text,
        other => panic!("expected strData, found {other:?}"),
    }
}

#[tokio::test]
async fn a_prediction_has_the_form_and_the_id_of_its_request() {
    let server = Server::of(Identity::new("echo")).await;
    let mut client = pb::seldon_client::SeldonClient::new(server.channel.clone());
    let mut request = Request::new(tensor());
    request
        .metadata_mut()
        .insert("seldon-puid", "my-id".parse().unwrap());
    let reply = client.predict(request).await.unwrap();
    assert_eq!(reply.metadata().get("seldon-puid").unwrap(), "my-id");
    let Some(DataOneof::Data(data)) = reply.into_inner().data_oneof else {
        panic!("no data")
    };
    let Some(Form::Tensor(tensor)) = data.data_oneof else {
        panic!("not a tensor")
    };
    assert_eq!((tensor.shape, tensor.values), (vec![1, 2], vec![0.5, -1.0]));

    let reply = client.predict(tensor_request()).await.unwrap();
    assert_eq!(reply.metadata().get("seldon-puid").unwrap().len(), 36);
}

fn tensor_request() -> Request<pb::SeldonMessage> {
    Request::new(tensor())
}

#[tokio::test]
async fn each_service_asks_the_root_what_its_name_says() {
    let server = Server::of(Teller).await;
    let channel = || server.channel.clone();
    let list = pb::SeldonMessageList {
        seldon_messages: vec![tensor(), tensor()],
    };
    let feedback = pb::Feedback {
        reward: 0.5,
        ..pb::Feedback::default()
    };

    let mut generic = pb::generic_client::GenericClient::new(channel());
    let mut model = pb::model_client::ModelClient::new(channel());
    let mut router = pb::router_client::RouterClient::new(channel());
    let mut input = pb::transformer_client::TransformerClient::new(channel());
    let mut output = pb::output_transformer_client::OutputTransformerClient::new(channel());
    let mut combiner = pb::combiner_client::CombinerClient::new(channel());
    let replies = [
        ("Predict one", model.predict(tensor()).await),
        (
            "SendFeedback reward 0.5",
            model.send_feedback(feedback.clone()).await,
        ),
        (
            "TransformInput one",
            generic.transform_input(tensor()).await,
        ),
        (
            "TransformOutput one",
            generic.transform_output(tensor()).await,
        ),
        ("Route one", generic.route(tensor()).await),
        ("Aggregate 2", generic.aggregate(list.clone()).await),
        (
            "SendFeedback reward 0.5",
            generic.send_feedback(feedback.clone()).await,
        ),
        ("Route one", router.route(tensor()).await),
        (
            "SendFeedback reward 0.5",
            router.send_feedback(feedback).await,
        ),
        ("TransformInput one", input.transform_input(tensor()).await),
        (
            "TransformOutput one",
            output.transform_output(tensor()).await,
        ),
        ("Aggregate 2", combiner.aggregate(list).await),
    ];
    for (expected, reply) in replies {
        let reply = reply.unwrap().into_inner();
        assert!(
            text(&reply).starts_with(expected),
            "{expected}: {}",
            text(&reply)
        );
    }
}

#[tokio::test]
async fn metadata_of_the_caller_reaches_the_unit() {
    let server = Server::of(Teller).await;
    let mut client = pb::seldon_client::SeldonClient::new(server.channel.clone());
    let mut request = tensor_request();
    request
        .metadata_mut()
        .insert("x-tenant", "blue".parse().unwrap());
    request
        .metadata_mut()
        .insert("seldon-skip-logging", "true".parse().unwrap());
    let reply = client.predict(request).await.unwrap().into_inner();
    assert!(text(&reply).contains("x-tenant=blue"), "{}", text(&reply));
    assert!(!text(&reply).contains("user-agent"), "{}", text(&reply));
    assert!(text(&reply).ends_with("true"), "{}", text(&reply));
}

#[tokio::test]
async fn metadata_says_which_deployment_is_meant() {
    let deployments = vec![
        deployment("default", "one", Identity::new("echo")),
        deployment("team", "two", Teller),
    ];
    let server = Server::with(settings(), deployments).await;
    let mut client = pb::seldon_client::SeldonClient::new(server.channel.clone());
    let mut to = async |name: &'static str, namespace: Option<&'static str>| {
        let mut request = tensor_request();
        request
            .metadata_mut()
            .insert("seldon", name.parse().unwrap());
        if let Some(namespace) = namespace {
            request
                .metadata_mut()
                .insert("namespace", namespace.parse().unwrap());
        }
        client.predict(request).await
    };
    assert!(to("one", None).await.is_ok());
    assert!(text(&to("two", Some("team")).await.unwrap().into_inner()).starts_with("Predict"));
    let missing = to("two", None).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    assert!(missing.message().contains("team/two"), "{missing}");
    let unnamed = client.predict(tensor()).await.unwrap_err();
    assert_eq!(unnamed.code(), Code::NotFound);
}

#[tokio::test]
async fn a_failure_says_what_and_has_the_id_too() {
    let server = Server::of(Failing::new("broken", Kind::Model, "out of luck")).await;
    let mut client = pb::seldon_client::SeldonClient::new(server.channel.clone());
    let mut request = tensor_request();
    request
        .metadata_mut()
        .insert("seldon-puid", "my-id".parse().unwrap());
    let status = client.predict(request).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Internal, "out of luck")
    );
    assert_eq!(status.metadata().get("seldon-puid").unwrap(), "my-id");
}

#[tokio::test]
async fn a_graph_and_its_units_are_described() {
    let server = Server::of(Identity::new("echo")).await;
    let mut client = pb::seldon_client::SeldonClient::new(server.channel.clone());
    let graph = client.graph_metadata(()).await.unwrap().into_inner();
    assert_eq!(graph.name, "default");
    assert_eq!(graph.models.keys().collect::<Vec<_>>(), ["echo"]);
    assert_eq!(
        (&*graph.inputs[0].name, &*graph.outputs[0].name),
        ("x", "y")
    );

    let named = |name: &str| pb::SeldonModelMetadataRequest {
        name: name.to_owned(),
    };
    let model = client
        .model_metadata(named("echo"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (&*model.name, &*model.platform, &*model.versions),
        ("echo", "test", &["1".to_owned()][..])
    );
    let unknown = client.model_metadata(named("other")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert!(unknown.message().contains("`other`") && unknown.message().contains("`echo`"));

    let mut unit = pb::model_client::ModelClient::new(server.channel.clone());
    assert_eq!(unit.metadata(()).await.unwrap().into_inner().name, "echo");
}
