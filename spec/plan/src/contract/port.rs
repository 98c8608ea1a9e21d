//! Numbers and names of ports.

/// Predictor, over HTTP.
pub const ENGINE_HTTP: u16 = 8000;
/// Predictor, over gRPC.
pub const ENGINE_GRPC: u16 = 5001;
/// First unit, over HTTP; each further container gets the next number.
pub const UNIT_HTTP: i32 = 9000;
/// First unit, over gRPC; each further container gets the next number.
pub const UNIT_GRPC: i32 = 9500;
/// Metrics of the first unit; each further unit gets the next number.
pub const UNIT_METRICS: i32 = 6000;
/// Name of a container's port for HTTP.
pub const HTTP_NAME: &str = "http";
/// Name of a container's port for gRPC.
pub const GRPC_NAME: &str = "grpc";
/// Name of a container's port for metrics, unless the installation names another.
pub const METRICS_NAME: &str = "metrics";
