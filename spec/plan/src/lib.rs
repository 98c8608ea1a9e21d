//! Defaults, validation, lowering and binding of a SeldonDeployment.
//!
//! ```text
//! documents -> parse -> default -> validate -> lower -> Plan -> bind -> BoundDeployment
//! ```
//!
//! The only home of defaults and rules: `hari run`, `hari validate`, the admission webhook and the
//! operator all take this path. Every issue is found at once, each with file, line, field path,
//! rule and hint. Pure: no sockets, files, environment or clock.
//!
//! ```
//! let text = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n\
//!             metadata: {name: mnist}\nspec:\n  predictors:\n  - name: default\n    graph:\n      \
//!             name: digits\n      implementation: TENSORFLOW_SERVER\n      modelUri: ./model\n";
//! let documents = hari_api::read_documents(text, "mnist.yaml");
//! let planned = hari_plan::plan(&documents);
//! assert!(planned.issues.is_empty());
//! let policy = hari_plan::PlacementPolicy::ThisProcess;
//! let bound = hari_plan::bind(&planned.deployments[0], &policy).unwrap();
//! assert_eq!(bound.predictors[0].traffic, 100);
//! ```

mod bind;
pub mod bound;
pub mod catalogue;
pub mod contract;
mod defaults;
pub mod drawing;
mod installation;
mod left_out;
mod lower;
pub mod names;
pub mod payload_log;
mod pipeline;
mod plan;
pub mod rule;
mod single;
mod validate;

pub use bind::{PlacementPolicy, bind};
pub use bound::{
    Batching, BoundDeployment, BoundNode, BoundPredictor, Builtin, Calls, ModelSource,
    ParameterValue, Placement, Runtime,
};
pub use defaults::defaulted;
pub use installation::{Installation, ServerImage, ServerImages};
pub use left_out::left_out;
pub use pipeline::{Planned, plan, plan_resource, plan_with};
pub use plan::{Component, Container, LoggerPlan, NodePlan, Plan, PredictorPlan, Server};
pub use single::{PREDICTOR, parameter, single_node};
