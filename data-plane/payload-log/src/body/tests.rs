//! Tests of bodies: each protocol, both ways, over HTTP and gRPC.

use std::sync::Arc;
use std::time::SystemTime;

use hari_core::{Any, NamedTensor, Tensor};
use hari_proto::inference::ModelInferRequest;
use hari_proto::seldon::protos::SeldonMessage;
use hari_proto::tensorflow::serving::{PredictRequest, PredictResponse};
use hari_telemetry::metric::PayloadLogMetrics;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::queue::Queue;
use crate::record::{Content, Place};
use crate::testing;

struct Case {
    protocol: &'static str,
    spoken: Spoken,
    grpc: bool,
    kind: Kind,
}

fn case(protocol: &'static str, spoken: Spoken) -> Case {
    Case {
        protocol,
        spoken,
        grpc: false,
        kind: Kind::Request,
    }
}

fn record(case: &Case) -> Record {
    let mut log = testing::node("m");
    log.protocol = case.protocol.to_owned();
    let metrics = PayloadLogMetrics::new("dep", "main", "m", "http");
    let place = Arc::new(Place {
        log,
        redacted: None,
        metrics,
    });
    let (queue, _outlet) = Queue::new("http", (1, 1 << 20), CancellationToken::new());
    let (_, slot) = queue.reserve(&place, 1).unwrap();
    Record {
        id: uuid::Uuid::nil(),
        time: SystemTime::UNIX_EPOCH,
        kind: case.kind,
        request_id: "r1".into(),
        spoken: case.spoken,
        grpc: case.grpc,
        content: Content::Message(Box::default()),
        bytes: 0,
        slot,
    }
}

fn plain() -> Message {
    let tensor = Tensor::from_vec([1, 2], vec![1.5_f32, 2.0]).unwrap();
    Message::tensors(vec![NamedTensor::new("x", tensor)])
}

fn written(case: &Case, sent: &Message) -> (String, String, String) {
    let body = message(&record(case), sent, false).unwrap();
    let text = String::from_utf8(body.bytes.to_vec()).unwrap();
    (body.protocol, body.content_type.to_owned(), text)
}

fn is(case: &Case, sent: &Message, protocol: &str, text: &str) {
    let expected = (protocol.to_owned(), JSON.to_owned(), text.to_owned());
    assert_eq!(written(case, sent), expected);
}

#[test]
fn seldons_form_is_kept() {
    let seldon = case("seldon", Spoken::Seldon);
    let mut message = plain();
    let tensor = r#"{"data":{"names":[],"tensor":{"shape":[1,2],"values":[1.5,2.0]}},"meta":{}}"#;
    is(&seldon, &message, "seldon", tensor);
    message.representation = Representation::Ndarray;
    let ndarray = r#"{"data":{"names":[],"ndarray":[[1.5,2.0]]},"meta":{}}"#;
    is(&seldon, &message, "seldon", ndarray);
    // In a graph of another protocol, too: the form tells.
    is(&case("v2", Spoken::Seldon), &message, "seldon", ndarray);
}

#[test]
fn the_open_inference_protocol_has_inputs_and_outputs() {
    let mut v2 = case("seldon", Spoken::OpenInference);
    let inputs =
        r#"{"id":"r1","inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1.5,2.0]}]}"#;
    is(&v2, &plain(), "v2", inputs);
    // Behind the first node only the deployment's protocol is known.
    is(&case("v2", Spoken::Seldon), &plain(), "v2", inputs);
    is(
        &case("kfserving", Spoken::Seldon),
        &plain(),
        "kfserving",
        inputs,
    );
    is(&case("seldon", Spoken::Mlflow), &plain(), "v2", inputs);
    v2.kind = Kind::Response;
    let outputs = r#"{"model_name":"m","id":"r1","outputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1.5,2.0]}]}"#;
    is(&v2, &plain(), "v2", outputs);
}

#[test]
fn half_precision_is_written_as_single() {
    let half = [half_bits(0x3c00), half_bits(0xc000)].concat();
    let tensor = Tensor::from_bytes(DataType::Fp16, [2], half).unwrap();
    let message = Message::tensors(vec![NamedTensor::new("h", tensor)]);
    let text =
        r#"{"id":"r1","inputs":[{"name":"h","datatype":"FP32","shape":[2],"data":[1.0,-2.0]}]}"#;
    is(&case("v2", Spoken::OpenInference), &message, "v2", text);
}

fn half_bits(bits: u16) -> Vec<u8> {
    bits.to_le_bytes().to_vec()
}

#[test]
fn tensorflow_has_rows_else_columns() {
    let mut tf = case("seldon", Spoken::Tensorflow);
    is(&tf, &plain(), "tensorflow", r#"{"instances":[[1.5,2.0]]}"#);
    let scalar = Tensor::from_vec(Vec::new(), vec![3_i64]).unwrap();
    let scalar = Message::tensors(vec![NamedTensor::new("s", scalar)]);
    is(&tf, &scalar, "tensorflow", r#"{"inputs":3}"#);
    tf.kind = Kind::Response;
    is(
        &tf,
        &plain(),
        "tensorflow",
        r#"{"predictions":[[1.5,2.0]]}"#,
    );
    is(&tf, &scalar, "tensorflow", r#"{"outputs":3}"#);
}

#[test]
fn what_came_over_grpc_is_a_protocol_buffer() {
    let over_grpc = |protocol, spoken, kind| {
        let case = Case {
            grpc: true,
            kind,
            ..case(protocol, spoken)
        };
        let body = message(&record(&case), &plain(), false).unwrap();
        assert_eq!(body.content_type, PROTOBUF);
        body.bytes
    };
    let bytes = over_grpc("seldon", Spoken::Seldon, Kind::Request);
    assert!(SeldonMessage::decode(bytes).unwrap().data_oneof.is_some());
    let bytes = over_grpc("v2", Spoken::OpenInference, Kind::Request);
    let request = ModelInferRequest::decode(bytes).unwrap();
    assert_eq!((&*request.model_name, &*request.inputs[0].name), ("m", "x"));
    let raw = [1.5_f32.to_le_bytes(), 2.0_f32.to_le_bytes()].concat();
    assert_eq!(request.raw_input_contents, [raw]);
    let bytes = over_grpc("tensorflow", Spoken::Tensorflow, Kind::Request);
    assert!(
        PredictRequest::decode(bytes)
            .unwrap()
            .inputs
            .contains_key("x")
    );
    let bytes = over_grpc("tensorflow", Spoken::Tensorflow, Kind::Response);
    assert!(
        PredictResponse::decode(bytes)
            .unwrap()
            .outputs
            .contains_key("x")
    );
}

#[test]
fn files_get_text_whatever_it_came_as() {
    let case = Case {
        grpc: true,
        ..case("v2", Spoken::OpenInference)
    };
    let body = message(&record(&case), &plain(), true).unwrap();
    assert_eq!(body.content_type, JSON);
    let told = feedback(&record(&case), &Feedback::default(), true).unwrap();
    assert_eq!(told.bytes, r#"{"reward":0.0}"#);
    let told = feedback(&record(&case), &Feedback::default(), false).unwrap();
    assert_eq!(told.content_type, PROTOBUF);
}

#[test]
fn what_json_has_no_room_for_is_a_protocol_buffer() {
    let any = Any {
        type_url: "type.googleapis.com/x.Y".into(),
        value: Bytes::from_static(b"\x08\x01"),
    };
    let custom = Message {
        payload: Payload::Any(any),
        ..Message::default()
    };
    let case = case("seldon", Spoken::Seldon);
    let body = message(&record(&case), &custom, true).unwrap();
    assert_eq!(body.content_type, PROTOBUF);
    assert!(
        SeldonMessage::decode(body.bytes)
            .unwrap()
            .data_oneof
            .is_some()
    );
}
