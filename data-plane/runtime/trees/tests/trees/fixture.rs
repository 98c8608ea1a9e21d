//! Models of `tests/fixtures` with what the originals predict.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use hari_trees::Family;
use serde::Deserialize;

/// What the original says of a model.
#[derive(Debug, Deserialize)]
pub(crate) struct Expected {
    /// Dimensions of a prediction after the rows.
    pub(crate) shape: Vec<usize>,
    rows: Vec<Vec<String>>,
    margin: Vec<Vec<String>>,
    prediction: Vec<Vec<String>>,
}

/// A model with its expectations.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) expected: Expected,
}

/// Decimals are the shortest of float32 for XGBoost, of float64 for LightGBM.
fn numbers(rows: &[Vec<String>], family: Family) -> Vec<f64> {
    let number = |number: &String| match family {
        Family::Xgboost => f64::from(number.parse::<f32>().unwrap()),
        Family::Lightgbm | Family::Catboost => number.parse().unwrap(),
    };
    rows.iter().flatten().map(number).collect()
}

impl Expected {
    pub(crate) fn count(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn rows(&self, family: Family) -> Vec<f64> {
        numbers(&self.rows, family)
    }

    pub(crate) fn margin(&self, family: Family) -> Vec<f64> {
        numbers(&self.margin, family)
    }

    pub(crate) fn prediction(&self, family: Family) -> Vec<f64> {
        numbers(&self.prediction, family)
    }
}

pub(crate) fn folder(family: Family) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fixtures.join(match family {
        Family::Xgboost => "xgboost",
        Family::Lightgbm => "lightgbm",
        Family::Catboost => "catboost",
    })
}

/// Every model of a family, by name.
pub(crate) fn all(family: Family) -> Result<Vec<Fixture>> {
    let mut fixtures = Vec::new();
    for entry in std::fs::read_dir(folder(family))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .context("a name")?
            .to_string_lossy()
            .into_owned();
        let expected = path.with_file_name(format!("{name}.expected.json"));
        if !expected.is_file() {
            continue;
        }
        let expected = serde_json::from_slice(&std::fs::read(&expected)?).context(name.clone())?;
        let bytes = std::fs::read(&path)?;
        fixtures.push(Fixture {
            name,
            bytes,
            expected,
        });
    }
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(fixtures)
}
