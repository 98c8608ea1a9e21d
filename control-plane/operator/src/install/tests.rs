//! What is made, and what is left alone.

use std::path::PathBuf;

use super::*;
use crate::manager::WebhookOptions;
use crate::scope::Scope;

fn options(namespace: Option<&str>, id: Option<&str>) -> Options {
    Options {
        scope: Scope {
            namespace: namespace.map(str::to_owned),
            controller_id: id.map(str::to_owned),
        },
        namespace: "seldon-system".to_owned(),
        metrics: None,
        webhook: Some(WebhookOptions {
            address: "0.0.0.0:4443".parse().unwrap(),
            certificates: PathBuf::new(),
            service: "seldon-webhook-service".to_owned(),
            hosts: Vec::new(),
            secret: "seldon-webhook-server-cert".to_owned(),
            configuration: "seldon-validating-webhook-configuration-seldon-system".to_owned(),
        }),
        lease: None,
        create_resources: None,
        end_after_writes: None,
    }
}

fn found(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

#[test]
fn the_webhook_is_asked_of_its_own_objects() {
    let selectors = |namespace, id| {
        let made = objects::configuration(&options(namespace, id)).unwrap();
        let one = made["webhooks"][0].clone();
        (
            one["namespaceSelector"].to_string(),
            one["objectSelector"].to_string(),
        )
    };
    let none =
        r#"{"matchExpressions":[{"key":"seldon.io/controller-id","operator":"DoesNotExist"}]}"#;
    assert_eq!(selectors(None, None), (none.to_owned(), none.to_owned()));
    let (namespaces, objects) = selectors(Some("models"), Some("x"));
    assert_eq!(
        namespaces,
        r#"{"matchLabels":{"kubernetes.io/metadata.name":"models"}}"#
    );
    assert_eq!(
        objects,
        r#"{"matchLabels":{"seldon.io/controller-id":"x"}}"#
    );
}

#[test]
fn objects_are_those_of_kubernetes() {
    use hari_api::k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
    use hari_api::k8s_openapi::api::core::v1::{ConfigMap, Service};
    let options = options(None, None);
    let configuration = objects::configuration(&options).unwrap();
    serde_json::from_value::<ValidatingWebhookConfiguration>(configuration).unwrap();
    let service: Service = serde_json::from_value(objects::service(&options).unwrap()).unwrap();
    assert_eq!(service.spec.unwrap().ports.unwrap()[0].port, 443);
    let map: ConfigMap = serde_json::from_value(objects::config_map(&options)).unwrap();
    let data = map.data.unwrap();
    let servers: Value = serde_json::from_str(&data["predictor_servers"]).unwrap();
    assert_eq!(
        servers["SKLEARN_SERVER"]["protocols"]["seldon"]["image"],
        "seldonio/sklearnserver"
    );
}

#[test]
fn a_crd_takes_the_place_of_an_older_one_alone() {
    let ours = objects::crd();
    assert_eq!(upgrade(&found(ours.clone()), &ours), Upgrade::Needless);
    let mut older = ours.clone();
    older["metadata"]["annotations"] = json!({});
    assert_eq!(upgrade(&found(older.clone()), &ours), Upgrade::Safe);
    older["status"] = json!({"storedVersions": ["v1alpha1", "v1"]});
    assert!(matches!(upgrade(&found(older), &ours), Upgrade::Unsafe(_)));
    let mut newer = ours.clone();
    newer["metadata"]["annotations"] = json!({objects::VERSION: "99.0.0"});
    assert_eq!(
        upgrade(&found(newer), &ours),
        Upgrade::Unsafe("it is of a newer version")
    );
}

#[tokio::test]
async fn files_take_the_place_of_what_is_built_in() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(folder.path(), "validate.yaml").await.unwrap(), None);
    let text = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\n\
                metadata: {name: validating}\nwebhooks:\n- name: w\n  clientConfig:\n    caBundle: eA==\n    \
                service: {name: s, namespace: elsewhere}\n";
    std::fs::write(folder.path().join("validate.yaml"), text).unwrap();
    let mut read = read(folder.path(), "validate.yaml").await.unwrap().unwrap();
    place(&mut read, &options(None, None));
    let name = &read["metadata"]["name"];
    assert_eq!(
        name,
        "seldon-validating-webhook-configuration-seldon-system"
    );
    let client = &read["webhooks"][0]["clientConfig"];
    assert_eq!(
        *client,
        json!({"service": {"name": "s", "namespace": "seldon-system"}})
    );
    std::fs::write(folder.path().join("service.yaml"), "- no\n").unwrap();
    let error = super::read(folder.path(), "service.yaml")
        .await
        .unwrap_err();
    assert!(error.message().contains("service.yaml"), "{error}");
}
