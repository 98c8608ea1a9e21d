//! Every rule of validation by name: what it says, and how the admission webhook shows it.

use hari_api::Issue;

/// Where the admission webhook says a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `spec`, whatever the field.
    Spec,
    /// `spec.predictors[i]`.
    Predictor,
    /// The node: `spec.predictors[i].graph[k]`.
    Unit,
    /// The field itself.
    Field,
}

/// A rule of validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable name, in kebab case.
    pub name: &'static str,
    /// Where the webhook says it is broken.
    pub level: Level,
    /// What holds when it is kept.
    pub doc: &'static str,
}

macro_rules! rules {
    ($($name:ident = $text:literal, $level:ident, $doc:literal;)+) => {
        $(#[doc = $doc] pub(crate) const $name: &str = $text;)+

        /// Every rule.
        pub const RULES: &[Rule] = &[$(
            Rule { name: $text, level: Level::$level, doc: $doc },
        )+];
    };
}

rules! {
    // What Seldon Core refuses, in its order and words.
    INVALID_PROTOCOL = "invalid-protocol", Spec, "`protocol` is seldon, tensorflow, v2 or kfserving.";
    INVALID_TRANSPORT = "invalid-transport", Spec, "`transport` is rest or grpc.";
    INVALID_SERVER_TYPE = "invalid-server-type", Spec, "`serverType` is rpc or kafka.";
    KAFKA_ENVIRONMENT = "kafka-environment", Predictor, "A predictor that reads from Kafka names its brokers and topics.";
    ONLY_SHADOW = "only-shadow", Predictor, "A shadow has a predictor to shadow.";
    DUPLICATE_SERVICE_NAME = "duplicate-service-name", Predictor, "Predictors have Services of different names.";
    NO_PREDICTORS = "no-predictors", Spec, "There is at least one predictor.";
    NO_ENGINE_GRAPH = "no-engine-graph", Predictor, "Only a graph of one unit does without an orchestrator.";
    DUPLICATE_PREDICTOR = "duplicate-predictor", Predictor, "Predictors have different names.";
    NO_CONTAINER = "no-container", Unit, "A unit without an implementation has a container of its name.";
    NO_METHODS = "no-methods", Unit, "A unit of unknown type says which methods it has.";
    NO_MODEL_URI = "no-model-uri", Unit, "A prepackaged server has a `modelUri`.";
    NO_TENSORFLOW_PROTOCOL = "no-tensorflow-protocol", Unit, "The server is one that can be part of a graph with `protocol: tensorflow`.";
    UNKNOWN_IMPLEMENTATION = "unknown-implementation", Unit, "`implementation` names a built-in unit or an installed server.";
    PYTHON = "python-class", Field, "What a Python class is made with can be read: its name, its arguments, its workers and its memory.";
    NO_LOGGER_MODE = "no-logger-mode", Unit, "A logger says what it records.";
    SEVERAL_ENDPOINT_TYPES = "several-endpoint-types", Spec, "All endpoints have one type.";
    MIXED_TRANSPORTS = "mixed-transports", Spec, "The type of endpoints is the `transport` of the deployment.";
    SEVERAL_SHADOWS = "several-shadows", Spec, "There is at most one shadow.";
    SHADOW_TRAFFIC = "shadow-traffic", Spec, "A shadow gets 0 to 100 percent of the requests.";
    TRAFFIC_SUM = "traffic-sum", Spec, "The shares of several predictors sum to 100.";
    SINGLE_TRAFFIC = "single-traffic", Spec, "A predictor alone gets all requests.";

    // What Seldon Core lets pass.
    MISSING_NAME = "missing-name", Field, "The deployment has a name.";
    INVALID_NAME = "invalid-name", Field, "Names are such that Kubernetes takes them.";
    SERVICE_NAME = "service-name", Field, "The deployment's name can begin that of a Service.";
    DUPLICATE_DEPLOYMENT = "duplicate-deployment", Field, "Deployments of a namespace have different names.";
    NEGATIVE_REPLICAS = "negative-replicas", Field, "Replicas are 0 or more.";
    TRAFFIC_RANGE = "traffic-range", Field, "A predictor gets 0 to 100 percent of the requests.";
    UNKNOWN_TYPE = "unknown-type", Field, "`type` names a type of unit.";
    UNKNOWN_METHOD = "unknown-method", Field, "`methods` name methods of units.";
    UNKNOWN_ENDPOINT_TYPE = "unknown-endpoint-type", Field, "`endpoint.type` is REST or GRPC.";
    UNKNOWN_LOGGER_MODE = "unknown-logger-mode", Field, "`logger.mode` is all, request or response.";
    LOGGER_URL = "logger-url", Field, "`logger.url` is an HTTP address, a topic of Kafka or a folder.";
    PAYLOAD_LOG_SHARE = "payload-log-share", Field, "The share of requests whose payloads are logged is a number from 0 to 1.";
    UNKNOWN_EXPLAINER = "unknown-explainer", Field, "`explainer.type` names a method of explanation.";
    EXPLAINER_PARAMETERS = "explainer-parameters", Field, "`explainer.initParameters` is a JSON object.";
    TYPE_IGNORED = "type-ignored", Field, "`type` agrees with `implementation`, which decides.";
    MODEL_TRANSFORMS = "model-transforms", Field, "A model that transforms its input is not asked to predict.";
    DUPLICATE_UNIT = "duplicate-unit", Field, "Units of a predictor have different names.";
    ROUTER_CHILDREN = "router-children", Field, "A router has children to choose from.";
    ABTEST_CHILDREN = "abtest-children", Field, "An A/B test has two children.";
    COMBINER_CHILDREN = "combiner-children", Field, "A combiner has children to combine.";
    TOO_DEEP = "too-deep", Field, "A graph is at most 32 units deep.";
    TOO_MANY_UNITS = "too-many-units", Field, "A graph has at most 256 units.";
    TOO_MANY_CHILDREN = "too-many-children", Field, "A unit has at most 64 children.";
    PRUNED = "pruned-in-cluster", Field, "Kubernetes keeps ten levels of children.";
    UNKNOWN_PARAMETER = "unknown-parameter", Field, "Parameters are those that the implementation takes.";
    DUPLICATE_PARAMETER = "duplicate-parameter", Field, "A parameter is given once.";
    PARAMETER_TYPE = "parameter-type", Field, "A parameter is declared with its type.";
    PARAMETER_VALUE = "parameter-value", Field, "The value of a parameter is one of its type.";
    HPA_AND_KEDA = "hpa-and-keda", Field, "A pod is scaled by one autoscaler.";
    ANNOTATION_NUMBER = "annotation-number", Field, "An annotation that is a number holds one.";
    UNKNOWN_ANNOTATION = "unknown-annotation", Field, "Annotations with our prefix are known.";
    UNKNOWN_NODE = "unknown-node", Field, "Annotations of nodes name nodes of the graph.";
    NODE_SETTING = "node-setting", Field, "Annotations of nodes give each a value that is known.";
    NODE_SETTING_IDLE = "node-setting-idle", Field, "Only a node that can be done without is told to be.";
    ROLLOUT = "rollout", Field, "A rollout can be read, is of one predictor, and another one serves beside it.";
    MISPLACED_ANNOTATION = "misplaced-annotation", Field, "Annotations are where they are read from.";

    TOO_MANY_ISSUES = "too-many-issues", Field, "A deployment has fewer issues than are reported.";

    // What this machine cannot do.
    CANNOT_RUN_IMAGE = "cannot-run-image", Field, "A container image needs a cluster.";
    NOT_IN_THIS_BUILD = "not-in-this-build", Field, "The server's runtime is part of this build.";
    NEEDS_CLUSTER = "needs-cluster", Field, "What a cluster alone provides is not asked of this machine.";
}

/// Neighbours in a graph fit. It takes the models' signatures to tell, so it is found when they are
/// loaded, and is none of [`RULES`], which are checked before.
pub const NODES_DO_NOT_FIT: &str = "nodes-do-not-fit";

/// What a pod serves is in its deployment. It takes a request for one predictor to tell, so it is none
/// of [`RULES`] either.
pub const UNKNOWN_PREDICTOR: &str = "unknown-predictor";

/// An issue in the words of the admission webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The field, with children as `graph[k]` rather than `graph.children[k]`.
    pub path: String,
    /// What was found; often empty.
    pub value: String,
    /// What is wrong.
    pub detail: String,
}

impl Cause {
    /// The cause that the webhook reports for an issue.
    #[must_use]
    pub fn of(issue: &Issue) -> Self {
        let rule = RULES.iter().find(|rule| rule.name == issue.rule);
        Self {
            path: webhook_path(&issue.path, rule.map_or(Level::Field, |rule| rule.level)),
            value: issue.value.clone().unwrap_or_default(),
            detail: issue.message.clone(),
        }
    }
}

/// A field path as the webhook writes it: `spec.predictors[0].graph.children[1].modelUri` is
/// `spec.predictors[0].graph[1]` at the level of the unit.
#[must_use]
pub fn webhook_path(path: &str, level: Level) -> String {
    if level == Level::Spec {
        return "spec".to_owned();
    }
    let Some((predictor, rest)) = split_predictor(path) else {
        return path.to_owned();
    };
    let in_graph = rest.strip_prefix(".graph");
    match (level, in_graph) {
        (Level::Predictor, _) => predictor.to_owned(),
        (_, None) => path.to_owned(),
        (_, Some(below)) => format!("{predictor}.graph{}", graph_path(below, level)),
    }
}

/// `spec.predictors[i]` and what follows.
fn split_predictor(path: &str) -> Option<(&str, &str)> {
    let end = path.strip_prefix("spec.predictors[")?.find(']')?;
    path.split_at_checked("spec.predictors[".len() + end + 1)
}

/// `.children[1].children[0].name` is `[1][0].name`, or `[1][0]` at the level of the unit.
fn graph_path(mut below: &str, level: Level) -> String {
    let mut path = String::new();
    while let Some((index, rest)) = split_child(below) {
        path.push_str(&format!("[{index}]"));
        below = rest;
    }
    if level == Level::Field {
        path.push_str(below);
    }
    path
}

fn split_child(below: &str) -> Option<(&str, &str)> {
    below.strip_prefix(".children[")?.split_once(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for rule in RULES {
            let same = RULES.iter().filter(|other| other.name == rule.name);
            assert_eq!(same.count(), 1, "{}", rule.name);
        }
    }

    #[test]
    fn paths_in_the_words_of_the_webhook() {
        let path = "spec.predictors[12].graph.children[1].children[0].logger.mode";
        let at = |level| webhook_path(path, level);
        assert_eq!(at(Level::Spec), "spec");
        assert_eq!(at(Level::Predictor), "spec.predictors[12]");
        assert_eq!(at(Level::Unit), "spec.predictors[12].graph[1][0]");
        assert_eq!(
            at(Level::Field),
            "spec.predictors[12].graph[1][0].logger.mode"
        );
    }

    #[test]
    fn paths_outside_of_a_graph_stay() {
        for path in [
            "metadata.name",
            "spec.predictors",
            "spec.predictors[0].traffic",
            "",
        ] {
            assert_eq!(webhook_path(path, Level::Field), path);
        }
    }

    #[test]
    fn a_cause_has_path_value_and_detail() {
        let issue = Issue::error(
            NO_MODEL_URI,
            "spec.predictors[0].graph.modelUri",
            "required",
        )
        .with_value("classifier");
        let cause = Cause::of(&issue);
        assert_eq!(cause.path, "spec.predictors[0].graph");
        assert_eq!(
            (cause.value.as_str(), cause.detail.as_str()),
            ("classifier", "required")
        );
    }
}
