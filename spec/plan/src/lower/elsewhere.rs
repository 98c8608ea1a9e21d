//! Nodes that are not in this process: where they listen, what they speak, and what their failure
//! means.

use hari_api::{EndpointType, PredictiveUnit, Protocol, Transport};

use crate::bound::{Endpoint, OnFailure};
use crate::contract::{annotation, port};

/// Where the user says that a unit listens; `None` without a host.
pub(super) fn endpoint(written: &PredictiveUnit) -> Option<Endpoint> {
    let endpoint = written.endpoint.as_ref()?;
    let host = endpoint
        .service_host
        .clone()
        .filter(|host| !host.is_empty())?;
    let service = endpoint.service_port;
    let port = |named: Option<i32>, usual: i32| {
        let port = named.filter(|port| *port > 0).or(service).unwrap_or(usual);
        u16::try_from(port).ok().filter(|port| *port > 0)
    };
    Some(Endpoint {
        host,
        http_port: port(endpoint.http_port, port::UNIT_HTTP)?,
        grpc_port: port(endpoint.grpc_port, port::UNIT_GRPC)?,
    })
}

/// What annotations say of single nodes.
pub(super) struct NodeSettings<'a> {
    on_failure: Option<&'a str>,
    protocol: Option<&'a str>,
    transport: Option<&'a str>,
    tls: Option<&'a str>,
    python_class: Option<&'a str>,
}

impl<'a> NodeSettings<'a> {
    pub(super) fn read(annotation: impl Fn(&str) -> Option<&'a str>) -> Self {
        Self {
            on_failure: annotation(annotation::ON_FAILURE),
            protocol: annotation(annotation::NODE_PROTOCOL),
            transport: annotation(annotation::NODE_TRANSPORT),
            tls: annotation(annotation::NODE_TLS),
            python_class: annotation(annotation::PYTHON_CLASS),
        }
    }

    pub(super) fn on_failure(&self, unit: &PredictiveUnit) -> OnFailure {
        match annotation::of_node(self.on_failure, &unit.name) {
            Some("continue") => OnFailure::Continue,
            _ => OnFailure::Fail,
        }
    }

    pub(super) fn protocol(&self, unit: &PredictiveUnit) -> Option<Protocol> {
        annotation::of_node(self.protocol, &unit.name)?.parse().ok()
    }

    pub(super) fn tls(&self, unit: &PredictiveUnit) -> bool {
        annotation::of_node(self.tls, &unit.name) == Some("on")
    }

    /// The class of a Python node.
    pub(super) fn python_class(&self, unit: &PredictiveUnit) -> Option<&'a str> {
        annotation::of_node(self.python_class, &unit.name).filter(|class| !class.is_empty())
    }

    /// The annotation's, else that of the unit's endpoint.
    pub(super) fn transport(&self, unit: &PredictiveUnit) -> Option<Transport> {
        if let Some(named) = annotation::of_node(self.transport, &unit.name) {
            return named.parse().ok();
        }
        match unit.endpoint.as_ref()?.endpoint_type().ok()?? {
            EndpointType::Rest => Some(Transport::Rest),
            EndpointType::Grpc => Some(Transport::Grpc),
        }
    }
}
