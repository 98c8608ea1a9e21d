//! Inferences on one stream, answered one after the other.

use futures_util::stream::{self, StreamExt as _};
use hari_proto::inference::infer_parameter::ParameterChoice;
use hari_proto::inference::{
    InferParameter, ModelInferRequest, ModelInferResponse, ModelStreamInferResponse,
};
use tonic::codegen::BoxStream;
use tonic::{Response, Streaming};

use super::infer;
use crate::grpc::call::Origin;

/// The parameter by which clients know the last reply to a request.
const FINAL: &str = "triton_final_response";

/// One reply to each request, in their order. An inference that fails is told in its reply and
/// does not end the stream; a message that cannot be read does.
pub(super) fn answer(
    origin: Origin,
    requests: Streaming<ModelInferRequest>,
) -> Response<BoxStream<ModelStreamInferResponse>> {
    let signature = origin.clone();
    let replies = stream::unfold(Some((origin, requests)), |open| async {
        let (origin, mut requests) = open?;
        match requests.message().await {
            Ok(Some(request)) => {
                let reply = one(&origin, request).await;
                Some((Ok(reply), Some((origin, requests))))
            }
            Ok(None) => None,
            Err(status) => Some((Err(status), None)),
        }
    });
    let mut response = Response::new(replies.boxed());
    signature.sign(response.metadata_mut());
    response
}

async fn one(origin: &Origin, request: ModelInferRequest) -> ModelStreamInferResponse {
    let mut call = origin.call();
    let (id, model_name) = (request.id.clone(), request.model_name.clone());
    let reply = infer(&mut call, request).await;
    match call.settle(reply) {
        Ok(reply) => said(String::new(), reply),
        Err(status) => {
            let empty = ModelInferResponse {
                id,
                model_name,
                ..ModelInferResponse::default()
            };
            said(status.message().to_owned(), empty)
        }
    }
}

fn said(error_message: String, mut reply: ModelInferResponse) -> ModelStreamInferResponse {
    let last = InferParameter {
        parameter_choice: Some(ParameterChoice::BoolParam(true)),
    };
    reply.parameters.insert(FINAL.to_owned(), last);
    ModelStreamInferResponse {
        error_message,
        infer_response: Some(reply),
    }
}
