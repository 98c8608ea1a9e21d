//! Whether a deployment is served as it was last written, and by nothing else.

use hari_api::k8s_openapi::api::core::v1::Pod;
use hari_error::{Error, Result};
use hari_render::deployment_id;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde_json::Value;

use crate::cache::ID;

/// Whether a deployment is available, at its newest generation, and no pod of an older one is left.
/// Pods that may not be listed are not asked about.
///
/// # Errors
/// If the API server cannot be asked, or there is no such deployment.
pub async fn is_available(client: &Client, namespace: &str, name: &str) -> Result<bool> {
    let kind = GroupVersionKind::gvk("machinelearning.seldon.io", "v1", "SeldonDeployment");
    let resource = ApiResource::from_gvk(&kind);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let unavailable = |error: kube::Error| {
        let message = format!("deployment `{namespace}/{name}` cannot be read");
        Error::unavailable(message).with_source(error)
    };
    let found = api.get(name).await.map_err(unavailable)?;
    let status = found.data.get("status").cloned().unwrap_or_default();
    if !settled(found.metadata.generation, &status) {
        return Ok(false);
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let its = ListParams::default().labels(&format!("{ID}={}", deployment_id(name)));
    match pods.list(&its).await {
        Ok(pods) => Ok(is_alone(&pods.items, &status)),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(true),
        Err(error) => Err(unavailable(error)),
    }
}

/// The status speaks of this generation, and says that it is available.
fn settled(generation: Option<i64>, status: &Value) -> bool {
    let observed = status.get("observedGeneration").and_then(Value::as_i64);
    let state = status.get("state").and_then(Value::as_str);
    state == Some("Available") && (observed == generation || generation.is_none())
}

/// There are as many pods as the status says, and none is about to go.
fn is_alone(pods: &[Pod], status: &Value) -> bool {
    let deployments = status.get("deploymentStatus").and_then(Value::as_object);
    let replicas = |one: &Value| one.get("replicas").and_then(Value::as_u64).unwrap_or(0);
    let wanted: u64 = deployments.map_or(0, |all| all.values().map(replicas).sum());
    let has_ended = |pod: &&Pod| {
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Failed" | "Succeeded"))
    };
    let mut running = pods.iter().filter(|pod| !has_ended(pod));
    let goes = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    running.clone().count() as u64 == wanted && !running.any(goes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_old_status_settles_nothing() {
        let status = json!({"state": "Available", "observedGeneration": 3});
        assert!(settled(Some(3), &status));
        assert!(!settled(Some(4), &status));
        assert!(!settled(
            Some(3),
            &json!({"state": "Creating", "observedGeneration": 3})
        ));
        assert!(!settled(Some(1), &Value::Null));
    }

    #[test]
    fn pods_of_another_generation_are_waited_for() {
        let status = json!({"deploymentStatus": {"a": {"replicas": 1}, "b": {}}});
        let pod = |metadata, phase| -> Pod {
            let value = json!({"metadata": metadata, "status": {"phase": phase}});
            serde_json::from_value(value).expect("a pod")
        };
        let (one, other) = (pod(json!({}), "Running"), pod(json!({}), "Running"));
        let goes = pod(
            json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}),
            "Running",
        );
        let evicted = pod(json!({}), "Failed");
        assert!(is_alone(&[one.clone(), evicted], &status));
        assert!(!is_alone(&[one, other], &status));
        assert!(!is_alone(&[goes], &status));
        assert!(!is_alone(&[], &status));
    }
}
