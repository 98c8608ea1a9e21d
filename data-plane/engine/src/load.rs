//! From a `modelUri` to a loaded model: fetch, pick the version, load off the async threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hari_artifacts::{FetchOptions, Format, ModelUri, Picked, fetch};
use hari_batch::{BatchOptions, Host, ModelUnit, Pool, PoolOptions};
use hari_core::{Model, ModelMetadata, Unit};
use hari_error::{Error, Result};
use hari_onnx::OnnxModel;
use hari_plan::bound::{BoundNode, ModelSource, ParameterValue, Runtime};
use hari_telemetry::metric::ModelMetrics;
use hari_transformers::{Pipeline, Task};
use hari_trees::{Family, Options as Boosters};

use crate::assemble::Workshop;
use crate::computing::computing;
use crate::huggingface_server::{self, HuggingfaceServer};
use crate::mlflow_server::{self, Described, MlflowServer};
use crate::observer::Metrics;
use crate::prefer::prefer;
use crate::sklearn_server;
use crate::table_server::{self, TableServer, Tabular};
use crate::tensorflow_server::{TensorflowServer, Unnamed};
use crate::tree::Origin;
use crate::versions::{self, Versions};

/// One version of a model, in memory.
pub(crate) struct Loaded {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) metadata: ModelMetadata,
    /// Where its files are.
    pub(crate) folder: PathBuf,
    /// What stands between it and its callers.
    pub(crate) front: Front,
}

/// What stands between a model and its callers.
pub(crate) enum Front {
    /// Nothing: it is asked with tensors.
    Plain,
    /// A pipeline of texts.
    Pipeline(Task),
    /// It is asked with tables.
    Table(Tabular),
    /// It is in an MLflow folder, which says what it takes.
    Mlflow(Described),
}

/// Fetches and loads what `source` names: every version that is to be served, newest first.
pub(crate) async fn load(
    name: &str,
    source: &ModelSource,
    base: &Path,
    workshop: &Workshop,
) -> Result<Vec<Loaded>> {
    huggingface_server::check_uri(source)?;
    let labels = versions::labels(source)?;
    let wanted = versions::wanted(source, &labels)?;
    let root = fetched(source, base, workshop, wanted).await?;
    let markers = format(source.runtime)?.markers();
    let mut loaded = Vec::new();
    for picked in versions::chosen(&root, markers, source, &labels)? {
        loaded.push(load_one(name, source, &picked).await?);
    }
    let served: Vec<_> = loaded
        .iter()
        .flat_map(|one| one.metadata.versions.clone())
        .collect();
    for one in &mut loaded {
        one.metadata.versions.clone_from(&served);
        one.metadata.labels = versions::served_labels(&labels, &served);
    }
    Ok(loaded)
}

/// The newest version of what `source` names, without a look into it.
pub(crate) async fn picked(
    source: &ModelSource,
    base: &Path,
    workshop: &Workshop,
    wanted: hari_artifacts::Versions,
) -> Result<Picked> {
    let root = fetched(source, base, workshop, wanted).await?;
    let labels = versions::labels(source)?;
    let markers = format(source.runtime)?.markers();
    let newest = versions::chosen(&root, markers, source, &labels)?;
    let newest = newest.into_iter().next();
    newest.ok_or_else(|| Error::not_found("modelUri: no model is there"))
}

/// The local folder or file of what `source` names; of a bucket, these versions alone.
pub(crate) async fn fetched(
    source: &ModelSource,
    base: &Path,
    workshop: &Workshop,
    versions: hari_artifacts::Versions,
) -> Result<PathBuf> {
    fetched_uri(&source.model_uri, base, workshop, versions).await
}

/// The local folder or file of `uri`; a relative one is relative to `base`.
pub(crate) async fn fetched_uri(
    uri: &str,
    base: &Path,
    workshop: &Workshop,
    versions: hari_artifacts::Versions,
) -> Result<PathBuf> {
    let uri = ModelUri::parse(uri, base)?;
    let options = FetchOptions {
        versions,
        ..fetch_options(workshop)
    };
    Ok(fetch(&uri, &options).await?.root)
}

async fn load_one(name: &str, source: &ModelSource, picked: &Picked) -> Result<Loaded> {
    if source.runtime == Runtime::Transformers {
        return huggingface_server::load(name, source, picked).await;
    }
    if let Some(family) = table_server::family(source.runtime) {
        return table_server::load(name, source, picked, family).await;
    }
    if source.runtime == Runtime::Sklearn {
        return sklearn_server::load(name, source, picked).await;
    }
    if source.runtime == Runtime::Mlflow {
        return mlflow_server::load(name, source, picked).await;
    }
    let options = computing(&source.parameters)?;
    let model = open_model(source.runtime, picked, options).await?;
    let preferred = string(source, "signature_name");
    let model = prefer(model, preferred.as_deref())?;
    let metadata = describe(name, &*model, picked.version);
    Ok(Loaded {
        model,
        metadata,
        folder: picked.path.clone(),
        front: Front::Plain,
    })
}

/// What a loaded model says of itself, under this name and version.
pub(crate) fn describe(name: &str, model: &dyn Model, version: Option<u64>) -> ModelMetadata {
    ModelMetadata {
        name: name.to_owned(),
        versions: version.iter().map(ToString::to_string).collect(),
        platform: model.platform().to_owned(),
        signatures: model.signatures().to_vec(),
        ..ModelMetadata::default()
    }
}

fn fetch_options(workshop: &Workshop) -> FetchOptions {
    FetchOptions {
        cache: workshop.cache.clone(),
        policy: workshop.policy.clone(),
        progress: workshop.progress.clone(),
        ..FetchOptions::default()
    }
}

/// The format that a runtime reads.
fn format(runtime: Runtime) -> Result<Format> {
    match runtime {
        Runtime::Tensorflow => Ok(Format::SavedModel),
        Runtime::Onnx => Ok(Format::Onnx),
        Runtime::Transformers => Ok(Format::Transformers),
        Runtime::Xgboost => Ok(Format::Xgboost),
        Runtime::Lightgbm => Ok(Format::Lightgbm),
        Runtime::Catboost => Ok(Format::Catboost),
        Runtime::Sklearn => Ok(Format::Sklearn),
        Runtime::Mlflow => Ok(Format::Mlflow),
        Runtime::Triton => Err(no_single_model()),
    }
}

fn no_single_model() -> Error {
    Error::internal("a model repository is no single model")
}

/// Loads the model that was picked, away from the async threads.
///
/// # Errors
/// What the runtime says of the artifact.
pub async fn open_model(
    runtime: Runtime,
    picked: &Picked,
    options: hari_onnx::Options,
) -> Result<Arc<dyn Model>> {
    let Picked { path, file, .. } = picked.clone();
    let loading = tokio::task::spawn_blocking(move || -> Result<Arc<dyn Model>> {
        match runtime {
            Runtime::Tensorflow => Ok(Arc::new(hari_tensorflow::load(&path, &options)?)),
            Runtime::Onnx => Ok(Arc::new(OnnxModel::load_file(&file, &options)?)),
            Runtime::Transformers => {
                let options = hari_transformers::Options {
                    engine: options,
                    ..hari_transformers::Options::default()
                };
                Ok(Arc::new(Pipeline::load(&path, &options)?))
            }
            Runtime::Xgboost => booster(&file, Family::Xgboost),
            Runtime::Lightgbm => booster(&file, Family::Lightgbm),
            Runtime::Catboost => booster(&file, Family::Catboost),
            Runtime::Sklearn => Ok(sklearn_server::open(&file, None)?.model),
            Runtime::Mlflow => Ok(mlflow_server::open(&path, &options)?.model),
            Runtime::Triton => Err(no_single_model()),
        }
    });
    loading.await.map_err(|error| {
        Error::model("the model could not be loaded: the loader crashed").with_source(error)
    })?
}

fn booster(file: &Path, family: Family) -> Result<Arc<dyn Model>> {
    table_server::open(file, family, &Boosters::default()).map(|opened| opened.model)
}

/// The unit in front of the versions that were loaded; the first is the default.
pub(crate) fn unit(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &ModelSource,
    loaded: Vec<Loaded>,
    took: Duration,
) -> Arc<dyn Unit> {
    let metrics = ModelMetrics::new(&origin.deployment.name, &origin.predictor.name, &bound.name);
    metrics.loaded(
        took,
        loaded.iter().map(|one| one.model.memory_bytes()).sum(),
    );
    let observer = Arc::new(Metrics(metrics));
    let options = batch_options(source);
    let unnamed = Unnamed::of(
        loaded
            .first()
            .and_then(|one| one.metadata.signatures.first()),
        string(source, "model_input"),
        string(source, "model_output"),
    );
    let units = loaded.into_iter().map(
        |Loaded {
             model,
             metadata,
             front,
             ..
         }| {
            let pool = origin.workshop.pool.clone();
            let unit = ModelUnit::new(bound.name.clone(), model, metadata, options, pool);
            let unit: Arc<dyn Unit> = Arc::new(unit.observed(observer.clone()));
            let server: Arc<dyn Unit> = match front {
                Front::Pipeline(task) => Arc::new(HuggingfaceServer::new(unit, task)),
                Front::Table(tabular) => Arc::new(TableServer::new(unit, tabular)),
                Front::Mlflow(described) => MlflowServer::before(unit, described),
                Front::Plain => unit,
            };
            server
        },
    );
    let unit = Versions::of(units.collect());
    match source.runtime {
        Runtime::Tensorflow => Arc::new(TensorflowServer::new(unit, unnamed)),
        _ => unit,
    }
}

fn batch_options(source: &ModelSource) -> BatchOptions {
    source
        .batching
        .map_or_else(BatchOptions::default, |batching| BatchOptions {
            max_rows: batching.max_rows,
            window: batching.window,
            ..BatchOptions::default()
        })
}

/// The threads that models run on, made ready for the engine; runs that take no longer than the
/// setting says are made where the request is.
///
/// # Errors
/// `Internal` if the system gives no more threads, `InvalidInput` for a setting that is no number.
pub fn model_pool(threads: usize) -> Result<Arc<Pool>> {
    let host: Host = Arc::new(hari_onnx::host);
    Pool::new(&PoolOptions {
        threads,
        host: Some(host),
        inline: hari_settings::inline()?,
        ..PoolOptions::default()
    })
    .map(Arc::new)
}

/// A text parameter that is not empty.
pub(crate) fn string(source: &ModelSource, name: &str) -> Option<String> {
    match source.parameters.get(name) {
        Some(ParameterValue::String(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}
