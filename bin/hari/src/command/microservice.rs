//! `hari microservice`: one Python class, as the original's wrapper serves it in a container.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use hari_api::k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec};
use hari_api::{Document, Parameter, SeldonDeployment, SeldonPodSpec, UnitType};
use hari_engine::Addresses;
use hari_local::Source;
use hari_plan::catalogue::PYTHON;
use hari_plan::names::to_label;
use hari_settings as settings;

use super::serve::{at, parameters};
use super::serving::{Leaving, Serving, asked_to_stop, beside_engine, on_runtime, print_table};
use crate::cli::Log;

/// Serve one Python class as in a container of its own: every method, on the unit ports
#[derive(Debug, clap::Args)]
pub(crate) struct Microservice {
    /// Module of the same class (`Model`), or module and class (`package.module.Class`)
    #[arg(value_name = "CLASS")]
    class: String,
    /// Folder with the module
    #[arg(long, default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// What the class is; every method is answered whatever it says
    #[arg(long, default_value = "MODEL", value_name = "TYPE")]
    service_type: String,
    /// Arguments of the constructor, a JSON array of {name, value, type}
    /// [default: PREDICTIVE_UNIT_PARAMETERS]
    #[arg(long, value_name = "JSON")]
    parameters: Option<String>,
    /// Worker processes [default: GUNICORN_WORKERS, else 1]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Address to listen on
    #[arg(long, default_value = "0.0.0.0", value_name = "IP")]
    host: IpAddr,
    /// HTTP port; 0 picks a free one [default: PREDICTIVE_UNIT_HTTP_SERVICE_PORT, else 9000]
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// gRPC port [default: PREDICTIVE_UNIT_GRPC_SERVICE_PORT, else 5000]
    #[arg(long, value_name = "PORT")]
    grpc_port: Option<u16>,
    /// Metrics port [default: PREDICTIVE_UNIT_METRICS_SERVICE_PORT, else 6000]
    #[arg(long, value_name = "PORT")]
    metrics_port: Option<u16>,
    /// Write the chosen addresses to this file, as JSON
    #[arg(long, value_name = "FILE")]
    ports_file: Option<PathBuf>,
    #[command(flatten)]
    leaving: Leaving,
    #[command(flatten)]
    taken: Taken,
}

/// Flags of the original's wrapper that have nothing to set here.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Taken for compatibility, without effect")]
struct Taken {
    #[arg(long, value_name = "N")]
    persistence: Option<String>,
    #[arg(long, value_name = "N")]
    tracing: Option<String>,
    #[arg(long, value_name = "N")]
    threads: Option<String>,
    #[arg(long, value_name = "N")]
    max_requests: Option<String>,
    #[arg(long, value_name = "N")]
    max_requests_jitter: Option<String>,
    #[arg(long, value_name = "SECONDS")]
    keepalive: Option<String>,
    #[arg(long, value_name = "N")]
    single_threaded: Option<String>,
    #[arg(long, value_name = "FILE")]
    pidfile: Option<String>,
    #[arg(long, value_name = "N")]
    grpc_threads: Option<String>,
    #[arg(long, value_name = "N")]
    grpc_workers: Option<String>,
    #[arg(long, num_args = 0..=1, value_name = "BOOL")]
    debug: Option<Option<String>>,
    #[arg(long, num_args = 0..=1, value_name = "BOOL")]
    access_log: Option<Option<String>>,
}

impl Microservice {
    pub(crate) fn execute(self, log: &Log) -> anyhow::Result<()> {
        on_runtime(log, self.serve())
    }

    async fn serve(self) -> anyhow::Result<()> {
        self.taken.say();
        let source = self.source()?;
        beside_engine();
        let serving = Serving::bind(self.addresses()?)?;
        let launched = serving.launch_component(&source).await?;
        print_table(&[launched]);
        let asked_to_stop = asked_to_stop()?;
        let running = serving.start(self.ports_file.as_deref())?;
        let Addresses {
            http,
            grpc,
            metrics,
        } = running.addresses;
        tracing::info!(%http, %grpc, %metrics, "serving");
        asked_to_stop.await;
        self.leaving.leave(running).await;
        Ok(())
    }

    fn addresses(&self) -> anyhow::Result<Addresses> {
        let at = |flag, setting, default| at(self.host, flag, setting, default);
        Ok(Addresses {
            http: at(self.http_port, &settings::UNIT_HTTP_PORT, 9000)?,
            grpc: at(self.grpc_port, &settings::UNIT_GRPC_PORT, 5000)?,
            metrics: at(self.metrics_port, &settings::UNIT_METRICS_PORT, 6000)?,
        })
    }

    /// The class as a deployment of one node.
    fn source(&self) -> anyhow::Result<Source> {
        let value = serde_json::to_value(self.deployment()?)?;
        Ok(Source {
            name: self.class.clone(),
            file: None,
            base: PathBuf::new(),
            documents: vec![Document::from_value(value)],
        })
    }

    fn deployment(&self) -> anyhow::Result<SeldonDeployment> {
        let folder = std::path::absolute(&self.folder)
            .with_context(|| format!("folder {}", self.folder.display()))?;
        let unit = settings::UNIT_ID.get();
        let unit = to_label(unit.as_deref().unwrap_or(&self.class));
        let arguments = self.arguments()?;
        let mut deployment =
            hari_plan::single_node(&unit, PYTHON, &folder.to_string_lossy(), arguments);
        if let Some(name) = settings::DEPLOYMENT_ID.get() {
            deployment.metadata.name = Some(to_label(&name));
        }
        for predictor in &mut deployment.spec.predictors {
            if let Some(name) = settings::PREDICTOR_ID.get() {
                predictor.name = to_label(&name);
            }
            predictor.graph.type_ = Some(self.kind()?.to_string());
            predictor.component_specs = vec![self.pod(&unit)?];
        }
        Ok(deployment)
    }

    /// Outlier detectors transform their input.
    fn kind(&self) -> anyhow::Result<UnitType> {
        let word = match self.service_type.as_str() {
            "OUTLIER_DETECTOR" => "TRANSFORMER",
            word => word,
        };
        // What routes and combines has children in a graph; here it stands alone.
        match word {
            "ROUTER" | "COMBINER" => Ok(UnitType::Model),
            word => word.parse().context("--service-type"),
        }
    }

    fn arguments(&self) -> anyhow::Result<Vec<Parameter>> {
        let text = self.parameters.clone();
        match text.or_else(|| settings::UNIT_PARAMETERS.get()) {
            Some(text) => parameters(&text),
            None => Ok(Vec::new()),
        }
    }

    /// The container that names the class and counts its workers.
    fn pod(&self, unit: &str) -> anyhow::Result<SeldonPodSpec> {
        let workers = match self.workers {
            Some(workers) => workers,
            None => settings::UNIT_WORKERS.parse()?.unwrap_or(1),
        };
        let variable = |name: &str, value: String| EnvVar {
            name: name.to_owned(),
            value: Some(value),
            ..EnvVar::default()
        };
        let container = Container {
            name: unit.to_owned(),
            env: Some(vec![
                variable("MODEL_NAME", self.class.clone()),
                variable("GUNICORN_WORKERS", workers.to_string()),
            ]),
            ..Container::default()
        };
        Ok(SeldonPodSpec {
            spec: Some(PodSpec {
                containers: vec![container],
                ..PodSpec::default()
            }),
            ..SeldonPodSpec::default()
        })
    }
}

impl Taken {
    /// Names the flags that were given and do nothing.
    fn say(&self) {
        let given = [
            ("--persistence", self.persistence.is_some()),
            ("--tracing", self.tracing.is_some()),
            ("--threads", self.threads.is_some()),
            ("--max-requests", self.max_requests.is_some()),
            ("--max-requests-jitter", self.max_requests_jitter.is_some()),
            ("--keepalive", self.keepalive.is_some()),
            ("--single-threaded", self.single_threaded.is_some()),
            ("--pidfile", self.pidfile.is_some()),
            ("--grpc-threads", self.grpc_threads.is_some()),
            ("--grpc-workers", self.grpc_workers.is_some()),
            ("--debug", self.debug.is_some()),
            ("--access-log", self.access_log.is_some()),
        ];
        for (flag, _) in given.into_iter().filter(|(_, given)| *given) {
            tracing::warn!(flag, "the flag has no effect here");
        }
    }
}
