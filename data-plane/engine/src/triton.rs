//! A Triton model repository as one node: every model in it, each under its own name.

mod ensemble;
mod repository;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hari_artifacts::Picked;
use hari_batch::{BatchOptions, ModelUnit};
use hari_core::{Model, NamedTensor, Target, Unit};
use hari_error::{Error, Result};
use hari_plan::bound::{BoundNode, ModelSource, ParameterValue, Runtime};
use hari_telemetry::metric::ModelMetrics;
use hari_triton::{Artifact, Backend, Entry, Repository, Selection, Served, agree, warmups};

use crate::computing::{computing, instances};
use crate::load::{self, string};
use crate::observer::Metrics;
use crate::report::NodeReport;
use crate::tree::{Origin, report};
use crate::versions::Versions;
use crate::warm;
use ensemble::Ensemble;
use repository::Models;

/// Loads the models of the repository that `source` names; one report for each of them.
///
/// # Errors
/// The first model that cannot be loaded, named; all of those that cannot be served at all.
pub(crate) async fn load(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &ModelSource,
) -> Result<(Arc<dyn Unit>, Vec<NodeReport>)> {
    let root = load::fetched(
        source,
        origin.base,
        origin.workshop,
        hari_artifacts::Versions::All,
    )
    .await?;
    let repository = Repository::open(&root, &bound.name, &selection(source)?)?;
    let mut loader = Loader {
        origin,
        bound,
        repository: &repository,
        options: computing(&source.parameters)?,
        units: BTreeMap::new(),
        reports: Vec::new(),
    };
    for entry in &repository.models {
        loader.add(entry, &mut BTreeSet::new()).await?;
    }
    let Loader { units, reports, .. } = loader;
    Ok((Models::of(&bound.name, units), reports))
}

/// What parameters `model_control_mode`, `load_model` and `strict_model_config` ask for.
fn selection(source: &ModelSource) -> Result<Selection> {
    let listed = string(source, "load_model").unwrap_or_default();
    let names = listed
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let models: Vec<String> = names.map(str::to_owned).collect();
    let explicit = match string(source, "model_control_mode").as_deref() {
        None | Some("none") => false,
        Some("explicit") => true,
        Some("poll") => {
            return Err(Error::invalid(
                "parameter `model_control_mode`: `poll` is not served; change the deployment to \
                 change its models",
            ));
        }
        Some(other) => {
            return Err(Error::invalid(format!(
                "parameter `model_control_mode`: expected none or explicit, found `{other}`"
            )));
        }
    };
    if explicit && models.is_empty() {
        return Err(Error::invalid(
            "parameter `load_model`: `explicit` loads what it names; it names nothing",
        ));
    }
    let strict = match source.parameters.get("strict_model_config") {
        Some(ParameterValue::Bool(strict)) => *strict,
        Some(ParameterValue::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    };
    Ok(Selection { models, strict })
}

/// Loads models, each once and after those it calls.
struct Loader<'a> {
    origin: &'a Origin<'a>,
    bound: &'a BoundNode,
    repository: &'a Repository,
    options: hari_onnx::Options,
    units: BTreeMap<String, Arc<dyn Unit>>,
    reports: Vec<NodeReport>,
}

impl Loader<'_> {
    /// `path` holds the ensembles that are being loaded, so that none calls itself.
    async fn add(&mut self, entry: &Entry, path: &mut BTreeSet<String>) -> Result<()> {
        if self.units.contains_key(&entry.name) {
            return Ok(());
        }
        let started = Instant::now();
        let made = match &entry.served.backend {
            Backend::Onnx(files) => self.model(entry, Runtime::Onnx, files).await,
            Backend::SavedModel(files) => self.model(entry, Runtime::Tensorflow, files).await,
            Backend::Ensemble(wiring) => {
                if !path.insert(entry.name.clone()) {
                    return Err(Error::model(format!(
                        "ensemble `{}` calls itself",
                        entry.name
                    )));
                }
                for step in wiring.steps() {
                    let called = self.repository.get(&step.model).ok_or_else(|| {
                        Error::internal(format!("no model `{}` was read", step.model))
                    })?;
                    Box::pin(self.add(called, path)).await?;
                }
                path.remove(&entry.name);
                Ensemble::of(&entry.name, &entry.config, wiring, &self.units)
                    .map(|unit| (Arc::new(unit) as Arc<dyn Unit>, 0))
            }
        };
        let (unit, memory) = named(entry, made)?;
        named(entry, self.warm(entry, &*unit).await)?;
        self.report(entry, &*unit, started.elapsed(), memory);
        self.units.insert(entry.name.clone(), unit);
        Ok(())
    }

    /// The versions of a model, and the bytes that they keep.
    async fn model(
        &self,
        entry: &Entry,
        runtime: Runtime,
        files: &[Artifact],
    ) -> Result<(Arc<dyn Unit>, u64)> {
        if entry.served.wants_gpu {
            tracing::warn!(
                model = entry.name,
                "instance_group asks for a GPU: it runs on the CPU"
            );
        }
        let versions: Vec<_> = files.iter().map(|file| file.version.to_string()).collect();
        let mut units = Vec::new();
        let mut memory = 0;
        for file in files {
            let options = options(&self.options, &entry.served)?;
            let model = load::open_model(runtime, &picked(file), options).await?;
            if let Some(signature) = model.signatures().first() {
                agree(&entry.config, signature)?;
            }
            warm::with_zeros(&model).await?;
            memory += model.memory_bytes();
            units.push(self.unit(entry, file, model, &versions));
        }
        let unit = Versions::of(units);
        for file in files {
            let folder = file.path.parent().unwrap_or(&file.path);
            let inside = if file.path.is_dir() {
                &file.path
            } else {
                folder
            };
            warm::with_requests(&*unit, Some(&file.version.to_string()), inside).await?;
        }
        Ok((unit, memory))
    }

    fn unit(
        &self,
        entry: &Entry,
        file: &Artifact,
        model: Arc<dyn Model>,
        versions: &[String],
    ) -> Arc<dyn Unit> {
        let mut metadata = load::describe(&entry.name, &*model, Some(file.version));
        metadata.versions = versions.to_vec();
        let pool = self.origin.workshop.pool.clone();
        let options = batch_options(&entry.served);
        let unit = ModelUnit::new(entry.name.clone(), model, metadata, options, pool);
        let (deployment, predictor) = (&self.origin.deployment.name, &self.origin.predictor.name);
        let metrics = ModelMetrics::new(deployment, predictor, &entry.name);
        Arc::new(unit.observed(Arc::new(Metrics(metrics))))
    }

    /// Runs the requests of `model_warmup`, on every version.
    async fn warm(&self, entry: &Entry, unit: &dyn Unit) -> Result<()> {
        let (config, folder) = (entry.config.clone(), entry.folder.clone());
        let reading = tokio::task::spawn_blocking(move || warmups(&config, &folder));
        let requests = reading
            .await
            .map_err(|error| Error::internal("reading warm-up requests").with_source(error))??;
        for request in requests {
            let tensors = request.inputs.into_iter();
            let tensors: Vec<_> = tensors
                .map(|(name, tensor)| NamedTensor::new(name, tensor))
                .collect();
            for version in &unit.metadata().versions {
                for _ in 0..request.runs {
                    let request = warm::Request {
                        place: format!("model_warmup `{}`", request.name),
                        message: hari_core::Message::tensors(tensors.clone()),
                        target: Target {
                            version: Some(version.clone()),
                            ..Target::default()
                        },
                    };
                    warm::run(unit, request).await?;
                }
            }
        }
        Ok(())
    }

    fn report(&mut self, entry: &Entry, unit: &dyn Unit, took: Duration, memory: u64) {
        let metadata = unit.metadata();
        let deployment = &self.origin.deployment.name;
        ModelMetrics::new(deployment, &self.origin.predictor.name, &entry.name)
            .loaded(took, memory);
        self.reports.push(NodeReport {
            node: entry.name.clone(),
            version: Some(metadata.versions.join(", ")).filter(|text| !text.is_empty()),
            load_time: took,
            memory_bytes: memory,
            ..report(self.origin, self.bound, &metadata.platform)
        });
    }
}

fn named<T>(entry: &Entry, made: Result<T>) -> Result<T> {
    made.map_err(|error| error.context(format!("model `{}`", entry.name)))
}

fn picked(file: &Artifact) -> Picked {
    Picked {
        path: file.path.clone(),
        file: marker(&file.path),
        version: Some(file.version),
        all: vec![file.version],
    }
}

/// The file that a runtime opens: an ONNX file, or the one in a folder that ONNX models with
/// weights outside have.
fn marker(path: &Path) -> PathBuf {
    let inside = path.join("model.onnx");
    if inside.is_file() {
        inside
    } else {
        path.to_owned()
    }
}

/// What computes a model: as many runs at once as its instance groups say, else as the unit says.
fn options(unit: &hari_onnx::Options, served: &Served) -> Result<hari_onnx::Options> {
    let groups = served.instances.map(instances).transpose()?;
    Ok(hari_onnx::Options {
        instances: groups.unwrap_or(unit.instances),
        ..unit.clone()
    })
}

fn batch_options(served: &Served) -> BatchOptions {
    let mut options = BatchOptions::default();
    if let Some(batching) = served.batching {
        options.max_rows = batching.max_rows;
        options.window = batching.window;
    }
    if let Some(instances) = served.instances {
        options.concurrency = instances;
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_groups_say_how_many_runs_are_computed_at_once() {
        let unit = hari_onnx::Options {
            instances: 1,
            threads: Some(3),
            ..hari_onnx::Options::default()
        };
        let of = |count| {
            let served = Served {
                backend: Backend::Onnx(Vec::new()),
                batching: None,
                instances: count,
                wants_gpu: false,
            };
            let asked = options(&unit, &served).unwrap();
            assert_eq!(asked.threads, Some(3));
            (asked.instances, batch_options(&served).concurrency)
        };
        let pool = hari_settings::threads().unwrap();
        assert_eq!(of(None), (1, usize::MAX));
        assert_eq!(of(Some(2)), (pool.min(2), 2));
        assert_eq!(of(Some(1000)), (pool.min(1000), 1000));
    }
}
