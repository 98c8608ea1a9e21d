//! Bodies as protocol buffers, as they travel over gRPC.

use hari_core::Message;
use hari_error::Result;
use hari_protocol::{open_inference, seldon, tensorflow};
use prost::Message as _;
use serde_json::Map;

use crate::record::{Kind, Record};

pub(super) fn in_seldon(kind: Kind, message: &Message) -> Result<Vec<u8>> {
    let proto = match kind == Kind::Request {
        true => seldon::proto::from_request(message)?,
        false => seldon::proto::from_message(message)?,
    };
    Ok(proto.encode_to_vec())
}

pub(super) fn in_open_inference(record: &Record, message: &Message) -> Result<Vec<u8>> {
    let reply = super::reply(record);
    if record.kind != Kind::Request {
        let wishes = open_inference::Wishes::default();
        let response = open_inference::proto::from_reply(&reply, message, wishes, false)?;
        return Ok(response.encode_to_vec());
    }
    let id = &record.request_id;
    let mut request = open_inference::proto::from_request(id, &Map::new(), message)?;
    request.model_name = reply.model_name;
    Ok(request.encode_to_vec())
}

pub(super) fn in_tensorflow(record: &Record, message: &Message) -> Result<Vec<u8>> {
    let spec = tensorflow::proto::model_spec(&record.slot.place.log.node, None, None);
    if record.kind == Kind::Request {
        let request = tensorflow::proto::from_request(message, spec)?;
        return Ok(request.encode_to_vec());
    }
    let response = tensorflow::proto::from_predict(message, &[], spec)?;
    Ok(response.encode_to_vec())
}
