//! TensorFlow Serving: `PredictionService` and `ModelService`.

use hari_core::{Input, Message, Method, ModelMetadata, SignatureMethod, Target};
use hari_error::{Error, Result};
use hari_proto::tensorflow::serving as pb;
use hari_proto::tensorflow::serving::model_service_server::ModelService;
use hari_proto::tensorflow::serving::prediction_service_server::PredictionService;
use hari_protocol::tensorflow::{Example, VersionState, proto};
use tonic::{Request, Response, Status};

use super::call::Call;
use crate::app::App;
use crate::examples;
use crate::select::{version_of, versions_of};

/// Answers for the models of an app.
#[derive(Clone)]
pub(super) struct Serving(pub(super) App);

/// Which model, version and signature answer a request for `target`.
fn answered(metadata: &ModelMetadata, target: &Target) -> pb::ModelSpec {
    let name = target.model.as_deref().unwrap_or(&metadata.name);
    let default = || metadata.signature(None).map(|signature| &*signature.name);
    let signature = target.signature.as_deref().or_else(default);
    proto::model_spec(name, version_of(metadata, target), signature)
}

async fn predict(call: &mut Call, request: pb::PredictRequest) -> Result<pb::PredictResponse> {
    let (target, message) =
        call.decode("tensorflow", |limits| proto::to_predict(request, limits))?;
    let (_, metadata) = call.aim_at(&target)?;
    let spec = answered(&metadata, &target);
    let wanted = target.outputs.clone();
    let answer = call
        .run(Method::Predict, Input::One(message), target)
        .await?;
    proto::from_predict(&answer, &wanted, spec)
}

/// Asks `target` about rows; which model answered, and what it said.
async fn ask(
    call: &mut Call,
    target: Target,
    rows: &[Example],
) -> Result<(Message, pb::ModelSpec)> {
    let (_, metadata) = call.aim_at(&target)?;
    let spec = answered(&metadata, &target);
    let message = examples::message(&metadata, target.signature.as_deref(), rows)?;
    Ok((
        call.run(Method::Predict, Input::One(message), target)
            .await?,
        spec,
    ))
}

fn rows(call: &Call, input: Option<pb::Input>) -> Result<Vec<Example>> {
    call.decode("tensorflow", |limits| proto::to_examples(input, limits))
}

async fn classify(
    call: &mut Call,
    request: pb::ClassificationRequest,
) -> Result<pb::ClassificationResponse> {
    let rows = rows(call, request.input)?;
    let (answer, spec) = ask(call, proto::to_target(request.model_spec), &rows).await?;
    proto::from_classify(&answer, spec)
}

async fn regress(
    call: &mut Call,
    request: pb::RegressionRequest,
) -> Result<pb::RegressionResponse> {
    let rows = rows(call, request.input)?;
    let (answer, spec) = ask(call, proto::to_target(request.model_spec), &rows).await?;
    proto::from_regress(&answer, spec)
}

async fn several(
    call: &mut Call,
    request: pb::MultiInferenceRequest,
) -> Result<pb::MultiInferenceResponse> {
    let most = call.limits().inputs;
    if request.tasks.is_empty() || request.tasks.len() > most {
        let found = request.tasks.len();
        return Err(Error::invalid(format!(
            "tasks: expected 1 to {most}, found {found}"
        )));
    }
    let rows = rows(call, request.input)?;
    let tasks = request.tasks.into_iter().map(proto::to_task);
    let tasks: Vec<(Target, SignatureMethod)> = tasks.collect::<Result<_>>()?;
    let mut response = pb::MultiInferenceResponse::default();
    for (target, method) in tasks {
        let (answer, spec) = ask(call, target, &rows).await?;
        response
            .results
            .push(proto::from_task(method, &answer, spec)?);
    }
    Ok(response)
}

fn metadata(
    call: &mut Call,
    request: pb::GetModelMetadataRequest,
) -> Result<pb::GetModelMetadataResponse> {
    let target = proto::to_metadata_request(request)?;
    let (_, metadata) = call.aim_at(&target)?;
    Ok(proto::from_metadata(&metadata))
}

/// The version that is named, or all of them.
async fn status(
    call: &mut Call,
    request: pb::GetModelStatusRequest,
) -> Result<pb::GetModelStatusResponse> {
    let target = proto::to_target(request.model_spec);
    let (unit, metadata) = call.aim_at(&target)?;
    let ready = unit.ready().await.is_ok();
    let state = if ready {
        VersionState::Available
    } else {
        VersionState::Loading
    };
    let versions = versions_of(&metadata, &target);
    let versions: Vec<_> = versions.into_iter().map(|one| (one, state)).collect();
    proto::from_status(&metadata.name, &versions)
}

#[tonic::async_trait]
impl PredictionService for Serving {
    async fn predict(
        &self,
        request: Request<pb::PredictRequest>,
    ) -> Result<Response<pb::PredictResponse>, Status> {
        let path = "/tensorflow.serving.PredictionService/Predict";
        let (mut call, request) = Call::open(&self.0, path, request)?;
        let reply = predict(&mut call, request).await;
        call.close(reply)
    }

    async fn classify(
        &self,
        request: Request<pb::ClassificationRequest>,
    ) -> Result<Response<pb::ClassificationResponse>, Status> {
        let path = "/tensorflow.serving.PredictionService/Classify";
        let (mut call, request) = Call::open(&self.0, path, request)?;
        let reply = classify(&mut call, request).await;
        call.close(reply)
    }

    async fn regress(
        &self,
        request: Request<pb::RegressionRequest>,
    ) -> Result<Response<pb::RegressionResponse>, Status> {
        let path = "/tensorflow.serving.PredictionService/Regress";
        let (mut call, request) = Call::open(&self.0, path, request)?;
        let reply = regress(&mut call, request).await;
        call.close(reply)
    }

    async fn multi_inference(
        &self,
        request: Request<pb::MultiInferenceRequest>,
    ) -> Result<Response<pb::MultiInferenceResponse>, Status> {
        let path = "/tensorflow.serving.PredictionService/MultiInference";
        let (mut call, request) = Call::open(&self.0, path, request)?;
        let reply = several(&mut call, request).await;
        call.close(reply)
    }

    async fn get_model_metadata(
        &self,
        request: Request<pb::GetModelMetadataRequest>,
    ) -> Result<Response<pb::GetModelMetadataResponse>, Status> {
        let path = "/tensorflow.serving.PredictionService/GetModelMetadata";
        let (mut call, request) = Call::open(&self.0, path, request)?;
        let reply = metadata(&mut call, request);
        call.close(reply)
    }
}

#[tonic::async_trait]
impl ModelService for Serving {
    async fn get_model_status(
        &self,
        request: Request<pb::GetModelStatusRequest>,
    ) -> Result<Response<pb::GetModelStatusResponse>, Status> {
        let path = "/tensorflow.serving.ModelService/GetModelStatus";
        let (mut call, request) = Call::open(&self.0, path, request)?;
        let reply = status(&mut call, request).await;
        call.close(reply)
    }

    async fn handle_reload_config_request(
        &self,
        request: Request<pb::ReloadConfigRequest>,
    ) -> Result<Response<pb::ReloadConfigResponse>, Status> {
        let path = "/tensorflow.serving.ModelService/HandleReloadConfigRequest";
        let (call, _) = Call::open(&self.0, path, request)?;
        call.close(Err(Error::unimplemented(
            "which models are served is changed by changing the deployment, not by this call",
        )))
    }
}
