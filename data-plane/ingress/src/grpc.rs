//! gRPC services of every protocol. A handler is decode, unit, encode, and nothing else.

mod call;
mod direct;
mod health;
mod library;
mod open_inference;
mod pieces;
mod seldon;
mod tensorflow;
mod timeout;

use axum::Router;
use axum::middleware;
use axum::response::Response;
use hari_error::Error;
use hari_proto::inference::grpc_inference_service_server as oip;
use hari_proto::seldon as units;
use hari_proto::tensorflow::serving::{model_service_server, prediction_service_server};
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;

use crate::app::App;
use crate::reply;

/// The services by their full names, as health knows them.
const SERVICES: [&str; 10] = [
    units::seldon_server::SERVICE_NAME,
    units::generic_server::SERVICE_NAME,
    units::model_server::SERVICE_NAME,
    units::router_server::SERVICE_NAME,
    units::transformer_server::SERVICE_NAME,
    units::output_transformer_server::SERVICE_NAME,
    units::combiner_server::SERVICE_NAME,
    oip::SERVICE_NAME,
    prediction_service_server::SERVICE_NAME,
    model_service_server::SERVICE_NAME,
];

/// A server of the generated kind with its limits, and gzip and zstd both ways.
macro_rules! bounded {
    ($app:ident, $server:expr) => {
        $server
            .max_decoding_message_size($app.limits().body)
            .max_encoding_message_size(usize::MAX)
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd)
            .send_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Zstd)
    };
}

/// All of them. A path that no service has is left to a fallback, which [`unknown`] answers.
pub(crate) fn routes(app: &App) -> Router {
    let mut routes = Routes::default();
    routes = add_units(routes, app);
    routes = add_models(routes, app);
    routes = routes.add_service(HealthServer::new(health::Probe(app.clone())));
    add_reflection(routes)
        .prepare()
        .into_axum_router()
        .reset_fallback()
        .merge(direct::route(app, bounded!(app, inference(app))))
        .layer(middleware::map_response(library::recode))
        .layer(middleware::map_request(library::plain_to_plain))
}

/// The answer to a call of a service that there is not.
pub(crate) fn unknown(path: &str) -> Response {
    let served = SERVICES.join(", ");
    let error = Error::unimplemented(format!("no gRPC method `{path}`; served are {served}"));
    reply::grpc::status(&error).into_http()
}

fn add_units(routes: Routes, app: &App) -> Routes {
    let unit = || seldon::Units(app.clone());
    routes
        .add_service(bounded!(
            app,
            units::seldon_server::SeldonServer::new(unit())
        ))
        .add_service(bounded!(
            app,
            units::generic_server::GenericServer::new(unit())
        ))
        .add_service(bounded!(app, units::model_server::ModelServer::new(unit())))
        .add_service(bounded!(
            app,
            units::router_server::RouterServer::new(unit())
        ))
        .add_service(bounded!(
            app,
            units::transformer_server::TransformerServer::new(unit())
        ))
        .add_service(bounded!(
            app,
            units::output_transformer_server::OutputTransformerServer::new(unit())
        ))
        .add_service(bounded!(
            app,
            units::combiner_server::CombinerServer::new(unit())
        ))
}

fn inference(app: &App) -> oip::GrpcInferenceServiceServer<open_inference::Inference> {
    oip::GrpcInferenceServiceServer::new(open_inference::Inference(app.clone()))
}

fn add_models(routes: Routes, app: &App) -> Routes {
    let prediction = tensorflow::Serving(app.clone());
    let status = tensorflow::Serving(app.clone());
    routes
        .add_service(bounded!(app, inference(app)))
        .add_service(bounded!(
            app,
            prediction_service_server::PredictionServiceServer::new(prediction)
        ))
        .add_service(bounded!(
            app,
            model_service_server::ModelServiceServer::new(status)
        ))
}

/// Reflection, in both of its versions. Its descriptors are part of the program: that they can be
/// read is tested, and a server without reflection would still be right.
fn add_reflection(routes: Routes) -> Routes {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(hari_proto::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = match builder().build_v1() {
        Ok(service) => routes.add_service(service),
        Err(_) => routes,
    };
    match builder().build_v1alpha() {
        Ok(service) => routes.add_service(service),
        Err(_) => routes,
    }
}
