//! Every setting that is read from the environment, in one place.
//!
//! [`SETTINGS`] is the list; the reference page of the docs is made from it. A command-line flag
//! wins over a setting of the same meaning.

#![expect(
    clippy::disallowed_methods,
    reason = "this crate is the home of the environment"
)]

mod limits;

use std::path::PathBuf;
use std::str::FromStr;

use hari_error::{Error, Result};

pub use limits::Server;

/// One environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What holds if it is not set, in words.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

macro_rules! settings {
    ($($konst:ident = $name:literal, $default:literal, $help:literal;)*) => {
        $(#[doc = $help] pub const $konst: Setting = Setting { name: $name, default: $default, help: $help };)*
        /// Every setting.
        pub const SETTINGS: &[Setting] = &[$($konst),*];
    };
}

settings! {
    LOG_FORMAT = "HARI_LOG_FORMAT", "`text` on a terminal, else `json`", "Form of log lines: `text` or `json`.";
    LOG_LEVEL = "SELDON_LOG_LEVEL", "INFO", "Lowest level that is logged: DEBUG, INFO, WARNING, ERROR. `RUST_LOG` wins.";
    RUST_LOG = "RUST_LOG", "unset", "Log filter per module, in the form of tracing-subscriber.";
    CACHE_DIR = "HARI_CACHE_DIR", "`hari` in the user's cache folder", "Where fetched models are kept.";
    THREADS = "HARI_THREADS", "the processors this process may use", "Threads of the model pool.";
    ONNXRUNTIME = "HARI_ONNXRUNTIME", "looked for beside the program and where libraries are installed", "ONNX Runtime's shared library or the folder it lies in; `none` to do without.";
    ORT_DYLIB = "ORT_DYLIB_PATH", "unset", "As HARI_ONNXRUNTIME, which wins; other programs read it too.";
    CORS_ORIGINS = "CORS_ALLOWED_ORIGINS", "*", "Value of `Access-Control-Allow-Origin`.";
    CORS_HEADERS = "CORS_ALLOWED_HEADERS", "Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, X-CSRF-Token", "Value of `Access-Control-Allow-Headers`.";
    MAX_BODY = "HARI_MAX_BODY_BYTES", "67108864", "Most bytes of a request body or gRPC message, before and after decompression, and of a tensor.";
    DEADLINE = "HARI_REQUEST_TIMEOUT_MS", "30000", "Most milliseconds from request to reply; annotations of a deployment win.";
    MAX_CONNECTIONS = "HARI_MAX_CONNECTIONS", "10000", "Most open connections of a listener.";
    MAX_IN_FLIGHT = "HARI_MAX_IN_FLIGHT", "256 for each processor", "Most requests answered at the same time.";
    DRAIN = "HARI_DRAIN_MS", "15000", "Most milliseconds that a stopping process waits for requests in flight.";
    ALLOW_HTTP_HOSTS = "HARI_FETCH_HOSTS", "any but link-local and metadata addresses", "Comma-separated hosts that models may be fetched from.";
    OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "unset: no traces leave", "OpenTelemetry collector; setting it switches tracing on.";
    OTLP_TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "unset", "As OTEL_EXPORTER_OTLP_ENDPOINT, for traces alone.";
    OTLP_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "`grpc` or `http/protobuf`.";
    OTEL_SERVICE = "OTEL_SERVICE_NAME", "hari", "Name of this process in traces.";
    OTEL_DISABLED = "OTEL_SDK_DISABLED", "false", "`true` switches tracing off whatever else is set.";
    UNIT_ID = "PREDICTIVE_UNIT_ID", "unset", "Name of the unit that `hari serve` serves.";
    UNIT_HTTP_PORT = "PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9000", "HTTP port of `hari serve`.";
    UNIT_GRPC_PORT = "PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "9500", "gRPC port of `hari serve`.";
    UNIT_METRICS_PORT = "PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "6000", "Metrics port of `hari serve`.";
    UNIT_PARAMETERS = "PREDICTIVE_UNIT_PARAMETERS", "[]", "Parameters of the unit: a JSON array of {name, value, type}.";
    UNIT_METRICS_ENDPOINT = "PREDICTIVE_UNIT_METRICS_ENDPOINT", "/prometheus", "One more path that answers with the metrics.";
    DEPLOYMENT_ID = "SELDON_DEPLOYMENT_ID", "the unit's name", "Deployment that the unit belongs to, for metrics.";
    PREDICTOR_ID = "PREDICTOR_ID", "default", "Predictor that the unit belongs to, for metrics.";
    NO_COLOR = "NO_COLOR", "unset", "Set to anything: no colours on a terminal.";
    XDG_CACHE_HOME = "XDG_CACHE_HOME", "$HOME/.cache", "The user's cache folder.";
    HOME = "HOME", "unset", "The user's home folder.";
}

impl Setting {
    /// The value, if it is set and not empty.
    #[must_use]
    pub fn get(&self) -> Option<String> {
        std::env::var(self.name)
            .ok()
            .filter(|value| !value.is_empty())
    }

    /// The value as `T`, if it is set.
    ///
    /// # Errors
    /// Names the setting and what was found, if it cannot be read as `T`.
    pub fn parse<T: FromStr>(&self) -> Result<Option<T>> {
        self.get().map(|value| self.read(&value)).transpose()
    }

    fn read<T: FromStr>(&self, value: &str) -> Result<T> {
        value.trim().parse().map_err(|_| {
            Error::invalid(format!(
                "environment variable {}: cannot read `{value}` ({})",
                self.name, self.help
            ))
        })
    }
}

/// Where fetched models are kept; none if neither setting nor home folder is known.
#[must_use]
pub fn cache_dir() -> Option<PathBuf> {
    let user = || {
        let base = XDG_CACHE_HOME.get().map(PathBuf::from);
        base.or_else(|| HOME.get().map(|home| PathBuf::from(home).join(".cache")))
    };
    CACHE_DIR
        .get()
        .map(PathBuf::from)
        .or_else(|| user().map(|base| base.join("hari")))
}

/// Threads of the model pool: the setting, else the processors that this process may use.
///
/// # Errors
/// If the setting is not a number.
pub fn threads() -> Result<usize> {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(THREADS.parse()?.unwrap_or(available).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names: std::collections::HashSet<_> = SETTINGS.iter().map(|s| s.name).collect();
        assert_eq!(names.len(), SETTINGS.len());
    }

    #[test]
    fn a_bad_value_names_the_setting() {
        let error = THREADS.read::<usize>("many").unwrap_err();
        assert!(error.message().contains("HARI_THREADS") && error.message().contains("many"));
        assert_eq!(THREADS.read::<usize>(" 4 ").unwrap(), 4);
    }
}
