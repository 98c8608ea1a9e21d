//! Logs, traces and metric names as types.

pub mod log;
pub mod metric;
pub mod process;
pub mod trace;

pub use log::{LogFormat, Logging};
pub use metric::{Exporter, install_metrics};
