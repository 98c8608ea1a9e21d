//! `MLmodel`: which flavour of model lies in a folder, where its files are, what it takes.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use hari_error::{Error, Result};
use hari_sklearn::Method;
use hari_trees::{Family, Prediction};
use serde_json::Value;

use super::params::{self, Param};
use super::schema::Schema;

/// The file that makes a folder an MLflow model.
const FILE: &str = "MLmodel";

/// The largest one that is read, in bytes.
const LARGEST: u64 = 8 << 20;

/// What a folder says of its model.
#[derive(Debug)]
pub(super) struct MlModel {
    pub(super) flavour: Flavour,
    /// What requests are held to, if there is a signature.
    pub(super) schema: Option<Schema>,
    pub(super) params: Vec<Param>,
    /// Version of MLflow that wrote it; empty if it does not say.
    pub(super) mlflow_version: String,
}

/// Which model lies in the folder.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Flavour {
    Sklearn {
        file: PathBuf,
        /// What MLflow's `predict` asks.
        method: Method,
    },
    Booster {
        file: PathBuf,
        family: Family,
        /// Whether probabilities become the number of a class.
        labels: bool,
        prediction: Prediction,
        best_iteration: bool,
    },
    Onnx {
        file: PathBuf,
    },
    SavedModel {
        folder: PathBuf,
    },
}

impl Flavour {
    /// MLflow's word for it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Sklearn { .. } => "sklearn",
            Self::Booster { family, .. } => match family {
                Family::Xgboost => "xgboost",
                Family::Lightgbm => "lightgbm",
                Family::Catboost => "catboost",
            },
            Self::Onnx { .. } => "onnx",
            Self::SavedModel { .. } => "tensorflow",
        }
    }

    /// Where the model is.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Sklearn { file, .. } | Self::Booster { file, .. } | Self::Onnx { file } => file,
            Self::SavedModel { folder } => folder,
        }
    }
}

impl MlModel {
    /// Reads `MLmodel` in `folder`.
    ///
    /// # Errors
    /// `Model` for what cannot be read, `Unimplemented` for a flavour that is not served.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE);
        let unreadable = |error| Error::model("`MLmodel` cannot be read").with_source(error);
        let size = fs::metadata(&file).map_err(unreadable)?.len();
        if size > LARGEST {
            return Err(Error::too_large(format!(
                "`MLmodel` has more than {LARGEST} bytes"
            )));
        }
        let text = fs::read_to_string(&file).map_err(unreadable)?;
        Self::parse(&text, folder)
    }

    /// As [`Self::read`], of its text.
    fn parse(text: &str, folder: &Path) -> Result<Self> {
        let document = hari_api::read_documents(text, FILE).into_iter().next();
        let document = document.ok_or_else(|| Error::model("`MLmodel` is empty"))?;
        if let Some(issue) = document.issues.first() {
            return Err(Error::model(format!("`MLmodel`: {}", issue.message)));
        }
        let root = document.value;
        let signature = root.get("signature").filter(|one| !one.is_null());
        let inputs = signature.map(|one| Schema::read(one, "inputs"));
        let params = signature.map(params::read).transpose()?;
        Ok(Self {
            flavour: Flavours {
                root: &root,
                folder,
            }
            .served()?,
            schema: inputs.transpose()?.flatten(),
            params: params.unwrap_or_default(),
            mlflow_version: text_at(&root, &["mlflow_version"])
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

/// A text below `value`.
fn text_at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter()
        .try_fold(value, |value, key| value.get(key))?
        .as_str()
}

/// The flavours that a folder says it has.
struct Flavours<'a> {
    root: &'a Value,
    folder: &'a Path,
}

impl Flavours<'_> {
    /// The first flavour that is served: the most telling of them first.
    fn served(&self) -> Result<Flavour> {
        for flavour in [
            "sklearn",
            "xgboost",
            "lightgbm",
            "catboost",
            "onnx",
            "tensorflow",
            "keras",
        ] {
            if self.text(flavour, &[]).is_some() {
                return self.named(flavour);
            }
        }
        let loader = self.python(&["loader_module"]).unwrap_or_default();
        match loader.strip_prefix("mlflow.") {
            Some(flavour @ ("sklearn" | "xgboost" | "lightgbm" | "catboost" | "onnx")) => {
                self.named(flavour)
            }
            Some("tensorflow" | "keras") => self.named("tensorflow"),
            _ => Err(self.unserved(loader)),
        }
    }

    fn named(&self, flavour: &str) -> Result<Flavour> {
        match flavour {
            "sklearn" => self.sklearn(),
            "xgboost" => self.xgboost(),
            "lightgbm" => self.lightgbm(),
            "catboost" => self.catboost(),
            "onnx" => Ok(Flavour::Onnx {
                file: self.file("onnx", &["data"], "model.onnx")?,
            }),
            _ => self.saved_model(flavour),
        }
    }

    /// What `flavors.<flavour>` says; the empty text if the flavour is there, and says nothing of it.
    fn text(&self, flavour: &str, keys: &[&str]) -> Option<&str> {
        let of = self.root.get("flavors")?.get(flavour)?;
        let found = keys.iter().find_map(|key| of.get(key)?.as_str());
        Some(found.unwrap_or_default())
    }

    /// What `flavors.python_function` says.
    fn python(&self, keys: &[&str]) -> Option<&str> {
        self.text("python_function", keys)
            .filter(|text| !text.is_empty())
    }

    /// The file that a flavour names, `python_function` names, or that is usual.
    fn file(&self, flavour: &str, keys: &[&str], usual: &str) -> Result<PathBuf> {
        let own = self.text(flavour, keys).filter(|text| !text.is_empty());
        let named = own.or_else(|| self.python(&["model_path", "data"]));
        inside(self.folder, named.unwrap_or(usual))
    }

    fn sklearn(&self) -> Result<Flavour> {
        let name = self.python(&["predict_fn"]).unwrap_or("predict");
        let method = Method::named(name).ok_or_else(|| {
            Error::unimplemented(format!("`MLmodel`: predict_fn `{name}` is not served"))
        })?;
        let file = self.file("sklearn", &["pickled_model", "model_path"], "model.pkl")?;
        Ok(Flavour::Sklearn { file, method })
    }

    fn xgboost(&self) -> Result<Flavour> {
        let class = self.text("xgboost", &["model_class"]).unwrap_or_default();
        Ok(Flavour::Booster {
            file: self.file("xgboost", &["data"], "model.xgb")?,
            family: Family::Xgboost,
            labels: class.ends_with("Classifier"),
            prediction: Prediction::Natural,
            best_iteration: class.contains(".sklearn."),
        })
    }

    fn lightgbm(&self) -> Result<Flavour> {
        let file = self.file("lightgbm", &["data"], "model.lgb")?;
        // Its classes for scikit-learn are saved as Python objects.
        let ending = file.extension().and_then(OsStr::to_str);
        if matches!(ending, Some("pkl" | "pickle" | "joblib" | "skops")) {
            let method = Method::Predict;
            return Ok(Flavour::Sklearn { file, method });
        }
        Ok(Flavour::Booster {
            file,
            family: Family::Lightgbm,
            labels: false,
            prediction: Prediction::Natural,
            best_iteration: false,
        })
    }

    fn catboost(&self) -> Result<Flavour> {
        let prediction = match self.text("catboost", &["model_type"]).unwrap_or_default() {
            "CatBoostClassifier" => Prediction::Class,
            "CatBoost" => Prediction::Raw,
            _ => Prediction::Natural,
        };
        Ok(Flavour::Booster {
            file: self.file("catboost", &["data"], "model.cb")?,
            family: Family::Catboost,
            labels: false,
            prediction,
            best_iteration: false,
        })
    }

    fn saved_model(&self, flavour: &str) -> Result<Flavour> {
        let data = self.file(flavour, &["saved_model_dir", "data"], "data")?;
        let found = saved_model_below(&data, 3).or_else(|| saved_model_below(self.folder, 4));
        let folder = found.ok_or_else(|| {
            Error::unimplemented(format!(
                "`MLmodel`: flavour `{flavour}` without a SavedModel: write the model with \
                 `model.export(\"folder/1\")` and serve that with TENSORFLOW_SERVER, or log it \
                 with `mlflow.tensorflow.save_model(..., keras_model_kwargs={{\"save_format\": \"tf\"}})`"
            ))
        })?;
        Ok(Flavour::SavedModel { folder })
    }

    fn unserved(&self, loader: &str) -> Error {
        let flavours = self.root.get("flavors").and_then(Value::as_object);
        let names: Vec<_> = flavours
            .into_iter()
            .flat_map(|all| all.keys().cloned())
            .collect();
        match loader {
            "" | "mlflow.pyfunc.model" => Error::unimplemented(
                "`MLmodel`: the model is Python code (flavour python_function), which is not run \
                 here: log what it calls with its own flavour, `mlflow.sklearn.log_model` say",
            ),
            loader => Error::unimplemented(format!(
                "`MLmodel`: none of its flavours ({}) is served, and `{loader}` would run Python: \
                 expected sklearn, xgboost, lightgbm, catboost, onnx, tensorflow or keras",
                names.join(", ")
            )),
        }
    }
}

/// A path that `MLmodel` names, which has to stay in the folder.
fn inside(folder: &Path, named: &str) -> Result<PathBuf> {
    let stays = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    match Path::new(named).components().all(stays) {
        true => Ok(folder.join(named)),
        false => Err(Error::model(format!(
            "`MLmodel`: the path `{named}` leaves the folder of the model"
        ))),
    }
}

/// The first folder with a SavedModel at or below `folder`, so many levels down.
fn saved_model_below(folder: &Path, depth: usize) -> Option<PathBuf> {
    if folder.join("saved_model.pb").is_file() {
        return Some(folder.to_owned());
    }
    let deeper = depth.checked_sub(1)?;
    let mut below: Vec<_> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|item| item.path())
        .collect();
    below.sort();
    let mut folders = below.iter().filter(|path| path.is_dir());
    folders.find_map(|path| saved_model_below(path, deeper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flavour(text: &str) -> Result<Flavour> {
        MlModel::parse(text, Path::new("m")).map(|model| model.flavour)
    }

    #[test]
    fn the_most_telling_flavour_is_served() {
        let sklearn = "flavors:\n  python_function: {loader_module: mlflow.sklearn, model_path: \
                       model.pkl, predict_fn: predict_proba}\n  sklearn: {pickled_model: model.pkl}\n";
        let file = PathBuf::from("m/model.pkl");
        let method = Method::PredictProba;
        assert_eq!(
            flavour(sklearn).unwrap(),
            Flavour::Sklearn {
                file: file.clone(),
                method
            }
        );
        let loader =
            "flavors:\n  python_function: {loader_module: mlflow.sklearn, data: model.pkl}\n";
        let method = Method::Predict;
        assert_eq!(flavour(loader).unwrap(), Flavour::Sklearn { file, method });
        let pickled =
            "flavors: {lightgbm: {data: model.pkl, model_class: lightgbm.sklearn.LGBMRanker}}";
        let file = PathBuf::from("m/model.pkl");
        assert_eq!(flavour(pickled).unwrap(), Flavour::Sklearn { file, method });
        let onnx = "flavors: {onnx: {data: net.onnx}}";
        let file = PathBuf::from("m/net.onnx");
        assert_eq!(flavour(onnx).unwrap(), Flavour::Onnx { file });
    }

    #[test]
    fn classes_of_boosters_say_what_is_answered() {
        let of = |text: &str| match flavour(text).unwrap() {
            Flavour::Booster {
                family,
                labels,
                prediction,
                best_iteration,
                ..
            } => (family, labels, prediction, best_iteration),
            other => panic!("{other:?}"),
        };
        let natural = Prediction::Natural;
        for (text, expected) in [
            (
                "flavors: {xgboost: {data: model.ubj, model_class: xgboost.sklearn.XGBClassifier}}",
                (Family::Xgboost, true, natural, true),
            ),
            (
                "flavors: {xgboost: {data: model.xgb, model_class: xgboost.core.Booster}}",
                (Family::Xgboost, false, natural, false),
            ),
            (
                "flavors: {lightgbm: {data: model.lgb, model_class: lightgbm.basic.Booster}}",
                (Family::Lightgbm, false, natural, false),
            ),
            (
                "flavors: {catboost: {data: model.cb, model_type: CatBoostClassifier}}",
                (Family::Catboost, false, Prediction::Class, false),
            ),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_served_is_refused_with_a_way_out() {
        for (text, words) in [
            (
                "flavors: {python_function: {loader_module: mlflow.pyfunc.model, python_model: x.pkl}}",
                "log what it calls",
            ),
            (
                "flavors: {prophet: {data: x}, python_function: {loader_module: mlflow.prophet}}",
                "(prophet, python_function)",
            ),
            (
                "flavors: {sklearn: {pickled_model: ../x.pkl}}",
                "leaves the folder",
            ),
            (
                "flavors: {sklearn: {pickled_model: /etc/x.pkl}}",
                "leaves the folder",
            ),
            ("flavors: {keras: {data: data}}", "without a SavedModel"),
            ("flavors: {}", "Python code"),
            ("flavors: [", "`MLmodel`: "),
        ] {
            let error = flavour(text).unwrap_err();
            assert!(error.message().contains(words), "{text}: {error}");
        }
    }
}
