//! The client over gRPC.

mod wire;

use std::time::Duration;

use bytes::Bytes;
use hari_core::TensorSpec;
use hari_error::{Error, Result};
use hari_proto::inference::ModelMetadataRequest;
use hari_proto::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use hari_proto::seldon::SeldonModelMetadataRequest;
use hari_proto::seldon::seldon_client::SeldonClient;
use hari_proto::tensorflow::serving::prediction_service_client::PredictionServiceClient;
use hari_protocol::open_inference::{InferReply, Wishes, encode_response};
use hari_protocol::seldon;
use hari_protocol::tensorflow::{Layout, encode_predict};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint as Address};
use tonic::{Request as Call, Response, Status};

use super::answer::{Answer, Asked, Request};
use super::codec::{Protocol, limits};
use super::endpoint::Endpoint;
use super::{fault, specs};

/// To open a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection to one server.
pub(super) struct Grpc {
    channel: Channel,
    deployment: Option<(String, String)>,
    model: String,
    timeout: Duration,
}

impl Grpc {
    /// Connects.
    ///
    /// # Errors
    /// `Unavailable` if no one answers.
    pub(super) async fn connect(endpoint: &Endpoint) -> Result<Self> {
        let address = Address::from_shared(endpoint.base.clone())
            .map_err(|error| Error::invalid(format!("--url `{}`: {error}", endpoint.base)))?
            .connect_timeout(CONNECT)
            .user_agent(concat!("hari/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| Error::internal("the gRPC client cannot start").with_source(error))?;
        let channel = address.connect().await;
        Ok(Self {
            channel: channel.map_err(|error| fault::unreachable(&endpoint.base, &error))?,
            deployment: endpoint.deployment.clone(),
            model: endpoint.model.clone().unwrap_or_default(),
            timeout: endpoint.timeout,
        })
    }

    /// What goes into the model.
    ///
    /// # Errors
    /// As [`Grpc::predict`].
    pub(super) async fn inputs(&self, protocol: Protocol) -> Result<Option<Vec<TensorSpec>>> {
        match protocol {
            _ if self.model.is_empty() => {
                let said = self.seldon().graph_metadata(self.call(())?).await;
                Ok(specs::of_seldon(&self.said(said)?.inputs))
            }
            Protocol::Seldon => {
                let request = SeldonModelMetadataRequest {
                    name: self.model.clone(),
                };
                let said = self.seldon().model_metadata(self.call(request)?).await;
                Ok(specs::of_seldon(&self.said(said)?.inputs))
            }
            Protocol::V2 => {
                let request = ModelMetadataRequest {
                    name: self.model.clone(),
                    version: String::new(),
                };
                let said = self
                    .open_inference()
                    .model_metadata(self.call(request)?)
                    .await;
                Ok(specs::of_open_inference(&self.said(said)?.inputs))
            }
            Protocol::Tensorflow => {
                let request = self.call(wire::metadata_request(&self.model))?;
                let said = self.tensorflow().get_model_metadata(request).await;
                Ok(wire::signature(&self.said(said)?)
                    .as_ref()
                    .and_then(specs::of_signature))
            }
        }
    }

    /// Asks for a prediction. The answer's body is the JSON that REST would have brought.
    ///
    /// # Errors
    /// What the server says, with its gRPC code; `DeadlineExceeded` without an answer.
    pub(super) async fn predict(&self, protocol: Protocol, request: Request) -> Result<Answer> {
        let mut asked = match request {
            Request::Message(message) => Asked::of(*message),
            Request::Body(body) => protocol.read_request(&body)?,
        };
        // JSON leaves the types of numbers open, these messages declare them.
        if protocol != Protocol::Seldon && asked.is_inferred() {
            let specs = self.inputs(protocol).await?;
            asked.declare(&specs.unwrap_or_default())?;
        }
        match protocol {
            Protocol::Seldon => self.predict_seldon(&asked).await,
            Protocol::V2 => self.predict_open_inference(&asked).await,
            Protocol::Tensorflow => self.predict_tensorflow(&asked).await,
        }
    }

    async fn predict_seldon(&self, asked: &Asked) -> Result<Answer> {
        let request = self.call(seldon::proto::from_request(&asked.message)?)?;
        let said = self.seldon().predict(request).await;
        let message = seldon::proto::to_reply(self.said(said)?, &limits())?;
        Ok(Answer {
            body: seldon::json::encode_message(&message)?,
            message,
        })
    }

    async fn predict_open_inference(&self, asked: &Asked) -> Result<Answer> {
        let request = self.call(wire::infer_request(&self.model, asked)?)?;
        let said = self.open_inference().model_infer(request).await;
        let response = self.said(said)?;
        let reply = InferReply {
            model_name: response.model_name.clone(),
            model_version: Some(response.model_version.clone()),
            ..InferReply::default()
        };
        let message = wire::infer_message(response)?;
        let body = encode_response(&reply, &message, Wishes::default())?.body;
        Ok(Answer { body, message })
    }

    async fn predict_tensorflow(&self, asked: &Asked) -> Result<Answer> {
        let request = self.call(wire::predict_request(&self.model, asked))?;
        let said = self.tensorflow().predict(request).await;
        let message = wire::predict_message(self.said(said)?)?;
        let body: Bytes = encode_predict(&message, Layout::Column)?;
        Ok(Answer { body, message })
    }

    fn seldon(&self) -> SeldonClient<Channel> {
        SeldonClient::new(self.channel.clone()).max_decoding_message_size(limits().body)
    }

    fn open_inference(&self) -> GrpcInferenceServiceClient<Channel> {
        GrpcInferenceServiceClient::new(self.channel.clone())
            .max_decoding_message_size(limits().body)
    }

    fn tensorflow(&self) -> PredictionServiceClient<Channel> {
        PredictionServiceClient::new(self.channel.clone()).max_decoding_message_size(limits().body)
    }

    /// A call with the metadata that names the deployment, as a gateway wants it.
    fn call<T>(&self, message: T) -> Result<Call<T>> {
        let mut call = Call::new(message);
        call.set_timeout(self.timeout);
        let Some((namespace, name)) = &self.deployment else {
            return Ok(call);
        };
        for (key, text) in [("seldon", name), ("namespace", namespace)] {
            let value = MetadataValue::try_from(text.as_str()).map_err(|_| {
                Error::invalid(format!("--deployment: `{text}` cannot travel as metadata"))
            })?;
            call.metadata_mut().insert(key, value);
        }
        Ok(call)
    }

    fn said<T>(&self, said: Result<Response<T>, Status>) -> Result<T> {
        match said {
            Ok(response) => Ok(response.into_inner()),
            Err(status) if status.code() == tonic::Code::DeadlineExceeded => {
                Err(fault::late(self.timeout))
            }
            // What the client's own timer says when the time is up.
            Err(status) if status.message() == "Timeout expired" => Err(fault::late(self.timeout)),
            Err(status) => Err(fault::grpc(&status)),
        }
    }
}
