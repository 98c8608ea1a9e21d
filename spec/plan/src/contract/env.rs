//! Names of environment variables, written by the operator and read by engine and units.

/// The defaulted predictor as base64 of JSON.
pub const ENGINE_PREDICTOR: &str = "ENGINE_PREDICTOR";
/// Where payloads are logged when a logger names no URL.
pub const REQUEST_LOGGER_DEFAULT_ENDPOINT: &str = "REQUEST_LOGGER_DEFAULT_ENDPOINT";
/// Any value: replies carry the route through the graph.
pub const ROUTING_INJECTION: &str = "SELDON_ENABLE_ROUTING_INJECTION";
/// Level of the log.
pub const LOG_LEVEL: &str = "SELDON_LOG_LEVEL";
/// Folder of the certificate.
pub const CERT_MOUNT_PATH: &str = "SELDON_CERT_MOUNT_PATH";

/// Name of the unit.
pub const UNIT_ID: &str = "PREDICTIVE_UNIT_ID";
/// Image of the unit.
pub const UNIT_IMAGE: &str = "PREDICTIVE_UNIT_IMAGE";
/// Parameters of the unit: a JSON list of `{name, value, type}`, all text.
pub const UNIT_PARAMETERS: &str = "PREDICTIVE_UNIT_PARAMETERS";
/// Port of the unit for the deployment's transport.
pub const UNIT_SERVICE_PORT: &str = "PREDICTIVE_UNIT_SERVICE_PORT";
/// Port of the unit for HTTP; on the operator, the first such port.
pub const UNIT_HTTP_PORT: &str = "PREDICTIVE_UNIT_HTTP_SERVICE_PORT";
/// Port of the unit for gRPC; on the operator, the first such port.
pub const UNIT_GRPC_PORT: &str = "PREDICTIVE_UNIT_GRPC_SERVICE_PORT";
/// Port of the unit's metrics; on the operator, the first such port.
pub const UNIT_METRICS_PORT: &str = "PREDICTIVE_UNIT_METRICS_SERVICE_PORT";
/// Path of the unit's metrics.
pub const UNIT_METRICS_ENDPOINT: &str = "PREDICTIVE_UNIT_METRICS_ENDPOINT";
/// On the operator: name of the metrics port.
pub const UNIT_METRICS_PORT_NAME: &str = "PREDICTIVE_UNIT_METRICS_PORT_NAME";
/// Name of the predictor.
pub const PREDICTOR_ID: &str = "PREDICTOR_ID";
/// Labels of the predictor as a JSON object.
pub const PREDICTOR_LABELS: &str = "PREDICTOR_LABELS";
/// Name of the deployment.
pub const DEPLOYMENT_ID: &str = "SELDON_DEPLOYMENT_ID";
/// `true` in every unit.
pub const EXECUTOR_ENABLED: &str = "SELDON_EXECUTOR_ENABLED";

/// Brokers of a predictor that reads from Kafka.
pub const KAFKA_BROKER: &str = "KAFKA_BROKER";
/// Topic of the requests.
pub const KAFKA_INPUT_TOPIC: &str = "KAFKA_INPUT_TOPIC";
/// Topic of the replies.
pub const KAFKA_OUTPUT_TOPIC: &str = "KAFKA_OUTPUT_TOPIC";
/// What a predictor that reads from Kafka cannot do without.
pub const KAFKA: [&str; 3] = [KAFKA_BROKER, KAFKA_INPUT_TOPIC, KAFKA_OUTPUT_TOPIC];
