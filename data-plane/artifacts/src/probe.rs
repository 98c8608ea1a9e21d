//! What lies in a folder or file, told by names alone; what is not served is named with a way out.

use std::fs;
use std::path::Path;

use hari_error::{Error, Result};

use crate::tree::listing;
use crate::version::{fits, marked, versions};

/// The configuration of a model in a repository.
const CONFIG: &str = "config.pbtxt";

/// The formats that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A TensorFlow SavedModel: a folder with `saved_model.pb`.
    SavedModel,
    /// An ONNX file.
    Onnx,
    /// A Hugging Face folder: `config.json` beside a tokenizer, or `modules.json`.
    Transformers,
    /// An XGBoost booster: `model.json`, or a `.ubj` or `.bst` file.
    Xgboost,
    /// A LightGBM booster: `model.txt`.
    Lightgbm,
    /// A CatBoost model: a `.cbm` file, or `model.json`.
    Catboost,
    /// A fitted scikit-learn estimator: a joblib, pickle or skops file.
    Sklearn,
    /// An MLflow folder: `MLmodel` beside the files of a model.
    Mlflow,
    /// A Triton model repository: a folder for each model, with `config.pbtxt` in it.
    Repository,
}

impl Format {
    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SavedModel => "TensorFlow SavedModel",
            Self::Onnx => "ONNX",
            Self::Transformers => "Hugging Face folder",
            Self::Xgboost => "XGBoost",
            Self::Lightgbm => "LightGBM",
            Self::Catboost => "CatBoost",
            Self::Sklearn => "scikit-learn",
            Self::Mlflow => "MLflow folder",
            Self::Repository => "Triton model repository",
        }
    }

    /// Files that mark a folder as a model of this format, for [`crate::pick`].
    #[must_use]
    pub fn markers(self) -> &'static [&'static str] {
        match self {
            Self::SavedModel => &["saved_model.pb"],
            Self::Onnx => &["model.onnx", "*.onnx"],
            Self::Transformers => &["config.json", "modules.json"],
            Self::Xgboost => &["model.json", "model.ubj", "model.bst", "*.ubj", "*.bst"],
            Self::Lightgbm => &["model.txt", "*.lgb"],
            Self::Catboost => &["model.cbm", "*.cbm", "model.json"],
            Self::Sklearn => &[
                "model.joblib",
                "model.pkl",
                "model.pickle",
                "model.skops",
                "*.joblib",
                "*.pkl",
                "*.pickle",
                "*.skops",
            ],
            Self::Mlflow => &["MLmodel"],
            Self::Repository => &[CONFIG],
        }
    }

    /// Files of which one has to lie beside the marker: `config.json` alone says little.
    fn beside(self) -> &'static [&'static str] {
        match self {
            Self::Transformers => &[
                "tokenizer.json",
                "tokenizer_config.json",
                "vocab.txt",
                "vocab.json",
                "modules.json",
            ],
            _ => &[],
        }
    }

    /// In the order in which they are looked for: an MLflow folder holds a model of another format,
    /// and a Hugging Face folder may hold ONNX files.
    const ALL: [Self; 8] = [
        Self::Mlflow,
        Self::SavedModel,
        Self::Transformers,
        Self::Onnx,
        Self::Xgboost,
        Self::Lightgbm,
        Self::Catboost,
        Self::Sklearn,
    ];
}

/// Whether a file of this name marks the folder that it lies in as a model, of whatever format.
pub(crate) fn is_marker(name: &str) -> bool {
    let all = Format::ALL.iter().flat_map(|format| format.markers());
    let unserved = UNSERVED.iter().flat_map(|unserved| unserved.markers);
    all.chain(unserved).any(|marker| fits(marker, name))
}

/// A format that is known and not served: how its files are named, what it is, what to do.
struct Unserved {
    markers: &'static [&'static str],
    name: &'static str,
    instead: &'static str,
}

const NOT_YET: &str = "it is not in this build yet; convert it to ONNX";

const UNSERVED: [Unserved; 7] = [
    Unserved {
        markers: &["saved_model.pbtxt"],
        name: "a SavedModel in text form",
        instead: "save it in binary form, as `saved_model.pb`",
    },
    Unserved {
        markers: &["*.keras", "*.h5", "*.hdf5"],
        name: "a Keras file",
        instead: "write it as a SavedModel with `model.export(\"folder/1\")`",
    },
    Unserved {
        markers: &["*.pt", "*.pth", "*.torchscript"],
        name: "a PyTorch file",
        instead: "write it with `torch.onnx.export`",
    },
    Unserved {
        markers: &["*.tflite"],
        name: "a TensorFlow Lite model",
        instead: "serve the SavedModel that it was made from, or convert it with tflite2onnx",
    },
    Unserved {
        markers: &["model.safetensors", "*.safetensors", "pytorch_model.bin"],
        name: "a checkpoint of weights",
        instead: "it holds no graph; put it beside its `config.json` and `tokenizer.json`, as \
                  `save_pretrained` writes them, or write the model as ONNX",
    },
    Unserved {
        markers: &["frozen_graph.pb", "*.pb"],
        name: "a frozen TensorFlow graph",
        instead: "write it as a SavedModel, with signatures",
    },
    Unserved {
        markers: &["*.pmml"],
        name: "a PMML file",
        instead: NOT_YET,
    },
];

/// The format of the model at `root`: a file, a folder, or a folder of version folders.
///
/// # Errors
/// `Unimplemented` for a format that is known and not served, with what to do; `InvalidInput` for
/// anything else, with what is there; `NotFound` if nothing is.
pub fn probe(root: &Path) -> Result<Format> {
    if !root.exists() {
        return Err(Error::not_found(
            "the model: there is no such file or folder",
        ));
    }
    if is_repository(root) {
        return Ok(Format::Repository);
    }
    for format in Format::ALL {
        if let Some(marker) = anywhere(root, format.markers())?
            && has_beside(&marker, format.beside())
        {
            return Ok(of_file(format, &marker));
        }
    }
    for unserved in &UNSERVED {
        if let Some(name) = named(root, unserved.markers)? {
            return Err(Error::unimplemented(format!(
                "`{name}` is {}: {}",
                unserved.name, unserved.instead
            )));
        }
    }
    Err(unknown(root))
}

/// The format of a file whose name two formats have: CatBoost writes `model.json` too.
fn of_file(format: Format, file: &Path) -> Format {
    match format {
        Format::Xgboost if is_catboost_json(file) => Format::Catboost,
        format => format,
    }
}

/// Whether a JSON file begins as CatBoost's do.
fn is_catboost_json(file: &Path) -> bool {
    use std::io::Read as _;
    if file.extension().is_none_or(|ending| ending != "json") {
        return false;
    }
    let mut head = Vec::new();
    let read = fs::File::open(file).and_then(|file| file.take(256).read_to_end(&mut head));
    let head = String::from_utf8_lossy(&head);
    let first = head.split('"').nth(1).unwrap_or_default();
    read.is_ok() && CATBOOST.contains(&first)
}

/// The members of a CatBoost model in JSON.
const CATBOOST: [&str; 6] = [
    "ctr_data",
    "features_info",
    "model_info",
    "oblivious_trees",
    "scale_and_bias",
    "trees",
];

/// Whether `root` is a folder of models with configurations, or one such model.
fn is_repository(root: &Path) -> bool {
    let configured = |folder: &Path| folder.join(CONFIG).is_file();
    let items = fs::read_dir(root).into_iter().flatten().flatten();
    configured(root) || items.into_iter().any(|item| configured(&item.path()))
}

/// Whether one of the files lies beside the marker, or none has to.
fn has_beside(marker: &Path, names: &[&str]) -> bool {
    let folder = marker.parent().unwrap_or_else(|| Path::new(""));
    names.is_empty() || names.iter().any(|name| folder.join(name).is_file())
}

/// The file that fits, in `root` or its newest version folder that has one.
fn anywhere(root: &Path, markers: &[&str]) -> Result<Option<std::path::PathBuf>> {
    if root.is_file() {
        return Ok(crate::version::pick(root, markers, None)
            .ok()
            .map(|picked| picked.file));
    }
    if let Some(file) = marked(root, markers)? {
        return Ok(Some(file));
    }
    for version in versions(root)? {
        if let Some(file) = marked(&version.path, markers)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// As [`anywhere`], with the name alone; of several files that fit, any will do.
fn named(root: &Path, markers: &[&str]) -> Result<Option<String>> {
    for marker in markers {
        match anywhere(root, &[marker]) {
            Ok(None) => {}
            Ok(Some(file)) => {
                return Ok(file
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned()));
            }
            Err(_) => return Ok(Some((*marker).to_owned())),
        }
    }
    Ok(None)
}

fn unknown(root: &Path) -> Error {
    let found = if fs::metadata(root).is_ok_and(|metadata| metadata.is_dir()) {
        listing(root)
    } else {
        format!(
            "the file `{}`",
            root.file_name().unwrap_or_default().to_string_lossy()
        )
    };
    Error::invalid(format!(
        "expected a SavedModel folder (saved_model.pb, or a version folder with one), an .onnx \
         file, an estimator (model.joblib, model.pkl, model.skops), a booster (model.json, \
         model.ubj, model.bst, model.txt, model.cbm), or an MLflow folder (MLmodel); found {found}"
    ))
}

#[cfg(test)]
mod tests {
    use hari_error::Kind;

    use super::*;
    use crate::testing::folder;

    fn of(name: &str) -> Result<Format> {
        let root = folder(&[(name, "")]);
        let whole = probe(root.path());
        if !name.contains('/') {
            let file = probe(&root.path().join(name));
            assert_eq!(file.is_ok(), whole.is_ok(), "{name}");
        }
        whole
    }

    #[test]
    fn what_is_served_is_found() {
        for (name, format) in [
            ("saved_model.pb", Format::SavedModel),
            ("3/saved_model.pb", Format::SavedModel),
            ("model.onnx", Format::Onnx),
            ("net.onnx", Format::Onnx),
            ("1/model.onnx", Format::Onnx),
            ("model.json", Format::Xgboost),
            ("2/model.ubj", Format::Xgboost),
            ("income.bst", Format::Xgboost),
            ("model.txt", Format::Lightgbm),
            ("x.cbm", Format::Catboost),
            ("model.joblib", Format::Sklearn),
            ("model.pkl", Format::Sklearn),
            ("3/iris.skops", Format::Sklearn),
            ("MLmodel", Format::Mlflow),
            ("digits/config.pbtxt", Format::Repository),
        ] {
            assert_eq!(of(name).unwrap(), format, "{name}");
        }
    }

    #[test]
    fn what_is_not_served_is_named_with_a_way_out() {
        for (name, what, instead) in [
            ("model.h5", "Keras", "model.export"),
            ("x.keras", "Keras", "model.export"),
            ("saved_model.pbtxt", "text form", "binary form"),
            ("1/model.pt", "PyTorch", "torch.onnx.export"),
            ("x.tflite", "Lite", "SavedModel"),
            ("frozen_graph.pb", "frozen", "SavedModel"),
        ] {
            let error = of(name).unwrap_err();
            assert_eq!(error.kind(), Kind::Unimplemented, "{name}");
            let message = error.message();
            assert!(
                message.contains(what) && message.contains(instead),
                "{name}: {message}"
            );
        }
    }

    #[test]
    fn what_says_more_of_a_folder_is_taken_first() {
        let root = folder(&[("model.onnx", ""), ("model.pkl", "")]);
        assert_eq!(probe(root.path()).unwrap(), Format::Onnx);
        let root = folder(&[("MLmodel", ""), ("model.onnx", ""), ("model.pkl", "")]);
        assert_eq!(probe(root.path()).unwrap(), Format::Mlflow);
    }

    #[test]
    fn json_of_catboost_is_told_by_its_first_member() {
        for (text, format) in [
            (r#"{"learner":{}}"#, Format::Xgboost),
            ("{\n\"features_info\":{}}", Format::Catboost),
            (r#"{"model_info":{}}"#, Format::Catboost),
        ] {
            let root = folder(&[("model.json", text)]);
            assert_eq!(probe(root.path()).unwrap(), format, "{text}");
        }
    }

    #[test]
    fn a_folder_with_a_tokenizer_is_a_hugging_face_one() {
        for files in [
            &[
                ("config.json", ""),
                ("tokenizer.json", ""),
                ("model.onnx", ""),
            ][..],
            &[
                ("config.json", ""),
                ("vocab.txt", ""),
                ("model.safetensors", ""),
            ],
            &[("modules.json", ""), ("0_Transformer/config.json", "")],
            &[("2/config.json", ""), ("2/tokenizer_config.json", "")],
        ] {
            let root = folder(files);
            assert_eq!(
                probe(root.path()).unwrap(),
                Format::Transformers,
                "{files:?}"
            );
        }
        let bare = folder(&[("config.json", ""), ("model.onnx", "")]);
        assert_eq!(probe(bare.path()).unwrap(), Format::Onnx);
        let weights = folder(&[("config.json", ""), ("model.safetensors", "")]);
        assert!(
            probe(weights.path())
                .unwrap_err()
                .message()
                .contains("checkpoint")
        );
    }

    #[test]
    fn anything_else_is_listed() {
        let root = folder(&[("readme.md", ""), ("sub/x", "")]);
        let error = probe(root.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert!(error.message().contains("found readme.md, sub/"), "{error}");
        let error = probe(&root.path().join("readme.md")).unwrap_err();
        assert!(error.message().contains("the file `readme.md`"), "{error}");
        assert_eq!(
            probe(&root.path().join("none")).unwrap_err().kind(),
            Kind::NotFound
        );
        let many = folder(&[("a.pkl", ""), ("b.pkl", "")]);
        let error = probe(many.path()).unwrap_err();
        assert!(error.message().contains("expected one file"), "{error}");
    }
}
