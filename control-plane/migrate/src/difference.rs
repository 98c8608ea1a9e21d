//! The table of differences: what the original does, what Hari does, and what to do about it.

use crate::report::Weight;

/// Whom a difference concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// Every deployment: it is on the page, and in no report.
    Everywhere,
    /// Deployments that have something in them.
    Some,
    /// Clusters.
    Cluster,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Stable name, in kebab case.
    pub name: &'static str,
    /// How much it weighs.
    pub weight: Weight,
    /// Whom it concerns.
    pub place: Where,
    /// What in a deployment leads to it.
    pub sign: &'static str,
    /// What the original does.
    pub before: &'static str,
    /// What Hari does.
    pub now: &'static str,
    /// What to do about it; empty for nothing.
    pub todo: &'static str,
}

macro_rules! differences {
    ($($constant:ident = $name:literal $place:ident $weight:ident {
        sign: $sign:literal, before: $before:literal, now: $now:literal, todo: $todo:literal $(,)?
    })+) => {
        $(#[doc = $now] pub(crate) const $constant: Difference = Difference {
            name: $name,
            weight: Weight::$weight,
            place: Where::$place,
            sign: $sign,
            before: $before,
            now: $now,
            todo: $todo,
        };)+

        /// Every difference.
        pub const TABLE: &[Difference] = &[$($constant),+];
    };
}

differences! {
    DEADLINE = "deadline" Everywhere Look {
        sign: "every request", before: "no deadline without `seldon.io/rest-timeout`",
        now: "30 seconds, then 504", todo: "give slow models `seldon.io/rest-timeout` and `seldon.io/grpc-timeout`",
    }
    LIMITS = "limits" Everywhere Harmless {
        sign: "every request", before: "no bound on bodies over REST, 2 GiB over gRPC",
        now: "64 MiB, then 413", todo: "for more, `HARI_MAX_BODY_BYTES` in `svcOrchSpec.env`",
    }
    STATUSES = "statuses" Everywhere Harmless {
        sign: "every failure", before: "500 for every failure of the orchestrator",
        now: "400 for a request that does not fit, 429 when overloaded, 502 to 504 for a unit that fails", todo: "alerts that count 500 alone should count 5xx",
    }
    REQUEST_PATH = "request-path" Everywhere Harmless {
        sign: "`meta.requestPath` in replies", before: "the image of each unit",
        now: "the runtime, for models that are served here", todo: "",
    }
    METRICS = "metrics" Everywhere Harmless {
        sign: "Prometheus", before: "`predictor_version` is empty, and the dashboards ask for a label that is not there",
        now: "the same metrics and labels, filled in; dashboards of `monitoring/`", todo: "",
    }
    PROBES = "probes" Everywhere Harmless {
        sign: "every pod", before: "the first probe after 20 seconds",
        now: "one each second, so that a pod is ready when it is", todo: "",
    }
    CONFINED = "confined" Everywhere Harmless {
        sign: "containers of Hari's image", before: "only the user is set",
        now: "no capabilities, no privilege, the default seccomp profile", todo: "",
    }

    INVALID = "invalid" Some Refused {
        sign: "what the webhook refuses", before: "the webhook refuses it as well",
        now: "an error", todo: "mend it",
    }
    STRICTER = "stricter" Some Change {
        sign: "errors that the original does not look for", before: "it is taken, and fails or means something else later",
        now: "an error", todo: "mend it",
    }
    WARNED = "warned" Some Harmless {
        sign: "warnings of `hari validate`", before: "it is taken in silence",
        now: "a warning", todo: "",
    }
    NOT_RENDERED = "not-rendered" Some Refused {
        sign: "what no object can be made of", before: "it is deployed",
        now: "an error", todo: "",
    }

    SERVED_HERE = "served-here" Some Harmless {
        sign: "a prepackaged server without an image", before: "a container of the server's image, asked over a socket",
        now: "the container `seldon-container-engine` serves it, on the same ports", todo: "`kubectl logs` wants `-c seldon-container-engine`",
    }
    IMAGE_KEPT = "image-kept" Some Harmless {
        sign: "a prepackaged server whose image is named", before: "that image is run",
        now: "that image is run, as before", todo: "remove the `image` to have the model served without it",
    }
    INSTALLED_IMAGE = "installed-image" Some Harmless {
        sign: "a server that this build does not have", before: "the image of `seldon-config` is run",
        now: "the image of `seldon-config` is run, as before", todo: "keep its entry in `predictor_servers`",
    }
    TENSORFLOW_ENDPOINT = "tensorflow-endpoint" Some Harmless {
        sign: "`rest_endpoint` or `grpc_endpoint` of TENSORFLOW_SERVER", before: "a proxy asks TensorFlow Serving there",
        now: "no proxy: the SavedModel is served itself", todo: "",
    }
    PICKLE = "pickle" Some Look {
        sign: "SKLEARN_SERVER", before: "the file is unpickled, and code in it is run",
        now: "it is read as data; classes that are not known are refused by name", todo: "`hari inspect` the model; what it refuses runs with `trusted: true`, or in its image",
    }
    MLFLOW_ENVIRONMENT = "mlflow-environment" Some Look {
        sign: "MLFLOW_SERVER", before: "a conda environment is made when the pod starts",
        now: "the flavour's own model is served without one; a model that is Python alone is refused by name", todo: "`hari inspect` the model; what it refuses runs with `trusted: true`, or in its image",
    }
    HUB = "hub" Some Change {
        sign: "HUGGINGFACE_SERVER without `modelUri`", before: "`pretrained_model` is fetched from the Hub at every start",
        now: "models come from `modelUri` alone", todo: "put the model's folder into a bucket, and name it as `modelUri`",
    }
    TASK = "task" Some Refused {
        sign: "HUGGINGFACE_SERVER with a task that makes text, pictures or sound", before: "transformers run it",
        now: "the task is refused when the model is loaded", todo: "name MLServer's `image` in the container of the unit's name",
    }
    TRITON_BACKENDS = "triton-backends" Some Look {
        sign: "TRITON_SERVER", before: "Triton's image, with all of its backends",
        now: "ONNX, TensorFlow and ensembles are served; other backends are refused by name", todo: "`hari inspect` the repository; for other backends name Triton's `image` in the container of the unit's name",
    }
    TRITON_POLL = "triton-poll" Some Change {
        sign: "`model_control_mode: poll`", before: "Triton looks for new models",
        now: "it is refused", todo: "remove it: a new version is a new `modelUri`, and is rolled out",
    }
    MEANT = "meant" Some Change {
        sign: "SIMPLE_MODEL, SIMPLE_ROUTER, AVERAGE_COMBINER", before: "the message passes through unchanged",
        now: "a constant, the first child, the mean of the children", todo: "take the unit out of the graph where answers have to stay as they are",
    }
    SOURCE = "event-source" Some Harmless {
        sign: "`logger`", before: "events come from `http://:8000/`, with one try",
        now: "from `/seldon/<namespace>/<deployment>/<predictor>/<node>`; an event may arrive twice, with the same id", todo: "",
    }
    LOGGED_ONCE = "logged-once" Some Harmless {
        sign: "`logger` of a unit with children", before: "what it is asked is logged twice",
        now: "once", todo: "",
    }
    CLAIM = "claim" Some Harmless {
        sign: "`modelUri: pvc://...`", before: "the claim is copied into the pod",
        now: "it is mounted as it is, read-only", todo: "",
    }
    REMOTE = "remote" Some Change {
        sign: "a `modelUri` of a store that is none of S3, Google, Azure, HTTP, OCI or a claim", before: "rclone fetches it",
        now: "`hari fetch` does not know the store", todo: "keep rclone's image as `storageInitializerImage` of the unit, or copy the model",
    }
    NAMED_REMOTE = "named-remote" Some Look {
        sign: "a `modelUri` of a remote with a name of your own", before: "rclone fetches it, whatever its type",
        now: "`hari fetch` reads `RCLONE_CONFIG_<NAME>_*` where the type is s3, google cloud storage or azureblob", todo: "look at the type in the Secret",
    }

    FIELDS = "container-fields" Some Look {
        sign: "`command`, `args`, probes, `lifecycle` of a container that is part of the orchestrator's", before: "they hold for the server's container",
        now: "they are left out; `env`, `envFrom`, `volumeMounts`, `resources` and `securityContext` are taken over", todo: "remove them, or name the `image` they are meant for",
    }
    RESOURCES = "resources" Some Harmless {
        sign: "`resources` of a container that is part of the orchestrator's", before: "two containers, each with its own",
        now: "requests are added up; a limit holds where all have one", todo: "",
    }
    ENVIRONMENT = "environment-kept" Some Harmless {
        sign: "`env` with a name that the operator sets too", before: "all that was set before it is lost",
        now: "your value holds, and the others are there", todo: "",
    }
    BUDGET = "budget" Some Harmless {
        sign: "`pdbSpec`", before: "the budget spans all pods of the deployment; two of them block every eviction",
        now: "the pods of its own Deployment", todo: "",
    }
    KEDA_OFF = "keda-off" Some Look {
        sign: "`kedaSpec`, while KEDA is not switched on", before: "it is ignored, and the replicas stay as they are",
        now: "it is ignored; `hpaSpec` or the written number counts", todo: "`--set keda.enabled=true` where KEDA is installed",
    }
    ZERO = "zero" Some Harmless {
        sign: "`replicas: 0`", before: "never `Available`",
        now: "`Available`", todo: "",
    }
    SEPARATE = "separate-orchestrator" Some Look {
        sign: "`seldon.io/engine-separate-pod`", before: "its Deployment selects pods by a label of its own",
        now: "by the labels of all others: the Deployment has to be made anew", todo: "change it when few requests come, or give the deployment a new name first",
    }
    EXPLAINER = "explainer" Some Harmless {
        sign: "`explainer`", before: "the image of `seldon-config` explains",
        now: "the same image explains, and asks Hari", todo: "",
    }
    EXPLAINER_SELECTOR = "explainer-selector" Some Look {
        sign: "`explainer`", before: "its Deployment selects the pods of all predictors",
        now: "its own pods: the Deployment has to be made anew", todo: "expect explanations to be away while it is",
    }

    TIMEOUTS_HOLD = "timeouts-hold" Some Look {
        sign: "`seldon.io/rest-timeout` or `grpc-timeout`, beside an annotation with `=` in its value", before: "all annotations of the pod are ignored, timeouts too",
        now: "the timeouts hold", todo: "are they long enough?",
    }
    TIMEOUT_OF_ALL = "timeout-of-all" Some Look {
        sign: "a timeout, and more than one unit", before: "it bounds each call",
        now: "it bounds the whole request as well", todo: "is it long enough for all units together?",
    }
    REGEX_HEADER = "regex-header" Some Look {
        sign: "`seldon.io/ambassador-regex-header`", before: "it is ignored",
        now: "requests have to match it", todo: "do they?",
    }
    QUEUE_TIMEOUT = "queue-timeout" Some Harmless {
        sign: "`seldon.io/executor-logger-write-timeout-ms`", before: "a full queue waits so long before it drops",
        now: "a full queue drops at once, and counts it", todo: "",
    }
    JAEGER = "jaeger" Some Look {
        sign: "`JAEGER_*` of the orchestrator", before: "traces go to Jaeger's agent",
        now: "traces leave over OTLP, which Jaeger takes", todo: "set `OTEL_EXPORTER_OTLP_ENDPOINT` beside them",
    }
    ROUTING = "routing" Some Harmless {
        sign: "a router", before: "`meta.routing` is told only with `SELDON_ENABLE_ROUTING_INJECTION`, and feedback finds no branch",
        now: "it is always told", todo: "",
    }
    TLS_KEY = "tls-key" Some Change {
        sign: "`SELDON_CERT_FILE_NAME`", before: "it names the file of certificate and key",
        now: "the key's file is named by `SELDON_CERT_KEY_FILE_NAME`", todo: "set that as well",
    }
    TOPICS = "topics" Some Look {
        sign: "`serverType: kafka`", before: "a failed prediction has no answer, and offsets may be committed before it",
        now: "the error is the answer; committed once the answer is acknowledged", todo: "readers of the output topic should expect errors, or `KAFKA_ERROR_TOPIC` be set",
    }
    FULL_GRAPH = "kafka-full-graph" Some Refused {
        sign: "`KAFKA_FULL_GRAPH`", before: "units are called over Kafka",
        now: "it is refused at the start", todo: "remove it: units are called directly",
    }

    REPLACED = "object-replaced" Cluster Look {
        sign: "an object whose immutable part differs", before: "it is there",
        now: "it is deleted and made anew", todo: "do it when few requests come",
    }
    NAMED_ANEW = "object-made" Cluster Harmless {
        sign: "an object that is not there", before: "it is not there",
        now: "it is made", todo: "",
    }
    REMOVED = "object-removed" Cluster Harmless {
        sign: "an object that is no longer needed", before: "it is there",
        now: "it is removed, once what takes its place is ready", todo: "",
    }
    PINNED = "server-pinned" Cluster Harmless {
        sign: "an image in `predictor_servers` that is not the original's", before: "every deployment of that server runs it",
        now: "that image is run, as before", todo: "remove the entry, or write `useImage: false` beside it, to have models served without it",
    }
    CONFIGURATION = "configuration" Cluster Change {
        sign: "an entry of `seldon-config` or a variable of the operator that cannot be read", before: "the operator ends, or ignores it",
        now: "the last good one holds, and an event says so", todo: "mend it",
    }
    NO_SECRET = "no-secret" Cluster Look {
        sign: "a Secret or service account that downloads name, and that is not there", before: "the pod does not start, or reads the bucket without a password",
        now: "the same, and the status says so", todo: "make it",
    }
    NO_ROUTES = "no-routes" Cluster Look {
        sign: "an ingress that is switched on, whose kinds the cluster does not have", before: "every reconcile fails",
        now: "a condition says so, and the rest is served", todo: "install it, or switch it off",
    }
    NO_OPERATOR = "no-operator" Cluster Harmless {
        sign: "a cluster without the original's operator", before: "nothing is reconciled",
        now: "the defaults of the chart are assumed", todo: "",
    }
}
