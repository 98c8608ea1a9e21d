//! The protocols as a client writes and reads them in JSON.

mod open_inference;
mod tensorflow;

use bytes::Bytes;
use clap::ValueEnum;
use hari_core::{Limits, Message};
use hari_error::Result;
use hari_protocol::seldon;
use serde_json::Value;

use super::answer::Asked;

/// A protocol of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Protocol {
    /// The Seldon protocol, version 1
    Seldon,
    /// The open inference protocol
    V2,
    /// TensorFlow Serving
    Tensorflow,
}

/// What is read of a server: more than a server takes, for the user asked for it.
pub(super) fn limits() -> Limits {
    const MOST: usize = 1 << 30;
    Limits {
        body: MOST,
        decompressed: MOST,
        tensor: MOST,
        ..Limits::default()
    }
}

impl Protocol {
    /// The protocol that a JSON body is written in; none if it could be any.
    pub(super) fn of_body(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let object = value.as_object()?;
        let has = |key: &str| object.contains_key(key);
        if ["data", "jsonData", "strData", "binData"]
            .into_iter()
            .any(has)
        {
            return Some(Self::Seldon);
        }
        if has("instances") || has("signature_name") {
            return Some(Self::Tensorflow);
        }
        let inputs = object.get("inputs")?;
        let named = inputs
            .get(0)
            .is_some_and(|first| first.get("datatype").is_some());
        Some(if named { Self::V2 } else { Self::Tensorflow })
    }

    /// Where predictions are asked for.
    pub(super) fn predict_path(self, model: Option<&str>) -> String {
        match (self, model) {
            (Self::Seldon, _) => "/api/v1.0/predictions".to_owned(),
            (Self::V2, None) => "/v2/models/infer".to_owned(),
            (Self::V2, Some(model)) => format!("/v2/models/{model}/infer"),
            (Self::Tensorflow, None) => "/v1/models:predict".to_owned(),
            (Self::Tensorflow, Some(model)) => format!("/v1/models/{model}:predict"),
        }
    }

    /// Where the inputs are described. Without a model, the graph as a whole is.
    pub(super) fn metadata_path(self, model: Option<&str>) -> String {
        match (self, model) {
            (_, None) => "/api/v1.0/metadata".to_owned(),
            (Self::Seldon, Some(model)) => format!("/api/v1.0/metadata/{model}"),
            (Self::V2, Some(model)) => format!("/v2/models/{model}"),
            (Self::Tensorflow, Some(model)) => format!("/v1/models/{model}/metadata"),
        }
    }

    /// Writes a request.
    ///
    /// # Errors
    /// If the message has no form in this protocol.
    pub(super) fn encode(self, message: &Message) -> Result<Bytes> {
        match self {
            Self::Seldon => seldon::json::encode_request(message),
            Self::V2 => open_inference::encode(message),
            Self::Tensorflow => tensorflow::encode(message),
        }
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// If it is not written in this protocol.
    pub(super) fn decode(self, body: &[u8]) -> Result<Message> {
        let read = match self {
            Self::Seldon => seldon::json::decode_reply(body, &limits()),
            Self::V2 => open_inference::decode(body),
            Self::Tensorflow => tensorflow::decode(body),
        };
        read.map_err(|error| error.context("the answer of the server"))
    }

    /// Reads a request that the user wrote, so that it can travel over gRPC.
    ///
    /// # Errors
    /// If it is not written in this protocol.
    pub(super) fn read_request(self, body: &Bytes) -> Result<Asked> {
        let asked = match self {
            Self::Seldon => seldon::json::decode_message(body, &limits()).map(Asked::of),
            Self::V2 => open_inference::read_request(body),
            Self::Tensorflow => tensorflow::read_request(body),
        };
        asked.map_err(|error| error.context("the body of --json"))
    }
}

#[cfg(test)]
mod tests {
    use hari_core::{NamedTensor, Representation, Tensor};

    use super::*;

    fn message() -> Message {
        let tensor = Tensor::from_vec([1, 2], vec![0.5_f32, 2.0]).unwrap();
        Message {
            representation: Representation::Ndarray,
            ..Message::tensors(vec![NamedTensor::new("x", tensor)])
        }
    }

    #[test]
    fn a_request_is_written_in_each_protocol() {
        let text = |protocol: Protocol| {
            String::from_utf8(protocol.encode(&message()).unwrap().to_vec()).unwrap()
        };
        assert!(text(Protocol::Seldon).contains(r#""ndarray":[[0.5,2.0]]"#));
        assert_eq!(
            text(Protocol::V2),
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[0.5,2.0]}]}"#
        );
        assert_eq!(
            text(Protocol::Tensorflow),
            r#"{"inputs":{"x":[[0.5,2.0]]}}"#
        );
    }

    #[test]
    fn what_is_written_is_read_as_a_request() {
        for protocol in [Protocol::Seldon, Protocol::V2, Protocol::Tensorflow] {
            let body = protocol.encode(&message()).unwrap();
            assert_eq!(Protocol::of_body(&body), Some(protocol));
            let asked = protocol.read_request(&body).unwrap();
            let tensors = asked.message.as_tensors().unwrap();
            assert_eq!(
                tensors[0].tensor.to_f64().unwrap(),
                [0.5, 2.0],
                "{protocol:?}"
            );
            assert_eq!(tensors[0].tensor.shape(), [1, 2]);
        }
    }

    #[test]
    fn the_body_tells_its_protocol() {
        let of = |body: &str| Protocol::of_body(body.as_bytes());
        assert_eq!(of(r#"{"data":{"ndarray":[[1]]}}"#), Some(Protocol::Seldon));
        assert_eq!(of(r#"{"strData":"x"}"#), Some(Protocol::Seldon));
        assert_eq!(of(r#"{"instances":[[1]]}"#), Some(Protocol::Tensorflow));
        assert_eq!(of(r#"{"inputs":[[1]]}"#), Some(Protocol::Tensorflow));
        let v2 = r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}"#;
        assert_eq!(of(v2), Some(Protocol::V2));
        assert_eq!(of(r#"{"other":1}"#), None);
        assert_eq!(of("[[1]]"), None);
    }

    #[test]
    fn an_answer_in_another_shape_is_refused_in_words() {
        for protocol in [Protocol::Seldon, Protocol::V2, Protocol::Tensorflow] {
            let error = protocol.decode(b"<html>").unwrap_err();
            assert!(
                error.message().starts_with("the answer of the server: "),
                "{error}"
            );
        }
    }

    #[test]
    fn paths_have_the_model_where_the_protocol_has_it() {
        assert_eq!(
            Protocol::Seldon.predict_path(Some("m")),
            "/api/v1.0/predictions"
        );
        assert_eq!(Protocol::V2.predict_path(Some("m")), "/v2/models/m/infer");
        assert_eq!(
            Protocol::Tensorflow.predict_path(None),
            "/v1/models:predict"
        );
        assert_eq!(
            Protocol::Tensorflow.predict_path(Some("m")),
            "/v1/models/m:predict"
        );
        assert_eq!(Protocol::V2.metadata_path(None), "/api/v1.0/metadata");
        assert_eq!(Protocol::V2.metadata_path(Some("m")), "/v2/models/m");
    }
}
