//! All protocols and both transports, with this project's own server as the node.

use std::sync::Arc;
use std::time::Duration;

use hari_core::{
    Context, DataType, Feedback, Input, Message, Method, NamedTensor, Tensor, Unit as _,
};
use hari_egress::{Options, Protocol, Remote, Transport};
use hari_error::Kind;
use hari_testkit::{Failing, Identity, conformance};

use crate::peer::{Ours, options};

const SPOKEN: [(Protocol, Transport); 6] = [
    (Protocol::Seldon, Transport::Rest),
    (Protocol::Seldon, Transport::Grpc),
    (Protocol::OpenInference, Transport::Rest),
    (Protocol::OpenInference, Transport::Grpc),
    (Protocol::Tensorflow, Transport::Rest),
    (Protocol::Tensorflow, Transport::Grpc),
];

fn remote(ours: &Ours, (protocol, transport): (Protocol, Transport)) -> Remote {
    Remote::new(Options {
        protocol,
        transport,
        ..options(ours.address)
    })
    .unwrap()
}

fn sample() -> Message {
    let tensor = Tensor::from_vec([1, 2], vec![1.5_f32, -2.0]).unwrap();
    Message::tensor("x", tensor)
}

fn context() -> Context {
    Context::new("some-id", Duration::from_secs(20))
}

#[tokio::test]
async fn a_node_elsewhere_keeps_the_rules_of_a_unit() {
    let ours = Ours::with(Identity::new("m"));
    for spoken in SPOKEN {
        let unit = Arc::new(remote(&ours, spoken));
        let kept = conformance(unit, sample()).await;
        kept.unwrap_or_else(|broken| unreachable!("{spoken:?}: {broken}"));
    }
}

#[tokio::test]
async fn numbers_come_back_as_they_went() {
    let ours = Ours::with(Identity::new("m"));
    for spoken in SPOKEN {
        let unit = remote(&ours, spoken);
        let input = Input::One(sample());
        let reply = unit.call(Method::Predict, input, &context()).await.unwrap();
        let tensor = &reply.as_tensors().unwrap()[0].tensor;
        assert_eq!(tensor.shape(), [1, 2], "{spoken:?}");
        assert_eq!(tensor.to_f64().unwrap()[..], [1.5, -2.0], "{spoken:?}");
    }
}

#[tokio::test]
async fn half_precision_and_byte_strings_travel_in_v2() {
    let ours = Ours::with(Identity::new("m"));
    let half = Tensor::from_bytes(DataType::Fp16, [2], vec![0_u8, 60, 0, 192]).unwrap();
    let strings = vec!["é".into(), bytes::Bytes::from_static(&[0, 255])];
    let strings = Tensor::from_strings([2], strings).unwrap();
    for tensor in [half, strings] {
        for transport in [Transport::Rest, Transport::Grpc] {
            let unit = remote(&ours, (Protocol::OpenInference, transport));
            let input = Input::One(Message::tensor("x", tensor.clone()));
            let reply = unit.call(Method::TransformInput, input, &context()).await;
            assert_eq!(reply.unwrap().as_tensors().unwrap()[0].tensor, tensor);
        }
    }
}

#[tokio::test]
async fn seldon_knows_every_method() {
    let ours = Ours::with(Identity::new("m"));
    let feedback = Feedback {
        truth: Some(sample()),
        reward: 0.5,
        ..Feedback::default()
    };
    for transport in [Transport::Rest, Transport::Grpc] {
        let unit = remote(&ours, (Protocol::Seldon, transport));
        for (method, input) in [
            (Method::TransformInput, Input::One(sample())),
            (Method::TransformOutput, Input::One(sample())),
            (Method::Route, Input::One(sample())),
            (Method::Aggregate, Input::Many(vec![sample(), sample()])),
            (
                Method::SendFeedback,
                Input::Feedback(Box::new(feedback.clone())),
            ),
        ] {
            let reply = unit.call(method, input, &context()).await;
            reply.unwrap_or_else(|error| unreachable!("{transport:?} {method:?}: {error}"));
        }
    }
}

#[tokio::test]
async fn other_protocols_know_inference_alone() {
    let ours = Ours::with(Identity::new("m"));
    for spoken in &SPOKEN[2..] {
        let unit = remote(&ours, *spoken);
        let input = Input::One(sample());
        let error = unit
            .call(Method::Route, input, &context())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Unimplemented);
        assert!(
            error.message().contains("hari.dev/node-protocol"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_nodes_own_words_and_kind_are_kept() {
    for kind in [
        Kind::InvalidInput,
        Kind::Model,
        Kind::Unavailable,
        Kind::NotFound,
    ] {
        let ours = Ours::with(Failing::new("m", kind, "the words"));
        for spoken in SPOKEN {
            let unit = remote(&ours, spoken);
            let input = Input::One(sample());
            let error = unit
                .call(Method::Predict, input, &context())
                .await
                .unwrap_err();
            assert_eq!(error.kind(), kind, "{spoken:?}: {error}");
            assert!(error.message().contains("the words"), "{spoken:?}: {error}");
            assert_eq!(error.node(), Some("m"));
        }
    }
}

#[tokio::test]
async fn numbers_without_name_and_type_take_those_of_a_v2_model() {
    let ours = Ours::with(Identity::new("m"));
    for spoken in &SPOKEN[2..4] {
        let unit = remote(&ours, *spoken);
        let tensor = Tensor::from_vec([1, 2], vec![1_i64, 2]).unwrap();
        let message = Message::tensors(vec![NamedTensor::inferred("", tensor)]);
        let reply = unit
            .call(Method::Predict, Input::One(message), &context())
            .await;
        let reply = reply.unwrap();
        let named = &reply.as_tensors().unwrap()[0];
        assert_eq!(named.name, "x", "{spoken:?}");
        assert_eq!(named.tensor.dtype(), DataType::Fp32, "{spoken:?}");
    }
}
