//! TensorFlow Serving: requests out (one item for each tensor), replies of both layouts in.

use bytes::Bytes;
use hari_core::{Message, NamedTensor, Payload, Tensor};
use hari_error::{Error, Result};
use hari_protocol::json::write::{self, ByteStrings, Escape, Style};
use hari_protocol::json::{Elements, Reader, What, array};
use hari_protocol::tensorflow::decode_predict;

use super::limits;
use crate::command::predict::answer::Asked;

/// Writes `inputs`: a bare tensor if it has no name, else one member for each.
pub(super) fn encode(message: &Message) -> Result<Bytes> {
    let tensors = message.as_tensors().unwrap_or_default();
    let mut out = Vec::from(*b"{\"inputs\":");
    match tensors {
        [only] if only.name.is_empty() => nested(&mut out, &only.tensor)?,
        _ => write_members(&mut out, tensors)?,
    }
    out.push(b'}');
    Ok(out.into())
}

fn write_members(out: &mut Vec<u8>, tensors: &[NamedTensor]) -> Result<()> {
    out.push(b'{');
    for (at, named) in tensors.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write::string(out, &named.name, Escape::Plain);
        out.push(b':');
        nested(out, &named.tensor)?;
    }
    out.push(b'}');
    Ok(())
}

fn nested(out: &mut Vec<u8>, tensor: &Tensor) -> Result<()> {
    let style = Style {
        bytes: ByteStrings::TextOrBase64,
        ..Style::default()
    };
    write::nested(out, tensor, style)
}

/// Reads `outputs` or `predictions`.
pub(super) fn decode(body: &[u8]) -> Result<Message> {
    let mut reader = Reader::new(body, &limits())?;
    let mut payload = None;
    reader.object(|reader, key| {
        match key {
            "outputs" if reader.peek()? == What::Object => {
                payload = Some(Payload::Tensors(members(reader)?));
            }
            "outputs" | "predictions" => payload = Some(bare(reader)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    let payload = payload
        .ok_or_else(|| Error::invalid("expected `predictions` or `outputs`, found neither"))?;
    Ok(Message {
        payload,
        ..Message::default()
    })
}

fn members(reader: &mut Reader<'_>) -> Result<Vec<NamedTensor>> {
    let mut tensors = Vec::new();
    reader.object(|reader, name| {
        let tensor = array::read(reader, Elements::INFERRED.with_base64(), &limits())?;
        tensors.push(NamedTensor::inferred(name, tensor));
        Ok(())
    })?;
    Ok(tensors)
}

/// A single tensor; rows of several outputs are objects, and stay JSON.
fn bare(reader: &mut Reader<'_>) -> Result<Payload> {
    let mut ahead = reader.clone();
    match array::read(&mut ahead, Elements::INFERRED.with_base64(), &limits()) {
        Ok(tensor) => {
            *reader = ahead;
            Ok(Payload::Tensors(vec![NamedTensor::inferred("", tensor)]))
        }
        Err(_) => reader.value().map(Payload::Json),
    }
}

/// Reads a request that the user wrote.
pub(super) fn read_request(body: &Bytes) -> Result<Asked> {
    let request = decode_predict(body, &limits())?;
    let (message, signature) = (request.message, request.signature_name);
    Ok(Asked {
        message,
        signature,
        outputs: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_layouts_are_read() {
        for body in [r#"{"predictions":[[1.5,2]]}"#, r#"{"outputs":[[1.5,2]]}"#] {
            let message = decode(body.as_bytes()).unwrap();
            let tensors = message.as_tensors().unwrap();
            assert_eq!(tensors[0].tensor.to_f64().unwrap(), [1.5, 2.0]);
        }
        let message = decode(br#"{"outputs":{"a":[1],"b":[[2],[3]]}}"#).unwrap();
        let names: Vec<_> = message
            .as_tensors()
            .unwrap()
            .iter()
            .map(|one| &*one.name)
            .collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn rows_of_several_outputs_stay_json() {
        let message = decode(br#"{"predictions":[{"a":1,"b":[2]}]}"#).unwrap();
        assert_eq!(message.payload, Payload::Json(json!([{"a": 1, "b": [2]}])));
    }

    #[test]
    fn a_bare_tensor_is_written_bare() {
        let tensor = Tensor::from_vec([1, 1], vec![7_i64]).unwrap();
        let body = encode(&Message::tensor("", tensor)).unwrap();
        assert_eq!(body, r#"{"inputs":[[7]]}"#);
    }

    #[test]
    fn the_signature_is_kept() {
        let body = Bytes::from_static(br#"{"signature_name":"s","instances":[[1]]}"#);
        assert_eq!(read_request(&body).unwrap().signature.as_deref(), Some("s"));
        assert!(
            decode(b"{}")
                .unwrap_err()
                .message()
                .contains("found neither")
        );
    }
}
