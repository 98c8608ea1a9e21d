//! The calls of Seldon's protocol.

use bytes::Bytes;
use hari_core::{Input, Limits, Message, Method, NamedTensor, Tensor};
use hari_error::{Error, Result};
use hari_proto::seldon::{self as wire, SeldonMessage};
use hari_protocol::seldon::{self, proto};

use crate::fault;
use crate::rest::{Ask, Reply};

/// The method that tells what a unit takes and gives.
pub(crate) const METADATA: &str = "/seldon.protos.Model/Metadata";

/// The call over REST.
pub(crate) fn ask(method: Method, input: &Input) -> Result<Ask> {
    let body = match input {
        Input::One(message) => seldon::encode_request(message)?,
        Input::Many(messages) => list(messages)?,
        Input::Feedback(feedback) => seldon::encode_feedback(feedback)?,
    };
    Ok(Ask {
        path: format!("/{}", method.path()),
        body: Some(body),
        json_len: None,
    })
}

/// What a combiner gets: the replies as an array.
fn list(messages: &[Message]) -> Result<Bytes> {
    let mut json = vec![b'['];
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&seldon::encode_request(message)?);
    }
    json.push(b']');
    Ok(json.into())
}

/// The reply over REST. A router may answer with a bare list, `[1]`.
pub(crate) fn reply(method: Method, reply: &Reply, limits: &Limits) -> Result<Message> {
    let body = &reply.body;
    let bare = body.trim_ascii_start().starts_with(b"[");
    if method == Method::Route && bare {
        let branch = seldon::decode_route_reply(body, limits).map_err(fault::garbled)?;
        return Ok(Message::tensors(vec![NamedTensor::new(
            "",
            Tensor::from_vec([1], vec![branch])?,
        )]));
    }
    seldon::decode_reply(body, limits).map_err(fault::garbled)
}

/// What is sent over gRPC.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    One(Box<SeldonMessage>),
    Many(wire::SeldonMessageList),
    Feedback(Box<wire::Feedback>),
}

/// The call over gRPC.
pub(crate) fn sent(input: &Input) -> Result<Sent> {
    Ok(match input {
        Input::One(message) => Sent::One(Box::new(proto::from_request(message)?)),
        Input::Many(messages) => {
            let messages = messages.iter().map(proto::from_request);
            Sent::Many(wire::SeldonMessageList {
                seldon_messages: messages.collect::<Result<_>>()?,
            })
        }
        Input::Feedback(feedback) => Sent::Feedback(Box::new(proto::from_feedback(feedback)?)),
    })
}

/// The service and the method; feedback goes to `Model` for every unit, as units are used to.
pub(crate) const fn service(method: Method) -> &'static str {
    match method {
        Method::Predict => "/seldon.protos.Model/Predict",
        Method::TransformInput => "/seldon.protos.Transformer/TransformInput",
        Method::TransformOutput => "/seldon.protos.OutputTransformer/TransformOutput",
        Method::Route => "/seldon.protos.Router/Route",
        Method::Aggregate => "/seldon.protos.Combiner/Aggregate",
        Method::SendFeedback => "/seldon.protos.Model/SendFeedback",
    }
}

/// The reply over gRPC.
pub(crate) fn answered(reply: SeldonMessage, limits: &Limits) -> Result<Message> {
    if let Some(status) = reply.status.as_ref().filter(|status| status.status == 1) {
        let words = match status.info.as_str() {
            "" => "it answered with a failure",
            words => words,
        };
        let error = Error::model(words);
        return Err(match status.reason.as_str() {
            "" => error,
            reason => error.with_reason(reason.to_owned()),
        });
    }
    proto::to_reply(reply, limits).map_err(fault::garbled)
}
