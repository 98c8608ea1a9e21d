//! The bound plan: what the engine is handed. It has no laptop mode and no cluster mode.

use std::collections::BTreeMap;
use std::time::Duration;

use hari_api::{Protocol, Transport};

pub use crate::plan::LoggerPlan;

/// A deployment, each node of which has a place to run.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundDeployment {
    /// Kubernetes namespace; `default` if none was given.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// Protocol between the parts of the graph.
    pub protocol: Protocol,
    /// Transport between the parts of the graph.
    pub transport: Transport,
    /// At least one.
    pub predictors: Vec<BoundPredictor>,
}

/// One predictor: a graph with its share of the traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundPredictor {
    /// Unique in the deployment.
    pub name: String,
    /// Percent of the requests; the shares of those that are not shadows sum to 100.
    pub traffic: u32,
    /// Gets a copy of `traffic` percent of the requests, and its answers are thrown away.
    pub shadow: bool,
    /// Labels, with `version` always present.
    pub labels: BTreeMap<String, String>,
    /// `spec.annotations` overlaid with the predictor's.
    pub annotations: BTreeMap<String, String>,
    /// From `seldon.io/rest-timeout`, if given.
    pub rest_timeout: Option<Duration>,
    /// From `seldon.io/grpc-timeout`, if given.
    pub grpc_timeout: Option<Duration>,
    /// If requests come from Kafka: the variables of `svcOrchSpec.env` that have a value. A shadow
    /// reads none, it gets copies.
    pub kafka: Option<BTreeMap<String, String>>,
    /// The root.
    pub graph: BoundNode,
}

/// One node of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundNode {
    /// Unique in the predictor.
    pub name: String,
    /// Field path of the node in the document, for messages: `spec.predictors[0].graph`.
    pub path: String,
    /// Which calls it gets: type and methods already put together.
    pub calls: Calls,
    /// Where it runs.
    pub placement: Placement,
    /// Where its payloads are recorded, if they are.
    pub logger: Option<LoggerPlan>,
    /// What a failure of the node means for the request.
    pub on_failure: OnFailure,
    /// In order; the index is the branch number of a router.
    pub children: Vec<BoundNode>,
}

/// Which calls a node gets on the walk (contract, graph, section 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Predict, on the way down.
    pub predict: bool,
    /// Transform-input, on the way down; instead of predict if both are asked for.
    pub transform_input: bool,
    /// Transform-output, on the way up.
    pub transform_output: bool,
    /// Route, before the children.
    pub route: bool,
    /// Aggregate, after the children.
    pub aggregate: bool,
    /// Send-feedback.
    pub feedback: bool,
}

/// Where a node runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Placement {
    /// A model in this process.
    InProcess(ModelSource),
    /// A unit that is part of the engine.
    Builtin(Builtin),
    /// A user's Python class, in worker processes of its own.
    Child(PythonSource),
    /// A unit on the other end of a connection.
    Remote(Remote),
}

/// What a failure of a node means for the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The request fails, and the node is named.
    #[default]
    Fail,
    /// The request goes on without the node: a transformer hands its message on, a child is left
    /// out of what its parent combines. A node that no other can stand in for still fails.
    Continue,
}

/// A unit on the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// What it speaks.
    pub protocol: Protocol,
    /// REST or gRPC.
    pub transport: Transport,
    /// Whether connections to it are encrypted.
    pub tls: bool,
    /// Its image, for metrics and `requestPath`; empty if unknown.
    pub image: String,
}

/// Where a unit listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// Port for REST.
    pub http_port: u16,
    /// Port for gRPC.
    pub grpc_port: u16,
}

/// A user's Python class, and what its workers need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PythonSource {
    /// Folder with the class's module, as the user wrote it; a relative path is relative to the
    /// document's folder.
    pub model_uri: String,
    /// Module or module and class (`Model`, `package.module.Class`).
    pub class: String,
    /// Constructor arguments by name.
    pub parameters: BTreeMap<String, ParameterValue>,
    /// Worker processes; at least one.
    pub workers: usize,
    /// Environment that the workers get beside what the engine sets.
    pub env: BTreeMap<String, String>,
    /// Bytes of address space that a worker may take, if that is limited.
    pub memory: Option<u64>,
}

/// Which model to load, and with which runtime.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSource {
    /// Which runtime takes it.
    pub runtime: Runtime,
    /// As the user wrote it; a relative path is relative to the document's folder.
    pub model_uri: String,
    /// Typed parameters by name.
    pub parameters: BTreeMap<String, ParameterValue>,
    /// Dynamic batching, if switched on for this node.
    pub batching: Option<Batching>,
}

/// Model runtimes of this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// TensorFlow SavedModel.
    Tensorflow,
    /// ONNX file.
    Onnx,
    /// Triton model repository.
    Triton,
    /// Hugging Face folder.
    Transformers,
    /// XGBoost booster.
    Xgboost,
    /// LightGBM booster.
    Lightgbm,
    /// CatBoost model.
    Catboost,
    /// Fitted scikit-learn estimator.
    Sklearn,
    /// MLflow folder: a model of one of the others, and what it says of it.
    Mlflow,
}

impl Runtime {
    /// Whether it computes neural networks, on an engine that can be chosen. An MLflow folder may
    /// hold one.
    #[must_use]
    pub const fn is_neural(self) -> bool {
        !matches!(
            self,
            Self::Xgboost | Self::Lightgbm | Self::Catboost | Self::Sklearn
        )
    }
}

/// Dynamic batching of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Most rows in one batch.
    pub max_rows: usize,
    /// How long the first request of a batch waits for company.
    pub window: Duration,
}

/// A parameter with its declared type.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterValue {
    /// `INT`
    Int(i64),
    /// `FLOAT`, `DOUBLE`
    Float(f64),
    /// `STRING`
    String(String),
    /// `BOOL`
    Bool(bool),
}

/// How a router that learns chooses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// The branch with the best mean, but with the probability `epsilon` one of the others.
    EpsilonGreedy {
        /// From 0 to 1.
        epsilon: f64,
        /// The best one as long as there are no rewards.
        best_branch: Option<usize>,
    },
    /// The branch whose draw of its posterior is the highest.
    ThompsonSampling,
    /// The branch with the highest upper bound of its mean.
    Ucb,
}

/// A router that learns from rewards.
#[derive(Clone, Debug, PartialEq)]
pub struct Learner {
    /// How it chooses.
    pub policy: Policy,
    /// Names of the branches; those of the children if empty.
    pub branch_names: Vec<String>,
    /// Makes its choices repeatable.
    pub seed: Option<i64>,
    /// Writes each choice and each reward to the log.
    pub verbose: bool,
    /// Keeps the last rewards in the state.
    pub history: bool,
    /// Folder in which it keeps what it learnt; a relative one is relative to the document's.
    pub state: Option<String>,
}

impl Learner {
    /// A router without any parameter.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            branch_names: Vec::new(),
            seed: None,
            verbose: false,
            history: false,
            state: None,
        }
    }
}

/// Units that are part of the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Builtin {
    /// Answers a constant of three classes, whatever is asked.
    SimpleModel,
    /// Routes to the first child.
    SimpleRouter,
    /// Routes to branch 0 with this probability, else to branch 1.
    RandomAbTest {
        /// Probability of branch 0.
        ratio_a: f64,
    },
    /// Routes to the branch that answers best, as far as it learnt.
    Learner(Learner),
    /// The element-wise mean of the children's tensors.
    AverageCombiner,
    /// Hands the message on: a node without a component of its own.
    PassThrough,
}
