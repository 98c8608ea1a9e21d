//! The pods behind a predictor's Service.

use std::net::{IpAddr, SocketAddr};

use hari_error::{Error, Result};
use k8s_openapi::api::core::v1::{Container, Pod as Found};
use kube::Client;
use kube::api::{Api, ListParams};

/// Most pods of a predictor that are looked at.
const MOST: u32 = 50;
/// Where metrics are, if the pod does not say.
const PATH: &str = "/prometheus";
/// What a port of metrics is called.
const PORT: &str = "metrics";

/// A pod that serves, or will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pod {
    pub(super) name: String,
    /// Another one has another, even of the same name.
    pub(super) uid: String,
    pub(super) ready: bool,
    pub(super) metrics: SocketAddr,
    pub(super) path: String,
}

/// The pods that carry `seldon-app: <service>`; those that have no address yet, or are going, are
/// left out.
pub(super) async fn of_service(
    client: &Client,
    namespace: &str,
    service: &str,
) -> Result<Vec<Pod>> {
    let api: Api<Found> = Api::namespaced(client.clone(), namespace);
    let listed = ListParams::default()
        .labels(&format!("seldon-app={service}"))
        .limit(MOST);
    let found = api.list(&listed).await;
    let found =
        found.map_err(|error| Error::unavailable("pods cannot be listed").with_source(error))?;
    Ok(found.items.iter().filter_map(pod).collect())
}

fn pod(found: &Found) -> Option<Pod> {
    let (metadata, status) = (&found.metadata, found.status.as_ref()?);
    if metadata.deletion_timestamp.is_some() {
        return None;
    }
    let address: IpAddr = status.pod_ip.as_ref()?.parse().ok()?;
    let containers = &found.spec.as_ref()?.containers;
    let conditions = status.conditions.iter().flatten();
    let path = metadata
        .annotations
        .as_ref()
        .and_then(|all| all.get("prometheus.io/path"));
    Some(Pod {
        name: metadata.name.clone()?,
        uid: metadata.uid.clone()?,
        ready: conditions
            .into_iter()
            .any(|one| one.type_ == "Ready" && one.status == "True"),
        metrics: SocketAddr::new(address, port(containers)?),
        path: path.cloned().unwrap_or_else(|| PATH.to_owned()),
    })
}

/// The port of metrics: of the orchestrator if it is there, else of the first container that has one.
fn port(containers: &[Container]) -> Option<u16> {
    let named = |container: &&Container| container.name == "seldon-container-engine";
    let first = containers.iter().find(named).into_iter().chain(containers);
    let mut ports = first.flat_map(|container| container.ports.iter().flatten());
    let found = ports.find(|port| port.name.as_ref().is_some_and(|name| name.contains(PORT)))?;
    u16::try_from(found.container_port).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(status: &serde_json::Value) -> Option<Pod> {
        let found = json!({
            "metadata": {"name": "p", "uid": "u", "annotations": {"prometheus.io/path": "/m"}},
            "spec": {"containers": [
                {"name": "a", "ports": [{"name": "metrics", "containerPort": 6000}]},
                {"name": "seldon-container-engine", "ports": [
                    {"name": "http", "containerPort": 8000}, {"name": "metrics", "containerPort": 8000}]},
            ]},
            "status": status,
        });
        pod(&serde_json::from_value(found).unwrap())
    }

    #[test]
    fn the_orchestrator_of_a_pod_is_asked() {
        let ready =
            json!({"podIP": "10.1.2.3", "conditions": [{"type": "Ready", "status": "True"}]});
        let found = read(&ready).unwrap();
        assert_eq!(
            (found.metrics.to_string(), &*found.path),
            ("10.1.2.3:8000".to_owned(), "/m")
        );
        assert!(found.ready);
        assert!(!read(&json!({"podIP": "fd00::1"})).unwrap().ready);
        assert_eq!(read(&json!({})), None);
        assert_eq!(read(&json!({"podIP": "not an address"})), None);
    }
}
