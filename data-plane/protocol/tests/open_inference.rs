//! Requests that Triton's client wrote, answered by an echo, against replies that it reads.
//!
//! `golden/open_inference/make.py` makes the files.

#![expect(
    clippy::unwrap_used,
    reason = "a test file without its data fails, and says where"
)]

use std::path::Path;

use bytes::Bytes;
use hari_core::{DataType, Limits};
use hari_proto::inference::{ModelInferRequest, ModelInferResponse};
use hari_protocol::open_inference::{
    Encoded, InferReply, InferRequest, Wishes, decode_request, encode_response, proto,
};
use prost::Message as _;

fn file(name: &str) -> Bytes {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/open_inference");
    std::fs::read(folder.join(name)).unwrap().into()
}

fn json_len(name: &str) -> usize {
    std::str::from_utf8(&file(name))
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

fn reply(request: &InferRequest) -> InferReply {
    let id = request.id.clone();
    InferReply {
        model_name: "echo".into(),
        model_version: Some("1".into()),
        id,
        ..Default::default()
    }
}

#[test]
fn binary_and_json_tensors_are_read_and_answered_as_they_are_asked_for() {
    let limits = Limits::default();
    let length = json_len("binary.request.json_len");
    let request = decode_request(&file("binary.request"), Some(length), &limits).unwrap();
    let [x, names, flags] = request.message.as_tensors().unwrap() else {
        panic!("three inputs")
    };
    assert_eq!(
        (&*x.name, x.tensor.dtype(), x.tensor.shape()),
        ("x", DataType::Fp32, &[2, 3][..])
    );
    assert_eq!(
        *x.tensor.values::<f32>().unwrap(),
        [1.5, -2.0, 3.0, 0.0, 0.25, 1e10]
    );
    assert_eq!(
        names.tensor.strings().unwrap(),
        [&b"seaside"[..], b"\xff\x00"]
    );
    assert_eq!(*flags.tensor.values::<u8>().unwrap(), [1, 0]);
    assert!(x.parameters.is_empty() && !request.binary_default);

    let encoded = encode_response(&reply(&request), &request.message, request.wishes()).unwrap();
    let json_len = Some(json_len("binary.reply.json_len"));
    assert_eq!(
        encoded,
        Encoded {
            body: file("binary.reply"),
            json_len
        }
    );
}

#[test]
fn a_request_in_json_alone_is_answered_in_json() {
    let request = decode_request(&file("json.request"), None, &Limits::default()).unwrap();
    assert!(
        request.binary_default,
        "the client asks for binary outputs unless told otherwise"
    );
    assert_eq!(
        serde_json::Value::from(request.parameters.clone()),
        serde_json::json!({"content_type": "np"})
    );
    let reply = InferReply {
        model_version: None,
        ..reply(&request)
    };
    let encoded = encode_response(&reply, &request.message, Wishes::default()).unwrap();
    assert_eq!(
        encoded,
        Encoded {
            body: file("json.reply"),
            json_len: None
        }
    );
}

#[test]
fn raw_contents_of_grpc_are_shared_and_answered_raw() {
    let message = file("grpc.request");
    let wire = ModelInferRequest::decode(message.clone()).unwrap();
    let request = proto::to_request(wire.clone(), &Limits::default()).unwrap();
    assert_eq!((request.id.as_deref(), request.raw), (Some("7"), true));
    assert_eq!(request.outputs[0].classification, Some(1));
    assert_eq!(request.parameters["half"], 0.5);

    let response =
        proto::from_reply(&reply(&request), &request.message, Wishes::default(), true).unwrap();
    assert_eq!(response.raw_output_contents, wire.raw_input_contents);
    let sent = message.as_ptr_range();
    assert!(
        sent.contains(&response.raw_output_contents[0].as_ptr()),
        "no copy of numbers"
    );
    assert_eq!(
        (
            &*response.model_name,
            &*response.model_version,
            &*response.id
        ),
        ("echo", "1", "7")
    );

    let wished = proto::from_reply(&reply(&request), &request.message, request.wishes(), false);
    let ModelInferResponse {
        outputs,
        raw_output_contents,
        ..
    } = wished.unwrap();
    assert!(raw_output_contents.is_empty());
    let labels = &outputs[0].contents.as_ref().unwrap().bytes_contents;
    assert_eq!(*labels, ["3.000000:2", "10000000000.000000:2"]);
}
