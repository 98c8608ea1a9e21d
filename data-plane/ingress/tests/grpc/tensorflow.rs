//! TensorFlow Serving.

use std::collections::BTreeMap;

use hari_core::{DataType, Dim, ModelMetadata, Signature, SignatureMethod, TensorSpec};
use hari_proto::tensorflow as tf;
use hari_proto::tensorflow::feature::Kind;
use hari_proto::tensorflow::serving as pb;
use hari_proto::tensorflow::serving::inference_result::Result as Inferred;
use hari_proto::tensorflow::serving::model_service_client::ModelServiceClient;
use hari_proto::tensorflow::serving::model_spec::VersionChoice;
use hari_proto::tensorflow::serving::model_version_status::State;
use hari_proto::tensorflow::serving::prediction_service_client::PredictionServiceClient as Client;
use hari_testkit::Identity;
use prost::Message as _;
use tonic::Code;
use tonic::transport::Channel;

use crate::server::Server;

/// Takes feature `scores` and gives it back, so that the rows are classified by it.
fn echo_of_scores() -> Identity {
    let spec = TensorSpec {
        name: "scores".to_owned(),
        dtype: DataType::Fp32,
        shape: Some(vec![Dim::Dynamic(None), Dim::Dynamic(None)]),
    };
    let signature = Signature {
        name: Signature::DEFAULT.to_owned(),
        method: SignatureMethod::Classify,
        inputs: vec![spec.clone()],
        outputs: vec![spec],
    };
    Identity::with_metadata(ModelMetadata {
        name: "echo".to_owned(),
        versions: vec!["3".to_owned(), "2".to_owned()],
        platform: "test".to_owned(),
        signatures: vec![signature],
        labels: BTreeMap::from([("stable".to_owned(), "2".to_owned())]),
        ..ModelMetadata::default()
    })
}

async fn serve() -> (Server, Client<Channel>) {
    let server = Server::of(echo_of_scores()).await;
    let client = Client::new(server.channel.clone());
    (server, client)
}

fn spec(choice: Option<VersionChoice>) -> Option<pb::ModelSpec> {
    let name = "echo".to_owned();
    Some(pb::ModelSpec {
        name,
        version_choice: choice,
        ..pb::ModelSpec::default()
    })
}

fn predict(choice: Option<VersionChoice>) -> pb::PredictRequest {
    let dim = |size| tf::tensor_shape_proto::Dim {
        size,
        ..Default::default()
    };
    let shape = tf::TensorShapeProto {
        dim: vec![dim(1), dim(2)],
        unknown_rank: false,
    };
    let tensor = tf::TensorProto {
        dtype: tf::DataType::DtFloat.into(),
        tensor_shape: Some(shape),
        float_val: vec![0.5, -1.0],
        ..tf::TensorProto::default()
    };
    let inputs = [("scores".to_owned(), tensor)].into();
    pb::PredictRequest {
        model_spec: spec(choice),
        inputs,
        ..pb::PredictRequest::default()
    }
}

/// Rows of these scores.
fn input(rows: &[&[f32]]) -> Option<pb::Input> {
    let example = |row: &&[f32]| {
        let kind = Some(Kind::FloatList(tf::FloatList {
            value: row.to_vec(),
        }));
        let feature = [("scores".to_owned(), tf::Feature { kind })].into();
        tf::Example {
            features: Some(tf::Features { feature }),
        }
    };
    let examples = rows.iter().map(example).collect();
    Some(pb::Input {
        kind: Some(pb::input::Kind::ExampleList(pb::ExampleList { examples })),
    })
}

#[tokio::test]
async fn a_prediction_says_which_model_and_version_answered() {
    let (_server, mut client) = serve().await;
    for (choice, version) in [
        (None, 3),
        (Some(VersionChoice::Version(2)), 2),
        (Some(VersionChoice::VersionLabel("stable".to_owned())), 2),
    ] {
        let reply = client.predict(predict(choice)).await.unwrap();
        assert!(reply.metadata().get("seldon-puid").is_some());
        let reply = reply.into_inner();
        assert_eq!(reply.outputs["scores"].float_val, [0.5, -1.0]);
        let spec = reply.model_spec.unwrap();
        assert_eq!(
            (&*spec.name, &*spec.signature_name),
            ("echo", "serving_default")
        );
        assert_eq!(spec.version_choice, Some(VersionChoice::Version(version)));
    }
}

#[tokio::test]
async fn what_is_not_served_is_not_found() {
    let (_server, mut client) = serve().await;
    for choice in [
        VersionChoice::Version(9),
        VersionChoice::VersionLabel("canary".to_owned()),
    ] {
        let status = client.predict(predict(Some(choice))).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{status}");
    }
    let mut other = predict(None);
    other.model_spec = Some(pb::ModelSpec {
        name: "other".to_owned(),
        ..Default::default()
    });
    assert_eq!(
        client.predict(other).await.unwrap_err().code(),
        Code::NotFound
    );
    let mut filtered = predict(None);
    filtered.output_filter = vec!["nothing".to_owned()];
    let status = client.predict(filtered).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("`nothing`"), "{status}");
}

#[tokio::test]
async fn rows_are_classified_and_regressed() {
    let (_server, mut client) = serve().await;
    let input_of = |rows| pb::ClassificationRequest {
        model_spec: spec(None),
        input: input(rows),
    };
    let reply = client
        .classify(input_of(&[&[0.25, 0.75], &[1.0, 0.0]]))
        .await
        .unwrap()
        .into_inner();
    let rows = reply.result.unwrap().classifications;
    let scores: Vec<Vec<f32>> = rows
        .iter()
        .map(|row| row.classes.iter().map(|class| class.score).collect())
        .collect();
    assert_eq!(scores, [[0.25, 0.75], [1.0, 0.0]]);

    let request = pb::RegressionRequest {
        model_spec: spec(None),
        input: input(&[&[0.5], &[2.0]]),
    };
    let reply = client.regress(request).await.unwrap().into_inner();
    let values: Vec<_> = reply
        .result
        .unwrap()
        .regressions
        .iter()
        .map(|row| row.value)
        .collect();
    assert_eq!(values, [0.5, 2.0]);

    let status = client
        .classify(pb::ClassificationRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn several_questions_are_answered_in_order() {
    let (_server, mut client) = serve().await;
    let task = |method: &str| pb::InferenceTask {
        model_spec: spec(None),
        method_name: method.to_owned(),
    };
    let tasks = vec![
        task("tensorflow/serving/regress"),
        task("tensorflow/serving/classify"),
    ];
    let request = pb::MultiInferenceRequest {
        tasks,
        input: input(&[&[0.5]]),
    };
    let results = client
        .multi_inference(request)
        .await
        .unwrap()
        .into_inner()
        .results;
    assert!(matches!(
        results[0].result,
        Some(Inferred::RegressionResult(_))
    ));
    assert!(matches!(
        results[1].result,
        Some(Inferred::ClassificationResult(_))
    ));

    let none = pb::MultiInferenceRequest {
        tasks: Vec::new(),
        input: input(&[&[0.5]]),
    };
    let status = client.multi_inference(none).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn signatures_are_told_on_request() {
    let (_server, mut client) = serve().await;
    let request = pb::GetModelMetadataRequest {
        model_spec: spec(None),
        metadata_field: vec!["signature_def".to_owned()],
    };
    let reply = client
        .get_model_metadata(request)
        .await
        .unwrap()
        .into_inner();
    let signatures = &reply.metadata["signature_def"];
    let signatures = pb::SignatureDefMap::decode(&*signatures.value)
        .unwrap()
        .signature_def;
    assert_eq!(
        signatures["serving_default"].inputs["scores"].dtype(),
        tf::DataType::DtFloat
    );
}

#[tokio::test]
async fn versions_have_a_state() {
    let (server, _) = serve().await;
    let mut client = ModelServiceClient::new(server.channel.clone());
    let mut versions = async |choice| {
        let request = pb::GetModelStatusRequest {
            model_spec: spec(choice),
        };
        let reply = client.get_model_status(request).await?.into_inner();
        let each = reply.model_version_status.into_iter();
        Ok::<_, tonic::Status>(
            each.map(|one| (one.version, one.state()))
                .collect::<Vec<_>>(),
        )
    };
    let available = State::Available;
    assert_eq!(
        versions(None).await.unwrap(),
        [(3, available), (2, available)]
    );
    let only = versions(Some(VersionChoice::Version(2))).await.unwrap();
    assert_eq!(only, [(2, available)]);
    let label = VersionChoice::VersionLabel("stable".to_owned());
    assert_eq!(versions(Some(label)).await.unwrap(), [(2, available)]);
    let missing = versions(Some(VersionChoice::Version(7))).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

#[tokio::test]
async fn a_reload_is_not_offered() {
    let (server, _) = serve().await;
    let mut client = ModelServiceClient::new(server.channel.clone());
    let status = client
        .handle_reload_config_request(pb::ReloadConfigRequest::default())
        .await;
    assert_eq!(status.unwrap_err().code(), Code::Unimplemented);
}
