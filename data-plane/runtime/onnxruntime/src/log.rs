//! The engine's log, written to `tracing`.

use std::sync::Arc;

use ort::logging::{LogLevel, LoggerFunction};

/// Writes what the engine says under the target `onnxruntime`. Its errors come back from the call
/// that caused them too, and callers can cause them at will, so they are of low level here.
pub(crate) fn logger() -> LoggerFunction {
    Arc::new(|level, _category, _id, place, message| write(level, place, message))
}

/// The lowest level that the engine need speak of.
pub(crate) fn level() -> LogLevel {
    if tracing::enabled!(target: "onnxruntime", tracing::Level::TRACE) {
        LogLevel::Info
    } else {
        LogLevel::Warning
    }
}

fn write(level: LogLevel, place: &str, message: &str) {
    match level {
        LogLevel::Fatal => tracing::error!(target: "onnxruntime", place, "{message}"),
        LogLevel::Error | LogLevel::Warning => {
            tracing::debug!(target: "onnxruntime", place, "{message}");
        }
        LogLevel::Info | LogLevel::Verbose => {
            tracing::trace!(target: "onnxruntime", place, "{message}");
        }
    }
}
