//! The calls of the open inference protocol: an inference, whatever the node is.

use hari_core::{Context, Limits, Message};
use hari_error::Result;
use hari_proto::inference::{ModelInferRequest, ModelInferResponse};
use hari_protocol::open_inference::{self, proto};

use crate::fault;
use crate::rest::{Ask, Reply};

/// The method of the service.
pub(crate) const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

/// The method that tells what a model takes.
pub(crate) const METADATA: &str = "/inference.GRPCInferenceService/ModelMetadata";

/// The call over REST.
pub(crate) fn ask(model: &str, message: &Message, context: &Context) -> Result<Ask> {
    let parameters = &context.target.parameters;
    let encoded = open_inference::encode_request(Some(&context.puid), parameters, message)?;
    Ok(Ask {
        path: format!("/v2/models/{model}/infer"),
        body: Some(encoded.body),
        json_len: encoded.json_len,
    })
}

/// The reply over REST.
pub(crate) fn reply(reply: &Reply, limits: &Limits) -> Result<Message> {
    open_inference::decode_response(&reply.body, reply.json_len, limits).map_err(fault::garbled)
}

/// The call over gRPC.
pub(crate) fn sent(model: &str, message: &Message, context: &Context) -> Result<ModelInferRequest> {
    let parameters = &context.target.parameters;
    Ok(ModelInferRequest {
        model_name: model.to_owned(),
        ..proto::from_request(&context.puid, parameters, message)?
    })
}

/// The reply over gRPC.
pub(crate) fn answered(reply: ModelInferResponse, limits: &Limits) -> Result<Message> {
    proto::to_reply(reply, limits).map_err(fault::garbled)
}
