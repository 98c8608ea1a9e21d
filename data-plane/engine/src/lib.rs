//! The assembly: a bound plan becomes a running app.
//!
//! [`assemble`] fetches and loads every model of a deployment and wires the graphs; nothing takes
//! traffic before all of it succeeded. [`Server`] opens the listeners. There is no laptop mode
//! and no cluster mode here: what runs where was decided when the plan was bound.

mod assemble;
mod component;
mod computing;
mod huggingface_server;
mod learner;
mod load;
mod mlflow_server;
mod neighbours;
mod node_metrics;
mod node_ports;
mod observer;
mod payload_log;
mod prefer;
mod python;
mod record;
mod remote;
mod report;
pub mod server;
mod sklearn_server;
mod table;
mod table_server;
mod tensorflow_server;
mod topics;
mod tree;
mod triton;
mod trusted;
mod versions;
mod warm;
mod watch;

pub use assemble::{Assembled, Workshop, assemble};
pub use component::assemble_component;
pub use computing::computing;
pub use load::{model_pool, open_model};
pub use mlflow_server::{MlflowInspection, inspect_mlflow};
pub use neighbours::Misfit;
pub use node_ports::{NodePort, UnitPorts, bind_node_ports, bind_unit_ports};
pub use payload_log::{PayloadLogs, payload_logs, payload_logs_with};
pub use report::NodeReport;
pub use server::{Addresses, Running, Server};
pub use sklearn_server::open_sklearn;
