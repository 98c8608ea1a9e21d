//! SeldonDeployment as users write it: all versions, CRD schema, status.
//!
//! Pure: no sockets, files, environment or clock.

pub mod autoscale;
mod component;
mod crd;
mod deployment;
mod explainer;
mod graph;
mod issue;
mod nearest;
mod parse;
pub mod path;
mod predictor;
pub mod read;
mod schema;
mod status;
mod vocabulary;
mod yaml;

pub use autoscale::keda::SeldonScaledObjectSpec;
pub use autoscale::{SeldonHpaSpec, SeldonPdbSpec};
pub use component::SeldonPodSpec;
pub use crd::{GROUP, PLURAL, crd, crd_yaml};
pub use deployment::{KIND, SeldonDeployment, SeldonDeploymentSpec};
pub use explainer::Explainer;
pub use graph::{Endpoint, Logger, Parameter, PredictiveUnit};
pub use issue::{Issue, Severity};
pub use k8s_openapi;
pub use nearest::nearest;
pub use parse::parse;
pub use predictor::{PredictorSpec, Ssl, SvcOrchSpec};
pub use read::{Document, Position, Positions, read_documents};
pub use status::{
    Condition, DeploymentStatus, RolloutCounts, RolloutEvent, RolloutStatus, SeldonAddressable,
    SeldonDeploymentStatus, ServiceStatus,
};
pub use vocabulary::{
    ApiVersion, DeploymentState, EndpointType, ExplainerType, LoggerMode, Method, ParameterType,
    Protocol, ServerType, Transport, UnitType, UnknownValue,
};
pub use yaml::to_yaml;

/// Most issues reported of one kind of check of one document; more would not be read.
pub const MAX_ISSUES: usize = 200;
