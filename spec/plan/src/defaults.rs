//! What a deployment does not say, filled in on a copy: the operator's in-memory defaulting.
//!
//! The order of containers decides the ports, so the steps and their order are part of the
//! contract with users whose probes and dashboards name these ports.

mod container;
mod ports;

use std::collections::{HashMap, HashSet};

use hari_api::k8s_openapi::api::core::v1::Container;
use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use hari_api::{
    Endpoint, EndpointType, PredictiveUnit, PredictorSpec, Protocol, SeldonDeployment,
    SeldonPodSpec, Transport, UnitType,
};

use crate::catalogue::{UNKNOWN_IMPLEMENTATION, is_prepackaged, is_python};
use crate::contract::annotation;
use crate::installation::Installation;
use crate::names;
use ports::Ports;

/// A copy of the resource with every default filled in.
///
/// Pure: an absent pod template gets no creation time. Hosts of units that are addressed through a
/// Service are left unset where the Service's name is too long and has to be hashed.
#[must_use]
pub fn defaulted(resource: &SeldonDeployment, installation: &Installation) -> SeldonDeployment {
    let mut resource = resource.clone();
    resource.metadata.namespace = Some(resource.namespace().to_owned());
    let surroundings = Surroundings::of(&resource, installation);
    let mut ports = Ports::new(installation);
    for predictor in &mut resource.spec.predictors {
        default_predictor(predictor, &surroundings, &mut ports);
    }
    resource
}

/// What the defaults of a predictor depend on, beside itself.
struct Surroundings<'a> {
    deployment: String,
    namespace: String,
    protocol: Protocol,
    transport: Transport,
    separate_pod: bool,
    installation: &'a Installation,
}

impl<'a> Surroundings<'a> {
    fn of(resource: &SeldonDeployment, installation: &'a Installation) -> Self {
        let separate = resource.spec.annotations.get(annotation::SEPARATE_POD);
        Self {
            deployment: resource.name().to_owned(),
            namespace: resource.namespace().to_owned(),
            protocol: resource.spec.protocol().unwrap_or_default(),
            transport: resource.spec.transport().unwrap_or_default(),
            separate_pod: separate.is_some_and(|value| value.eq_ignore_ascii_case("true")),
            installation,
        }
    }

    /// Image of a unit's server, unless it is set with the rest of its container later.
    fn image(&self, implementation: &str) -> Option<String> {
        match self.protocol {
            Protocol::Tensorflow => self.installation.pinned(implementation, self.protocol),
            protocol => self.installation.image(implementation, protocol),
        }
    }
}

fn default_predictor(predictor: &mut PredictorSpec, around: &Surroundings<'_>, ports: &mut Ports) {
    let version = || predictor.name.clone();
    predictor
        .labels
        .entry("version".to_owned())
        .or_insert_with(version);
    default_unit(&mut predictor.graph);
    let mut filler = Filler {
        predictor: predictor.name.clone(),
        wanted: Wanted::of(&predictor.graph),
        around,
        ports,
        endpoints: HashMap::new(),
    };
    for (index, pod) in predictor.component_specs.iter_mut().enumerate() {
        for container in containers_mut(pod) {
            filler.fill(container, index);
        }
    }
    for unit in filler.wanted.missing(&predictor.component_specs) {
        let mut container = container::named(&unit);
        filler.fill(&mut container, 0);
        add_to_first(&mut predictor.component_specs, container);
    }
    set_images(&mut predictor.component_specs, &filler.wanted, around);
    set_endpoints(&mut predictor.graph, &filler.endpoints);
}

fn default_unit(unit: &mut PredictiveUnit) {
    let absent = |text: &Option<String>| text.as_deref().unwrap_or_default().is_empty();
    let implementation = unit.implementation.as_deref();
    let python = is_python(implementation);
    let bare = absent(&unit.implementation) || python;
    let unsaid = absent(&unit.type_) && bare && unit.methods.is_empty();
    if unsaid || (is_prepackaged(implementation) && !python) {
        unit.type_ = Some(UnitType::Model.to_string());
    }
    if absent(&unit.implementation) {
        unit.implementation = Some(UNKNOWN_IMPLEMENTATION.to_owned());
    }
    unit.children.iter_mut().for_each(default_unit);
}

/// What the graph wants of the containers.
struct Wanted {
    units: HashMap<String, Unit>,
    /// Names of the units with prepackaged servers, in the order of the graph.
    servers: Vec<String>,
}

struct Unit {
    grpc: bool,
    /// `implementation`, if it is a prepackaged server.
    server: Option<String>,
}

impl Wanted {
    fn of(graph: &PredictiveUnit) -> Self {
        let mut wanted = Self {
            units: HashMap::new(),
            servers: Vec::new(),
        };
        for unit in graph.walk() {
            let server = unit.implementation.clone();
            let server = server.filter(|name| is_prepackaged(Some(name)));
            let endpoint = unit.endpoint.as_ref();
            let kind = endpoint.and_then(|endpoint| endpoint.endpoint_type().ok().flatten());
            let grpc = kind == Some(EndpointType::Grpc);
            if wanted.units.contains_key(&unit.name) {
                continue;
            }
            if server.is_some() {
                wanted.servers.push(unit.name.clone());
            }
            wanted
                .units
                .insert(unit.name.clone(), Unit { grpc, server });
        }
        wanted
    }

    /// Units with prepackaged servers that no container stands for.
    fn missing(&self, pods: &[SeldonPodSpec]) -> Vec<String> {
        let containers = pods.iter().flat_map(SeldonPodSpec::containers);
        let present: HashSet<&str> = containers.map(|found| found.name.as_str()).collect();
        let names = self.servers.iter();
        names
            .filter(|name| !present.contains(name.as_str()))
            .cloned()
            .collect()
    }

    fn server(&self, name: &str) -> Option<&str> {
        self.units.get(name)?.server.as_deref()
    }
}

/// Fills in the containers of one predictor, and learns the endpoints of its units.
struct Filler<'a> {
    predictor: String,
    wanted: Wanted,
    around: &'a Surroundings<'a>,
    ports: &'a mut Ports,
    endpoints: HashMap<String, Endpoint>,
}

impl Filler<'_> {
    /// Gives a container of a pod its ports, and the rest where it stands for a unit.
    fn fill(&mut self, container: &mut Container, pod: usize) {
        let allocated = self.ports.of(&container.name);
        let Some(unit) = self.wanted.units.get(&container.name) else {
            return;
        };
        container::set_defaults(container);
        container::mount_podinfo(container);
        let (http, grpc) = container::numbers(container).or(allocated);
        container::add_metrics_port(container, self.ports);
        let by_grpc = unit.grpc || self.around.transport == Transport::Grpc;
        let endpoint = Endpoint {
            service_host: self.host(&container.name, pod),
            service_port: Some(if by_grpc { grpc } else { http }),
            type_: None,
            http_port: Some(http),
            grpc_port: Some(grpc),
        };
        self.endpoints.insert(container.name.clone(), endpoint);
    }

    /// The same pod, or the Service of the container.
    fn host(&self, container: &str, pod: usize) -> Option<String> {
        let around = self.around;
        if pod == 0 && !around.separate_pod {
            return Some("localhost".to_owned());
        }
        let service = names::container_service(&around.deployment, &self.predictor, container)?;
        Some(format!("{service}.{}.svc.cluster.local", around.namespace))
    }
}

fn set_images(pods: &mut [SeldonPodSpec], wanted: &Wanted, around: &Surroundings<'_>) {
    for container in pods.iter_mut().flat_map(containers_mut) {
        let Some(server) = wanted.server(&container.name) else {
            continue;
        };
        if container.image.as_deref().unwrap_or_default().is_empty() {
            container.image = around.image(server);
        }
    }
}

fn set_endpoints(unit: &mut PredictiveUnit, endpoints: &HashMap<String, Endpoint>) {
    if let Some(endpoint) = endpoints.get(&unit.name) {
        let written = unit.endpoint.take().unwrap_or_default();
        unit.endpoint = Some(Endpoint {
            type_: written.type_,
            ..endpoint.clone()
        });
    }
    for child in &mut unit.children {
        set_endpoints(child, endpoints);
    }
}

fn containers_mut(pod: &mut SeldonPodSpec) -> &mut [Container] {
    match &mut pod.spec {
        Some(spec) => &mut spec.containers,
        None => &mut [],
    }
}

/// Adds a container to the first pod, which is made if there is none.
fn add_to_first(pods: &mut Vec<SeldonPodSpec>, container: Container) {
    if pods.is_empty() {
        pods.push(SeldonPodSpec {
            metadata: Some(ObjectMeta::default()),
            ..SeldonPodSpec::default()
        });
    }
    if let Some(first) = pods.first_mut() {
        let spec = first.spec.get_or_insert_default();
        spec.containers.push(container);
    }
}

#[cfg(test)]
mod tests;
