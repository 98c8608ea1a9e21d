//! Replies over gRPC that are cut short, hold what is no message, or hold too much.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response};
use bytes::Bytes;
use hari_core::{Context, Input, Message, Method, Tensor, Unit as _};
use hari_egress::{Options, Protocol, Remote, Transport};
use hari_error::{Error, Kind};
use http_body_util::{BodyExt as _, Full};

use crate::peer::{Ours, options};

const PROTOCOLS: [Protocol; 3] = [
    Protocol::Seldon,
    Protocol::OpenInference,
    Protocol::Tensorflow,
];

/// A server that answers every call with these bytes, and says that all is well.
fn that_answers(bytes: Vec<u8>) -> Ours {
    let bytes = Bytes::from(bytes);
    let answer = move || {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let body = Full::new(bytes.clone()).with_trailers(async { Some(Ok(trailers)) });
        let reply = Response::builder().header("content-type", "application/grpc");
        let reply = reply.body(Body::new(body)).unwrap();
        std::future::ready(reply)
    };
    Ours::of(Router::new().fallback(answer))
}

/// A message with the head that gRPC gives it.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

async fn error_of(ours: &Ours, protocol: Protocol) -> Error {
    let mut asked = Options {
        protocol,
        transport: Transport::Grpc,
        ..options(ours.address)
    };
    asked.limits.body = 1000;
    let unit = Remote::new(asked).unwrap();
    let input = Tensor::from_vec([1], vec![1.0_f32]).unwrap();
    let input = Input::One(Message::tensor("x", input));
    let context = Context::new("some-id", Duration::from_secs(20));
    let reply = unit.call(Method::Predict, input, &context).await;
    reply.unwrap_err()
}

#[tokio::test]
async fn bytes_that_are_no_message_are_a_bad_gateway() {
    // A field whose length is beyond the end, one of an unknown kind, a tag that does not end.
    let none: [&[u8]; 3] = [&[0x0a, 0x7f, 1], &[0x0f, 0, 0], &[0xff; 12]];
    for message in none {
        let ours = that_answers(framed(message));
        for protocol in PROTOCOLS {
            let error = error_of(&ours, protocol).await;
            assert_eq!(error.kind(), Kind::BadGateway, "{protocol:?}: {error:?}");
            assert!(error.message().contains("cannot be read"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_message_that_is_larger_than_the_limit_is_a_bad_gateway() {
    let ours = that_answers(framed(&[0; 1001]));
    for protocol in PROTOCOLS {
        let error = error_of(&ours, protocol).await;
        assert_eq!(error.kind(), Kind::BadGateway, "{protocol:?}: {error:?}");
        assert!(error.message().contains("larger"), "{error}");
    }
}

#[tokio::test]
async fn a_message_that_is_cut_short_is_an_error_of_the_node() {
    let mut cut = framed(&[0; 100]);
    cut.truncate(50);
    for bytes in [cut, vec![0, 0], Vec::new()] {
        let ours = that_answers(bytes.clone());
        for protocol in PROTOCOLS {
            let error = error_of(&ours, protocol).await;
            let ours = [Kind::InvalidInput, Kind::NotFound, Kind::Unimplemented];
            assert!(!ours.contains(&error.kind()), "{bytes:?}: {error:?}");
            assert_eq!(error.node(), Some("m"));
        }
    }
}

#[tokio::test]
async fn tensors_that_contradict_their_shape_are_a_bad_gateway() {
    use hari_proto::inference::ModelInferResponse;
    use hari_proto::inference::model_infer_response::InferOutputTensor;
    use prost::Message as _;
    let output = InferOutputTensor {
        name: "y".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![3],
        ..InferOutputTensor::default()
    };
    let reply = ModelInferResponse {
        outputs: vec![output],
        raw_output_contents: vec![Bytes::from_static(&[0; 7])],
        ..ModelInferResponse::default()
    };
    let ours = that_answers(framed(&reply.encode_to_vec()));
    let error = error_of(&ours, Protocol::OpenInference).await;
    assert_eq!(error.kind(), Kind::BadGateway, "{error:?}");
    assert!(error.message().contains("`y`"), "{error}");
}
