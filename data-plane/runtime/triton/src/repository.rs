//! A repository: a folder with a folder for each model.

use std::fs;
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};
use hari_proto::inference::ModelConfig;

use crate::serve::{self, Backend, Served};

const CONFIG: &str = "config.pbtxt";
/// More models than this are refused.
const MOST_MODELS: usize = 1024;

/// The models of a repository that are to be served.
#[derive(Clone, Debug, PartialEq)]
pub struct Repository {
    /// By name. What an ensemble calls is here too.
    pub models: Vec<Entry>,
}

/// One model of a repository.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The name of its folder.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its configuration, as it is written; all defaults if it has none.
    pub config: ModelConfig,
    /// What the configuration asks for.
    pub served: Served,
}

/// Which models of a repository are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// These, with what their ensembles call; all if there are none or one is `*`.
    pub models: Vec<String>,
    /// Whether a model without a `config.pbtxt` is refused.
    pub strict: bool,
}

impl Selection {
    fn wants(&self, name: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|one| one == name || one == "*")
    }
}

impl Repository {
    /// Finds the models in `root`. If `root` itself is a model's folder, it is the one model, and
    /// `alone` is its name.
    ///
    /// # Errors
    /// `NotFound` if there is no model, or not one that is wanted; else one error for all models
    /// that cannot be served, each named with the reason.
    pub fn open(root: &Path, alone: &str, selection: &Selection) -> Result<Self> {
        let folders = folders(root, alone)?;
        let known = |name: &str| folders.iter().any(|(one, _)| one == name);
        let mut unknown = selection
            .models
            .iter()
            .filter(|name| *name != "*" && !known(name));
        if let Some(missing) = unknown.next() {
            return Err(nowhere(missing, "load_model", &folders));
        }
        let mut reader = Reader {
            folders: &folders,
            strict: selection.strict,
            found: Vec::new(),
            refused: Vec::new(),
        };
        for (name, _) in folders.iter().filter(|(name, _)| selection.wants(name)) {
            reader.add(name, "load_model");
        }
        let Reader {
            mut found, refused, ..
        } = reader;
        if !refused.is_empty() {
            let refused: Vec<_> = refused.iter().map(Error::message).collect();
            return Err(Error::model(refused.join("; ")));
        }
        found.sort_by(|one: &Entry, other| one.name.cmp(&other.name));
        Ok(Self { models: found })
    }

    /// The model of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.models.iter().find(|entry| entry.name == name)
    }
}

/// Reads models and what they call, each once.
struct Reader<'a> {
    folders: &'a [(String, PathBuf)],
    strict: bool,
    found: Vec<Entry>,
    refused: Vec<Error>,
}

impl Reader<'_> {
    fn add(&mut self, name: &str, asked_by: &str) {
        if self.found.iter().any(|entry| entry.name == name) {
            return;
        }
        let folder = self.folders.iter().find(|(one, _)| one == name);
        let Some((_, folder)) = folder else {
            self.refused.push(nowhere(name, asked_by, self.folders));
            return;
        };
        match entry(name, folder, self.strict) {
            Ok(entry) => {
                let called = called(&entry);
                self.found.push(entry);
                for model in called {
                    self.add(&model, &format!("ensemble `{name}`"));
                }
            }
            Err(error) => self.refused.push(error.context(format!("model `{name}`"))),
        }
    }
}

fn called(entry: &Entry) -> Vec<String> {
    match &entry.served.backend {
        Backend::Ensemble(wiring) => wiring.steps().map(|step| step.model.clone()).collect(),
        Backend::Onnx(_) | Backend::SavedModel(_) => Vec::new(),
    }
}

fn nowhere(name: &str, asked_by: &str, folders: &[(String, PathBuf)]) -> Error {
    let there: Vec<_> = folders
        .iter()
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    Error::not_found(format!(
        "{asked_by}: no model `{name}` in the repository; it has {}",
        there.join(", ")
    ))
}

fn entry(name: &str, folder: &Path, strict: bool) -> Result<Entry> {
    let config = read(folder, strict)?;
    if !config.name.is_empty() && config.name != name {
        return Err(Error::model(format!(
            "config.pbtxt: `name` is `{}`; expected the name of its folder, or none",
            config.name
        )));
    }
    let served = serve::served(&config, folder, &versions(folder))?;
    Ok(Entry {
        name: name.to_owned(),
        folder: folder.to_owned(),
        config,
        served,
    })
}

fn read(folder: &Path, strict: bool) -> Result<ModelConfig> {
    match fs::read_to_string(folder.join(CONFIG)) {
        Ok(text) => crate::parse(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !strict => {
            Ok(ModelConfig::default())
        }
        Err(error) => Err(Error::model(format!("{CONFIG} cannot be read: {error}"))),
    }
}

/// Names and folders of the models, by name.
fn folders(root: &Path, alone: &str) -> Result<Vec<(String, PathBuf)>> {
    if is_model(root) {
        return Ok(vec![(alone.to_owned(), root.to_owned())]);
    }
    let items = fs::read_dir(root).map_err(|error| {
        Error::not_found("the model repository cannot be listed").with_source(error)
    })?;
    let mut folders = Vec::new();
    for path in items.flatten().map(|item| item.path()) {
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(name) = name.filter(|_| is_model(&path)) {
            folders.push((name.to_owned(), path.clone()));
        }
    }
    folders.sort();
    match folders.len() {
        0 => Err(Error::not_found(
            "expected a folder for each model, with config.pbtxt or a version folder in it, `1` say",
        )),
        1..=MOST_MODELS => Ok(folders),
        many => Err(Error::model(format!(
            "the repository has {many} models, the most is {MOST_MODELS}"
        ))),
    }
}

fn is_model(folder: &Path) -> bool {
    folder.join(CONFIG).is_file() || !versions(folder).is_empty()
}

/// The version folders that are there.
fn versions(folder: &Path) -> Vec<u64> {
    let items = fs::read_dir(folder).into_iter().flatten().flatten();
    let number = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.to_owned();
        let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        (digits && path.is_dir()).then(|| name.parse().ok())?
    };
    let mut versions: Vec<u64> = items.filter_map(|item| number(item.path())).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn repository(files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const ENSEMBLE: &str = "input { name: 'x' } output { name: 'y' } ensemble_scheduling { step { \
                            model_name: 'b' input_map { key: 'i' value: 'x' } \
                            output_map { key: 'o' value: 'y' } } }";

    fn names(root: &TempDir, models: &[&str]) -> Result<Vec<String>> {
        let selection = Selection {
            models: models.iter().map(|&name| name.to_owned()).collect(),
            strict: false,
        };
        let repository = Repository::open(root.path(), "alone", &selection)?;
        Ok(repository
            .models
            .into_iter()
            .map(|entry| entry.name)
            .collect())
    }

    #[test]
    fn every_folder_with_a_model_is_one() {
        let root = repository(&[
            ("b/1/model.onnx", ""),
            ("a/config.pbtxt", "backend: 'onnxruntime'"),
            ("a/2/model.onnx", ""),
            ("notes/readme.txt", ""),
        ]);
        assert_eq!(names(&root, &[]).unwrap(), ["a", "b"]);
        assert_eq!(names(&root, &["b"]).unwrap(), ["b"]);
        assert_eq!(names(&root, &["*"]).unwrap(), ["a", "b"]);
        let missing = names(&root, &["c"]).unwrap_err();
        assert!(missing.message().contains("no model `c`") && missing.message().contains("`a`"));
    }

    #[test]
    fn a_model_folder_is_a_repository_of_one() {
        let root = repository(&[("1/model.onnx", "")]);
        assert_eq!(names(&root, &[]).unwrap(), ["alone"]);
    }

    #[test]
    fn an_ensemble_brings_what_it_calls() {
        let root = repository(&[
            ("e/config.pbtxt", ENSEMBLE),
            ("b/1/model.onnx", ""),
            ("c/1/model.onnx", ""),
        ]);
        assert_eq!(names(&root, &["e"]).unwrap(), ["b", "e"]);
        let broken = repository(&[("e/config.pbtxt", ENSEMBLE)]);
        let error = names(&broken, &[]).unwrap_err();
        assert!(
            error.message().contains("ensemble `e`: no model `b`"),
            "{error}"
        );
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let root = repository(&[
            ("a/config.pbtxt", "name: 'other'"),
            ("b/config.pbtxt", "backend: 'python'"),
            ("b/1/model.py", ""),
            ("c/config.pbtxt", "no such field: 1"),
        ]);
        let error = names(&root, &[]).unwrap_err();
        for words in [
            "model `a`: config.pbtxt: `name`",
            "model `b`: backend",
            "model `c`: config",
        ] {
            assert!(error.message().contains(words), "{words}: {error}");
        }
    }

    #[test]
    fn a_strict_repository_wants_configurations() {
        let root = repository(&[("b/1/model.onnx", "")]);
        let selection = Selection {
            models: vec![],
            strict: true,
        };
        let error = Repository::open(root.path(), "r", &selection).unwrap_err();
        assert!(
            error.message().contains("config.pbtxt cannot be read"),
            "{error}"
        );
        assert!(names(&repository(&[("readme", "")]), &[]).is_err());
    }
}
