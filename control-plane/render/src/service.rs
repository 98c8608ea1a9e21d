//! Services: one for each unit's container, and the predictor's.

use hari_api::k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use hari_api::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use hari_plan::contract::port;

use crate::ambassador;
use crate::labels::{self, Map, map};
use crate::object::Object;
use crate::predictor::Predictor;

/// All Services of a predictor.
pub(crate) fn services(predictor: &Predictor<'_>) -> Vec<Object> {
    let containers = predictor.pods().flat_map(|(_, pod)| pod.containers());
    let units = containers.filter(|container| predictor.unit(&container.name).is_some());
    let mut all: Vec<Object> = units
        .map(|unit| Object::of(&of_container(predictor, &unit.name)))
        .collect();
    all.push(Object::of(&of_predictor(predictor)));
    all
}

fn of_container(predictor: &Predictor<'_>, container: &str) -> Service {
    let name = predictor.container_service(container);
    let selector = map([(&*labels::of_container(container), &*name)]);
    let own = labels::of_service(predictor, container);
    let annotations = predictor.spec.annotations.clone();
    Service {
        metadata: labels::metadata(predictor, name, own, annotations),
        spec: Some(spec(selector, both(predictor.ports(container)))),
        status: None,
    }
}

/// Where requests from outside arrive.
fn of_predictor(predictor: &Predictor<'_>) -> Service {
    let name = predictor.service();
    let mut own = labels::common(predictor);
    own.insert(labels::APP.to_owned(), name.clone());
    own.extend(labels::shadow(predictor));
    let mut annotations = predictor.spec.annotations.clone();
    annotations.extend(ambassador::annotation(predictor));
    let mut spec = spec(map([(labels::APP, &*name)]), both(ports(predictor)));
    if is_headless(predictor) {
        spec.cluster_ip = Some("None".to_owned());
    }
    Service {
        metadata: labels::metadata(predictor, name, own, annotations),
        spec: Some(spec),
        status: None,
    }
}

/// Where the predictor's Service answers: HTTP, gRPC.
pub(crate) fn ports(predictor: &Predictor<'_>) -> (i32, i32) {
    match predictor.without_engine() {
        true => predictor.ports(&predictor.spec.graph.name),
        false => (predictor.settings.http_port, predictor.settings.grpc_port),
    }
}

fn is_headless(predictor: &Predictor<'_>) -> bool {
    let said = predictor.plan.annotations.get("seldon.io/headless-svc");
    said.is_some_and(|value| value != "false")
}

fn both((http, grpc): (i32, i32)) -> Vec<ServicePort> {
    vec![port(port::HTTP_NAME, http), port(port::GRPC_NAME, grpc)]
}

/// A port that leads to the container's port of the same number.
pub(crate) fn port(name: &str, number: i32) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        target_port: Some(IntOrString::Int(number)),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    }
}

pub(crate) fn spec(selector: Map, ports: Vec<ServicePort>) -> ServiceSpec {
    ServiceSpec {
        type_: Some("ClusterIP".to_owned()),
        session_affinity: Some("None".to_owned()),
        ports: Some(ports),
        selector: Some(selector),
        ..ServiceSpec::default()
    }
}
