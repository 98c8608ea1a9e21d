//! What there is to say of a booster.

/// Facts of a booster, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// `XGBoost`, `LightGBM` or `CatBoost`.
    pub family: &'static str,
    /// What the file says of its version: of the framework, or of the form of the text.
    pub version: String,
    /// `gbtree`, `dart`, `gblinear`; `gbdt` for all of LightGBM; `symmetric` or `free` trees of
    /// CatBoost.
    pub booster: String,
    /// What it was trained for.
    pub objective: String,
    /// Values in a row.
    pub features: usize,
    /// Names of the features, if the file has them.
    pub feature_names: Vec<String>,
    /// Trees.
    pub trees: usize,
    /// Splits and leaves of all trees.
    pub nodes: usize,
}
