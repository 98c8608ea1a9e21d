//! `hari inspect`: what a model is, and whether it can be served. It is really loaded.

mod found;
mod report;

use std::time::Instant;

use anyhow::Context as _;
use hari_artifacts::{Format, fetch, pick, probe};
use hari_plan::Runtime;

use super::fetch::{here, options};
use crate::exit::Said;
use crate::output;
use found::Found;
use report::{Loaded, Report};

/// Say what a model is: format, inputs and outputs, runtime, operators
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits with 1 if the model cannot be served.

Examples:
  hari inspect examples/mnist/model
  hari inspect https://host/model.onnx --json")]
pub(crate) struct Inspect {
    /// A model: a path, file://, http:// or https://
    #[arg(value_name = "PATH|URI")]
    model: String,
    /// Version folder to look into [default: the highest]
    #[arg(long, value_name = "NUMBER")]
    version: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let report = match runtime.block_on(self.look()) {
            Err(error) if self.json => {
                output::line(format!("{:#}", report::failure(&self.model, &error)));
                return Err(error);
            }
            looked => looked?,
        };
        match self.json {
            true => output::line(format!("{:#}", report.as_json())),
            false => report.lines().iter().for_each(output::line),
        }
        if report.loaded.is_ok() {
            Ok(())
        } else {
            Err(Said.into())
        }
    }

    async fn look(&self) -> anyhow::Result<Report> {
        let uri = here(&self.model)?;
        let artifact = fetch(&uri, &options()?).await?;
        let format = probe(&artifact.root)?;
        let picked = pick(&artifact.root, format.markers(), self.version)?;
        let found = Found::look(format, &picked)?;
        let runtime = runtime_of(format)
            .with_context(|| format!("{} is not in this build", format.name()))?;
        let begin = Instant::now();
        let loaded = hari_engine::open_model(runtime, &picked)
            .await
            .map(|model| Loaded {
                time: begin.elapsed(),
                memory: model.memory_bytes(),
            });
        Ok(Report {
            model: uri.to_string(),
            format,
            runtime,
            picked,
            found,
            loaded,
        })
    }
}

/// Which runtime takes models of this format.
fn runtime_of(format: Format) -> Option<Runtime> {
    match format {
        Format::SavedModel => Some(Runtime::Tensorflow),
        Format::Onnx => Some(Runtime::Onnx),
        _ => None,
    }
}
