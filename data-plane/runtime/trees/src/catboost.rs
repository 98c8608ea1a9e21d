//! CatBoost models: `.cbm` and JSON, symmetric trees and others, categories with their counters.
//!
//! A row is brought to the numbers that trees ask about: numeric columns in float32, NaN below or
//! above all borders as the column's mode says; one number for each category that splits ask for
//! by itself; one for each counter. A split asks whether its number is above its border. Sums are
//! in float64, trees in order, then times the scale, plus the bias.

mod about;
mod binary;
mod city;
mod counter;
mod flatbuffer;
mod json;
mod layout;
mod objective;
mod parts;
#[cfg(test)]
mod tests;
mod trees;

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::column::Column;
use crate::read::Options;
use layout::Layout;
use objective::Objective;
pub use objective::Prediction;
use trees::Trees;

/// A model, ready to predict.
#[derive(Clone, Debug)]
pub struct Booster {
    /// What wrote the file, `1.2.10` say; empty if it does not say.
    pub(crate) version: String,
    /// The loss it was trained for.
    pub(crate) loss: String,
    columns: Vec<Column>,
    /// Names of the columns, if the file has them.
    feature_names: Vec<String>,
    /// The column of each category.
    categories: Vec<usize>,
    layout: Layout,
    trees: Trees,
    targets: usize,
    scale: f64,
    bias: Vec<f64>,
    objective: Objective,
}

impl Booster {
    /// Reads a model; whether it is `.cbm` or JSON is told by its first bytes.
    ///
    /// # Errors
    /// `Model` with the place at which the file is wrong, or the columns that are not supported.
    pub fn read(bytes: &[u8], options: &Options) -> Result<Self> {
        let mut parts = match bytes {
            bytes if bytes.starts_with(binary::MAGIC) => binary::read(bytes)?,
            bytes if bytes.trim_ascii_start().starts_with(b"{") => json::read(bytes)?,
            _ => {
                return Err(Error::model(
                    "this is no CatBoost model: expected `.cbm` or JSON from `save_model`",
                ));
            }
        };
        if !parts.foreign.is_empty() {
            return Err(Error::model(format!(
                "{}: not supported; train without texts and embeddings",
                parts.foreign.join(", ")
            )));
        }
        if parts.bias.len() != parts.targets {
            return Err(Error::model(format!(
                "the bias has {} numbers, expected {}",
                parts.bias.len(),
                parts.targets
            )));
        }
        trees::check_targets(&parts.shape, parts.targets)?;
        let (columns, categories) = layout::columns(&parts)?;
        let named = parts.floats.iter().any(|one| !one.name.is_empty());
        let named = named || parts.categories.iter().any(|one| !one.name.is_empty());
        let names = columns.iter().map(|column| column.name.clone());
        let feature_names = if named { names.collect() } else { Vec::new() };
        let (layout, splits) = Layout::new(&mut parts)?;
        let sizes = (layout.features(), parts.targets);
        Ok(Self {
            objective: Objective::new(&parts.about, parts.targets, options.prediction)?,
            trees: Trees::new(parts.shape, &splits, sizes)?,
            version: parts.about.version,
            loss: parts.about.loss,
            columns,
            feature_names,
            categories,
            layout,
            targets: parts.targets,
            scale: parts.scale,
            bias: parts.bias,
        })
    }

    /// The columns of a row, in order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Names of the columns, in order; empty if the file has none.
    #[must_use]
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// Values in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.columns.len()
    }

    /// Which columns hold categories, in the order in which [`Booster::sums`] takes their hashes.
    #[must_use]
    pub fn categories(&self) -> &[usize] {
        &self.categories
    }

    /// The hash that stands for a category: its text, a whole number in decimal.
    #[must_use]
    pub fn category(text: &[u8]) -> i32 {
        city::hash(text) as u32 as i32
    }

    /// Sums of a row.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.targets
    }

    /// Elements of an answer for each row; none if it is one without a dimension of its own.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.objective.width()
    }

    /// What an answer consists of.
    #[must_use]
    pub fn dtype(&self) -> DataType {
        self.objective.dtype()
    }

    /// Labels of the columns of an answer; none if it has none.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        self.objective.columns()
    }

    /// The sums of `count` rows (`RawFormulaVal`), `[count, groups]`. `numbers` has a value for
    /// each column, `[count, features]`, of which those of categories do not matter; `hashes` has
    /// one for each category, `[count, categories]`.
    #[must_use]
    pub fn sums(&self, numbers: &[f32], hashes: &[i32], count: usize) -> Vec<f64> {
        let mut room = Vec::new();
        let width = self.layout.features();
        let mut features = Vec::with_capacity(count.saturating_mul(width));
        for row in 0..count {
            let numbers = part(numbers, row, self.columns.len());
            let hashes = part(hashes, row, self.categories.len());
            self.layout
                .append((numbers, hashes), &mut room, &mut features);
        }
        let mut sums = vec![0.0; count.saturating_mul(self.targets)];
        self.trees.add(&features, width, &mut sums);
        for sums in sums.chunks_exact_mut(self.targets) {
            for (sum, bias) in sums.iter_mut().zip(&self.bias) {
                *sum = *sum * self.scale + bias;
            }
        }
        sums
    }

    /// The answer for `count` rows, as the options say: `[count]` or `[count, width]`. Arguments
    /// are those of [`Booster::sums`].
    ///
    /// # Errors
    /// None that a model can cause which was read.
    pub fn predict(&self, numbers: &[f32], hashes: &[i32], count: usize) -> Result<Tensor> {
        self.objective.answer(&self.sums(numbers, hashes, count))
    }

    /// How many trees it has.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees.count()
    }

    pub(crate) fn nodes(&self) -> usize {
        self.trees.nodes()
    }

    /// Whether trees are symmetric.
    pub(crate) fn kind(&self) -> &'static str {
        match self.trees {
            Trees::Symmetric(_) => "symmetric",
            Trees::Free(_) => "free",
        }
    }

    /// Bytes that it keeps in memory, roughly.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.trees.memory_bytes() + self.layout.memory_bytes()
    }
}

/// The values of a row of so many.
fn part<T>(all: &[T], row: usize, width: usize) -> &[T] {
    let start = row.saturating_mul(width);
    all.get(start..start.saturating_add(width))
        .unwrap_or_default()
}
