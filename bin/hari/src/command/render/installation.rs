//! What the cluster has, as flags; the objects for it.

use std::path::PathBuf;

use clap::ValueEnum;
use hari_plan::Plan;
use hari_render::{Ambassador, AmbassadorVersion, Gateway, Ingress, Istio, Settings, render};

use super::settings::Given;
use crate::exit::Said;
use crate::output;

/// What the cluster has.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What the cluster has")]
pub(super) struct Installation {
    /// File with the settings of an installation (YAML or JSON); flags win over it
    #[arg(long, conflicts_with = "graph", value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Image of Hari
    #[arg(long, conflicts_with = "graph")]
    image: Option<String>,
    /// Route with Istio, through this gateway
    #[arg(long, conflicts_with = "graph", value_name = "NAMESPACE/GATEWAY")]
    istio: Option<String>,
    /// Route with Ambassador, by annotations or objects
    #[arg(long, conflicts_with = "graph", value_enum)]
    ambassador: Option<Version>,
    /// Route with the Gateway API, through this Gateway
    #[arg(long, conflicts_with = "graph", value_name = "[NAMESPACE/]GATEWAY")]
    gateway: Option<String>,
    /// Route with an Ingress of this class
    #[arg(long, conflicts_with = "graph", value_name = "CLASS")]
    ingress: Option<String>,
    /// Scale by KEDA where a deployment asks for it
    #[arg(long, conflicts_with = "graph")]
    keda: bool,
}

/// Form of Ambassador's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Version {
    /// An annotation of the Service
    V1,
    /// Mapping objects
    V2,
}

impl Installation {
    /// All objects, as YAML documents.
    pub(super) fn objects(&self, plans: &[Plan], given: Given) -> anyhow::Result<String> {
        let surroundings = given.surroundings;
        let settings = self.over(given.settings);
        let (mut documents, mut issues) = (Vec::new(), Vec::new());
        for plan in plans {
            match render(plan, &settings, &surroundings) {
                Ok(objects) => documents.extend(objects),
                Err(found) => issues.extend(found),
            }
        }
        if !issues.is_empty() {
            output::issues(&issues);
            return Err(Said.into());
        }
        let written = documents
            .iter()
            .map(|object| hari_api::to_yaml(object.value()));
        Ok(written.collect::<Vec<_>>().join("---\n"))
    }

    /// What the file says.
    pub(super) fn given(&self) -> anyhow::Result<Given> {
        let read = self.settings.as_deref().map(Given::read).transpose()?;
        Ok(read.unwrap_or_default())
    }

    /// The flags that are given win.
    fn over(&self, usual: Settings) -> Settings {
        let gateway = |text: &String| match text.split_once('/') {
            Some((namespace, name)) => Gateway {
                name: name.to_owned(),
                namespace: Some(namespace.to_owned()),
            },
            None => Gateway {
                name: text.clone(),
                namespace: None,
            },
        };
        let version = |version: Version| match version {
            Version::V1 => AmbassadorVersion::V1,
            Version::V2 => AmbassadorVersion::V2,
        };
        let istio = self.istio.clone().map(|gateway| Istio {
            gateway,
            tls_mode: None,
        });
        let ambassador = self.ambassador.map(|form| Ambassador {
            version: version(form),
            single_namespace: false,
        });
        let ingress = self.ingress.clone();
        let ingress = ingress.map(|class| Ingress { class: Some(class) });
        Settings {
            image: self.image.clone().unwrap_or(usual.image),
            keda: self.keda || usual.keda,
            istio: istio.or(usual.istio),
            ambassador: ambassador.or(usual.ambassador),
            gateway: self.gateway.as_ref().map(gateway).or(usual.gateway),
            ingress: ingress.or(usual.ingress),
            ..usual
        }
    }
}
