//! What an installation of the operator may set, and what holds where it does not.

use std::collections::BTreeMap;

use hari_api::k8s_openapi::api::core::v1::ResourceRequirements;
use hari_api::k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use hari_plan::contract::{path, port};
use serde::{Deserialize, Serialize};

/// Settings of an installation. As YAML or JSON its names are those of the fields, in camel case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// Image of Hari: orchestrator, built-in servers, and model download.
    pub image: String,
    /// Image of Hari with Python, for units that are Python classes; without one they need an image
    /// of the user's.
    pub python_image: Option<String>,
    /// When that image is pulled.
    pub image_pull_policy: String,
    /// Port of predictors for HTTP, of Service and container alike.
    pub http_port: i32,
    /// Port of predictors for gRPC, of Service and container alike.
    pub grpc_port: i32,
    /// Port of orchestrators for metrics.
    pub metrics_port: i32,
    /// Name of the port of predictors for metrics.
    pub metrics_port_name: String,
    /// Path of metrics.
    pub prometheus_path: String,
    /// User of pods that name none.
    pub pod_user: Option<i64>,
    /// User of the orchestrator.
    pub engine_user: Option<i64>,
    /// Resources of an orchestrator, unless `svcOrchSpec.resources` says otherwise.
    pub engine_resources: Resources,
    /// Service account of orchestrators in pods of their own.
    pub engine_service_account: String,
    /// Where payloads are logged if a logger names no URL.
    pub logger_endpoint: String,
    /// Payloads that may wait to be logged.
    pub logger_queue: u64,
    /// Milliseconds one payload log may take.
    pub logger_timeout_ms: u64,
    /// Whether readiness asks the units' own status.
    pub full_health_checks: bool,
    /// Folder of certificates.
    pub certificates: String,
    /// Download of models.
    pub storage: Storage,
    /// Which entries of the secrets of service accounts are credentials.
    pub credentials: Credentials,
    /// Images of explainers.
    pub explainer: ExplainerImages,
    /// Whether names of Deployments that have to be hashed begin with the deployment's.
    pub name_as_prefix: bool,
    /// Whether KEDA is there.
    pub keda: bool,
    /// Istio, if it is to route.
    pub istio: Option<Istio>,
    /// Ambassador, if it is to route.
    pub ambassador: Option<Ambassador>,
    /// A Gateway, if it is to route.
    pub gateway: Option<Gateway>,
    /// An Ingress, if it is to route.
    pub ingress: Option<Ingress>,
}

/// Requests and limits, as Kubernetes writes quantities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// CPU that is kept free.
    pub cpu_request: String,
    /// CPU that is not exceeded.
    pub cpu_limit: String,
    /// Memory that is kept free.
    pub memory_request: String,
    /// Memory that is not exceeded.
    pub memory_limit: String,
}

/// Images of explainers whose container names none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ExplainerImages {
    /// For `protocol: seldon` and `tensorflow`.
    pub image: Option<String>,
    /// For `protocol: v2`.
    #[serde(alias = "image_v2")]
    pub image_v2: Option<String>,
}

/// Which entries of the secrets of service accounts are credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Credentials {
    /// Entry that holds the key file of a Google service account.
    pub gcs_file: String,
    /// Entry that holds the id of an access key of S3.
    pub s3_access_key_id: String,
    /// Entry that holds the secret of an access key of S3.
    pub s3_secret_access_key: String,
    /// `host:port` of S3, where the secret's annotations name none.
    pub s3_endpoint: Option<String>,
    /// `0` if that is reached over HTTP.
    pub s3_use_https: Option<String>,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            gcs_file: "gcloud-application-credentials.json".to_owned(),
            s3_access_key_id: "awsAccessKeyID".to_owned(),
            s3_secret_access_key: "awsSecretAccessKey".to_owned(),
            s3_endpoint: None,
            s3_use_https: None,
        }
    }
}

/// Download of models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Storage {
    /// An image that takes URI and folder as its arguments; `hari fetch` if there is none.
    pub image: Option<String>,
    /// Its resources.
    pub resources: Resources,
    /// Secret whose entries are the environment of downloads that name none.
    pub env_secret: Option<String>,
}

/// Istio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Istio {
    /// Gateway of deployments that name none.
    pub gateway: String,
    /// TLS mode of connections to predictors.
    #[serde(default)]
    pub tls_mode: Option<String>,
}

/// Ambassador.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ambassador {
    /// Its form of configuration.
    pub version: AmbassadorVersion,
    /// Whether paths without the namespace are routed too.
    #[serde(default)]
    pub single_namespace: bool,
}

/// Form of Ambassador's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AmbassadorVersion {
    /// An annotation of the Service.
    V1,
    /// Objects.
    V2,
}

/// A Gateway of the Gateway API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// Its namespace; the deployment's if `None`.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// The Ingress of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ingress {
    /// Class; the cluster's default if `None`.
    #[serde(default)]
    pub class: Option<String>,
}

/// Metrics have a port of their own: server-side apply takes no number twice in a container.
const METRICS: i32 = 8006;

impl Default for Storage {
    fn default() -> Self {
        Self {
            image: None,
            resources: Resources::new(["100m", "1", "100Mi", "1Gi"]),
            env_secret: None,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            image: concat!("hari:", env!("CARGO_PKG_VERSION")).to_owned(),
            python_image: None,
            image_pull_policy: "IfNotPresent".to_owned(),
            http_port: port::ENGINE_HTTP.into(),
            grpc_port: port::ENGINE_GRPC.into(),
            metrics_port: METRICS,
            metrics_port_name: port::METRICS_NAME.to_owned(),
            prometheus_path: path::PROMETHEUS.to_owned(),
            pod_user: Some(8888),
            engine_user: Some(8888),
            engine_resources: Resources::new(["500m", "500m", "512Mi", "512Mi"]),
            engine_service_account: "default".to_owned(),
            logger_endpoint: "http://default-broker".to_owned(),
            logger_queue: 10_000,
            logger_timeout_ms: 2000,
            full_health_checks: false,
            certificates: path::CERTIFICATES.to_owned(),
            storage: Storage::default(),
            credentials: Credentials::default(),
            explainer: ExplainerImages::default(),
            name_as_prefix: false,
            keda: false,
            istio: None,
            ambassador: None,
            gateway: None,
            ingress: None,
        }
    }
}

impl Resources {
    fn new([cpu_request, cpu_limit, memory_request, memory_limit]: [&str; 4]) -> Self {
        Self {
            cpu_request: cpu_request.to_owned(),
            cpu_limit: cpu_limit.to_owned(),
            memory_request: memory_request.to_owned(),
            memory_limit: memory_limit.to_owned(),
        }
    }

    pub(crate) fn requirements(&self) -> ResourceRequirements {
        let of = |cpu: &String, memory: &String| {
            let pair = |name: &str, value: &String| (name.to_owned(), Quantity(value.clone()));
            Some(BTreeMap::from([pair("cpu", cpu), pair("memory", memory)]))
        };
        ResourceRequirements {
            requests: of(&self.cpu_request, &self.memory_request),
            limits: of(&self.cpu_limit, &self.memory_limit),
            ..ResourceRequirements::default()
        }
    }
}
