//! `hari run`: deployments on this machine, until Ctrl-C.

mod hello;
mod record;
mod topics;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hari_engine::{Addresses, PayloadLogs};
use hari_local::Source;
use tokio::task::JoinSet;

use super::serving::{Leaving, Serving, asked_to_stop, on_runtime, print_table};
use crate::cli::Log;

/// Logged payloads have at least so long to be written at the end.
const LAST: Duration = Duration::from_secs(1);

/// Serve deployments on this machine
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// SeldonDeployment files (YAML or JSON), folders of them, or bare models
    #[arg(required = true, value_name = "PATH|URI")]
    inputs: Vec<String>,
    /// REST and gRPC of every deployment; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:8000", value_name = "ADDR")]
    http: SocketAddr,
    /// gRPC, as in a pod
    #[arg(long, default_value = "127.0.0.1:5001", value_name = "ADDR")]
    grpc: SocketAddr,
    /// Metrics and probes
    #[arg(long, default_value = "127.0.0.1:6000", value_name = "ADDR")]
    metrics: SocketAddr,
    /// Write the chosen addresses to this file, as JSON
    #[arg(long, value_name = "FILE")]
    ports_file: Option<PathBuf>,
    #[command(flatten)]
    leaving: Leaving,
    /// Reload on change: the new version takes traffic when it is ready, the old one drains
    #[arg(long)]
    watch: bool,
    /// Give each graph node its own HTTP and gRPC port, from 9000 and 9500 up, as in a pod
    #[arg(long)]
    node_ports: bool,
    /// Log what every node is asked and answers: to a folder (`?format=parquet` behind it for
    /// tables), an HTTP receiver of CloudEvents, or kafka://HOST:PORT/TOPIC
    #[arg(long, value_name = "FOLDER|URL")]
    log_payloads: Option<String>,
    #[command(flatten)]
    record: record::Record,
    #[command(flatten)]
    topics: topics::Topics,
}

impl Run {
    pub(crate) fn execute(self, log: &Log) -> anyhow::Result<()> {
        on_runtime(log, self.serve())
    }

    async fn serve(self) -> anyhow::Result<()> {
        let sources = hari_local::gather(&self.inputs, &super::fetch::options()?).await?;
        let (http, grpc, metrics) = (self.http, self.grpc, self.metrics);
        let mut serving = Serving::bind(Addresses {
            http,
            grpc,
            metrics,
        })?;
        if let Some(target) = &self.log_payloads {
            serving.workshop.payload_logs = log_payloads(target)?;
        }
        serving.workshop.kafka = self.topics.variables();
        let recorder = self.record.recorder()?;
        serving.workshop.recorder.clone_from(&recorder);
        let launched = serving.launch(&sources).await?;
        print_table(&launched);
        if self.node_ports {
            serving.open_node_ports(self.http.ip())?;
        }
        let watchers = if self.watch {
            watch(&serving, sources)
        } else {
            JoinSet::new()
        };
        let directory = serving.directory.clone();
        let (logs, drain) = (
            serving.workshop.payload_logs.clone(),
            serving.app.settings().drain,
        );
        let asked_to_stop = asked_to_stop()?;
        let running = serving.start(self.ports_file.as_deref())?;
        hello::print(&running.addresses, &directory);
        asked_to_stop.await;
        drop(watchers);
        let begun = Instant::now() + self.leaving.shutdown_delay;
        self.leaving.leave(running).await;
        let left = drain.saturating_sub(begun.elapsed());
        logs.close(left.max(LAST)).await;
        if let Some(recorder) = recorder {
            recorder.flush();
        }
        Ok(())
    }
}

/// A folder needs no `./` before it.
fn log_payloads(target: &str) -> anyhow::Result<PayloadLogs> {
    let plain = !target.contains("://") && !target.starts_with(['/', '.']);
    let target = if plain {
        format!("./{target}")
    } else {
        target.to_owned()
    };
    Ok(
        hari_engine::payload_logs(Some(&target))
            .map_err(|error| error.context("--log-payloads"))?,
    )
}

/// One watcher for each source; they end when the set is dropped.
fn watch(serving: &Serving, sources: Vec<Source>) -> JoinSet<()> {
    let mut watchers = JoinSet::new();
    for source in sources {
        let (workshop, directory) = (serving.workshop.clone(), serving.directory.clone());
        watchers.spawn(async move { hari_local::watch(source, workshop, &directory).await });
    }
    watchers
}
