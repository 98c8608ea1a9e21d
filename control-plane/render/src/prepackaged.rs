//! Servers in images that the user or the installation names, started as their makers expect it.

use hari_api::k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe};
use hari_api::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use hari_api::{Parameter, PredictiveUnit, Protocol};
use hari_plan::Component;
use hari_plan::contract::{path, port};

use crate::container::{set_if_absent, watch};
use crate::predictor::Predictor;

/// Namespaces of the classes that MLServer loads.
const MLSERVER: [(&str, &str); 5] = [
    ("SKLEARN_SERVER", "mlserver_sklearn.SKLearnModel"),
    ("XGBOOST_SERVER", "mlserver_xgboost.XGBoostModel"),
    ("MLFLOW_SERVER", "mlserver_mlflow.MLflowRuntime"),
    (
        "HUGGINGFACE_SERVER",
        "mlserver_huggingface.HuggingFaceRuntime",
    ),
    ("TEMPO_SERVER", "tempo.mlserver.InferenceRuntime"),
];

/// Tells a prepackaged server of its model. Other units stay as they are.
pub(crate) fn tell(predictor: &Predictor<'_>, unit: &PredictiveUnit, container: &mut Container) {
    let node = predictor.node(&unit.name);
    let Some(Component::Server(server)) = node.map(|node| &node.component) else {
        return;
    };
    let (http, grpc) = predictor.ports(&unit.name);
    match (&*server.implementation, predictor.plan.protocol) {
        (_, _) if server.python.is_some() => {}
        ("TRITON_SERVER", _) => {
            start(container, triton(predictor, unit, http, grpc));
            health(container);
        }
        ("TENSORFLOW_SERVER", _) => start(container, tensorflow(&unit.name, http, grpc)),
        (name, Protocol::V2) => mlserver(predictor, name, container),
        (_, Protocol::Seldon | Protocol::Tensorflow) => {}
    }
}

/// Parameters as a wrapper takes them: with the folder of its model.
pub(crate) fn parameters(predictor: &Predictor<'_>, unit: &PredictiveUnit) -> Vec<Parameter> {
    let mut parameters = unit.parameters.clone();
    let node = predictor.node(&unit.name);
    let server = node.is_some_and(|node| matches!(node.component, Component::Server(_)));
    if server && predictor.plan.protocol == Protocol::Seldon {
        parameters.retain(|parameter| parameter.name != "model_uri");
        parameters.push(Parameter {
            name: "model_uri".to_owned(),
            value: path::MODELS.to_owned(),
            type_: "STRING".to_owned(),
        });
    }
    parameters
}

fn start(container: &mut Container, arguments: Vec<String>) {
    let given = container.args.as_ref().is_some_and(|args| !args.is_empty());
    if !given {
        container.args = Some(arguments);
    }
}

/// Parameters that a server which reads its repository itself takes as flags, and the usual value.
const TRITON_FLAGS: [(&str, &str, Option<&str>); 3] = [
    ("model_control_mode", "--model-control-mode", None),
    ("load_model", "--load-model", None),
    (
        "strict_model_config",
        "--strict-model-config",
        Some("false"),
    ),
];

fn triton(predictor: &Predictor<'_>, unit: &PredictiveUnit, http: i32, grpc: i32) -> Vec<String> {
    let itself = predictor.fetches_itself(unit);
    let repository = match itself {
        true => unit.model_uri.as_deref().unwrap_or_default(),
        false => path::MODELS,
    };
    let mut all = vec![
        "/opt/tritonserver/bin/tritonserver".to_owned(),
        format!("--grpc-port={grpc}"),
        format!("--http-port={http}"),
        format!("--model-repository={repository}"),
    ];
    for (name, flag, usual) in TRITON_FLAGS {
        let written = unit.parameters.iter();
        let written = written.filter(|parameter| itself && parameter.name == name);
        let mut values: Vec<&str> = written.map(|parameter| &*parameter.value).collect();
        if values.is_empty() {
            values.extend(usual);
        }
        all.extend(values.iter().map(|value| format!("{flag}={value}")));
    }
    all
}

fn tensorflow(unit: &str, http: i32, grpc: i32) -> Vec<String> {
    vec![
        format!("--port={grpc}"),
        format!("--rest_api_port={http}"),
        format!("--model_name={unit}"),
        format!("--model_base_path={}", path::MODELS),
    ]
}

fn mlserver(predictor: &Predictor<'_>, implementation: &str, container: &mut Container) {
    let named = MLSERVER.iter().find(|(name, _)| *name == implementation);
    let class = named.map_or("", |(_, class)| class);
    let variables = container.env.get_or_insert_default();
    set_if_absent(variables, "MLSERVER_MODEL_IMPLEMENTATION", class.to_owned());
    set_if_absent(variables, "MLSERVER_MODEL_VERSION", "v1".to_owned());
    set_if_absent(variables, "MLSERVER_MODEL_URI", path::MODELS.to_owned());
    match implementation {
        "HUGGINGFACE_SERVER" => {
            set_if_absent(variables, "MLSERVER_PARALLEL_WORKERS", "0".to_owned());
            set_if_absent(variables, "XDG_CACHE_HOME", "/opt/mlserver".to_owned());
        }
        "TEMPO_SERVER" => {
            let options = serde_json::json!({"k8s_options": {
                "defaultRuntime": "tempo.seldon.SeldonKubernetesRuntime",
                "namespace": predictor.plan.namespace,
            }});
            set_if_absent(variables, "TEMPO_RUNTIME_OPTIONS", options.to_string());
        }
        _ => {}
    }
    health(container);
}

/// Asks for health as protocol V2 has it, where the user says nothing: live once it has started,
/// then ready.
fn health(container: &mut Container) {
    if container.readiness_probe.is_none() {
        let ready = probe("/v2/health/ready");
        container.readiness_probe = Some(Probe {
            period_seconds: Some(2),
            failure_threshold: Some(3),
            ..ready
        });
    }
    watch(container, &probe("/v2/health/live"));
}

fn probe(path: &str) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(port::HTTP_NAME.to_owned()),
            scheme: Some("HTTP".to_owned()),
            ..HTTPGetAction::default()
        }),
        timeout_seconds: Some(1),
        success_threshold: Some(1),
        ..Probe::default()
    }
}
