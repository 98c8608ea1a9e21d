//! What the first line of a manifest says of the cluster: `# with: istio, keda`.

use std::collections::BTreeMap;

use hari_plan::Installation;
use hari_render::{
    Ambassador, AmbassadorVersion, ExplainerImages, Gateway, Ingress, Istio, Settings, Surroundings,
};
use serde_json::json;

/// The settings that the first line names.
pub(crate) fn settings(text: &str) -> Settings {
    let mut settings = Settings {
        image: "hari:test".to_owned(),
        ..Settings::default()
    };
    let first = text.lines().next().unwrap();
    let words = first.strip_prefix("# with: ").unwrap_or_default();
    for word in words.split(", ").filter(|word| !word.is_empty()) {
        let ambassador = |version, single_namespace| {
            Some(Ambassador {
                version,
                single_namespace,
            })
        };
        match word {
            "keda" => settings.keda = true,
            "prefix" => settings.name_as_prefix = true,
            "istio" => {
                settings.istio = Some(Istio {
                    gateway: "istio-system/seldon-gateway".to_owned(),
                    tls_mode: None,
                });
            }
            "ambassador-v1" => settings.ambassador = ambassador(AmbassadorVersion::V1, true),
            "ambassador-v2" => settings.ambassador = ambassador(AmbassadorVersion::V2, false),
            "gateway" => {
                settings.gateway = Some(Gateway {
                    name: "public".to_owned(),
                    namespace: Some("gateways".to_owned()),
                });
            }
            "ingress" => {
                settings.ingress = Some(Ingress {
                    class: Some("nginx".to_owned()),
                });
            }
            "istio-mutual" => {
                settings.istio = Some(Istio {
                    gateway: "istio-system/seldon-gateway".to_owned(),
                    tls_mode: Some("ISTIO_MUTUAL".to_owned()),
                });
            }
            "ambassador-v2-single" => settings.ambassador = ambassador(AmbassadorVersion::V2, true),
            "python" => settings.python_image = Some("hari:test-python".to_owned()),
            "explainers" => {
                settings.explainer = ExplainerImages {
                    image: Some("acme/explainer:1".to_owned()),
                    image_v2: Some("acme/explainer:2".to_owned()),
                };
            }
            "env-secret" => settings.storage.env_secret = Some("bucket".to_owned()),
            "fetcher" => settings.storage.image = Some("acme/fetch:1".to_owned()),
            "accounts" | "pinned" | "older-nodes" => {}
            other => panic!("{other}"),
        }
    }
    settings
}

fn has(text: &str, word: &str) -> bool {
    let first = text.lines().next().unwrap();
    let words = first.strip_prefix("# with: ").unwrap_or_default();
    words.split(", ").any(|found| found == word)
}

/// Two accounts with credentials of buckets.
pub(crate) fn surroundings(text: &str) -> Surroundings {
    let accounts = json!({"serviceAccounts": {
        "minio": [
            {"name": "token", "keys": ["token"]},
            {
                "name": "minio-keys",
                "keys": ["awsAccessKeyID", "awsSecretAccessKey"],
                "annotations": {
                    "machinelearning.seldon.io/s3-endpoint": "minio.storage:9000",
                    "machinelearning.seldon.io/s3-usehttps": "0",
                },
            },
        ],
        "default": [{"name": "google", "keys": ["gcloud-application-credentials.json"]}],
    }});
    let accounts = match has(text, "accounts") {
        true => serde_json::from_value(accounts["serviceAccounts"].clone()).unwrap(),
        false => BTreeMap::new(),
    };
    Surroundings {
        service_accounts: accounts,
        older_nodes: has(text, "older-nodes"),
    }
}

/// The servers of the catalogue; or with one in another image, one with another tag, one added.
pub(crate) fn installation(text: &str) -> Installation {
    let mut installation = Installation::default();
    if has(text, "pinned") {
        let image = |image: &str| {
            let protocols = json!({"protocols": {"seldon": {"image": image}}});
            serde_json::from_value(protocols).unwrap()
        };
        installation.servers.extend([
            ("SKLEARN_SERVER".to_owned(), image("acme/sklearn:3")),
            (
                "XGBOOST_SERVER".to_owned(),
                image("seldonio/xgboostserver:1.14.0"),
            ),
            ("MINE".to_owned(), image("acme/mine:1")),
        ]);
    }
    installation
}
