//! What the API server trusts: `caBundle` of the ValidatingWebhookConfiguration.

use hari_api::k8s_openapi::ByteString;
use hari_api::k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use hari_telemetry::metric::operator as metric;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

/// Annotations by which cert-manager keeps `caBundle` itself.
const INJECTED: &str = "cert-manager.io/inject-";

/// Makes the configuration of this name trust `bundle`, if it does not. One that is not there, or
/// that cert-manager looks after, is left alone.
pub(super) async fn trust(client: &Client, name: &str, bundle: &str) -> Result<(), kube::Error> {
    let api: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let Some(found) = api.get_opt(name).await? else {
        tracing::debug!(name, "there is no such ValidatingWebhookConfiguration");
        return Ok(());
    };
    let Some(patch) = patch(&found, bundle) else {
        return Ok(());
    };
    api.patch(name, &PatchParams::default(), &Patch::Strategic(patch))
        .await?;
    metric::wrote("ValidatingWebhookConfiguration", "patch");
    tracing::info!(name, "the API server trusts the webhook's certificate");
    Ok(())
}

/// What has to change. The version that was read is named, so that a change of another is not lost.
fn patch(found: &ValidatingWebhookConfiguration, bundle: &str) -> Option<Value> {
    let annotations = found.metadata.annotations.iter().flatten();
    if annotations
        .into_iter()
        .any(|(key, _)| key.starts_with(INJECTED))
    {
        return None;
    }
    let wanted = ByteString(bundle.as_bytes().to_vec());
    let webhooks = found.webhooks.iter().flatten();
    let changed: Vec<Value> = webhooks
        .filter(|webhook| webhook.client_config.ca_bundle.as_ref() != Some(&wanted))
        .map(|webhook| json!({"name": webhook.name, "clientConfig": {"caBundle": &wanted}}))
        .collect();
    (!changed.is_empty()).then(|| {
        json!({
            "metadata": {"resourceVersion": found.metadata.resource_version},
            "webhooks": changed,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(bundle: Option<&str>, annotation: &str) -> ValidatingWebhookConfiguration {
        let mut object = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "n", "resourceVersion": "7", "annotations": {annotation: "x"}},
            "webhooks": [{
                "name": "v1.vseldondeployment.kb.io",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "clientConfig": {"service": {"name": "s", "namespace": "n"}},
            }],
        });
        if let Some(bundle) = bundle {
            let bytes = ByteString(bundle.as_bytes().to_vec());
            object["webhooks"][0]["clientConfig"]["caBundle"] = json!(bytes);
        }
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn only_what_differs_is_written() {
        let written = patch(&configuration(None, "a"), "new").unwrap();
        assert_eq!(written["metadata"]["resourceVersion"], "7");
        assert_eq!(written["webhooks"][0]["clientConfig"]["caBundle"], "bmV3");
        assert_eq!(patch(&configuration(Some("new"), "a"), "new"), None);
        assert!(patch(&configuration(Some("old"), "a"), "new").is_some());
    }

    #[test]
    fn what_cert_manager_keeps_is_left_alone() {
        let kept = configuration(None, "cert-manager.io/inject-ca-from");
        assert_eq!(patch(&kept, "new"), None);
    }
}
