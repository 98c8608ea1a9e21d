//! The plan: a deployment that was checked, in types, before anything says where it runs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hari_api::{Document, Issue, LoggerMode, Protocol, SeldonDeployment, ServerType, Transport};

use crate::bound::{Builtin, Calls, Endpoint, OnFailure, ParameterValue, PythonSource};
use crate::catalogue;

/// A deployment that keeps every rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Kubernetes namespace; `default` if none was given.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// Protocol between the parts of the graph.
    pub protocol: Protocol,
    /// Transport between the parts of the graph.
    pub transport: Transport,
    /// How requests arrive.
    pub server_type: ServerType,
    /// `metadata.annotations` overlaid with `spec.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// At least one.
    pub predictors: Vec<PredictorPlan>,
    /// The resource with its defaults, for what this type does not say.
    pub resource: SeldonDeployment,
    /// Where it was written.
    pub(crate) origin: Document,
}

/// One predictor.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictorPlan {
    /// Unique in the deployment.
    pub name: String,
    /// Field path: `spec.predictors[0]`.
    pub path: String,
    /// Percent of the requests; the shares of those that are not shadows sum to 100.
    pub traffic: u32,
    /// Gets a copy of `traffic` percent of the requests, and its answers are thrown away.
    pub shadow: bool,
    /// Labels, with `version` always present.
    pub labels: BTreeMap<String, String>,
    /// `spec.annotations` overlaid with the predictor's.
    pub annotations: BTreeMap<String, String>,
    /// How long one REST call may take, if that is limited.
    pub rest_timeout: Option<Duration>,
    /// How long one gRPC call may take, if that is limited.
    pub grpc_timeout: Option<Duration>,
    /// If requests come from Kafka: the variables of `svcOrchSpec.env` that have a value.
    pub kafka: Option<BTreeMap<String, String>>,
    /// The root.
    pub graph: NodePlan,
}

/// One node of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct NodePlan {
    /// Unique in the predictor.
    pub name: String,
    /// Field path: `spec.predictors[0].graph.children[1]`.
    pub path: String,
    /// Which calls it gets: type and methods put together.
    pub calls: Calls,
    /// What answers the calls.
    pub component: Component,
    /// Typed parameters by name, as written; defaults are not filled in.
    pub parameters: BTreeMap<String, ParameterValue>,
    /// Where payloads are recorded, if they are.
    pub logger: Option<LoggerPlan>,
    /// Where the unit listens already, if the user says so.
    pub endpoint: Option<Endpoint>,
    /// Where its container listens in a pod, by the numbers that containers are given there; `None`
    /// without a container.
    pub address: Option<Endpoint>,
    /// What the unit speaks, if it is not in this process: the deployment's, or its own.
    pub protocol: Protocol,
    /// REST or gRPC, if it is not in this process: the deployment's, or its own.
    pub transport: Transport,
    /// Whether connections to it are encrypted, if it is not in this process.
    pub tls: bool,
    /// What a failure of the node means for the request.
    pub on_failure: OnFailure,
    /// In order; the index is the branch number of a router.
    pub children: Vec<NodePlan>,
}

/// What answers the calls of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Component {
    /// A unit that is part of the engine.
    Builtin(Builtin),
    /// A prepackaged server.
    Server(Server),
    /// A container of the user's own.
    Container(Container),
    /// A unit that someone else starts; its endpoint says where it listens.
    Elsewhere,
}

impl fmt::Display for Component {
    /// The implementation or the image; empty for a unit that someone else starts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Builtin(builtin) => catalogue::name_of(builtin).unwrap_or_default(),
            Self::Server(server) => &server.implementation,
            Self::Container(container) => &container.image,
            Self::Elsewhere => "",
        })
    }
}

/// A prepackaged server with its model.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Value of `implementation`: in the catalogue, or installed.
    pub implementation: String,
    /// As the user wrote it; empty if none was given.
    pub model_uri: String,
    /// The user's own container of the unit's name, if there is one.
    pub overlay: Option<Container>,
    /// The user's class, where the implementation is one.
    pub python: Option<PythonSource>,
}

/// A container of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its image; empty if none was given.
    pub image: String,
    /// Field path: `spec.predictors[0].componentSpecs[0].spec.containers[0]`.
    pub path: String,
}

/// Where payloads of a node are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggerPlan {
    /// Receiver; the installation's own if `None`.
    pub url: Option<String>,
    /// What is recorded.
    pub mode: LoggerMode,
}

impl Plan {
    /// Gives an issue its file, line and column, by its path.
    #[must_use]
    pub fn locate(&self, issue: Issue) -> Issue {
        self.origin.locate(issue)
    }

    /// The file it was read from, as the caller named it; empty if there is none.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.origin.file
    }

    /// Every node of every predictor, each before its children.
    pub fn nodes(&self) -> impl Iterator<Item = &NodePlan> {
        self.predictors
            .iter()
            .flat_map(|predictor| predictor.graph.walk())
    }
}

impl NodePlan {
    /// The node and all nodes below it, each before its children.
    pub fn walk(&self) -> impl Iterator<Item = &NodePlan> {
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let node = stack.pop()?;
            stack.extend(node.children.iter().rev());
            Some(node)
        })
    }
}
