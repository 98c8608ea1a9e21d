//! What is to be known of a node elsewhere.

use std::time::Duration;

use hari_core::Limits;

use crate::tls::Tls;

/// Where a node listens, what it speaks, and the bounds on a call.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node's name; in V2 and TensorFlow's protocol also that of its model.
    pub name: String,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// What it speaks.
    pub protocol: Protocol,
    /// How it is asked.
    pub transport: Transport,
    /// How connections are encrypted; not at all if `None`.
    pub tls: Option<Tls>,
    /// The longest time of a call; the request's deadline counts in any case.
    pub timeout: Option<Duration>,
    /// What a caller has who chose no time; without `timeout`, silence for as long as this counts
    /// against the node.
    pub usual: Duration,
    /// Bounds on a reply.
    pub limits: Limits,
    /// Whether readiness asks the node for its health; else a connection is enough.
    pub full_health_checks: bool,
}

/// Where a node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// Port for REST.
    pub http_port: u16,
    /// Port for gRPC.
    pub grpc_port: u16,
}

/// What a node speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Seldon's, version 1.
    Seldon,
    /// The open inference protocol, version 2.
    OpenInference,
    /// TensorFlow Serving's.
    Tensorflow,
}

/// How a node is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// JSON over HTTP/1.1.
    Rest,
    /// gRPC over HTTP/2.
    Grpc,
}

impl Options {
    /// A node that speaks Seldon's protocol over REST, with the usual bounds.
    #[must_use]
    pub fn new(name: impl Into<String>, endpoint: Endpoint) -> Self {
        Self {
            name: name.into(),
            endpoint,
            protocol: Protocol::Seldon,
            transport: Transport::Rest,
            tls: None,
            timeout: None,
            usual: Duration::from_secs(30),
            limits: Limits::default(),
            full_health_checks: false,
        }
    }

    /// The port that is asked.
    pub(crate) fn port(&self) -> u16 {
        match self.transport {
            Transport::Rest => self.endpoint.http_port,
            Transport::Grpc => self.endpoint.grpc_port,
        }
    }

    /// Host and port as a URL has them; an IPv6 address is in brackets.
    pub(crate) fn authority(&self) -> String {
        let host = self.endpoint.host.trim_matches(['[', ']']);
        match host.contains(':') {
            true => format!("[{host}]:{}", self.port()),
            false => format!("{host}:{}", self.port()),
        }
    }
}
