//! What an installation may set: images of the prepackaged servers, and the first ports.

use std::collections::BTreeMap;

use hari_api::Protocol;
use serde::{Deserialize, Serialize};

use crate::catalogue::{SERVERS, ServerSpec};
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
        let protocols = &self.servers.get(implementation)?.protocols;
        let mut entries = words(protocol)
            .iter()
            .filter_map(|word| protocols.get(*word));
        entries
            .next()
            .map(ServerImage::reference)
            .filter(|image| !image.is_empty())
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

impl ServerImage {
    fn reference(&self) -> String {
        match self.default_image_version.as_str() {
            "" => self.image.clone(),
            version => format!("{}:{version}", self.image),
        }
    }
}

impl From<&ServerSpec> for ServerImages {
    fn from(spec: &ServerSpec) -> Self {
        let entry = |image: &crate::catalogue::Image| {
            let reference = ServerImage {
                image: image.image.to_owned(),
                default_image_version: image.version.to_owned(),
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
    fn a_malformed_configuration_is_an_error() {
        assert!(Installation::default().with_servers("{oops").is_err());
    }
}
