//! From a `modelUri` to a loaded model: fetch, pick the version, load off the async threads.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hari_artifacts::{FetchOptions, Format, ModelUri, Picked, fetch, pick};
use hari_batch::{BatchOptions, Host, ModelUnit, Pool, PoolOptions};
use hari_core::{Model, ModelMetadata, Unit};
use hari_error::{Error, Result};
use hari_onnx::OnnxModel;
use hari_plan::bound::{BoundNode, ModelSource, ParameterValue, Runtime};
use hari_telemetry::metric::ModelMetrics;

use crate::assemble::Workshop;
use crate::observer::Metrics;
use crate::prefer::prefer;
use crate::tensorflow_server::{TensorflowServer, Unnamed};
use crate::tree::Origin;

/// A model that is in memory.
pub(crate) struct Loaded {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) metadata: ModelMetadata,
}

/// Fetches and loads what `source` names.
pub(crate) async fn load(
    name: &str,
    source: &ModelSource,
    base: &Path,
    workshop: &Workshop,
) -> Result<Loaded> {
    let uri = ModelUri::parse(&source.model_uri, base)?;
    let artifact = fetch(&uri, &fetch_options(workshop)).await?;
    let wanted = parameter(source, "version")?;
    let picked = pick(&artifact.root, format(source.runtime).markers(), wanted)?;
    let model = open_model(source.runtime, &picked).await?;
    let preferred = string(source, "signature_name");
    let model = prefer(model, preferred.as_deref())?;
    let metadata = ModelMetadata {
        name: name.to_owned(),
        versions: picked.version.iter().map(ToString::to_string).collect(),
        platform: model.platform().to_owned(),
        signatures: model.signatures().to_vec(),
        labels: labels(source, &picked)?,
        custom: BTreeMap::new(),
    };
    Ok(Loaded { model, metadata })
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
fn format(runtime: Runtime) -> Format {
    match runtime {
        Runtime::Tensorflow => Format::SavedModel,
        Runtime::Onnx => Format::Onnx,
    }
}

/// Loads the model that was picked, away from the async threads.
///
/// # Errors
/// What the runtime says of the artifact.
pub async fn open_model(runtime: Runtime, picked: &Picked) -> Result<Arc<dyn Model>> {
    let Picked { path, file, .. } = picked.clone();
    let loading = tokio::task::spawn_blocking(move || -> Result<Arc<dyn Model>> {
        match runtime {
            Runtime::Tensorflow => {
                let options = hari_tensorflow::Options::default();
                Ok(Arc::new(hari_tensorflow::load(&path, &options)?))
            }
            Runtime::Onnx => {
                let options = hari_onnx::Options::default();
                Ok(Arc::new(OnnxModel::load_file(&file, &options)?))
            }
        }
    });
    loading.await.map_err(|error| {
        Error::model("the model could not be loaded: the loader crashed").with_source(error)
    })?
}

/// The unit in front of a loaded model.
pub(crate) fn unit(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &ModelSource,
    (model, metadata): (Arc<dyn Model>, ModelMetadata),
    took: Duration,
) -> Arc<dyn Unit> {
    let metrics = ModelMetrics::new(&origin.deployment.name, &origin.predictor.name, &bound.name);
    metrics.loaded(took, model.memory_bytes());
    let options = source
        .batching
        .map_or_else(BatchOptions::default, |batching| BatchOptions {
            max_rows: batching.max_rows,
            window: batching.window,
            ..BatchOptions::default()
        });
    let pool = origin.workshop.pool.clone();
    let unnamed = Unnamed::of(
        metadata.signatures.first(),
        string(source, "model_input"),
        string(source, "model_output"),
    );
    let unit = ModelUnit::new(bound.name.clone(), model, metadata, options, pool)
        .observed(Arc::new(Metrics(metrics)));
    match source.runtime {
        Runtime::Tensorflow => Arc::new(TensorflowServer::new(Arc::new(unit), unnamed)),
        Runtime::Onnx => Arc::new(unit),
    }
}

/// The threads that models run on, made ready for the engine.
///
/// # Errors
/// `Internal` if the system gives no more threads.
pub fn model_pool(threads: usize) -> Result<Arc<Pool>> {
    let host: Host = Arc::new(hari_onnx::host);
    Pool::new(&PoolOptions {
        threads,
        host: Some(host),
        ..PoolOptions::default()
    })
    .map(Arc::new)
}

fn string(source: &ModelSource, name: &str) -> Option<String> {
    match source.parameters.get(name) {
        Some(ParameterValue::String(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn parameter(source: &ModelSource, name: &str) -> Result<Option<u64>> {
    match source.parameters.get(name) {
        None => Ok(None),
        Some(ParameterValue::Int(number)) => u64::try_from(*number).map(Some).map_err(|_| {
            Error::invalid(format!(
                "parameter `{name}`: expected a positive number, found {number}"
            ))
        }),
        Some(other) => Err(Error::invalid(format!(
            "parameter `{name}`: expected INT, found {other:?}"
        ))),
    }
}

/// `stable=1,canary=2`: labels of versions. A version that is not there is refused.
fn labels(source: &ModelSource, picked: &Picked) -> Result<BTreeMap<String, String>> {
    let Some(text) = string(source, "version_labels") else {
        return Ok(BTreeMap::new());
    };
    let mut labels = BTreeMap::new();
    for pair in text.split(',') {
        let (label, version) = pair.split_once('=').ok_or_else(|| {
            Error::invalid(format!(
                "parameter `version_labels`: expected `label=version`, found `{pair}`"
            ))
        })?;
        let served = picked
            .version
            .is_some_and(|served| served.to_string() == version.trim());
        if served {
            labels.insert(label.trim().to_owned(), version.trim().to_owned());
        }
    }
    Ok(labels)
}
