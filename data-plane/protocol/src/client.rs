//! Tests of the side that asks: what it writes, the side that serves reads as it was meant, and
//! the other way round.

use bytes::Bytes;
use hari_core::{DataType, Limits, Message, NamedTensor, Tensor, Typing};
use hari_proto::inference::{ModelInferRequest, ModelInferResponse};
use hari_proto::tensorflow::serving::{ModelSpec, PredictRequest, PredictResponse};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Map, Value, json};

use crate::open_inference::{self as oip, Encoded, InferReply, Wishes, arbitrary};
use crate::tensorflow::{self as tf, Layout};

fn message(tensors: &[(String, Tensor)]) -> Message {
    let named = tensors.iter().map(|(n, t)| NamedTensor::new(n, t.clone()));
    Message::tensors(named.collect())
}

fn floats(name: &str, values: Vec<f32>) -> (String, Tensor) {
    let tensor = Tensor::from_vec([1, values.len()], values).unwrap();
    (name.to_owned(), tensor)
}

/// Names, types, shapes and elements; not NaN by NaN, but bit by bit.
fn same(found: &Message, sent: &Message) -> Result<(), TestCaseError> {
    let (found, sent) = (found.as_tensors().unwrap(), sent.as_tensors().unwrap());
    prop_assert_eq!(found.len(), sent.len());
    for (found, sent) in found.iter().zip(sent) {
        prop_assert_eq!(&found.name, &sent.name);
        prop_assert_eq!(found.tensor.dtype(), sent.tensor.dtype());
        prop_assert_eq!(found.tensor.shape(), sent.tensor.shape());
        prop_assert_eq!(found.tensor.bytes(), sent.tensor.bytes());
        prop_assert_eq!(found.tensor.strings().ok(), sent.tensor.strings().ok());
    }
    Ok(())
}

/// Tensors under names that are sorted, as TensorFlow's maps are.
fn tensors(of: impl Strategy<Value = Tensor>) -> impl Strategy<Value = Message> {
    btree_map("[a-z]{1,4}", of, 1..4)
        .prop_map(|tensors| message(&tensors.into_iter().collect::<Vec<_>>()))
}

fn parameters() -> Map<String, Value> {
    json!({"k": 3}).as_object().unwrap().clone()
}

#[test]
fn a_request_of_the_open_inference_protocol_is_written_like_this() {
    let half = Tensor::from_bytes(DataType::Fp16, [2], vec![0_u8, 60, 0, 192]).unwrap();
    let sent = message(&[floats("x", vec![0.5, -2.0])]);
    let encoded = oip::encode_request(Some("an id"), &parameters(), &sent).unwrap();
    assert_eq!(
        encoded,
        Encoded {
            body: r#"{"id":"an id","parameters":{"k":3},"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[0.5,-2.0]}]}"#.into(),
            json_len: None,
        }
    );
    let sent = message(&[("h".to_owned(), half)]);
    let encoded = oip::encode_request(None, &Map::new(), &sent).unwrap();
    let json = r#"{"parameters":{"binary_data_output":true},"inputs":[{"name":"h","datatype":"FP16","shape":[2],"parameters":{"binary_data_size":4}}]}"#;
    assert_eq!(encoded.json_len, Some(json.len()));
    assert_eq!(encoded.body, [json.as_bytes(), &[0, 60, 0, 192]].concat());
}

#[test]
fn a_request_over_grpc_has_raw_contents_alone() {
    let sent = message(&[floats("x", vec![1.0])]);
    let request = oip::proto::from_request("an id", &parameters(), &sent).unwrap();
    assert_eq!(request.id, "an id");
    assert!(request.inputs.iter().all(|input| input.contents.is_none()));
    assert_eq!(request.raw_input_contents, [&1.0_f32.to_le_bytes()[..]]);
}

#[test]
fn a_request_of_tensorflow_serving_is_in_rows_where_rows_are_alike() {
    let write = |tensors: &[(String, Tensor)]| {
        let body = tf::encode_request(Some("s"), &message(tensors)).unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    };
    let x = floats("x", vec![1.0, 2.5]);
    let alone = write(std::slice::from_ref(&x));
    assert_eq!(alone, r#"{"signature_name":"s","instances":[[1.0,2.5]]}"#);
    let scalar = (
        "y".to_owned(),
        Tensor::from_vec([0; 0], vec![7_i64]).unwrap(),
    );
    let columns = write(&[x, scalar]);
    assert_eq!(
        columns,
        r#"{"signature_name":"s","inputs":{"x":[[1.0,2.5]],"y":7}}"#
    );
}

#[test]
fn replies_that_are_none_are_refused() {
    let limits = Limits::default();
    for body in [
        "",
        "{}",
        "[]",
        "{\"error\":\"no\"}",
        "{\"outputs\":{}}",
        "{\"outputs\":[{}]}",
        "{\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":[2],\"data\":[1]}]}",
    ] {
        let read = oip::decode_response(&Bytes::from(body), None, &limits);
        assert!(read.is_err(), "{body}: {read:?}");
    }
    let body = Bytes::from_static(b"{\"outputs\":[]}");
    assert!(oip::decode_response(&body, Some(100), &limits).is_err());
    for body in [
        "",
        "{}",
        "[]",
        "{\"error\":\"no\"}",
        "{\"predictions\":[[1],[1,2]}",
    ] {
        assert!(
            tf::decode_reply(body.as_bytes(), &limits).is_err(),
            "{body}"
        );
    }
}

proptest! {
    #[test]
    fn the_server_reads_what_the_client_writes_in_v2(
        sent in tensors(arbitrary::plain_tensor()),
        any in tensors(arbitrary::tensor()),
    ) {
        let limits = Limits::default();
        let encoded = oip::encode_request(Some("id"), &parameters(), &sent).unwrap();
        let request = oip::decode_request(&encoded.body, encoded.json_len, &limits).unwrap();
        same(&request.message, &sent)?;
        prop_assert_eq!(request.id.as_deref(), Some("id"));
        prop_assert_eq!(request.parameters, parameters());
        let proto = oip::proto::from_request("id", &parameters(), &any).unwrap();
        let proto = ModelInferRequest::decode(&*proto.encode_to_vec()).unwrap();
        let request = oip::proto::to_request(proto, &limits).unwrap();
        same(&request.message, &any)?;
        prop_assert_eq!(request.parameters, parameters());
    }

    #[test]
    fn the_client_reads_what_the_server_writes_in_v2(
        sent in tensors(arbitrary::plain_tensor()),
        any in tensors(arbitrary::tensor()),
        raw in any::<bool>(),
    ) {
        let limits = Limits::default();
        let reply = InferReply::default();
        for (message, binary_default) in [(&sent, false), (&any, true)] {
            let wishes = Wishes { outputs: &[], binary_default };
            // Half precision has no JSON form.
            if let Ok(encoded) = oip::encode_response(&reply, message, wishes) {
                let read = oip::decode_response(&encoded.body, encoded.json_len, &limits);
                same(&read.unwrap(), message)?;
            }
        }
        let proto = oip::proto::from_reply(&reply, &any, Wishes::default(), raw).unwrap();
        let proto = ModelInferResponse::decode(&*proto.encode_to_vec()).unwrap();
        same(&oip::proto::to_reply(proto, &limits).unwrap(), &any)?;
    }

    #[test]
    fn tensorflow_over_grpc_is_the_same_both_ways(sent in tensors(arbitrary::tensor())) {
        let limits = Limits::default();
        let request = tf::proto::from_request(&sent, ModelSpec::default()).unwrap();
        let request = PredictRequest::decode(&*request.encode_to_vec()).unwrap();
        same(&tf::proto::to_predict(request, &limits).unwrap().1, &sent)?;
        let reply = tf::proto::from_predict(&sent, &[], ModelSpec::default()).unwrap();
        let reply = PredictResponse::decode(&*reply.encode_to_vec()).unwrap();
        same(&tf::proto::to_reply(reply, &limits).unwrap(), &sent)?;
    }

    /// JSON has numbers alone: the type is read off them, and the model's is fitted later.
    #[test]
    fn tensorflow_in_json_keeps_numbers_and_shapes(
        values in vec(-1e6_f64..1e6, 1..12),
        column in any::<bool>(),
    ) {
        let limits = Limits::default();
        let tensor = Tensor::from_vec([values.len(), 1], values.clone()).unwrap();
        let sent = message(&[("x".to_owned(), tensor)]);
        let layout = if column { Layout::Column } else { Layout::Row };
        let reply = tf::encode_predict(&sent, layout).unwrap();
        let request = tf::encode_request(None, &sent).unwrap();
        for read in [
            tf::decode_reply(&reply, &limits).unwrap(),
            tf::decode_predict(&request, &limits).unwrap().message,
        ] {
            let [only] = read.as_tensors().unwrap() else { panic!("one tensor") };
            prop_assert_eq!(only.typing, Typing::Inferred);
            prop_assert_eq!(only.tensor.shape(), [values.len(), 1]);
            prop_assert_eq!(&only.tensor.to_f64().unwrap()[..], &values[..]);
        }
    }

    #[test]
    fn any_reply_is_read_or_refused(bytes: Vec<u8>, length in proptest::option::of(0_usize..64)) {
        let limits = Limits::default();
        let body = Bytes::from(bytes);
        let tensors = |message: &Message| message.as_tensors().is_some();
        let read = oip::decode_response(&body, length, &limits);
        prop_assert!(read.as_ref().map_or(true, tensors));
        let read = tf::decode_reply(&body, &limits);
        prop_assert!(read.as_ref().map_or(true, tensors));
        if let Ok(reply) = ModelInferResponse::decode(body.clone()) {
            let read = oip::proto::to_reply(reply, &limits);
            prop_assert!(read.as_ref().map_or(true, tensors));
        }
        if let Ok(reply) = PredictResponse::decode(body) {
            let read = tf::proto::to_reply(reply, &limits);
            prop_assert!(read.as_ref().map_or(true, tensors));
        }
    }

    #[test]
    fn any_text_like_a_reply_is_read_or_refused(
        text in r#"\{"(outputs|predictions)":[\[\]{}"a-e:,0-9.NI-]{0,40}\}"#,
    ) {
        let limits = Limits::default();
        let body = Bytes::from(text);
        for read in [
            oip::decode_response(&body, None, &limits),
            tf::decode_reply(&body, &limits),
        ] {
            prop_assert!(read.map_or(true, |message| message.as_tensors().is_some()));
        }
    }
}
