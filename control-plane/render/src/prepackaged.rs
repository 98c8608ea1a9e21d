//! Servers in images that the user or the installation names, started as their makers expect it.

use hari_api::k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe};
use hari_api::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use hari_api::{Parameter, PredictiveUnit, Protocol};
use hari_plan::Component;
use hari_plan::contract::{path, port};

use crate::container::set_if_absent;
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
        ("TRITON_SERVER", _) => start(container, triton(http, grpc)),
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

fn triton(http: i32, grpc: i32) -> Vec<String> {
    vec![
        "/opt/tritonserver/bin/tritonserver".to_owned(),
        format!("--grpc-port={grpc}"),
        format!("--http-port={http}"),
        format!("--model-repository={}", path::MODELS),
        "--strict-model-config=false".to_owned(),
    ]
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
    container
        .readiness_probe
        .get_or_insert_with(|| probe("/v2/health/ready", 20));
    container
        .liveness_probe
        .get_or_insert_with(|| probe("/v2/health/live", 60));
}

fn probe(path: &str, initial_delay: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(port::HTTP_NAME.to_owned()),
            scheme: Some("HTTP".to_owned()),
            ..HTTPGetAction::default()
        }),
        initial_delay_seconds: Some(initial_delay),
        period_seconds: Some(5),
        timeout_seconds: Some(1),
        success_threshold: Some(1),
        failure_threshold: Some(3),
        ..Probe::default()
    }
}
