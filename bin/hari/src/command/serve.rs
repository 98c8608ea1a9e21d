//! `hari serve`: one prepackaged server, as in a pod. Flags win over the environment.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use hari_api::Parameter;
use hari_engine::Addresses;
use hari_local::{BareModel, Source};
use hari_settings as settings;

use super::serving::{Leaving, Serving, asked_to_stop, beside_engine, on_runtime, print_table};
use crate::cli::Log;

/// Serve one model as in a pod: unit paths and protocol paths on the unit ports
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Name of the unit [default: PREDICTIVE_UNIT_ID, else `model`]
    #[arg(long)]
    name: Option<String>,
    /// Server that takes the model, TENSORFLOW_SERVER say [default: what the artifact says]
    #[arg(long)]
    implementation: Option<String>,
    /// Where the model lies
    #[arg(long, default_value = "/mnt/models", value_name = "URI")]
    model_uri: String,
    /// Parameter of the server, NAME=VALUE; may be given several times
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = named)]
    parameters: Vec<(String, String)>,
    /// Address to listen on
    #[arg(long, default_value = "0.0.0.0", value_name = "IP")]
    host: IpAddr,
    /// HTTP port; 0 picks a free one [default: PREDICTIVE_UNIT_HTTP_SERVICE_PORT, else 9000]
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// gRPC port [default: PREDICTIVE_UNIT_GRPC_SERVICE_PORT, else 9500]
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
}

fn named(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

impl Serve {
    pub(crate) fn execute(self, log: &Log) -> anyhow::Result<()> {
        on_runtime(log, self.serve())
    }

    async fn serve(self) -> anyhow::Result<()> {
        let addresses = self.addresses()?;
        let model = self.model()?.recognised(&super::fetch::options()?).await?;
        let source = Source::bare(&model)?;
        beside_engine();
        let serving = Serving::bind(addresses)?;
        let launched = serving.launch(&[source]).await?;
        print_table(&launched);
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
            grpc: at(self.grpc_port, &settings::UNIT_GRPC_PORT, 9500)?,
            metrics: at(self.metrics_port, &settings::UNIT_METRICS_PORT, 6000)?,
        })
    }

    fn model(&self) -> anyhow::Result<BareModel> {
        let name = self.name.clone().or_else(|| settings::UNIT_ID.get());
        let mut parameters = match settings::UNIT_PARAMETERS.get() {
            Some(text) => parameters(&text)?,
            None => Vec::new(),
        };
        let implementation = self.implementation.clone();
        for (name, value) in &self.parameters {
            parameters.retain(|parameter| parameter.name != *name);
            let server = implementation.as_deref().unwrap_or_default();
            parameters.push(hari_plan::parameter(server, name, value));
        }
        // What the operator adds for the servers of the original; the flag says it here.
        parameters.retain(|parameter| parameter.name != "model_uri");
        Ok(BareModel {
            name: name.unwrap_or_else(|| "model".to_owned()),
            implementation,
            model_uri: self.model_uri.clone(),
            parameters,
            deployment: settings::DEPLOYMENT_ID.get(),
            predictor: settings::PREDICTOR_ID.get(),
        })
    }
}

/// Where to listen: the flag, the setting, the default.
pub(super) fn at(
    host: IpAddr,
    flag: Option<u16>,
    setting: &settings::Setting,
    default: u16,
) -> anyhow::Result<SocketAddr> {
    let port = match flag {
        Some(port) => port,
        None => setting.parse()?.unwrap_or(default),
    };
    Ok(SocketAddr::new(host, port))
}

/// The parameters of a unit as its container gets them.
pub(super) fn parameters(text: &str) -> anyhow::Result<Vec<Parameter>> {
    serde_json::from_str(text).with_context(|| {
        format!(
            "environment variable {}: expected a JSON array of {{name, value, type}}",
            settings::UNIT_PARAMETERS.name
        )
    })
}
