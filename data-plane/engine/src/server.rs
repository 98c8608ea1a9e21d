//! The listeners of a process: open, serve, drain.

use std::net::SocketAddr;
use std::time::Duration;

use hari_error::Result;
use hari_ingress::{App, Listener, Service, Stage, Tls};

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
    metrics: Option<Listener>,
    tls: Option<Tls>,
    nodes: Vec<NodePort>,
}

/// Listeners that accept.
pub struct Running {
    apps: Vec<App>,
    /// Where they listen.
    pub addresses: Addresses,
    stage: watch::Sender<Stage>,
    topics: Topics,
    listeners: JoinSet<bool>,
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
            metrics: Some(Listener::bind(addresses.metrics)?),
            tls: None,
            nodes: Vec::new(),
        })
    }

    /// Binds two addresses for requests, and none for metrics and probes alone: that of REST has
    /// probes, and metrics where the settings say.
    ///
    /// # Errors
    /// The first address that is taken or not ours.
    pub fn bind_requests(http: SocketAddr, grpc: SocketAddr) -> Result<Self> {
        Ok(Self {
            http: Listener::bind(http)?,
            grpc: Listener::bind(grpc)?,
            metrics: None,
            tls: None,
            nodes: Vec::new(),
        })
    }

    /// Requests come over TLS; those to single nodes and for metrics alone do not.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<Tls>) -> Self {
        self.tls = tls;
        self
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
            metrics: self.metrics.as_ref().unwrap_or(&self.http).bound().0,
        };
        let (stage, staged) = watch::channel(Stage::Serving);
        let drain = app.settings().drain;
        let mut listeners = JoinSet::new();
        let service = |router| Service {
            router,
            max_connections: app.settings().max_connections,
        };
        // The unit's gRPC port answers REST too: the caller chooses, no setting needed.
        for listener in [self.http, self.grpc] {
            let everything = service(hari_ingress::everything(app));
            let listener = listener.with_tls(self.tls.clone());
            listeners.spawn(listener.serve(everything, staged.clone(), drain));
        }
        if let Some(listener) = self.metrics {
            let metrics = service(hari_ingress::metrics(app));
            listeners.spawn(listener.serve(metrics, staged.clone(), drain));
        }
        let mut apps = vec![app.clone()];
        for NodePort {
            app, http, grpc, ..
        } in self.nodes
        {
            for listener in [http, grpc] {
                let everything = service(hari_ingress::everything(&app));
                listeners.spawn(listener.serve(everything, staged.clone(), drain));
            }
            apps.push(app);
        }
        listeners.spawn(upkeep(app.clone(), self.tls, staged));
        Running {
            apps,
            addresses,
            stage,
            topics: Topics::read(app),
            listeners,
        }
    }
}

impl Running {
    /// Not ready from now on, but everything is answered, new connections included. Clients are
    /// told to go: HTTP/1 replies close their connection, HTTP/2 connections get a GOAWAY.
    pub fn drain(&self) {
        self.apps.iter().for_each(App::drain);
        self.stage
            .send_if_modified(|stage| std::mem::replace(stage, Stage::Leaving) != Stage::Leaving);
    }

    /// Stops accepting, lets open requests finish within the drain time, and says whether they did.
    pub async fn stop(mut self) -> bool {
        self.drain();
        // Fails only when no listener is left to be told.
        let _ = self.stage.send(Stage::Stopping);
        self.topics.stop().await;
        let mut finished = true;
        while let Some(ended) = self.listeners.join_next().await {
            finished &= ended.unwrap_or(false);
        }
        for app in &self.apps {
            app.finished().await;
        }
        finished
    }
}

/// Until the end; nothing is left open by it.
async fn upkeep(app: App, tls: Option<Tls>, mut stage: watch::Receiver<Stage>) -> bool {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                app.upkeep();
                if let Some(tls) = &tls {
                    tls.refresh();
                }
            }
            _ = stage.wait_for(|stage| *stage == Stage::Stopping) => return true,
        }
    }
}
