//! The open inference protocol (V2): health, metadata, infer, streams, and what the server knows
//! of its models.

mod config;
mod repository;
mod stream;

use hari_core::{Input, Method, Spoken, Target};
use hari_error::{Error, Kind, Result};
use hari_proto::inference as pb;
use hari_proto::inference::grpc_inference_service_server::GrpcInferenceService;
use hari_protocol::open_inference::{InferReply, proto};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::call::{Call, Origin};
use crate::app::App;
use crate::probes::readiness;
use crate::select::version_of;

/// Answers for the models of an app.
pub(super) struct Inference(pub(super) App);

/// The model and the version that a message names; neither when it is empty.
fn target(model: String, version: String) -> Target {
    let named = |name: String| Some(name).filter(|name| !name.is_empty());
    Target {
        model: named(model),
        version: named(version),
        spoken: Spoken::OpenInference,
        ..Target::default()
    }
}

async fn infer(
    call: &mut Call,
    mut request: pb::ModelInferRequest,
) -> Result<pb::ModelInferResponse> {
    let (model, version) = (
        std::mem::take(&mut request.model_name),
        std::mem::take(&mut request.model_version),
    );
    let mut target = target(model, version);
    let (_, metadata) = call.aim_at(&target)?;
    let mut request = call.decode("open_inference", |limits| {
        proto::to_request(request, limits)
    })?;
    target.outputs = request
        .outputs
        .iter()
        .map(|output| output.name.clone())
        .collect();
    target.parameters = std::mem::take(&mut request.parameters);
    let reply = InferReply {
        model_name: target
            .model
            .clone()
            .unwrap_or_else(|| metadata.name.clone()),
        model_version: version_of(&metadata, &target).map(str::to_owned),
        id: request.id.take(),
        ..InferReply::default()
    };
    let message = std::mem::take(&mut request.message);
    let answer = call
        .run(Method::Predict, Input::One(message), target)
        .await?;
    proto::from_reply(&reply, &answer, request.wishes(), request.raw)
}

/// A model that is not there is not ready: clients ask so to find out.
async fn ready(call: &mut Call, target: &Target) -> Result<pb::ModelReadyResponse> {
    let ready = match call.aim_at(target) {
        Ok((unit, _)) => unit.ready().await.is_ok(),
        Err(error) if error.kind() == Kind::NotFound => false,
        Err(error) => return Err(error),
    };
    Ok(pb::ModelReadyResponse { ready })
}

#[tonic::async_trait]
impl GrpcInferenceService for Inference {
    async fn server_live(
        &self,
        _request: Request<pb::ServerLiveRequest>,
    ) -> Result<Response<pb::ServerLiveResponse>, Status> {
        Ok(Response::new(pb::ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _request: Request<pb::ServerReadyRequest>,
    ) -> Result<Response<pb::ServerReadyResponse>, Status> {
        let ready = readiness(&self.0).await.is_ok();
        Ok(Response::new(pb::ServerReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _request: Request<pb::ServerMetadataRequest>,
    ) -> Result<Response<pb::ServerMetadataResponse>, Status> {
        let reply = proto::from_server_metadata("hari", env!("CARGO_PKG_VERSION"));
        Ok(Response::new(reply))
    }

    async fn model_ready(
        &self,
        request: Request<pb::ModelReadyRequest>,
    ) -> Result<Response<pb::ModelReadyResponse>, Status> {
        let path = "/inference.GRPCInferenceService/ModelReady";
        let (mut call, asked) = Call::open(&self.0, path, request)?;
        let reply = ready(&mut call, &target(asked.name, asked.version)).await;
        call.close(reply)
    }

    async fn model_metadata(
        &self,
        request: Request<pb::ModelMetadataRequest>,
    ) -> Result<Response<pb::ModelMetadataResponse>, Status> {
        let path = "/inference.GRPCInferenceService/ModelMetadata";
        let (mut call, asked) = Call::open(&self.0, path, request)?;
        let found = call.aim_at(&target(asked.name, asked.version));
        call.close(found.map(|(_, metadata)| proto::from_metadata(&metadata)))
    }

    async fn model_config(
        &self,
        request: Request<pb::ModelConfigRequest>,
    ) -> Result<Response<pb::ModelConfigResponse>, Status> {
        let path = "/inference.GRPCInferenceService/ModelConfig";
        let (mut call, asked) = Call::open(&self.0, path, request)?;
        let found = call.aim_at(&target(asked.name, asked.version));
        call.close(found.map(|(_, metadata)| config::of(&metadata)))
    }

    async fn model_infer(
        &self,
        request: Request<pb::ModelInferRequest>,
    ) -> Result<Response<pb::ModelInferResponse>, Status> {
        let path = "/inference.GRPCInferenceService/ModelInfer";
        let (mut call, request) = Call::open(&self.0, path, request)?;
        let reply = infer(&mut call, request).await;
        call.close(reply)
    }

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<pb::ModelInferRequest>>,
    ) -> Result<Response<BoxStream<pb::ModelStreamInferResponse>>, Status> {
        let path = "/inference.GRPCInferenceService/ModelStreamInfer";
        let (origin, requests) = Origin::of(&self.0, path, request)?;
        Ok(stream::answer(origin, requests))
    }

    async fn repository_index(
        &self,
        request: Request<pb::RepositoryIndexRequest>,
    ) -> Result<Response<pb::RepositoryIndexResponse>, Status> {
        let only_ready = request.into_inner().ready;
        Ok(Response::new(
            repository::index(self.0.directory(), only_ready).await,
        ))
    }

    async fn model_statistics(
        &self,
        request: Request<pb::ModelStatisticsRequest>,
    ) -> Result<Response<pb::ModelStatisticsResponse>, Status> {
        let path = "/inference.GRPCInferenceService/ModelStatistics";
        let (call, _) = Call::open(&self.0, path, request)?;
        call.close(Err(Error::unimplemented(
            "statistics of a model are Prometheus metrics here: see /metrics",
        )))
    }

    async fn repository_model_load(
        &self,
        request: Request<pb::RepositoryModelLoadRequest>,
    ) -> Result<Response<pb::RepositoryModelLoadResponse>, Status> {
        let path = "/inference.GRPCInferenceService/RepositoryModelLoad";
        let (call, _) = Call::open(&self.0, path, request)?;
        call.close(Err(repository::declared()))
    }

    async fn repository_model_unload(
        &self,
        request: Request<pb::RepositoryModelUnloadRequest>,
    ) -> Result<Response<pb::RepositoryModelUnloadResponse>, Status> {
        let path = "/inference.GRPCInferenceService/RepositoryModelUnload";
        let (call, _) = Call::open(&self.0, path, request)?;
        call.close(Err(repository::declared()))
    }
}
