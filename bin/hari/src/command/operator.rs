//! `hari operator`: the controller and the webhook of a cluster. Flags win over the environment,
//! but for the namespace that is watched, as ever.

mod election;
mod webhook;

use std::net::SocketAddr;

use hari_operator::{Options, Scope};
use hari_settings as settings;
use tokio::sync::watch;

use super::engine::flag;
use super::serving::{asked_to_stop, on_runtime};
use crate::cli::Log;

/// Serve the SeldonDeployments of a Kubernetes cluster
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The cluster is that of the pod, or of KUBECONFIG. What an installation sets is read from the
environment and from the ConfigMap `seldon-config`: see the guide on the operator.

Examples:
  hari operator --enable-leader-election --webhook-port 4443
  hari operator --namespace models --webhook-port 0 --metrics-addr 127.0.0.1:8080")]
pub(crate) struct Operator {
    /// Where metrics and the probes /healthz and /readyz are answered; 0 for nowhere
    #[arg(long, alias = "metrics_addr", default_value = ":8080", value_parser = address,
          value_name = "[IP]:PORT")]
    metrics_addr: Address,
    /// The one namespace whose deployments are served [default: WATCH_NAMESPACE, which wins, else
    /// all]
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "NAMESPACE"
    )]
    namespace: String,
    /// Namespace of the operator's own ConfigMap, lease and secret [default: POD_NAMESPACE, else
    /// seldon-system]
    #[arg(long, alias = "operator_namespace", value_name = "NAMESPACE")]
    operator_namespace: Option<String>,
    /// Serve only deployments whose label seldon.io/controller-id has this value [default:
    /// CONTROLLER_ID, else those without the label]
    #[arg(long, alias = "controller_id", value_name = "ID")]
    controller_id: Option<String>,
    /// Make the CRD, the webhook, its Service and the ConfigMap at the start [default:
    /// MANAGER_CREATE_RESOURCES, else false]
    #[arg(long, alias = "create_resources", value_parser = flag::truth, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    create_resources: Option<bool>,
    /// The cluster's context in the file of KUBECONFIG [default: the current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Log everything, for people
    #[arg(long, value_parser = flag::truth, value_name = "BOOL", num_args = 0..=1,
          require_equals = true, default_missing_value = "true", default_value = "false",
          hide_default_value = true)]
    debug: bool,
    /// End the process after so many writes of the controller, for tests
    #[arg(long, hide = true, value_name = "NUMBER")]
    fail_after_writes: Option<u64>,
    #[command(flatten)]
    election: election::Election,
    #[command(flatten)]
    webhook: webhook::Webhook,
}

/// An address as Go's programs take it; `None` is nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Address(Option<SocketAddr>);

/// `:8080` is that port of every address.
fn address(text: &str) -> Result<Address, String> {
    let full = match text {
        "0" | "" => return Ok(Address(None)),
        port if port.starts_with(':') => format!("0.0.0.0{port}"),
        full => full.to_owned(),
    };
    full.parse()
        .map(|address| Address(Some(address)))
        .map_err(|_| "expected an address such as :8080 or 127.0.0.1:8080, or 0".to_owned())
}

impl Operator {
    pub(crate) fn execute(self, log: &Log) -> anyhow::Result<()> {
        let level = settings::LOG_LEVEL
            .get()
            .or_else(|| settings::MANAGER_LOG_LEVEL.get());
        let log = match self.debug {
            true => log.readable().or_level(Some("debug".to_owned())),
            false => log.or_level(level),
        };
        on_runtime(&log, self.operate())
    }

    async fn operate(self) -> anyhow::Result<()> {
        let options = self.options()?;
        let exporter = hari_telemetry::install_metrics()?;
        let asked = asked_to_stop()?;
        let (sender, stop) = watch::channel(false);
        tokio::spawn(async move {
            asked.await;
            sender.send_replace(true);
        });
        let context = self.context.as_deref();
        Ok(hari_operator::run(context, exporter, options, stop).await?)
    }

    fn options(&self) -> anyhow::Result<Options> {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let namespace = self.operator_namespace.as_deref().and_then(text);
        let namespace = namespace.unwrap_or_else(|| or_default(&settings::POD_NAMESPACE));
        let create = match self.create_resources {
            Some(create) => create,
            None => settings::MANAGER_CREATE_RESOURCES
                .get()
                .is_some_and(|text| flag::truth(&text) == Ok(true)),
        };
        let scope = Scope {
            namespace: settings::WATCH_NAMESPACE
                .get()
                .or_else(|| text(&self.namespace)),
            controller_id: self
                .controller_id
                .as_deref()
                .and_then(text)
                .or_else(|| settings::CONTROLLER_ID.get()),
        };
        Ok(Options {
            scope,
            metrics: self.metrics_addr.0,
            webhook: self.webhook.options(&namespace),
            lease: self.election.options()?,
            create_resources: create.then(|| or_default(&settings::OPERATOR_RESOURCES).into()),
            end_after_writes: self.fail_after_writes,
            namespace,
        })
    }
}

fn or_default(setting: &settings::Setting) -> String {
    setting.get().unwrap_or_else(|| setting.default.to_owned())
}

#[cfg(test)]
mod tests;
