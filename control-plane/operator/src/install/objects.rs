//! The objects that an operator needs around it, as this build would write them.

use hari_api::{GROUP, PLURAL};
use hari_plan::{Installation, ServerImages};
use hari_render::Settings;
use serde_json::{Value, json};

use crate::manager::Options;
use crate::webhook;

/// Annotation of the CRD: the version of Hari that it is of.
pub(super) const VERSION: &str = "hari.dev/version";

const LABEL: &str = "seldon.io/controller-id";

/// The CustomResourceDefinition.
pub(super) fn crd() -> Value {
    let mut crd = json!(hari_api::crd());
    crd["metadata"]["annotations"] = json!({VERSION: env!("CARGO_PKG_VERSION")});
    crd
}

/// The ValidatingWebhookConfiguration; none without a webhook.
pub(super) fn configuration(options: &Options) -> Option<Value> {
    let webhook = options.webhook.as_ref()?;
    let mut one = json!({
        "name": "v1.vseldondeployment.kb.io",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {
            "name": webhook.service,
            "namespace": options.namespace,
            "path": webhook::PATH,
            "port": 443,
        }},
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "sideEffects": "None",
        "timeoutSeconds": 10,
        "rules": [{
            "apiGroups": [GROUP],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": [PLURAL],
            "scope": "Namespaced",
        }],
    });
    let foreign = json!({"matchExpressions": [{"key": LABEL, "operator": "DoesNotExist"}]});
    one["namespaceSelector"] = match &options.scope.namespace {
        Some(namespace) => json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}}),
        None => foreign.clone(),
    };
    one["objectSelector"] = match &options.scope.controller_id {
        Some(id) => json!({"matchLabels": {LABEL: id}}),
        None => foreign,
    };
    Some(json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": webhook.configuration},
        "webhooks": [one],
    }))
}

/// The Service of the webhook; none without a webhook.
pub(super) fn service(options: &Options) -> Option<Value> {
    let webhook = options.webhook.as_ref()?;
    Some(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": webhook.service, "namespace": options.namespace},
        "spec": {
            "selector": {"app": "seldon", "control-plane": "seldon-controller-manager"},
            "ports": [{"port": 443, "protocol": "TCP", "targetPort": webhook.address.port()}],
        },
    }))
}

/// The ConfigMap `seldon-config`, with what holds anyway, to be edited.
pub(super) fn config_map(options: &Options) -> Value {
    let with_images = |(_, images): &(String, ServerImages)| !images.protocols.is_empty();
    let servers = Installation::default()
        .servers
        .into_iter()
        .filter(with_images);
    let servers: serde_json::Map<String, Value> = servers
        .map(|(name, images)| (name, json!(images)))
        .collect();
    let usual = Settings::default().storage.resources;
    let storage = json!({
        "image": "",
        "cpuRequest": usual.cpu_request,
        "cpuLimit": usual.cpu_limit,
        "memoryRequest": usual.memory_request,
        "memoryLimit": usual.memory_limit,
    });
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "seldon-config", "namespace": options.namespace},
        "data": {
            "predictor_servers": format!("{:#}", Value::Object(servers)),
            "storageInitializer": format!("{storage:#}"),
        },
    })
}
