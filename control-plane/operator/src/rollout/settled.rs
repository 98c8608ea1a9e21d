//! Whether a deployment is served as it was last written.

use hari_error::{Error, Result};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};

/// Whether a deployment is available, at its newest generation.
///
/// # Errors
/// If the API server cannot be asked, or there is no such deployment.
pub async fn is_available(client: &Client, namespace: &str, name: &str) -> Result<bool> {
    let kind = GroupVersionKind::gvk("machinelearning.seldon.io", "v1", "SeldonDeployment");
    let resource = ApiResource::from_gvk(&kind);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let found = api.get(name).await.map_err(|error| {
        let message = format!("deployment `{namespace}/{name}` cannot be read");
        Error::unavailable(message).with_source(error)
    })?;
    let generation = found.metadata.generation;
    let status = found.data.get("status").cloned().unwrap_or_default();
    Ok(settled(generation, &status))
}

/// The status speaks of this generation, and says that it is available.
fn settled(generation: Option<i64>, status: &serde_json::Value) -> bool {
    let observed = status
        .get("observedGeneration")
        .and_then(serde_json::Value::as_i64);
    let state = status.get("state").and_then(serde_json::Value::as_str);
    state == Some("Available") && (observed == generation || generation.is_none())
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
        assert!(!settled(Some(1), &serde_json::Value::Null));
    }
}
