//! `hari inspect`: what a model is, and whether it can be served. It is really loaded.

mod found;
mod report;
mod repository;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context as _;
use hari_artifacts::{Artifact, FetchOptions, Format, fetch, pick, probe};
use hari_onnx::{EngineChoice, Options};
use hari_plan::Runtime;
use hari_triton::{Repository, Selection};

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
    /// What computes it: `auto`, `rten` or `onnxruntime` [default: HARI_ENGINE, else auto]
    #[arg(long, value_name = "ENGINE")]
    engine: Option<EngineChoice>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was found.
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
enum Looked {
    Model(Report),
    Repository(Repository),
}

impl Inspect {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let looked = runtime.block_on(async {
            match self.repository().await? {
                Some(models) => Ok(Looked::Repository(models)),
                None => self.look().await.map(Looked::Model),
            }
        });
        let report = match looked {
            Err(error) if self.json => {
                output::line(format!("{:#}", report::failure(&self.model, &error)));
                return Err(error);
            }
            looked => looked?,
        };
        let report = match report {
            Looked::Model(report) => report,
            Looked::Repository(models) => {
                repository::print(&models, self.json);
                return Ok(());
            }
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

    /// The models of the repository that lies there, if it is one.
    async fn repository(&self) -> anyhow::Result<Option<Repository>> {
        let artifact = self.fetched().await?;
        if probe(&artifact.root)? != Format::Repository {
            return Ok(None);
        }
        let repository = Repository::open(&artifact.root, "model", &Selection::default())?;
        Ok(Some(repository))
    }

    async fn fetched(&self) -> anyhow::Result<Artifact> {
        let fetching = FetchOptions {
            versions: self.version.into(),
            ..options()?
        };
        Ok(fetch(&here(&self.model)?, &fetching).await?)
    }

    async fn look(&self) -> anyhow::Result<Report> {
        let uri = here(&self.model)?;
        let artifact = self.fetched().await?;
        let format = probe(&artifact.root)?;
        let picked = pick(&artifact.root, format.markers(), self.version)?;
        let options = self.options()?;
        let found = Found::look(format, &picked, &options)?;
        let runtime = runtime_of(format)
            .with_context(|| format!("{} is not in this build", format.name()))?;
        let begin = Instant::now();
        let loaded = hari_engine::open_model(runtime, &picked, options)
            .await
            .map(|model| Loaded {
                time: begin.elapsed(),
                memory: model.memory_bytes(),
                engine: model.engine().to_owned(),
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

impl Inspect {
    /// As a unit without parameters would load it, but for the flags.
    fn options(&self) -> anyhow::Result<Options> {
        let mut options = hari_engine::computing(&BTreeMap::new())?;
        options.engine = self.engine.unwrap_or(options.engine);
        Ok(options)
    }
}

/// Which runtime takes models of this format.
fn runtime_of(format: Format) -> Option<Runtime> {
    match format {
        Format::SavedModel => Some(Runtime::Tensorflow),
        Format::Onnx => Some(Runtime::Onnx),
        Format::Transformers => Some(Runtime::Transformers),
        Format::Xgboost => Some(Runtime::Xgboost),
        Format::Lightgbm => Some(Runtime::Lightgbm),
        Format::Catboost => Some(Runtime::Catboost),
        Format::Sklearn => Some(Runtime::Sklearn),
        Format::Mlflow => Some(Runtime::Mlflow),
        _ => None,
    }
}
