//! The Seldon protocol v1: the graph as a whole, and its root as a unit of any role.

use hari_core::{Input, Method, ModelMetadata, Target};
use hari_error::Result;
use hari_proto::seldon as pb;
use hari_protocol::seldon::proto;
use tonic::{Request, Response, Status};

use super::call::Call;
use crate::app::App;

/// Answers for the graphs of an app.
pub(super) struct Units(pub(super) App);

impl Units {
    async fn one(
        &self,
        path: &'static str,
        method: Method,
        request: Request<pb::SeldonMessage>,
    ) -> Result<Response<pb::SeldonMessage>, Status> {
        let (mut call, message) = Call::open(&self.0, path, request)?;
        let input = call.decode("seldon", |limits| proto::to_message(message, limits));
        let reply = answer(&mut call, method, input.map(Input::One)).await;
        call.close(reply)
    }

    async fn many(
        &self,
        path: &'static str,
        method: Method,
        request: Request<pb::SeldonMessageList>,
    ) -> Result<Response<pb::SeldonMessage>, Status> {
        let (mut call, list) = Call::open(&self.0, path, request)?;
        let input = call.decode("seldon", |limits| proto::to_messages(list, limits));
        let reply = answer(&mut call, method, input.map(Input::Many)).await;
        call.close(reply)
    }

    async fn reward(
        &self,
        path: &'static str,
        method: Method,
        request: Request<pb::Feedback>,
    ) -> Result<Response<pb::SeldonMessage>, Status> {
        let (mut call, feedback) = Call::open(&self.0, path, request)?;
        let input = call.decode("seldon", |limits| proto::to_feedback(feedback, limits));
        let input = input.map(|feedback| Input::Feedback(Box::new(feedback)));
        let reply = answer(&mut call, method, input).await;
        call.close(reply)
    }

    fn describe(
        &self,
        path: &'static str,
        request: Request<impl Sized>,
        model: Option<&str>,
    ) -> Result<Response<pb::SeldonModelMetadata>, Status> {
        let (mut call, _) = Call::open(&self.0, path, request)?;
        let reply = metadata(&mut call, model);
        call.close(reply)
    }
}

async fn answer(
    call: &mut Call,
    method: Method,
    input: Result<Input>,
) -> Result<pb::SeldonMessage> {
    call.aim(None)?;
    let message = call.run(method, input?, Target::default()).await?;
    proto::from_message(&message)
}

fn metadata(call: &mut Call, model: Option<&str>) -> Result<pb::SeldonModelMetadata> {
    let predictor = call.aim(model)?;
    let unit = model.and_then(|model| predictor.unit.find(model));
    let metadata = unit.map_or_else(|| predictor.unit.metadata(), |unit| unit.metadata());
    Ok(proto::from_metadata(&metadata))
}

fn graph(call: &mut Call) -> Result<pb::SeldonGraphMetadata> {
    let predictor = call.aim(None)?;
    let unit = &predictor.unit;
    let found = unit.names().into_iter().filter_map(|name| unit.find(&name));
    let models: Vec<_> = found.map(|unit| unit.metadata()).collect();
    let whole = unit.metadata();
    let signature = ModelMetadata::signature(&whole, None);
    let (inputs, outputs) = signature.map_or((&[][..], &[][..]), |one| (&one.inputs, &one.outputs));
    Ok(proto::from_graph_metadata(
        &predictor.name,
        &models,
        inputs,
        outputs,
    ))
}

/// A service whose calls all answer with a message: the name in Rust and in the protocol, how
/// the request is read, and what the root is asked to do.
macro_rules! unit_service {
    ($service:path { $($rpc:ident, $path:literal: $read:ident($request:ty) => $method:ident;)* }) => {
        #[tonic::async_trait]
        impl $service for Units {
            $(async fn $rpc(
                &self,
                request: Request<$request>,
            ) -> Result<Response<pb::SeldonMessage>, Status> {
                self.$read($path, Method::$method, request).await
            })*
        }
    };
}

unit_service! {
    pb::generic_server::Generic {
        transform_input, "/seldon.protos.Generic/TransformInput": one(pb::SeldonMessage) => TransformInput;
        transform_output, "/seldon.protos.Generic/TransformOutput": one(pb::SeldonMessage) => TransformOutput;
        route, "/seldon.protos.Generic/Route": one(pb::SeldonMessage) => Route;
        aggregate, "/seldon.protos.Generic/Aggregate": many(pb::SeldonMessageList) => Aggregate;
        send_feedback, "/seldon.protos.Generic/SendFeedback": reward(pb::Feedback) => SendFeedback;
    }
}

unit_service! {
    pb::router_server::Router {
        route, "/seldon.protos.Router/Route": one(pb::SeldonMessage) => Route;
        send_feedback, "/seldon.protos.Router/SendFeedback": reward(pb::Feedback) => SendFeedback;
    }
}

unit_service! {
    pb::transformer_server::Transformer {
        transform_input, "/seldon.protos.Transformer/TransformInput": one(pb::SeldonMessage) => TransformInput;
    }
}

unit_service! {
    pb::output_transformer_server::OutputTransformer {
        transform_output, "/seldon.protos.OutputTransformer/TransformOutput": one(pb::SeldonMessage) => TransformOutput;
    }
}

unit_service! {
    pb::combiner_server::Combiner {
        aggregate, "/seldon.protos.Combiner/Aggregate": many(pb::SeldonMessageList) => Aggregate;
    }
}

#[tonic::async_trait]
impl pb::model_server::Model for Units {
    async fn predict(
        &self,
        request: Request<pb::SeldonMessage>,
    ) -> Result<Response<pb::SeldonMessage>, Status> {
        self.one("/seldon.protos.Model/Predict", Method::Predict, request)
            .await
    }

    async fn send_feedback(
        &self,
        request: Request<pb::Feedback>,
    ) -> Result<Response<pb::SeldonMessage>, Status> {
        self.reward(
            "/seldon.protos.Model/SendFeedback",
            Method::SendFeedback,
            request,
        )
        .await
    }

    async fn metadata(
        &self,
        request: Request<()>,
    ) -> Result<Response<pb::SeldonModelMetadata>, Status> {
        self.describe("/seldon.protos.Model/Metadata", request, None)
    }
}

#[tonic::async_trait]
impl pb::seldon_server::Seldon for Units {
    async fn predict(
        &self,
        request: Request<pb::SeldonMessage>,
    ) -> Result<Response<pb::SeldonMessage>, Status> {
        self.one("/seldon.protos.Seldon/Predict", Method::Predict, request)
            .await
    }

    async fn send_feedback(
        &self,
        request: Request<pb::Feedback>,
    ) -> Result<Response<pb::SeldonMessage>, Status> {
        self.reward(
            "/seldon.protos.Seldon/SendFeedback",
            Method::SendFeedback,
            request,
        )
        .await
    }

    async fn model_metadata(
        &self,
        request: Request<pb::SeldonModelMetadataRequest>,
    ) -> Result<Response<pb::SeldonModelMetadata>, Status> {
        let name = request.get_ref().name.clone();
        let name = Some(&*name).filter(|name| !name.is_empty());
        self.describe("/seldon.protos.Seldon/ModelMetadata", request, name)
    }

    async fn graph_metadata(
        &self,
        request: Request<()>,
    ) -> Result<Response<pb::SeldonGraphMetadata>, Status> {
        let (mut call, ()) = Call::open(&self.0, "/seldon.protos.Seldon/GraphMetadata", request)?;
        let reply = graph(&mut call);
        call.close(reply)
    }
}
