//! The calls of TensorFlow Serving: a prediction, whatever the node is.

use hari_core::{Context, Limits, Message};
use hari_error::Result;
use hari_proto::tensorflow::serving::{PredictRequest, PredictResponse};
use hari_protocol::tensorflow::{self, proto};

use crate::fault;
use crate::rest::{Ask, Reply};

/// The method of the service.
pub(crate) const PREDICT: &str = "/tensorflow.serving.PredictionService/Predict";

/// The method that tells what a model takes and gives.
pub(crate) const METADATA: &str = "/tensorflow.serving.PredictionService/GetModelMetadata";

/// The call over REST.
pub(crate) fn ask(model: &str, message: &Message, context: &Context) -> Result<Ask> {
    let signature = context.target.signature.as_deref();
    Ok(Ask {
        path: format!("/v1/models/{model}:predict"),
        body: Some(tensorflow::encode_request(signature, message)?),
        json_len: None,
    })
}

/// The reply over REST.
pub(crate) fn reply(reply: &Reply, limits: &Limits) -> Result<Message> {
    tensorflow::decode_reply(&reply.body, limits).map_err(fault::garbled)
}

/// The call over gRPC.
pub(crate) fn sent(model: &str, message: &Message, context: &Context) -> Result<PredictRequest> {
    let signature = context.target.signature.as_deref();
    proto::from_request(message, proto::model_spec(model, None, signature))
}

/// The reply over gRPC.
pub(crate) fn answered(reply: PredictResponse, limits: &Limits) -> Result<Message> {
    proto::to_reply(reply, limits).map_err(fault::garbled)
}
