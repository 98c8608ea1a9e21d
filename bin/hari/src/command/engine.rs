//! `hari engine`: the orchestrator of one predictor, as in a pod. Flags win over the environment.

mod annotations;
pub(crate) mod flag;
mod given;
mod logging;
mod topics;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hari_engine::{Addresses, Running, Server};
use hari_ingress::Tls;
use hari_plan::contract::port;
use hari_settings as settings;

use super::serving::{Leaving, Serving, asked_to_stop, on_runtime, print_table};
use crate::cli::Log;
use crate::exit::Said;
use annotations::Annotations;
use given::Given;

/// Logged payloads have at least so long to be written at the end.
const LAST: Duration = Duration::from_secs(1);

/// Serve one predictor as in a pod: the nodes that listen beside it, and those it runs itself
#[derive(Debug, clap::Args)]
pub(crate) struct Engine {
    #[command(flatten)]
    given: Given,
    /// Address to listen on
    #[arg(long, default_value = "0.0.0.0", value_name = "IP")]
    host: IpAddr,
    /// Port for REST, probes and metrics; 0 picks a free one
    #[arg(long, alias = "http_port", default_value_t = port::ENGINE_HTTP, value_name = "PORT")]
    http_port: u16,
    /// Port for gRPC
    #[arg(long, alias = "grpc_port", default_value_t = port::ENGINE_GRPC, value_name = "PORT")]
    grpc_port: u16,
    /// One more port, for probes and metrics alone
    #[arg(long, alias = "metrics_port", value_name = "PORT")]
    metrics_port: Option<u16>,
    /// Where the port for REST answers with the metrics
    #[arg(
        long,
        alias = "prometheus_path",
        default_value = "/metrics",
        value_parser = flag::path,
        value_name = "PATH"
    )]
    prometheus_path: String,
    /// Listen on the ports of the units that run in this process as well, from 9000 and 9500 up
    /// [default: true]
    #[arg(long, alias = "node_ports", value_parser = flag::truth, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    node_ports: Option<bool>,
    /// Write the chosen addresses to this file, as JSON
    #[arg(long, value_name = "FILE")]
    ports_file: Option<PathBuf>,
    /// Most time for open requests at the end, such as 15s [default: HARI_DRAIN_MS, else 15s]
    #[arg(long, alias = "graceful_timeout", value_parser = flag::duration, value_name = "TIME")]
    graceful_timeout: Option<Duration>,
    #[command(flatten)]
    leaving: Leaving,
    /// Ask nodes elsewhere for their health, not for a connection alone [default:
    /// HARI_FULL_HEALTH_CHECKS, else false]
    #[arg(long, alias = "full_health_checks", value_parser = flag::truth, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    full_health_checks: Option<bool>,
    /// Write log lines for people [default: SELDON_DEBUG, else false]
    #[arg(long, value_parser = flag::truth, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    debug: Option<bool>,
    #[command(flatten)]
    logging: logging::PayloadLogging,
    #[command(flatten)]
    topics: topics::Topics,
    #[command(flatten)]
    taken: Taken,
}

/// Flags of the original that have nothing to set here.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Taken for compatibility, without effect")]
struct Taken {
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    #[arg(long, alias = "log_write_timeout_ms", value_name = "MS")]
    log_write_timeout_ms: Option<String>,
}

impl Engine {
    pub(crate) fn execute(self, log: &Log) -> anyhow::Result<()> {
        let set = || {
            settings::DEBUG
                .get()
                .and_then(|text| flag::truth(&text).ok())
        };
        let log = match self.debug.or_else(set) {
            Some(true) => log.readable(),
            _ => log.clone(),
        };
        on_runtime(&log, self.serve())
    }

    async fn serve(self) -> anyhow::Result<()> {
        self.taken.say();
        let annotations = Annotations::of_pod()?;
        let (source, predictor) = self.given.source(&annotations)?;
        let mut serving = Serving::on(self.listeners()?, self.settings(&annotations)?)?;
        serving.workshop.payload_logs = self.logging.logs()?;
        serving.workshop.kafka = self.topics.variables(&source, &predictor)?;
        if let Some(full) = self.full_health_checks {
            serving.workshop.full_health_checks = full;
        }
        let pod = serving.launch_predictor(&source, &predictor).await?;
        print_table(std::slice::from_ref(&pod.launched));
        if self.node_ports.unwrap_or(true) {
            serving.open_unit_ports(self.host, &pod.units)?;
        }
        let logs = serving.workshop.payload_logs.clone();
        let drain = serving.app.settings().drain;
        let asked_to_stop = asked_to_stop()?;
        let running = serving.start(self.ports_file.as_deref())?;
        say_where(&running);
        asked_to_stop.await;
        let begun = Instant::now() + self.leaving.shutdown_delay;
        let finished = self.leaving.leave(running).await;
        let left = drain.saturating_sub(begun.elapsed());
        logs.close(left.max(LAST)).await;
        // What was left open is in the log.
        finished.then_some(()).ok_or_else(|| Said.into())
    }

    fn listeners(&self) -> anyhow::Result<Server> {
        let at = |port| SocketAddr::new(self.host, port);
        let (http, grpc) = (at(self.http_port), at(self.grpc_port));
        let tls = settings::ListenerTls::from_env()
            .map(Tls::open)
            .transpose()?;
        let server = match self.metrics_port.map(at) {
            Some(metrics) => Server::bind(Addresses {
                http,
                grpc,
                metrics,
            })?,
            None => Server::bind_requests(http, grpc)?,
        };
        Ok(server.with_tls(tls))
    }

    fn settings(&self, annotations: &Annotations) -> anyhow::Result<settings::Server> {
        let usual = settings::Server::from_env()?;
        Ok(settings::Server {
            drain: self.graceful_timeout.unwrap_or(usual.drain),
            max_body: annotations.message_size().unwrap_or(0).max(usual.max_body),
            metrics_path: Some(self.prometheus_path.clone()),
            ..usual
        })
    }
}

impl Taken {
    /// Names the flags that were given and do nothing. The operator of the original always gives
    /// one, with the value that it has anyway.
    fn say(&self) {
        let timeout = self.log_write_timeout_ms.as_deref();
        let given = [
            ("--config", self.config.is_some()),
            ("--hostname", self.hostname.is_some()),
            (
                "--log_write_timeout_ms",
                timeout.is_some_and(|text| text != "2000"),
            ),
        ];
        for (flag, _) in given.into_iter().filter(|(_, given)| *given) {
            tracing::warn!(flag, "the flag has no effect here");
        }
    }
}

fn say_where(running: &Running) {
    let Addresses {
        http,
        grpc,
        metrics,
    } = running.addresses;
    tracing::info!(%http, %grpc, %metrics, "serving");
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Arguments, Command};

    fn parsed(line: &str) -> Result<Engine, String> {
        let words = ["hari", "engine"]
            .into_iter()
            .chain(line.split_whitespace());
        match Arguments::try_parse_from(words).map(|all| all.command) {
            Ok(Command::Engine(engine)) => Ok(engine),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_flags_of_the_original_are_taken_as_it_writes_them() {
        let engine = parsed(
            "--config c --sdep d --namespace n --predictor p --http_port 8001 --grpc_port 5002 \
             --graceful_timeout 20s --shutdown_delay 1m --protocol v2 --transport grpc --file f.yaml \
             --hostname h --logger_workers 3 --log_work_buffer_size 5 --log_write_timeout_ms 7 \
             --prometheus_path /prometheus --kafka_broker k:1 --kafka_input_topic in \
             --kafka_output_topic out --kafka_full_graph=false --kafka_workers 2 \
             --kafka_auto_commit=false --log_kafka_broker k:2 --log_kafka_topic log \
             --full_health_checks=true --server_type kafka --debug --log_level WARN",
        )
        .unwrap();
        assert_eq!((engine.http_port, engine.grpc_port), (8001, 5002));
        assert_eq!(engine.graceful_timeout, Some(Duration::from_secs(20)));
        assert_eq!(engine.leaving.shutdown_delay, Duration::from_secs(60));
        assert_eq!(engine.prometheus_path, "/prometheus");
        assert_eq!(engine.full_health_checks, Some(true));
        assert_eq!(engine.debug, Some(true));
    }

    #[test]
    fn defaults_are_those_of_a_pod() {
        let engine = parsed("").unwrap();
        assert_eq!((engine.http_port, engine.grpc_port), (8000, 5001));
        assert_eq!(engine.metrics_port, None);
        assert_eq!(engine.leaving.shutdown_delay, Duration::ZERO);
        for wrong in [
            "--prometheus_path /{a}",
            "--server_type grpc",
            "--graceful_timeout 15",
            "--full_health_checks=maybe",
        ] {
            let error = parsed(wrong).unwrap_err();
            assert!(error.contains("invalid value"), "{error}");
        }
    }
}
