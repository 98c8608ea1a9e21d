//! From a file to a booster: which family it is, and how much of it is read.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use hari_error::{Error, Result};

use crate::{Prediction, TreeModel, catboost, lightgbm, xgboost};

/// A family of boosters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// JSON, UBJSON or the binary form of 1.x.
    Xgboost,
    /// Text.
    Lightgbm,
    /// `.cbm` or JSON.
    Catboost,
}

/// How a booster is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of the largest file that is read.
    pub max_bytes: u64,
    /// Words of 32 categories that all sets of a booster may take: 64 MiB by default.
    pub set_words: usize,
    /// Whether an XGBoost booster that was stopped early predicts with the trees up to its best
    /// iteration, as its scikit-learn interface does; all trees predict if not, as
    /// `Booster.predict` does. LightGBM writes no more than the best.
    pub best_iteration: bool,
    /// What a CatBoost model is asked for.
    pub prediction: Prediction,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_bytes: 8 << 30,
            set_words: 16 << 20,
            best_iteration: false,
            prediction: Prediction::Natural,
        }
    }
}

impl Family {
    /// The name of the framework.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xgboost => "XGBoost",
            Self::Lightgbm => "LightGBM",
            Self::Catboost => "CatBoost",
        }
    }
}

/// Reads a booster from a file.
///
/// # Errors
/// `TooLarge` beyond `options.max_bytes`; `Model` if the file cannot be read, or with the place at
/// which it is wrong.
pub fn load(path: &Path, family: Family, options: &Options) -> Result<TreeModel> {
    fn unreadable(error: std::io::Error) -> Error {
        Error::model("the model's file cannot be read").with_source(error)
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let limit = options.max_bytes.saturating_add(1);
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > options.max_bytes {
        return Err(Error::too_large(format!(
            "the model's file has more than {} bytes",
            options.max_bytes
        )));
    }
    load_bytes(&bytes, family, options)
}

/// Reads a booster.
///
/// # Errors
/// `Model` with the place at which the bytes are wrong.
pub fn load_bytes(bytes: &[u8], family: Family, options: &Options) -> Result<TreeModel> {
    match family {
        Family::Xgboost => xgboost::Booster::read(bytes, options).map(TreeModel::xgboost),
        Family::Lightgbm => lightgbm::Booster::read(bytes, options).map(TreeModel::lightgbm),
        Family::Catboost => catboost::Booster::read(bytes, options).map(TreeModel::catboost),
    }
}
