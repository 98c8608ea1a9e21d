//! Every setting that is read from the environment, in one place.
//!
//! [`SETTINGS`] is the list; the reference page of the docs is made from it. A command-line flag
//! wins over a setting of the same meaning.

#![expect(
    clippy::disallowed_methods,
    reason = "this crate is the home of the environment"
)]

mod kafka;
mod limits;
mod payload_log;
mod secret;
mod size;
mod storage;
mod tls;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use hari_error::{Error, Result};

pub use kafka::{KafkaSasl, KafkaSecurity, KafkaStream, KafkaTls, Lookup, Pem, SaslMechanism};
pub use limits::Server;
pub use payload_log::PayloadLog;
pub use secret::Secret;
pub use size::Size;
pub use storage::Storage;
pub use tls::{ListenerTls, NodeTls};

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
    CACHE_SIZE = "HARI_CACHE_SIZE", "50GiB", "Most bytes of fetched models that are kept, such as `20GiB`; the one that was not used for the longest time goes first, one in use never goes.";
    FETCH_PARALLEL = "HARI_FETCH_PARALLEL", "8", "Most requests at the same time to the store that a model is fetched from.";
    FETCH_TIMEOUT = "HARI_FETCH_TIMEOUT_MS", "30000", "Most milliseconds without a byte from the server that a model is fetched from; then the transfer is taken up again.";
    CLOUD_IDENTITY = "HARI_CLOUD_IDENTITY", "false", "`true` takes credentials for buckets from the metadata service of the machine or pod (workload identity); without it that service is never asked.";
    THREADS = "HARI_THREADS", "the processors this process may use", "Threads of the model pool.";
    INLINE = "HARI_INLINE_MICROSECONDS", "50", "A model whose runs have shown to take no more microseconds than this is run on the thread that read the request; `0` hands all runs to the model pool.";
    ENGINE = "HARI_ENGINE", "auto", "What computes neural networks: `rten`, which is built in, `onnxruntime`, or `auto`; the parameter `engine` of a unit wins.";
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
    TRACES_SAMPLER = "OTEL_TRACES_SAMPLER", "parentbased_always_on", "Which traces are kept: `always_on`, `always_off` or `traceidratio`, each also with `parentbased_` before it, so that the caller's decision counts first.";
    TRACES_SAMPLER_ARG = "OTEL_TRACES_SAMPLER_ARG", "1", "Share of the traces that `traceidratio` keeps, from 0 to 1.";
    PROPAGATORS = "OTEL_PROPAGATORS", "tracecontext", "Comma-separated forms in which a trace goes on to other nodes: `tracecontext`, `b3`, `b3multi`, `jaeger`, or `none`. Those that the caller's trace came in are always added, and all are read.";
    JAEGER_PROPAGATION = "JAEGER_TRACE_PROPAGATION_TYPE", "unset", "`b3`: a trace goes on to other nodes in B3's headers too.";
    UNIT_WORKERS = "GUNICORN_WORKERS", "1", "Worker processes of `hari microservice`.";
    UNIT_ID = "PREDICTIVE_UNIT_ID", "unset", "Name of the unit that `hari serve` serves.";
    UNIT_HTTP_PORT = "PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9000", "HTTP port of `hari serve`.";
    UNIT_GRPC_PORT = "PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "9500", "gRPC port of `hari serve`.";
    UNIT_METRICS_PORT = "PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "6000", "Metrics port of `hari serve`.";
    UNIT_PARAMETERS = "PREDICTIVE_UNIT_PARAMETERS", "[]", "Parameters of the unit: a JSON array of {name, value, type}.";
    UNIT_METRICS_ENDPOINT = "PREDICTIVE_UNIT_METRICS_ENDPOINT", "/prometheus", "One more path that answers with the metrics.";
    REPLY_METRICS = "INCLUDE_METRICS_IN_CLIENT_RESPONSE", "true", "Whether `meta.metrics` of units is in replies; anything but `true` leaves it out. It is counted either way.";
    DEPLOYMENT_ID = "SELDON_DEPLOYMENT_ID", "the unit's name", "Deployment that the unit belongs to, for metrics.";
    PREDICTOR_ID = "PREDICTOR_ID", "default", "Predictor that the unit belongs to, for metrics.";
    HTTP_PROXY = "HTTP_PROXY", "unset", "Proxy for `http` addresses that models are fetched from; `http_proxy` counts as well.";
    HTTPS_PROXY = "HTTPS_PROXY", "unset", "Proxy for `https` addresses that models are fetched from; `https_proxy` counts as well.";
    ALL_PROXY = "ALL_PROXY", "unset", "Proxy for both, where the other two are unset; `all_proxy` counts as well.";
    NO_PROXY = "NO_PROXY", "unset", "Comma-separated hosts that are reached without a proxy; `no_proxy` counts as well.";
    RCLONE_CONFIG = "RCLONE_CONFIG_<REMOTE>_<KEY>", "unset", "A remote as rclone's environment defines it; see the guide on model storage.";
    AWS_ACCESS_KEY_ID = "AWS_ACCESS_KEY_ID", "unset", "Key for `s3://`.";
    AWS_SECRET_ACCESS_KEY = "AWS_SECRET_ACCESS_KEY", "unset", "Secret of that key.";
    AWS_SESSION_TOKEN = "AWS_SESSION_TOKEN", "unset", "Token of a temporary key.";
    AWS_REGION = "AWS_REGION", "us-east-1", "Region of `s3://`; `AWS_DEFAULT_REGION` counts as well.";
    AWS_DEFAULT_REGION = "AWS_DEFAULT_REGION", "unset", "As AWS_REGION, which wins.";
    AWS_ENDPOINT_URL_S3 = "AWS_ENDPOINT_URL_S3", "unset", "As AWS_ENDPOINT_URL, which it wins over.";
    AWS_ENDPOINT_URL = "AWS_ENDPOINT_URL", "that of the region", "Address of `s3://`, with `http://` or `https://`.";
    S3_ENDPOINT = "S3_ENDPOINT", "unset", "`host` or `host:port` of `s3://`, where AWS_ENDPOINT_URL is unset.";
    S3_USE_HTTPS = "S3_USE_HTTPS", "1", "`0`: S3_ENDPOINT is reached over `http`.";
    S3_VERIFY_SSL = "S3_VERIFY_SSL", "1", "Certificates are always checked; `0` is answered with a warning that says how to trust a CA.";
    AWS_ROLE_ARN = "AWS_ROLE_ARN", "unset", "Role for `s3://` that AWS_WEB_IDENTITY_TOKEN_FILE is exchanged for.";
    AWS_WEB_IDENTITY_TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE", "unset", "File with the token for AWS_ROLE_ARN, as EKS mounts it.";
    AWS_ROLE_SESSION_NAME = "AWS_ROLE_SESSION_NAME", "hari", "Name of the session of that role.";
    AWS_ENDPOINT_URL_STS = "AWS_ENDPOINT_URL_STS", "that of the region", "Address where the token is exchanged.";
    AWS_CONTAINER_URI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "unset", "Credentials of an ECS task; asked for with HARI_CLOUD_IDENTITY.";
    AWS_CONTAINER_FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "unset", "Credentials of an EKS pod identity; asked for with HARI_CLOUD_IDENTITY.";
    AWS_CONTAINER_TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "unset", "Token for AWS_CONTAINER_CREDENTIALS_FULL_URI.";
    GOOGLE_CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS", "unset: `gs://` is anonymous", "File with a service account's JSON, a user's, or that of a workload identity pool, for `gs://`.";
    STORAGE_EMULATOR_HOST = "STORAGE_EMULATOR_HOST", "https://storage.googleapis.com", "Address of `gs://`.";
    AZURE_ACCOUNT = "AZURE_STORAGE_ACCOUNT", "unset", "Account of `az://`; `AZURE_STORAGE_ACCOUNT_NAME` counts as well.";
    AZURE_ACCOUNT_NAME = "AZURE_STORAGE_ACCOUNT_NAME", "unset", "As AZURE_STORAGE_ACCOUNT, which wins.";
    AZURE_KEY = "AZURE_STORAGE_KEY", "unset", "Key of the account; `AZURE_STORAGE_ACCOUNT_KEY` and `AZURE_STORAGE_ACCESS_KEY` count as well.";
    AZURE_ACCOUNT_KEY = "AZURE_STORAGE_ACCOUNT_KEY", "unset", "As AZURE_STORAGE_KEY, which wins.";
    AZURE_ACCESS_KEY = "AZURE_STORAGE_ACCESS_KEY", "unset", "As AZURE_STORAGE_KEY, which wins.";
    AZURE_SAS = "AZURE_STORAGE_SAS_TOKEN", "unset", "Shared access signature for the account or container.";
    AZURE_CONNECTION = "AZURE_STORAGE_CONNECTION_STRING", "unset", "Account, key or signature, and address in one text, as the portal shows it.";
    AZURE_ENDPOINT = "AZURE_STORAGE_ENDPOINT", "https://<account>.blob.core.windows.net", "Address of the account.";
    AZURE_TENANT_ID = "AZURE_TENANT_ID", "unset", "Tenant of the identity below.";
    AZURE_CLIENT_ID = "AZURE_CLIENT_ID", "unset", "Identity that takes AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE.";
    AZURE_CLIENT_SECRET = "AZURE_CLIENT_SECRET", "unset", "Secret of AZURE_CLIENT_ID.";
    AZURE_FEDERATED_TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE", "unset", "File with the token for AZURE_CLIENT_ID, as AKS mounts it.";
    AZURE_AUTHORITY_HOST = "AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com", "Where tokens for AZURE_CLIENT_ID are had.";
    DOCKER_CONFIG = "DOCKER_CONFIG", "$HOME/.docker", "Folder of the `config.json` with logins to registries, for `oci://`.";
    PVC_ROOT = "HARI_PVC_ROOT", "/mnt/pvc", "Folder where the claim of a `pvc://claim/path` is mounted.";
    KAFKA_BROKER = "KAFKA_BROKER", "unset", "Brokers of a deployment with `serverType: kafka`: `host:port`, comma-separated. These and the following are read from `svcOrchSpec.env` first.";
    KAFKA_INPUT_TOPIC = "KAFKA_INPUT_TOPIC", "unset", "Topic that requests are read from.";
    KAFKA_OUTPUT_TOPIC = "KAFKA_OUTPUT_TOPIC", "unset", "Topic that answers are written to.";
    KAFKA_ERROR_TOPIC = "KAFKA_ERROR_TOPIC", "that of the answers", "Topic that answers which are errors are written to.";
    KAFKA_WORKERS = "KAFKA_WORKERS", "4", "Messages answered at the same time.";
    KAFKA_AUTO_COMMIT = "KAFKA_AUTO_COMMIT", "true", "`false` commits each message as soon as its answer is acknowledged, else those of a second together; none is committed before.";
    KAFKA_FULL_GRAPH = "KAFKA_FULL_GRAPH", "false", "Calls between the nodes of a graph over Kafka: not offered, `true` is refused.";
    KAFKA_SECURITY_PROTOCOL = "KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`, in any case.";
    KAFKA_SSL_CA_CERT = "KAFKA_SSL_CA_CERT", "the machine's own roots", "Certificates that sign those of the brokers, as PEM text.";
    KAFKA_SSL_CA_CERT_FILE = "KAFKA_SSL_CA_CERT_FILE", "unset", "As KAFKA_SSL_CA_CERT, in a file.";
    KAFKA_SSL_CLIENT_CERT = "KAFKA_SSL_CLIENT_CERT", "unset", "The client's certificate, as PEM text.";
    KAFKA_SSL_CLIENT_CERT_FILE = "KAFKA_SSL_CLIENT_CERT_FILE", "unset", "As KAFKA_SSL_CLIENT_CERT, in a file.";
    KAFKA_SSL_CLIENT_KEY = "KAFKA_SSL_CLIENT_KEY", "unset", "The client's private key, as PEM text.";
    KAFKA_SSL_CLIENT_KEY_FILE = "KAFKA_SSL_CLIENT_KEY_FILE", "unset", "As KAFKA_SSL_CLIENT_KEY, in a file.";
    KAFKA_SSL_CLIENT_KEY_PASS = "KAFKA_SSL_CLIENT_KEY_PASS", "unset", "Password of that key, if it is encrypted (PKCS#8).";
    KAFKA_SASL_USERNAME = "KAFKA_SASL_USERNAME", "unset", "User of the broker.";
    KAFKA_SASL_PASSWORD = "KAFKA_SASL_PASSWORD", "unset", "Password of that user.";
    KAFKA_SASL_MECHANISM = "KAFKA_SASL_MECHANISM", "PLAIN", "`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.";
    FULL_HEALTH_CHECKS = "HARI_FULL_HEALTH_CHECKS", "false", "`true`: a node elsewhere that is called over REST is ready when its own health check says so (`/api/v1.0/health/status`, `/v2/health/ready`); else when it accepts connections.";
    PYTHON = "HARI_PYTHON", "`python3`", "Interpreter of Python classes; those with a requirements.txt get an environment made with it.";
    PYTHON_LOAD = "HARI_PYTHON_LOAD_SECONDS", "300", "Most seconds from the start of a Python worker to its class being made.";
    PYTHON_STUCK = "HARI_PYTHON_STUCK_SECONDS", "30", "A Python worker that computes this many seconds after the deadline of its request is stuck: it is ended and started anew.";
    REQUEST_LOGGER_DEFAULT_ENDPOINT = "REQUEST_LOGGER_DEFAULT_ENDPOINT", "unset", "Where payloads go whose `logger` names no URL: an HTTP address, `kafka://host:port/topic`, `file:///folder` or a folder.";
    LOGGER_KAFKA_BROKER = "LOGGER_KAFKA_BROKER", "unset", "Brokers that payloads are logged to, in place of HTTP: `host:port`, comma-separated. Its security is set as that of KAFKA_BROKER.";
    LOGGER_KAFKA_TOPIC = "LOGGER_KAFKA_TOPIC", "seldon", "Topic that payloads are logged to.";
    PAYLOAD_LOG_WORKERS = "HARI_PAYLOAD_LOG_WORKERS", "10", "Logged payloads sent at the same time, for each target.";
    PAYLOAD_LOG_QUEUE = "HARI_PAYLOAD_LOG_QUEUE", "10000", "Payloads that may wait to be logged, for each target; those beyond are dropped and counted.";
    PAYLOAD_LOG_QUEUE_BYTES = "HARI_PAYLOAD_LOG_QUEUE_BYTES", "256MiB", "Bytes of payloads that may wait to be logged, for each target.";
    PAYLOAD_LOG_TIMEOUT = "HARI_PAYLOAD_LOG_TIMEOUT_MS", "10000", "Most milliseconds of one try to log a payload.";
    PAYLOAD_LOG_ATTEMPTS = "HARI_PAYLOAD_LOG_ATTEMPTS", "5", "Tries to log a payload before it is given up.";
    PAYLOAD_LOG_BATCH = "HARI_PAYLOAD_LOG_BATCH", "1", "Most logged payloads in one HTTP request; more than 1 sends `application/cloudevents-batch+json`.";
    ENGINE_PREDICTOR = "ENGINE_PREDICTOR", "unset", "The predictor that `hari engine` serves: base64 of the JSON of its spec.";
    ANNOTATIONS_FILE = "HARI_ANNOTATIONS_FILE", "/etc/podinfo/annotations", "File with the pod's annotations, `name=\"value\"` a line, that `hari engine` reads.";
    DEBUG = "SELDON_DEBUG", "false", "`true`: `hari engine` writes log lines for people.";
    NODE_CA_FILE = "HARI_NODE_CA_FILE", "the machine's own certificates", "Certificates that sign those of nodes with `hari.dev/node-tls`, as PEM; beside the machine's own.";
    NODE_CERT_FILE = "HARI_NODE_CERT_FILE", "unset: none is shown", "Certificate that is shown to nodes with `hari.dev/node-tls`, as PEM; its key is HARI_NODE_KEY_FILE.";
    NODE_KEY_FILE = "HARI_NODE_KEY_FILE", "unset", "Private key of HARI_NODE_CERT_FILE, as PEM.";
    CERT_MOUNT_PATH = "SELDON_CERT_MOUNT_PATH", "unset: no TLS", "Folder of the certificate and key with which `hari engine` listens; they are read again when they change.";
    CERT_FILE_NAME = "SELDON_CERT_FILE_NAME", "tls.crt", "File of the certificate chain there, as PEM.";
    CERT_KEY_FILE_NAME = "SELDON_CERT_KEY_FILE_NAME", "tls.key", "File of the private key there, as PEM.";
    POD_NAMESPACE = "POD_NAMESPACE", "seldon-system", "Namespace of `hari operator`: its ConfigMap, its lease, the secret of its webhook.";
    POD_NAME = "POD_NAME", "HOSTNAME, else `hari`", "Name of this replica of `hari operator`, as its lease shows it.";
    HOSTNAME = "HOSTNAME", "unset", "As POD_NAME, which wins; container runtimes set it.";
    WATCH_NAMESPACE = "WATCH_NAMESPACE", "unset: all namespaces", "The one namespace whose deployments `hari operator` serves; it wins over `--namespace`.";
    CONTROLLER_ID = "CONTROLLER_ID", "unset", "`hari operator` serves the deployments whose label `seldon.io/controller-id` has this value; unset, those without the label.";
    MANAGER_LOG_LEVEL = "MANAGER_LOG_LEVEL", "INFO", "As SELDON_LOG_LEVEL, which wins, for `hari operator`.";
    LEADER_ELECTION_ID = "LEADER_ELECTION_ID", "a33bd623.machinelearning.seldon.io", "Name of the lease of `hari operator`.";
    MANAGER_CREATE_RESOURCES = "MANAGER_CREATE_RESOURCES", "false", "`true`: `hari operator` makes its own CRD, webhook, Service and ConfigMap at the start.";
    OPERATOR_IMAGE = "HARI_IMAGE", "RELATED_IMAGE_EXECUTOR, else EXECUTOR_CONTAINER_IMAGE_AND_VERSION", "Image of Hari that `hari operator` puts into pods.";
    PYTHON_IMAGE = "HARI_PYTHON_IMAGE", "unset", "Image of Hari with Python, which `hari operator` puts into pods for units that are Python classes.";
    EXECUTOR_IMAGE = "EXECUTOR_CONTAINER_IMAGE_AND_VERSION", "`hari` of this version", "As HARI_IMAGE, which wins. An image of the original's executor is not taken.";
    EXECUTOR_PULL_POLICY = "EXECUTOR_CONTAINER_IMAGE_PULL_POLICY", "IfNotPresent", "When nodes pull that image: `Always`, `IfNotPresent` or `Never`.";
    EXECUTOR_PORT = "EXECUTOR_SERVER_PORT", "8000", "Port of predictors for REST, of Services and containers.";
    EXECUTOR_GRPC_PORT = "EXECUTOR_SERVER_GRPC_PORT", "5001", "Port of predictors for gRPC, of Services and containers.";
    ENGINE_PORT = "ENGINE_SERVER_PORT", "8000", "As EXECUTOR_SERVER_PORT, which wins.";
    ENGINE_GRPC_PORT = "ENGINE_SERVER_GRPC_PORT", "5001", "As EXECUTOR_SERVER_GRPC_PORT, which wins.";
    EXECUTOR_METRICS_PORT_NAME = "EXECUTOR_SERVER_METRICS_PORT_NAME", "metrics", "Name of the port of predictors for metrics.";
    EXECUTOR_PROMETHEUS_PATH = "EXECUTOR_PROMETHEUS_PATH", "/prometheus", "Path of the metrics of pods.";
    EXECUTOR_USER = "EXECUTOR_CONTAINER_USER", "8888", "User of the orchestrator's container.";
    EXECUTOR_SERVICE_ACCOUNT = "EXECUTOR_CONTAINER_SERVICE_ACCOUNT_NAME", "default", "Service account of orchestrators in pods of their own.";
    EXECUTOR_CPU_REQUEST = "EXECUTOR_DEFAULT_CPU_REQUEST", "500m", "CPU that is kept free for an orchestrator.";
    EXECUTOR_CPU_LIMIT = "EXECUTOR_DEFAULT_CPU_LIMIT", "500m", "Most CPU of an orchestrator.";
    EXECUTOR_MEMORY_REQUEST = "EXECUTOR_DEFAULT_MEMORY_REQUEST", "512Mi", "Memory that is kept free for an orchestrator.";
    EXECUTOR_MEMORY_LIMIT = "EXECUTOR_DEFAULT_MEMORY_LIMIT", "512Mi", "Most memory of an orchestrator.";
    EXECUTOR_LOGGER_ENDPOINT = "EXECUTOR_REQUEST_LOGGER_DEFAULT_ENDPOINT", "http://default-broker", "REQUEST_LOGGER_DEFAULT_ENDPOINT of pods.";
    EXECUTOR_LOGGER_QUEUE = "EXECUTOR_REQUEST_LOGGER_WORK_QUEUE_SIZE", "10000", "Payloads that may wait to be logged, in each pod.";
    EXECUTOR_LOGGER_TIMEOUT = "EXECUTOR_REQUEST_LOGGER_WRITE_TIMEOUT_MS", "2000", "Most milliseconds that a payload waits for room in that queue.";
    EXECUTOR_FULL_HEALTH_CHECKS = "EXECUTOR_FULL_HEALTH_CHECKS", "false", "HARI_FULL_HEALTH_CHECKS of pods.";
    DEFAULT_USER_ID = "DEFAULT_USER_ID", "8888", "User of pods that name none; set to nothing, there is none.";
    DEFAULT_CERT_MOUNT_PATH = "DEFAULT_CERT_MOUNT_PATH_NAME", "/cert/", "Folder where pods find the certificate of `ssl.certSecretName`.";
    METRICS_PORT_NAME = "PREDICTIVE_UNIT_METRICS_PORT_NAME", "metrics", "Name of the port of units for metrics.";
    DEFAULT_ENV_SECRET = "PREDICTIVE_UNIT_DEFAULT_ENV_SECRET_REF_NAME", "unset", "Secret whose entries are the environment of model downloads that name none.";
    DEPLOYMENT_NAME_AS_PREFIX = "DEPLOYMENT_NAME_AS_PREFIX", "false", "`true`: names of Deployments that have to be hashed begin with the deployment's.";
    KEDA_ENABLED = "KEDA_ENABLED", "false", "`true`: `kedaSpec` makes ScaledObjects.";
    ISTIO_ENABLED = "ISTIO_ENABLED", "false", "`true`: VirtualServices and DestinationRules are made.";
    ISTIO_GATEWAY = "ISTIO_GATEWAY", "istio-system/seldon-gateway", "Istio gateway of deployments that name none.";
    ISTIO_TLS_MODE = "ISTIO_TLS_MODE", "unset", "TLS mode of Istio's connections to predictors, such as `ISTIO_MUTUAL`.";
    AMBASSADOR_ENABLED = "AMBASSADOR_ENABLED", "false", "`true`: Ambassador's mappings are made.";
    AMBASSADOR_VERSION = "AMBASSADOR_VERSION", "v2", "`v1`: mappings are an annotation of Services; `v2`: they are objects.";
    AMBASSADOR_SINGLE_NAMESPACE = "AMBASSADOR_SINGLE_NAMESPACE", "false", "`true`: Ambassador routes paths without the namespace too.";
    GATEWAY = "HARI_GATEWAY", "unset", "`[NAMESPACE/]NAME` of a Gateway of the Gateway API: HTTPRoutes and GRPCRoutes are made for it.";
    INGRESS_ENABLED = "HARI_INGRESS_ENABLED", "false", "`true`: an Ingress is made for each deployment.";
    INGRESS_CLASS = "HARI_INGRESS_CLASS", "the cluster's default", "Class of those Ingresses; setting it makes them.";
    WEBHOOK_CERTIFICATES = "HARI_WEBHOOK_CERT_DIR", "/tmp/k8s-webhook-server/serving-certs", "Folder of `tls.crt`, `tls.key` and `ca.crt` of the webhook, as cert-manager mounts them; without them the operator makes its own.";
    WEBHOOK_SERVICE = "HARI_WEBHOOK_SERVICE", "seldon-webhook-service", "Service of the webhook: the name that its certificate is for.";
    WEBHOOK_HOSTS = "HARI_WEBHOOK_HOSTS", "unset", "Comma-separated further names and addresses that the webhook's certificate is for, where its configuration has a `url` in place of a Service.";
    WEBHOOK_SECRET = "HARI_WEBHOOK_SECRET", "seldon-webhook-server-cert", "Secret in which the operator keeps the certificate that it makes.";
    WEBHOOK_CONFIGURATION = "HARI_WEBHOOK_CONFIGURATION", "seldon-validating-webhook-configuration-<POD_NAMESPACE>", "ValidatingWebhookConfiguration whose `caBundle` the operator keeps right.";
    OPERATOR_RESOURCES = "HARI_OPERATOR_RESOURCES", "/tmp/operator-resources", "Folder with files that take the place of what `--create-resources` would make: `crd-v1.yaml`, `validate.yaml`, `service.yaml`, `configmap.yaml`.";
    IMAGE_EXECUTOR = "RELATED_IMAGE_EXECUTOR", "unset", "As EXECUTOR_CONTAINER_IMAGE_AND_VERSION, which it wins over. This and the following are how an installation without a registry of its own names all of its images.";
    IMAGE_STORAGE = "RELATED_IMAGE_STORAGE_INITIALIZER", "unset: `hari fetch`", "Image of model downloads; wins over `storageInitializer.image` of seldon-config.";
    IMAGE_SKLEARN = "RELATED_IMAGE_SKLEARNSERVER", "unset", "Image of SKLEARN_SERVER, in place of the built-in one.";
    IMAGE_SKLEARN_V2 = "RELATED_IMAGE_SKLEARNSERVER_V2", "unset", "The same for `protocol: v2`.";
    IMAGE_XGBOOST = "RELATED_IMAGE_XGBOOSTSERVER", "unset", "Image of XGBOOST_SERVER, in place of the built-in one.";
    IMAGE_XGBOOST_V2 = "RELATED_IMAGE_XGBOOSTSERVER_V2", "unset", "The same for `protocol: v2`.";
    IMAGE_MLFLOW = "RELATED_IMAGE_MLFLOWSERVER", "unset", "Image of MLFLOW_SERVER, in place of the built-in one.";
    IMAGE_MLFLOW_V2 = "RELATED_IMAGE_MLFLOWSERVER_V2", "unset", "The same for `protocol: v2`.";
    IMAGE_TFPROXY = "RELATED_IMAGE_TFPROXY", "unset", "Image of TENSORFLOW_SERVER for `protocol: seldon`, in place of the built-in one.";
    IMAGE_TENSORFLOW = "RELATED_IMAGE_TENSORFLOW", "unset", "Image of TENSORFLOW_SERVER for `protocol: tensorflow`, in place of the built-in one.";
    IMAGE_EXPLAINER = "RELATED_IMAGE_EXPLAINER", "unset", "Image of explainers; wins over `explainer.image` of seldon-config.";
    IMAGE_EXPLAINER_V2 = "RELATED_IMAGE_EXPLAINER_V2", "unset", "The same for `protocol: v2`.";
    IMAGE_MOCK = "RELATED_IMAGE_MOCK_CLASSIFIER", "unset", "Taken, without effect: an image of the original's tests.";
    USE_EXECUTOR = "USE_EXECUTOR", "unset", "Taken, without effect.";
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

    /// The value, if it is set, be it to nothing.
    #[must_use]
    pub fn given(&self) -> Option<String> {
        std::env::var(self.name).ok()
    }

    /// The value as `T`, if it is set.
    ///
    /// # Errors
    /// Names the setting and what was found, if it cannot be read as `T`.
    pub fn parse<T: FromStr>(&self) -> Result<Option<T>> {
        self.get().map(|value| self.read(&value)).transpose()
    }

    /// `value` as `T`.
    ///
    /// # Errors
    /// Names the setting and what was found, if it cannot be read as `T`.
    pub fn read<T: FromStr>(&self, value: &str) -> Result<T> {
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

/// The longest run of a model that is not handed to the model pool.
///
/// # Errors
/// If the setting is not a number.
pub fn inline() -> Result<Duration> {
    Ok(Duration::from_micros(INLINE.parse()?.unwrap_or(50)))
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
