//! `hari run`: deployments on this machine, until Ctrl-C.

mod hello;

use std::net::SocketAddr;
use std::path::PathBuf;

use hari_engine::Addresses;
use hari_local::Source;
use tokio::task::JoinSet;

use super::serving::{Serving, asked_to_stop, on_runtime, print_table};
use crate::cli::Log;

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
    /// Reload on change: the new version takes traffic when it is ready, the old one drains
    #[arg(long)]
    watch: bool,
    /// Give each graph node its own HTTP and gRPC port, from 9000 and 9500 up, as in a pod
    #[arg(long)]
    node_ports: bool,
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
        let running = serving.start(self.ports_file.as_deref())?;
        hello::print(&running.addresses, &directory);
        asked_to_stop().await?;
        drop(watchers);
        running.stop().await;
        Ok(())
    }
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
