//! A port of its own for each node of a graph, as in a pod: 9000, 9001, ... for REST and 9500,
//! 9501, ... for gRPC.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Unit};
use hari_error::{Error, Result};
use hari_ingress::{App, Deployment, Directory, Listener, Predictor};
use hari_plan::contract::port;
use hari_settings::Server as Settings;

/// One node with its two listeners, bound.
pub struct NodePort {
    /// Deployment, predictor and node.
    pub name: String,
    pub(crate) app: App,
    pub(crate) http: Listener,
    pub(crate) grpc: Listener,
}

impl NodePort {
    /// Where the node answers REST.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http.bound().0
    }

    /// Where the node answers gRPC.
    #[must_use]
    pub fn grpc(&self) -> SocketAddr {
        self.grpc.bound().0
    }
}

/// Binds a port for every node of every deployment that is served by `main`, at `host`.
///
/// # Errors
/// The first port that is taken.
pub fn bind_node_ports(main: &App, host: IpAddr) -> Result<Vec<NodePort>> {
    let mut ports = Vec::new();
    for deployment in main.directory().all() {
        for predictor in &deployment.predictors {
            for node in predictor.unit.names() {
                if predictor
                    .unit
                    .find(&node)
                    .is_none_or(|unit| unit.metadata().name != node)
                {
                    continue;
                }
                let offset = u16::try_from(ports.len()).unwrap_or(u16::MAX);
                let unit = NodeUnit::new(main.directory(), &deployment, predictor, &node);
                let at = |first: i32| {
                    let first = u16::try_from(first).unwrap_or(u16::MAX);
                    SocketAddr::new(host, first.saturating_add(offset))
                };
                ports.push(bind(main, unit, at(port::UNIT_HTTP), at(port::UNIT_GRPC))?);
            }
        }
    }
    Ok(ports)
}

/// The ports of one unit, as its container would have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitPorts {
    /// Name of the node.
    pub node: String,
    /// Port for REST.
    pub http: u16,
    /// Port for gRPC.
    pub grpc: u16,
}

/// Binds these ports of the nodes of every deployment that is served by `main`, at `host`. A node
/// that nothing is said of gets none.
///
/// # Errors
/// The first port that is taken.
pub fn bind_unit_ports(main: &App, host: IpAddr, units: &[UnitPorts]) -> Result<Vec<NodePort>> {
    let mut ports = Vec::new();
    for deployment in main.directory().all() {
        for predictor in &deployment.predictors {
            for unit in units {
                if predictor.unit.find(&unit.node).is_none() {
                    continue;
                }
                let node = NodeUnit::new(main.directory(), &deployment, predictor, &unit.node);
                let at = |port| SocketAddr::new(host, port);
                ports.push(bind(main, node, at(unit.http), at(unit.grpc))?);
            }
        }
    }
    Ok(ports)
}

fn bind(main: &App, unit: NodeUnit, http: SocketAddr, grpc: SocketAddr) -> Result<NodePort> {
    let name = format!("{}/{}/{}", unit.deployment, unit.predictor, unit.node);
    let (http, grpc) = (Listener::bind(http)?, Listener::bind(grpc)?);
    let directory = Arc::new(Directory::default());
    directory.put(Arc::new(unit.alone()));
    let settings = Settings {
        metrics_path: None,
        ..main.settings().clone()
    };
    let app = App::new(directory, settings, None);
    Ok(NodePort {
        name,
        app,
        http,
        grpc,
    })
}

/// A node looked up anew for every request, so that a swapped deployment answers with its new one.
struct NodeUnit {
    directory: Arc<Directory>,
    namespace: String,
    deployment: String,
    predictor: String,
    node: String,
    timeouts: (Option<std::time::Duration>, Option<std::time::Duration>),
    version: String,
}

impl NodeUnit {
    fn new(
        directory: &Arc<Directory>,
        deployment: &Deployment,
        predictor: &Predictor,
        node: &str,
    ) -> Self {
        Self {
            directory: directory.clone(),
            namespace: deployment.namespace.clone(),
            deployment: deployment.name.clone(),
            predictor: predictor.name.clone(),
            node: node.to_owned(),
            timeouts: (predictor.rest_timeout, predictor.grpc_timeout),
            version: predictor.version.clone(),
        }
    }

    /// A deployment that is this node and nothing else.
    fn alone(self) -> Deployment {
        let (namespace, name) = (self.namespace.clone(), self.deployment.clone());
        let predictor = Predictor {
            name: self.predictor.clone(),
            version: self.version.clone(),
            traffic: 100,
            shadow: false,
            rest_timeout: self.timeouts.0,
            grpc_timeout: self.timeouts.1,
            inlet: None,
            unit: Arc::new(self),
        };
        Deployment {
            namespace,
            name,
            predictors: vec![Arc::new(predictor)],
        }
    }

    fn current(&self) -> Result<Arc<dyn Unit>> {
        let deployment = self.directory.get(&self.namespace, &self.deployment)?;
        let predictor = deployment
            .predictors
            .iter()
            .find(|one| one.name == self.predictor);
        predictor
            .and_then(|predictor| predictor.unit.find(&self.node))
            .ok_or_else(|| {
                Error::unavailable(format!(
                    "node `{}` is no part of its deployment now",
                    self.node
                ))
            })
    }
}

impl Unit for NodeUnit {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move { self.current()?.call(method, input, context).await })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.current()?.ready().await })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        let gone = || {
            Arc::new(ModelMetadata {
                name: self.node.clone(),
                ..Default::default()
            })
        };
        self.current()
            .map_or_else(|_| gone(), |unit| unit.metadata())
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        (name == self.node).then(|| self.current().ok()).flatten()
    }

    fn names(&self) -> Vec<String> {
        vec![self.node.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hari_testkit::Identity;

    fn app() -> App {
        let predictor = Predictor {
            name: "p".to_owned(),
            version: "p".to_owned(),
            traffic: 100,
            shadow: false,
            rest_timeout: None,
            grpc_timeout: None,
            inlet: None,
            unit: Arc::new(Identity::new("here")),
        };
        let directory = Arc::new(Directory::default());
        directory.put(Arc::new(Deployment {
            namespace: "n".to_owned(),
            name: "d".to_owned(),
            predictors: vec![Arc::new(predictor)],
        }));
        App::new(directory, Settings::from_env().unwrap(), None)
    }

    #[tokio::test]
    async fn a_unit_listens_where_its_container_would() {
        let unit = |node: &str, http| UnitPorts {
            node: node.to_owned(),
            http,
            grpc: 0,
        };
        let (app, host) = (app(), IpAddr::from([127, 0, 0, 1]));
        let units = [unit("here", 0), unit("elsewhere", 0)];
        let ports = bind_unit_ports(&app, host, &units).unwrap();
        let [port] = ports.as_slice() else {
            panic!("{} ports", ports.len())
        };
        assert_eq!(port.name, "d/p/here");
        assert_ne!(port.http().port(), port.grpc().port());
        let taken = [unit("here", port.http().port())];
        assert!(bind_unit_ports(&app, host, &taken).is_err());
    }
}
