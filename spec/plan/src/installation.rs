//! What an installation may set: images of the prepackaged servers, and the first ports.

use std::collections::BTreeMap;

use hari_api::Protocol;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Image, SERVERS, ServerSpec, server};
use crate::contract::port;

/// Settings of an installation.
#[derive(Clone, Debug, PartialEq)]
pub struct Installation {
    /// The prepackaged servers by the name used in `implementation`.
    pub servers: BTreeMap<String, ServerImages>,
    /// First port of units for HTTP.
    pub http_port: i32,
    /// First port of units for gRPC.
    pub grpc_port: i32,
    /// First port of units for metrics.
    pub metrics_port: i32,
    /// Name of the ports for metrics.
    pub metrics_port_name: String,
}

/// Images of one prepackaged server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerImages {
    /// Image for each protocol of the graph.
    #[serde(default)]
    pub protocols: BTreeMap<String, ServerImage>,
}

/// An image and its tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerImage {
    /// Image; with its tag, if `default_image_version` is empty.
    #[serde(default)]
    pub image: String,
    /// Tag.
    #[serde(default)]
    pub default_image_version: String,
    /// Whether it takes the place of a server that is built in; unless this says so, it does if
    /// somebody chose it: an image that merely came with the original's chart does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_image: Option<bool>,
}

impl Default for Installation {
    fn default() -> Self {
        let images = |spec: &ServerSpec| (spec.implementation.to_owned(), ServerImages::from(spec));
        Self {
            servers: SERVERS.iter().map(images).collect(),
            http_port: port::UNIT_HTTP,
            grpc_port: port::UNIT_GRPC,
            metrics_port: port::UNIT_METRICS,
            metrics_port_name: port::METRICS_NAME.to_owned(),
        }
    }
}

impl Installation {
    /// With the servers of a `predictor_servers` entry of the configuration: JSON of the form
    /// `{NAME: {"protocols": {protocol: {"image", "defaultImageVersion"}}}}`.
    ///
    /// # Errors
    /// When the text is not such JSON.
    pub fn with_servers(mut self, predictor_servers: &str) -> Result<Self, serde_json::Error> {
        self.servers = serde_json::from_str(predictor_servers)?;
        Ok(self)
    }

    /// Whether a prepackaged server of this name is installed.
    #[must_use]
    pub fn knows(&self, implementation: &str) -> bool {
        self.servers.contains_key(implementation)
    }

    /// Image of a prepackaged server for a protocol, with its tag; `None` if it has none.
    #[must_use]
    pub fn image(&self, implementation: &str, protocol: Protocol) -> Option<String> {
        let entry = self.entry(implementation, protocol)?;
        Some(entry.reference()).filter(|image| !image.is_empty())
    }

    /// Image that takes the place of a built-in server for a protocol: one that somebody chose.
    #[must_use]
    pub fn pinned(&self, implementation: &str, protocol: Protocol) -> Option<String> {
        let spec = server(implementation).filter(|spec| spec.is_here() && !spec.python)?;
        let entry = self.entry(implementation, protocol)?;
        let chosen = || !spec.images.iter().any(|image| entry.came_with(image));
        let image = self.image(implementation, protocol)?;
        entry.use_image.unwrap_or_else(chosen).then_some(image)
    }

    fn entry(&self, implementation: &str, protocol: Protocol) -> Option<&ServerImage> {
        let protocols = &self.servers.get(implementation)?.protocols;
        words(protocol).iter().find_map(|word| protocols.get(*word))
    }
}

/// Names of a protocol in the configuration, the first preferred.
const fn words(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Seldon => &["seldon"],
        Protocol::Tensorflow => &["tensorflow"],
        Protocol::V2 => &["v2", "kfserving"],
    }
}

/// Who publishes the original's own images, all versions of which are its defaults of some time.
const PUBLISHER: &str = "seldonio/";

impl ServerImage {
    /// Whether it is what the original's chart names, be it another version's.
    fn came_with(&self, usual: &Image) -> bool {
        let reference = self.reference();
        let name = reference.strip_prefix("docker.io/").unwrap_or(&reference);
        let tag = name.strip_prefix(usual.image).unwrap_or("/");
        let any = usual.image.starts_with(PUBLISHER) && tag.starts_with([':', '@']);
        any || tag.is_empty() || tag.strip_prefix(':') == Some(usual.version)
    }

    fn reference(&self) -> String {
        match self.default_image_version.as_str() {
            "" => self.image.clone(),
            version => format!("{}:{version}", self.image),
        }
    }
}

impl From<&ServerSpec> for ServerImages {
    fn from(spec: &ServerSpec) -> Self {
        let entry = |image: &Image| {
            let reference = ServerImage {
                image: image.image.to_owned(),
                default_image_version: image.version.to_owned(),
                use_image: None,
            };
            (image.protocol.to_string(), reference)
        };
        Self {
            protocols: spec.images.iter().map(entry).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_by_protocol() {
        let installation = Installation::default();
        let image = |name, protocol| installation.image(name, protocol);
        assert_eq!(
            image("SKLEARN_SERVER", Protocol::V2).as_deref(),
            Some("seldonio/mlserver:1.7.1-sklearn")
        );
        assert_eq!(
            image("TENSORFLOW_SERVER", Protocol::Tensorflow).as_deref(),
            Some("tensorflow/serving:2.1.0")
        );
        assert_eq!(image("TRITON_SERVER", Protocol::Seldon), None);
        assert_eq!(image("MY_SERVER", Protocol::Seldon), None);
    }

    #[test]
    fn servers_of_the_configuration_replace_ours() {
        let json = r#"{"MINE": {"protocols": {
            "kfserving": {"image": "acme/mine", "defaultImageVersion": "3"},
            "seldon": {"image": "acme/mine:2"}}}}"#;
        let installation = Installation::default().with_servers(json).unwrap();
        assert!(installation.knows("MINE"));
        assert!(!installation.knows("SKLEARN_SERVER"));
        assert_eq!(
            installation.image("MINE", Protocol::V2).as_deref(),
            Some("acme/mine:3")
        );
        assert_eq!(
            installation.image("MINE", Protocol::Seldon).as_deref(),
            Some("acme/mine:2")
        );
        assert_eq!(installation.image("MINE", Protocol::Tensorflow), None);
    }

    #[test]
    fn an_image_that_came_with_the_chart_is_no_choice() {
        let pinned = |image: &str, rest: &str| {
            let json = format!(
                r#"{{"SKLEARN_SERVER": {{"protocols": {{"seldon": {{"image": "{image}"{rest}}}}}}},
                    "TENSORFLOW_SERVER": {{"protocols": {{"tensorflow": {{"image": "{image}"}}}}}}}}"#
            );
            let installation = Installation::default().with_servers(&json).unwrap();
            let of = |name, protocol| installation.pinned(name, protocol).is_some();
            (
                of("SKLEARN_SERVER", Protocol::Seldon),
                of("TENSORFLOW_SERVER", Protocol::Tensorflow),
            )
        };
        assert_eq!(pinned("seldonio/sklearnserver:1.14.0", ""), (false, true));
        assert_eq!(
            pinned("docker.io/seldonio/sklearnserver:1.17.1", ""),
            (false, true)
        );
        assert_eq!(pinned("tensorflow/serving:2.1.0", ""), (true, false));
        assert_eq!(pinned("tensorflow/serving:2.9.1", ""), (true, true));
        assert_eq!(pinned("acme/seldonio/sklearnserver:1", ""), (true, true));
        let forced = r#", "useImage": true"#;
        assert!(pinned("seldonio/sklearnserver:1.14.0", forced).0);
        let never = r#", "useImage": false"#;
        assert!(!pinned("acme/sklearnserver:1", never).0);
        assert_eq!(
            Installation::default().pinned("SKLEARN_SERVER", Protocol::V2),
            None
        );
        assert_eq!(Installation::default().pinned("PYTHON", Protocol::V2), None);
    }

    #[test]
    fn a_malformed_configuration_is_an_error() {
        assert!(Installation::default().with_servers("{oops").is_err());
    }
}
