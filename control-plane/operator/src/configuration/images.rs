//! Which images take the place of what is built in: those that somebody chose, and not those that
//! merely came with the original's chart.

use std::collections::BTreeMap;

use hari_plan::catalogue::{ServerSpec, server};
use hari_plan::{Installation, ServerImage, ServerImages};
use hari_settings as settings;
use hari_settings::Setting;

use super::environment::Lookup;

/// Images that the environment names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Images {
    /// By server and protocol.
    servers: Vec<(&'static str, &'static str, String)>,
    /// Of model downloads.
    pub(super) storage: Option<String>,
    /// Of explainers.
    pub(super) explainer: Option<String>,
    /// Of explainers of `protocol: v2`.
    pub(super) explainer_v2: Option<String>,
}

/// Variables that name the image of a server for a protocol.
const SERVERS: [(&Setting, &str, &str); 8] = [
    (&settings::IMAGE_SKLEARN, "SKLEARN_SERVER", "seldon"),
    (&settings::IMAGE_SKLEARN_V2, "SKLEARN_SERVER", "v2"),
    (&settings::IMAGE_XGBOOST, "XGBOOST_SERVER", "seldon"),
    (&settings::IMAGE_XGBOOST_V2, "XGBOOST_SERVER", "v2"),
    (&settings::IMAGE_MLFLOW, "MLFLOW_SERVER", "seldon"),
    (&settings::IMAGE_MLFLOW_V2, "MLFLOW_SERVER", "v2"),
    (&settings::IMAGE_TFPROXY, "TENSORFLOW_SERVER", "seldon"),
    (
        &settings::IMAGE_TENSORFLOW,
        "TENSORFLOW_SERVER",
        "tensorflow",
    ),
];

impl Images {
    pub(super) fn read(lookup: Lookup<'_>) -> Self {
        let text = |setting| lookup(setting).filter(|value| !value.is_empty());
        let servers = SERVERS
            .into_iter()
            .filter_map(|(setting, server, protocol)| {
                text(setting).map(|image| (server, protocol, image))
            });
        Self {
            servers: servers.collect(),
            storage: text(&settings::IMAGE_STORAGE).filter(|image| !is_usual_storage(image)),
            explainer: text(&settings::IMAGE_EXPLAINER),
            explainer_v2: text(&settings::IMAGE_EXPLAINER_V2),
        }
    }

    /// Puts these in the place of the installation's.
    pub(super) fn put(&self, servers: &mut BTreeMap<String, ServerImages>) {
        for (server, protocol, image) in &self.servers {
            let named = ServerImage {
                image: image.clone(),
                ..ServerImage::default()
            };
            let entry = servers.entry((*server).to_owned()).or_default();
            if *protocol == "v2" {
                entry.protocols.remove("kfserving");
            }
            entry.protocols.insert((*protocol).to_owned(), named);
        }
    }
}

/// The servers of `installation`, those built in included, which an older list does not know.
pub(super) fn with_ours(installation: &mut Installation) {
    for (name, images) in Installation::default().servers {
        let ours = server(&name).is_some_and(ServerSpec::is_here);
        if ours {
            installation.servers.entry(name).or_insert(images);
        }
    }
}

/// Whether this is the image that the original downloads models with.
pub(super) fn is_usual_storage(image: &str) -> bool {
    is_of(image, "seldonio/rclone-storage-initializer")
        || is_of(image, "seldonio/storage-initializer")
}

/// Whether an image is of this repository of Docker's registry, whatever its tag.
pub(super) fn is_of(image: &str, repository: &str) -> bool {
    let name = image.strip_prefix("docker.io/").unwrap_or(image);
    let rest = name.strip_prefix(repository);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@']))
}

#[cfg(test)]
mod tests {
    use hari_api::Protocol;

    use super::*;

    #[test]
    fn a_repository_is_known_under_any_tag() {
        let executor = "seldonio/seldon-core-executor";
        for image in [
            "seldonio/seldon-core-executor",
            "seldonio/seldon-core-executor:1.14",
            "docker.io/seldonio/seldon-core-executor@sha256:00",
        ] {
            assert!(is_of(image, executor), "{image}");
        }
        assert!(!is_of("seldonio/seldon-core-executor-mine:1", executor));
        assert!(!is_of("acme.io/seldonio/seldon-core-executor:1", executor));
    }

    #[test]
    fn variables_win_over_the_list() {
        let lookup = |setting: &Setting| match setting.name {
            "RELATED_IMAGE_TENSORFLOW" => Some("acme/serving:1".to_owned()),
            "RELATED_IMAGE_SKLEARNSERVER_V2" => Some("acme/mlserver:2".to_owned()),
            _ => None,
        };
        let mut installation = Installation::default();
        Images::read(&lookup).put(&mut installation.servers);
        let image = |name, protocol| installation.image(name, protocol);
        let tensorflow = image("TENSORFLOW_SERVER", Protocol::Tensorflow);
        assert_eq!(tensorflow.as_deref(), Some("acme/serving:1"));
        let sklearn = image("SKLEARN_SERVER", Protocol::V2);
        assert_eq!(sklearn.as_deref(), Some("acme/mlserver:2"));
    }

    #[test]
    fn an_older_list_does_not_hide_what_is_built_in() {
        let list = r#"{"MINE": {"protocols": {"seldon": {"image": "acme/mine:1"}}}}"#;
        let mut installation = Installation::default().with_servers(list).unwrap();
        with_ours(&mut installation);
        assert!(installation.knows("MINE") && installation.knows("TENSORFLOW_SERVER"));
        assert!(!installation.knows("TEMPO_SERVER"));
    }
}
