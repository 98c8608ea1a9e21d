//! Models by the names of their files.

use std::path::Path;

use anyhow::{Result, bail};
use hari_core::Model;
use hari_onnx::OnnxModel;
use hari_sklearn::Method;
use hari_trees::Family;

/// Loads a model with the options of the server.
pub(crate) fn load(path: &Path) -> Result<Box<dyn Model>> {
    if path.is_dir() {
        let options = hari_tensorflow::Options::default();
        return Ok(Box::new(hari_tensorflow::load(path, &options)?));
    }
    let ending = path.extension().and_then(|ending| ending.to_str());
    Ok(match ending {
        Some("onnx") => Box::new(OnnxModel::load_file(path, &hari_onnx::Options::default())?),
        Some("json" | "ubj" | "bst") => Box::new(booster(path, Family::Xgboost)?),
        Some("txt") => Box::new(booster(path, Family::Lightgbm)?),
        Some("cbm") => Box::new(booster(path, Family::Catboost)?),
        Some("joblib" | "pkl" | "skops") => Box::new(hari_sklearn::load(path, &probabilities())?),
        _ => bail!("{}: no model has this ending", path.display()),
    })
}

fn booster(path: &Path, family: Family) -> Result<hari_trees::TreeModel> {
    let options = hari_trees::Options::default();
    Ok(hari_trees::load(path, family, &options)?)
}

/// Probabilities where there are some, as the server of scikit-learn answers.
fn probabilities() -> hari_sklearn::Options {
    hari_sklearn::Options {
        methods: vec![Method::PredictProba, Method::Predict, Method::Transform],
        ..hari_sklearn::Options::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_ending() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let platform = |path: &str| load(&root.join(path)).unwrap().platform().to_owned();
        assert_eq!(platform("bench/models/identity.onnx"), "onnx_rten");
        assert_eq!(
            platform("examples/income-xgboost/model/model.json"),
            "xgboost"
        );
        assert!(load(&root.join("README.md")).is_err());
        assert!(load(&root.join("none.json")).is_err());
    }
}
