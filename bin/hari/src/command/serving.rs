//! What `run` and `serve` share: the process that serves until it is told to stop.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hari_artifacts::Policy;
use hari_engine::{Addresses, NodePort, NodeReport, Running, Server, UnitPorts, Workshop};
use hari_ingress::directory::Key;
use hari_ingress::{App, Directory};
use hari_local::{Failure, Launched, Pod, Source};
use hari_settings as settings;

use super::engine::flag;
use crate::cli::Log;
use crate::exit::Said;
use crate::output;

/// A process that is about to serve.
pub(super) struct Serving {
    pub(super) app: App,
    pub(super) directory: Arc<Directory>,
    pub(super) workshop: Workshop,
    server: Server,
    nodes: Vec<NodePort>,
}

/// Runs `work` on the runtime of a server, with logs, metrics and traces.
pub(super) fn on_runtime(
    log: &Log,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings::threads()?)
        .thread_name("hari-io")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let _traces = log.settings().init()?;
        work.await
    })
}

/// A unit that is told which deployment it belongs to has an engine in front of it, which counts the
/// requests under the same labels.
pub(super) fn beside_engine() {
    if settings::DEPLOYMENT_ID.get().is_some() {
        hari_telemetry::metric::leave_requests_to_the_engine();
    }
}

impl Serving {
    /// Binds the addresses; nothing is accepted yet.
    pub(super) fn bind(addresses: Addresses) -> anyhow::Result<Self> {
        Self::on(Server::bind(addresses)?, settings::Server::from_env()?)
    }

    /// On these listeners, with these settings.
    pub(super) fn on(server: Server, settings: settings::Server) -> anyhow::Result<Self> {
        let exporter = hari_telemetry::install_metrics()?;
        let directory = Arc::new(Directory::default());
        let max_body = settings.max_body;
        let app = App::new(directory.clone(), settings, Some(exporter));
        let workshop = Workshop {
            pool: hari_engine::model_pool(settings::threads()?)?,
            cache: settings::cache_dir().unwrap_or_else(|| std::env::temp_dir().join("hari")),
            policy: Policy::from_settings()?,
            progress: super::fetch::progress(),
            recorder: None,
            payload_logs: hari_engine::payload_logs(None)?,
            kafka: BTreeMap::new(),
            max_body,
            full_health_checks: settings::FULL_HEALTH_CHECKS.parse()?.unwrap_or(false),
        };
        Ok(Self {
            app,
            directory,
            workshop,
            server,
            nodes: Vec::new(),
        })
    }

    /// Loads and serves every source; the first failure ends it.
    pub(super) async fn launch(&self, sources: &[Source]) -> anyhow::Result<Vec<Launched>> {
        let mut launched = Vec::new();
        for source in sources {
            match hari_local::launch(source, &self.workshop, &self.directory).await {
                Ok(one) => {
                    output::issues(&one.warnings);
                    launched.push(one);
                }
                Err(failure) => return Err(explain(failure)),
            }
        }
        Ok(launched)
    }

    /// Starts and serves one Python class.
    pub(super) async fn launch_component(&self, source: &Source) -> anyhow::Result<Launched> {
        let launched = hari_local::launch_component(source, &self.workshop, &self.directory).await;
        let launched = launched.map_err(explain)?;
        output::issues(&launched.warnings);
        Ok(launched)
    }

    /// Serves one predictor, and gives the units their ports.
    pub(super) async fn launch_predictor(
        &self,
        source: &Source,
        predictor: &str,
    ) -> anyhow::Result<Pod> {
        let (workshop, directory) = (&self.workshop, &self.directory);
        let pod = hari_local::launch_predictor(source, predictor, workshop, directory).await;
        let pod = pod.map_err(explain)?;
        output::issues(&pod.launched.warnings);
        Ok(pod)
    }

    /// Gives these units ports of their own, at `host`.
    pub(super) fn open_unit_ports(
        &mut self,
        host: IpAddr,
        units: &[UnitPorts],
    ) -> anyhow::Result<()> {
        self.nodes = hari_engine::bind_unit_ports(&self.app, host, units)?;
        Ok(())
    }

    /// Gives every node that is served now a port of its own, at `host`.
    pub(super) fn open_node_ports(&mut self, host: IpAddr) -> anyhow::Result<()> {
        let nodes = hari_engine::bind_node_ports(&self.app, host)?;
        let rows: Vec<Vec<String>> = nodes
            .iter()
            .map(|node| {
                vec![
                    node.name.clone(),
                    node.http().to_string(),
                    node.grpc().to_string(),
                ]
            })
            .collect();
        output::line("");
        output::table(&["NODE", "HTTP", "GRPC"], &rows);
        self.nodes = nodes;
        Ok(())
    }

    /// Accepts from now on, and writes the addresses where the user wants them.
    pub(super) fn start(self, ports_file: Option<&Path>) -> anyhow::Result<Running> {
        let running = self.server.with_nodes(self.nodes).start(&self.app);
        if let Some(file) = ports_file {
            write_ports(file, &running.addresses)?;
        }
        Ok(running)
    }
}

fn explain(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Issues(issues) => {
            output::issues(&issues);
            Said.into()
        }
        Failure::Load { deployment, error } => {
            error.context(format!("deployment `{deployment}`")).into()
        }
    }
}

/// Written beside and renamed, so that whoever waits for the file reads all of it.
fn write_ports(file: &Path, addresses: &Addresses) -> anyhow::Result<()> {
    let json = serde_json::json!({
        "http": addresses.http.to_string(),
        "grpc": addresses.grpc.to_string(),
        "metrics": addresses.metrics.to_string(),
    });
    let partial: PathBuf = file.with_extension("partial");
    std::fs::write(&partial, format!("{json:#}\n"))
        .and_then(|()| std::fs::rename(&partial, file))
        .with_context(|| format!("cannot write the ports to {}", file.display()))
}

/// Listens from now on, and resolves when the process is asked to stop: Ctrl-C or SIGTERM. Called
/// before anyone is told that the process serves, so that nobody stops it too soon.
pub(super) fn asked_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: open requests are finished first");
    })
}

/// When a server goes.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Leaving {
    /// How long requests are still taken after SIGTERM, while /ready says no
    #[arg(long, alias = "shutdown_delay", value_parser = flag::duration, value_name = "TIME",
          default_value = "0s")]
    pub(super) shutdown_delay: Duration,
}

impl Leaving {
    /// Not ready at once; requests are taken for a while; those that are open then are finished.
    /// Says whether they were.
    pub(super) async fn leave(self, running: Running) -> bool {
        running.drain();
        tokio::time::sleep(self.shutdown_delay).await;
        running.stop().await
    }
}

/// Prints one row for each node.
pub(super) fn print_table(launched: &[Launched]) {
    let rows: Vec<Vec<String>> = launched
        .iter()
        .flat_map(|one| &one.deployments)
        .flat_map(|(key, nodes)| nodes.iter().map(move |node| row(key, node)))
        .collect();
    let header = [
        "DEPLOYMENT",
        "PREDICTOR",
        "TRAFFIC",
        "NODE",
        "RUNTIME",
        "VERSION",
        "LOAD",
        "MEMORY",
    ];
    output::table(&header, &rows);
}

fn row((namespace, name): &Key, node: &NodeReport) -> Vec<String> {
    let deployment = format!("{namespace}/{name}");
    let traffic = match node.shadow {
        true => "shadow".to_owned(),
        false => format!("{} %", node.traffic),
    };
    vec![
        deployment,
        node.predictor.clone(),
        traffic,
        node.node.clone(),
        node.runtime.clone(),
        node.version.clone().unwrap_or_else(|| "-".to_owned()),
        duration(node.load_time),
        output::bytes(node.memory_bytes),
    ]
}

fn duration(time: Duration) -> String {
    match time.as_millis() {
        0 => "-".to_owned(),
        millis if millis < 10_000 => format!("{millis} ms"),
        millis => format!("{:.1} s", millis as f64 / 1000.0),
    }
}
