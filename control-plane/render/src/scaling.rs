//! How many pods: replicas, autoscalers of Kubernetes, ScaledObjects of KEDA.

use hari_api::k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec,
};
use hari_api::{SeldonHpaSpec, SeldonPodSpec, SeldonScaledObjectSpec};
use serde_json::json;

use crate::labels::{self, Map};
use crate::object::Object;
use crate::predictor::Predictor;

/// Pods of a component spec; whoever scales it says so, if anyone does.
pub(crate) fn replicas(predictor: &Predictor<'_>, pod: &SeldonPodSpec) -> Option<i32> {
    let scaled = pod.hpa_spec.is_some() || keda(predictor, pod).is_some();
    let written = pod.replicas.or_else(|| of_predictor(predictor));
    written.filter(|_| !scaled)
}

/// Pods of an orchestrator of its own.
pub(crate) fn engine_replicas(predictor: &Predictor<'_>) -> Option<i32> {
    let own = predictor.spec.svc_orch_spec.as_ref();
    own.and_then(|spec| spec.replicas)
        .or_else(|| of_predictor(predictor))
}

fn of_predictor(predictor: &Predictor<'_>) -> Option<i32> {
    predictor
        .spec
        .replicas
        .or(predictor.plan.resource.spec.replicas)
}

/// KEDA's part, where it is there.
fn keda<'a>(
    predictor: &Predictor<'_>,
    pod: &'a SeldonPodSpec,
) -> Option<&'a SeldonScaledObjectSpec> {
    pod.keda_spec.as_ref().filter(|_| predictor.settings.keda)
}

/// One for each component spec that asks for it. KEDA makes an autoscaler itself, and wins.
pub(crate) fn autoscalers(predictor: &Predictor<'_>) -> Vec<Object> {
    let pods = predictor.pods();
    let each = pods.filter_map(|(number, pod)| {
        let name = predictor.deployment(number, pod);
        match (keda(predictor, pod), &pod.hpa_spec) {
            (Some(spec), _) => Some(scaled_object(predictor, &name, spec)),
            (None, Some(spec)) => Some(Object::of(&autoscaler(predictor, name, spec))),
            (None, None) => None,
        }
    });
    each.collect()
}

fn autoscaler(
    predictor: &Predictor<'_>,
    name: String,
    spec: &SeldonHpaSpec,
) -> HorizontalPodAutoscaler {
    HorizontalPodAutoscaler {
        metadata: labels::metadata(
            predictor,
            name.clone(),
            labels::common(predictor),
            Map::new(),
        ),
        spec: Some(HorizontalPodAutoscalerSpec {
            min_replicas: spec.min_replicas,
            max_replicas: spec.max_replicas,
            metrics: Some(spec.metrics()).filter(|metrics| !metrics.is_empty()),
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".to_owned()),
                kind: "Deployment".to_owned(),
                name,
            },
            behavior: None,
        }),
        status: None,
    }
}

fn scaled_object(
    predictor: &Predictor<'_>,
    name: &str,
    written: &SeldonScaledObjectSpec,
) -> Object {
    let own = labels::common(predictor);
    let mut spec = json!(written);
    spec["scaleTargetRef"] = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": name});
    Object::of(&json!({
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": labels::metadata(predictor, name.to_owned(), own, Map::new()),
        "spec": spec,
    }))
}
