//! The listeners of a process: open, serve, drain.

use std::net::SocketAddr;
use std::time::Duration;

use hari_error::Result;
use hari_ingress::{App, Listener, Service};

use crate::node_ports::NodePort;
use crate::topics::Topics;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// New observations are folded into the metrics this often.
const UPKEEP: Duration = Duration::from_secs(5);

/// Where to listen; port 0 picks a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// REST and gRPC.
    pub http: SocketAddr,
    /// gRPC alone.
    pub grpc: SocketAddr,
    /// Metrics and probes.
    pub metrics: SocketAddr,
}

/// Bound listeners that do not accept yet.
pub struct Server {
    http: Listener,
    grpc: Listener,
    metrics: Listener,
    nodes: Vec<NodePort>,
}

/// Listeners that accept.
pub struct Running {
    apps: Vec<App>,
    /// Where they listen.
    pub addresses: Addresses,
    stop: watch::Sender<bool>,
    topics: Topics,
    listeners: JoinSet<()>,
}

impl Server {
    /// Binds all addresses.
    ///
    /// # Errors
    /// The first address that is taken or not ours.
    pub fn bind(addresses: Addresses) -> Result<Self> {
        Ok(Self {
            http: Listener::bind(addresses.http)?,
            grpc: Listener::bind(addresses.grpc)?,
            metrics: Listener::bind(addresses.metrics)?,
            nodes: Vec::new(),
        })
    }

    /// Serves these nodes on their own ports, too.
    #[must_use]
    pub fn with_nodes(mut self, nodes: Vec<NodePort>) -> Self {
        self.nodes = nodes;
        self
    }

    /// Accepts from now on.
    #[must_use]
    pub fn start(self, app: &App) -> Running {
        let addresses = Addresses {
            http: self.http.bound().0,
            grpc: self.grpc.bound().0,
            metrics: self.metrics.bound().0,
        };
        let (stop, stopped) = watch::channel(false);
        let drain = app.settings().drain;
        let mut listeners = JoinSet::new();
        let service = |router| Service {
            router,
            max_connections: app.settings().max_connections,
        };
        // The unit's gRPC port answers REST too: the caller chooses, no setting needed.
        for listener in [self.http, self.grpc] {
            let everything = service(hari_ingress::everything(app));
            listeners.spawn(listener.serve(everything, stopped.clone(), drain));
        }
        let metrics = service(hari_ingress::metrics(app));
        listeners.spawn(self.metrics.serve(metrics, stopped.clone(), drain));
        let mut apps = vec![app.clone()];
        for NodePort {
            app, http, grpc, ..
        } in self.nodes
        {
            for listener in [http, grpc] {
                let everything = service(hari_ingress::everything(&app));
                listeners.spawn(listener.serve(everything, stopped.clone(), drain));
            }
            apps.push(app);
        }
        listeners.spawn(upkeep(app.clone(), stopped));
        Running {
            apps,
            addresses,
            stop,
            topics: Topics::read(app),
            listeners,
        }
    }
}

impl Running {
    /// Stops accepting, lets open requests finish within the drain time, and returns.
    pub async fn stop(mut self) {
        self.apps.iter().for_each(App::drain);
        // Fails only when no listener is left to be told.
        let _ = self.stop.send(true);
        self.topics.stop().await;
        while self.listeners.join_next().await.is_some() {}
        for app in &self.apps {
            app.finished().await;
        }
    }
}

async fn upkeep(app: App, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            _ = ticks.tick() => app.upkeep(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
