//! The folder of a SavedModel, decoded: `saved_model.pb`, its serving graph, its variables.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use hari_error::{Error, Result};
use hari_proto::tensorflow::meta_graph_def::MetaInfoDef;
use hari_proto::tensorflow::{MetaGraphDef, SavedModel as SavedModelProto};
use prost::Message;

use crate::bundle::Bundle;

/// The tag of the graph that is for serving.
pub(crate) const SERVE: &str = "serve";
const MAX_GRAPH: u64 = 2 << 30;
const MAX_ASSET: u64 = 1 << 30;

/// A decoded SavedModel. Variables are read from disk one by one, when they are asked for.
pub(crate) struct SavedModel {
    folder: PathBuf,
    /// The graph with its functions, signatures and operator definitions.
    pub(crate) meta: MetaGraphDef,
    /// Tags of every graph in the file.
    pub(crate) tags: Vec<Vec<String>>,
}

impl SavedModel {
    /// Decodes `saved_model.pb` in the folder and takes the graph tagged `serve`.
    ///
    /// # Errors
    /// If the file is missing, over 2 GiB, not a SavedModel, or has no graph for serving.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let bytes = read_capped(&folder.join("saved_model.pb"), MAX_GRAPH)
            .map_err(|error| explain_missing(folder, error))?;
        let file = SavedModelProto::decode(bytes).map_err(|error| {
            Error::model("saved_model.pb is not a SavedModel, or is damaged; copy the model again")
                .with_source(error)
        })?;
        let tags: Vec<_> = file
            .meta_graphs
            .iter()
            .map(|meta| info(meta).tags.clone())
            .collect();
        let meta = choose(file.meta_graphs, &tags)?;
        Ok(Self {
            folder: folder.to_owned(),
            meta,
            tags,
        })
    }

    /// The variables; none if the model has no folder for them.
    ///
    /// # Errors
    /// If their index is broken.
    pub(crate) fn bundle(&self) -> Result<Option<Bundle>> {
        let folder = self.folder.join("variables");
        if !folder.join("variables.index").exists() {
            return Ok(None);
        }
        Bundle::open(&folder).map(Some)
    }

    /// The bytes of a file in the folder `assets`.
    ///
    /// # Errors
    /// If there is no such file right in that folder, or if it is over 1 GiB.
    pub(crate) fn asset(&self, name: &str) -> Result<Bytes> {
        let mut parts = Path::new(name).components();
        let plain = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
        if !plain {
            return Err(Error::model(
                "an asset is not a file in the folder `assets`",
            ));
        }
        read_capped(&self.folder.join("assets").join(name), MAX_ASSET)
            .map_err(|error| error.context(format!("assets/{name}")))
    }

    /// Bytes of the graph and of the variables on disk.
    pub(crate) fn bytes_on_disk(&self) -> u64 {
        let variables = std::fs::read_dir(self.folder.join("variables"));
        let files = variables
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        files
            .chain([self.folder.join("saved_model.pb")])
            .filter_map(|path| path.metadata().ok())
            .filter(std::fs::Metadata::is_file)
            .map(|metadata| metadata.len())
            .sum()
    }

    /// The version of the TensorFlow that wrote it.
    pub(crate) fn tensorflow_version(&self) -> &str {
        self.meta
            .meta_info_def
            .as_ref()
            .map_or("", |info| &info.tensorflow_version)
    }
}

fn info(meta: &MetaGraphDef) -> std::borrow::Cow<'_, MetaInfoDef> {
    match &meta.meta_info_def {
        Some(info) => std::borrow::Cow::Borrowed(info),
        None => std::borrow::Cow::Owned(MetaInfoDef::default()),
    }
}

/// The graph tagged `serve` and nothing else, or the first that has `serve` among its tags.
fn choose(graphs: Vec<MetaGraphDef>, tags: &[Vec<String>]) -> Result<MetaGraphDef> {
    let exact = tags.iter().position(|tags| tags.as_slice() == [SERVE]);
    let chosen = exact.or_else(|| {
        tags.iter()
            .position(|tags| tags.iter().any(|tag| tag == SERVE))
    });
    chosen
        .and_then(|index| graphs.into_iter().nth(index))
        .ok_or_else(|| {
            Error::model(format!(
                "the SavedModel has no graph tagged `serve`; its tags are {tags:?}"
            ))
        })
}

fn explain_missing(folder: &Path, error: Error) -> Error {
    let hint = |other: &str| {
        Error::model(format!(
            "the SavedModel is stored as `{other}`; export it again as `saved_model.pb`"
        ))
    };
    ["saved_model.pbtxt", "saved_model.cpb"]
        .into_iter()
        .find(|other| folder.join(other).exists())
        .map_or_else(|| error.context("saved_model.pb"), hint)
}

/// Reads a file of at most so many bytes.
///
/// # Errors
/// If it cannot be read or is larger.
pub(crate) fn read_capped(path: &Path, cap: u64) -> Result<Bytes> {
    let unreadable = |error| Error::model("cannot be read").with_source(error);
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let too_large = || Error::model(format!("is larger than {cap} bytes"));
    if length > cap {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(|_| too_large())?);
    file.take(cap.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > cap {
        return Err(too_large());
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(tags: &[&[&str]]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let meta_graphs = tags.iter().map(|tags| MetaGraphDef {
            meta_info_def: Some(MetaInfoDef {
                tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
                tensorflow_version: tags.join("+"),
                ..MetaInfoDef::default()
            }),
            ..MetaGraphDef::default()
        });
        let file = SavedModelProto {
            saved_model_schema_version: 1,
            meta_graphs: meta_graphs.collect(),
        };
        std::fs::write(folder.path().join("saved_model.pb"), file.encode_to_vec()).unwrap();
        folder
    }

    #[test]
    fn the_graph_for_serving_is_taken() {
        let folder = saved(&[&["train"], &["serve", "gpu"], &["serve"]]);
        let model = SavedModel::open(folder.path()).unwrap();
        assert_eq!(model.tensorflow_version(), "serve");
        assert!(model.bundle().unwrap().is_none());
        let folder = saved(&[&["train"], &["serve", "gpu"]]);
        assert_eq!(
            SavedModel::open(folder.path())
                .unwrap()
                .tensorflow_version(),
            "serve+gpu"
        );
    }

    #[test]
    fn a_model_without_a_graph_for_serving_is_refused_with_its_tags() {
        let error = SavedModel::open(saved(&[&["train"]]).path()).err().unwrap();
        assert!(error.message().contains("train"), "{error}");
        assert!(SavedModel::open(saved(&[]).path()).is_err());
    }

    #[test]
    fn a_missing_or_other_file_is_named_without_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let error = SavedModel::open(folder.path()).err().unwrap();
        assert!(error.message().starts_with("saved_model.pb"), "{error}");
        assert!(!error.message().contains(folder.path().to_str().unwrap()));
        std::fs::write(folder.path().join("saved_model.pbtxt"), "").unwrap();
        let error = SavedModel::open(folder.path()).err().unwrap();
        assert!(error.message().contains("pbtxt"), "{error}");
    }

    #[test]
    fn assets_are_read_from_their_folder_alone() {
        let folder = saved(&[&["serve"]]);
        std::fs::create_dir(folder.path().join("assets")).unwrap();
        std::fs::write(folder.path().join("assets/words.txt"), "red").unwrap();
        let model = SavedModel::open(folder.path()).unwrap();
        assert_eq!(model.asset("words.txt").unwrap(), "red");
        for name in [
            "../saved_model.pb",
            "/etc/hosts",
            "a/b",
            "",
            "..",
            "other.txt",
        ] {
            assert!(model.asset(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_file_over_the_cap_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, [0; 5]).unwrap();
        assert_eq!(read_capped(&path, 5).unwrap().len(), 5);
        assert!(
            read_capped(&path, 4)
                .unwrap_err()
                .message()
                .contains("larger")
        );
    }
}
