//! What a configuration asks for, in the terms of this server; what cannot be served is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hari_error::{Error, Result};
use hari_proto::inference::ModelConfig;
use hari_proto::inference::model_config::SchedulingChoice;
use hari_proto::inference::model_instance_group::Kind;

use crate::{Wiring, policy};

/// A model of the repository that can be served.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// What runs it.
    pub backend: Backend,
    /// How its requests are put together, if they are.
    pub batching: Option<Batching>,
    /// Runs at the same time, if the configuration says.
    pub instances: Option<usize>,
    /// Whether an instance group asks for a GPU.
    pub wants_gpu: bool,
}

/// What runs a model.
#[derive(Clone, Debug, PartialEq)]
pub enum Backend {
    /// ONNX: a file for each version, newest first.
    Onnx(Vec<Artifact>),
    /// A SavedModel: a folder for each version, newest first.
    SavedModel(Vec<Artifact>),
    /// Other models of the repository.
    Ensemble(Wiring),
}

/// One version of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The name of its folder, as a number.
    pub version: u64,
    /// The file or folder that the backend reads.
    pub path: PathBuf,
}

/// How requests are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Rows at most.
    pub max_rows: usize,
    /// Longest wait of the first request.
    pub window: Duration,
}

/// What `config` says of the model in `folder`, whose version folders are `versions`.
///
/// # Errors
/// `Unimplemented` for a backend or a way of scheduling that is not served, `NotFound` if a version
/// or its file is missing.
pub(crate) fn served(config: &ModelConfig, folder: &Path, versions: &[u64]) -> Result<Served> {
    if config
        .model_transaction_policy
        .as_ref()
        .is_some_and(|policy| policy.decoupled)
    {
        return Err(Error::unimplemented(
            "model_transaction_policy.decoupled: a request has one reply here",
        ));
    }
    if let Some(SchedulingChoice::SequenceBatching(_)) = config.scheduling_choice {
        return Err(Error::unimplemented(
            "sequence_batching: models that keep state between requests are not served",
        ));
    }
    Ok(Served {
        backend: backend(config, folder, versions)?,
        batching: batching(config),
        instances: instances(config)?,
        wants_gpu: config
            .instance_group
            .iter()
            .any(|group| group.kind() == Kind::Gpu),
    })
}

fn backend(config: &ModelConfig, folder: &Path, versions: &[u64]) -> Result<Backend> {
    if let Some(SchedulingChoice::EnsembleScheduling(steps)) = &config.scheduling_choice {
        return Wiring::of(config, steps).map(Backend::Ensemble);
    }
    let kind = kind(config, folder, versions)?;
    let chosen = policy::choose(config.version_policy.as_ref(), versions)?;
    let artifacts = chosen
        .into_iter()
        .map(|version| kind.artifact(config, folder, version));
    let artifacts = artifacts.collect::<Result<_>>()?;
    Ok(match kind {
        FileKind::Onnx => Backend::Onnx(artifacts),
        FileKind::SavedModel => Backend::SavedModel(artifacts),
    })
}

#[derive(Clone, Copy)]
enum FileKind {
    Onnx,
    SavedModel,
}

impl FileKind {
    /// The name in a version folder where the configuration gives none.
    fn usual(self) -> &'static str {
        match self {
            Self::Onnx => "model.onnx",
            Self::SavedModel => "model.savedmodel",
        }
    }

    fn artifact(self, config: &ModelConfig, folder: &Path, version: u64) -> Result<Artifact> {
        let name = match config.default_model_filename.as_str() {
            "" => self.usual(),
            given => plain(given)?,
        };
        let path = version_folder(folder, version).join(name);
        if !path.exists() {
            return Err(Error::not_found(format!(
                "expected `{version}/{name}`: it is not there"
            )));
        }
        Ok(Artifact { version, path })
    }
}

/// Which files the configuration means: by `backend`, by `platform`, else by what is there.
fn kind(config: &ModelConfig, folder: &Path, versions: &[u64]) -> Result<FileKind> {
    match (config.backend.as_str(), config.platform.as_str()) {
        ("onnxruntime", _) | ("", "onnxruntime_onnx") => Ok(FileKind::Onnx),
        ("tensorflow", "tensorflow_graphdef") | ("", "tensorflow_graphdef") => {
            Err(Error::unimplemented(
                "platform `tensorflow_graphdef`: a frozen graph is not served; write the model as \
                 a SavedModel",
            ))
        }
        ("tensorflow", _) | ("", "tensorflow_savedmodel") => Ok(FileKind::SavedModel),
        ("", "") => found(config, folder, versions),
        ("", other) => Err(unserved("platform", other)),
        (other, _) => Err(unserved("backend", other)),
    }
}

fn unserved(field: &str, found: &str) -> Error {
    Error::unimplemented(format!(
        "{field} `{found}` is not served: onnxruntime (model.onnx) and tensorflow \
         (model.savedmodel) are; write the model as ONNX"
    ))
}

/// The kind of the files in the newest version folder.
fn found(config: &ModelConfig, folder: &Path, versions: &[u64]) -> Result<FileKind> {
    let given = config.default_model_filename.as_str();
    let newest = versions.iter().max().copied().unwrap_or(1);
    let inside = version_folder(folder, newest);
    let is = |kind: FileKind, ending: &str| {
        given.ends_with(ending) || (given.is_empty() && inside.join(kind.usual()).exists())
    };
    if is(FileKind::Onnx, ".onnx") {
        Ok(FileKind::Onnx)
    } else if is(FileKind::SavedModel, ".savedmodel") {
        Ok(FileKind::SavedModel)
    } else {
        Err(Error::not_found(format!(
            "expected `{newest}/model.onnx` or `{newest}/model.savedmodel`, or a config.pbtxt with \
             `backend` or `platform`"
        )))
    }
}

/// The folder of a version. Its name may have zeros before the number.
fn version_folder(folder: &Path, version: u64) -> PathBuf {
    let plain = folder.join(version.to_string());
    if plain.is_dir() {
        return plain;
    }
    let named = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.parse().ok()) == Some(version)
    };
    let items = std::fs::read_dir(folder).into_iter().flatten().flatten();
    items.map(|item| item.path()).find(named).unwrap_or(plain)
}

/// A name that stays in its folder.
pub(crate) fn plain(name: &str) -> Result<&str> {
    let odd = name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']);
    if odd {
        return Err(Error::model(format!(
            "expected the plain name of a file, found `{name}`"
        )));
    }
    Ok(name)
}

/// Requests are put together if the configuration says `dynamic_batching` and more than one row.
fn batching(config: &ModelConfig) -> Option<Batching> {
    let Some(SchedulingChoice::DynamicBatching(dynamic)) = &config.scheduling_choice else {
        return None;
    };
    let max_rows = usize::try_from(config.max_batch_size).ok()?;
    (max_rows > 1).then_some(Batching {
        max_rows,
        window: Duration::from_micros(dynamic.max_queue_delay_microseconds),
    })
}

/// How many runs at a time the instance groups ask for.
fn instances(config: &ModelConfig) -> Result<Option<usize>> {
    let mut total = 0_usize;
    for group in &config.instance_group {
        let count = usize::try_from(group.count).map_err(|_| {
            Error::model(format!(
                "instance_group.count: expected 1 or more, found {}",
                group.count
            ))
        })?;
        total = total.saturating_add(count.max(1));
    }
    Ok((total > 0).then_some(total))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn read(text: &str, files: &[&str], versions: &[u64]) -> Result<Served> {
        served(&crate::parse(text).unwrap(), folder(files).path(), versions)
    }

    fn refused(text: &str) -> String {
        read(text, &["1/model.onnx"], &[1])
            .unwrap_err()
            .message()
            .to_owned()
    }

    #[test]
    fn files_tell_the_backend_where_the_configuration_does_not() {
        let onnx = read("", &["1/model.onnx", "3/model.onnx"], &[3, 1]).unwrap();
        let Backend::Onnx(files) = onnx.backend else {
            panic!("{onnx:?}");
        };
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].version, 3);
        let saved = read("", &["1/model.savedmodel/saved_model.pb"], &[1]).unwrap();
        assert!(matches!(saved.backend, Backend::SavedModel(_)));
    }

    #[test]
    fn versions_may_be_written_with_zeros() {
        let served = read("", &["007/model.onnx"], &[7]).unwrap();
        let Backend::Onnx(files) = served.backend else {
            panic!("{served:?}");
        };
        assert!(files[0].path.ends_with("007/model.onnx"));
    }

    #[test]
    fn what_cannot_be_served_is_named() {
        assert!(refused("backend: 'python'").contains("backend `python`"));
        assert!(refused("platform: 'pytorch_libtorch'").contains("platform `pytorch_libtorch`"));
        assert!(refused("platform: 'tensorflow_graphdef'").contains("frozen graph"));
        assert!(refused("sequence_batching {}").contains("sequence_batching"));
        assert!(refused("model_transaction_policy { decoupled: true }").contains("decoupled"));
        assert!(refused("default_model_filename: '../x.onnx'").contains("plain name"));
        assert!(refused("default_model_filename: 'y.onnx'").contains("`1/y.onnx`"));
        assert!(refused("instance_group [{ count: -1 }]").contains("instance_group.count"));
    }

    #[test]
    fn batches_are_made_only_when_asked_for() {
        let of = |text: &str| read(text, &["1/model.onnx"], &[1]).unwrap();
        assert_eq!(of("max_batch_size: 8").batching, None);
        assert_eq!(of("dynamic_batching {}").batching, None);
        let on = of("max_batch_size: 8 dynamic_batching { max_queue_delay_microseconds: 70 }");
        let window = Duration::from_micros(70);
        assert_eq!(
            on.batching,
            Some(Batching {
                max_rows: 8,
                window
            })
        );
        let groups = of("instance_group [{ count: 2 kind: KIND_CPU }, { kind: KIND_GPU }]");
        assert_eq!((groups.instances, groups.wants_gpu), (Some(3), true));
        assert_eq!(of("").instances, None);
    }
}
