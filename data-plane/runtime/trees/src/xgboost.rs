//! XGBoost boosters: gbtree, dart and gblinear from JSON, UBJSON and the binary form of 1.x.

mod cats;
mod iterations;
mod learner;
mod legacy;
mod linear;
mod objective;
mod release;
mod tree;

use hari_error::{Error, Result};

use crate::categories::Categories;
use crate::column::Column;
use crate::flat::Ensemble;
use crate::read::Options;
use linear::Linear;
use objective::{Objective, Transform};

/// A booster, ready to predict.
#[derive(Clone, Debug)]
pub struct Booster {
    /// What wrote the file, `3.2.0` say.
    pub(crate) version: String,
    /// `gbtree`, `dart` or `gblinear`.
    pub(crate) kind: String,
    pub(crate) objective: Objective,
    pub(crate) features: usize,
    /// Names of the features, if the file has them.
    pub(crate) feature_names: Vec<String>,
    /// Where each sum starts: the base score before the objective's transform.
    base: Vec<f32>,
    /// Whether the base score is added to the sum of the trees, rather than the trees to it.
    base_last: bool,
    model: Model,
    /// Categories that the file lists.
    categories: Categories,
}

#[derive(Clone, Debug)]
enum Model {
    Trees(Ensemble<f32>),
    Linear(Linear),
}

impl Booster {
    /// Reads a booster; whether it is JSON, UBJSON or binary is told by its first bytes.
    ///
    /// # Errors
    /// `Model` with the place at which the file is wrong.
    pub fn read(bytes: &[u8], options: &Options) -> Result<Self> {
        match bytes {
            [
                b'{',
                b'L' | b'l' | b'I' | b'U' | b'i' | b'$' | b'#' | b'}',
                ..,
            ] => learner::read(&crate::document::read_ubjson(bytes)?, options),
            _ if bytes.trim_ascii_start().starts_with(b"{") => {
                learner::read(&crate::document::read_json(bytes)?, options)
            }
            _ => legacy::read(bytes, options),
        }
    }

    /// The columns of a row, in order. Those of which the file lists texts are categorical. Empty
    /// if the file has neither names nor categories, and more than 65,536 features.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        self.categories
            .columns(&self.feature_names, self.features())
    }

    /// The number of a category of a column; NaN for an empty text, unless that is a category.
    ///
    /// # Errors
    /// `InvalidInput` if training has not seen it.
    pub fn code(&self, column: usize, text: &[u8]) -> Result<f64> {
        let code = self.categories.code(column, text);
        code.ok_or_else(|| unseen(&String::from_utf8_lossy(text)))
    }

    /// Whether the file lists categories that are numbers: values of rows are replaced by
    /// [`Booster::encode`], as XGBoost does with a table of pandas.
    #[must_use]
    pub fn encodes(&self) -> bool {
        self.categories.has_numbers()
    }

    /// Replaces categories that the file lists as numbers by their own numbers.
    ///
    /// # Errors
    /// `InvalidInput` with the column if training has not seen one.
    pub fn encode(&self, rows: &mut [f64]) -> Result<()> {
        let unknown = |column: usize, value: f64| {
            let name = self.feature_names.get(column).cloned();
            let name = name.unwrap_or_else(|| column.to_string());
            Err(unseen(&value.to_string()).context(format!("column `{name}`")))
        };
        self.categories.encode(rows, self.features, unknown)
    }

    /// Forgets the trees after the first `count`, as a booster does that was stopped early.
    pub fn keep_trees(&mut self, count: usize) {
        if let Model::Trees(trees) = &mut self.model {
            trees.keep_trees(count);
        }
    }

    /// Values in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// Sums of a row, before the objective's transform.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.base.len()
    }

    /// Elements that a prediction has for each row; none if it is one number without a dimension
    /// of its own.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        match (self.objective.transform, self.groups()) {
            (Transform::Largest, _) | (_, 1) => None,
            (_, groups) => Some(groups),
        }
    }

    /// The sums of `rows`, `[count, features]`, before the objective's transform: `[count,
    /// groups]`, `output_margin=True` in Python.
    #[must_use]
    pub fn margins(&self, rows: &[f32], count: usize) -> Vec<f32> {
        let mut sums = match self.base_last {
            true => vec![0.0; self.base.len().saturating_mul(count)],
            false => self.base.repeat(count),
        };
        match &self.model {
            Model::Trees(trees) => trees.add(rows, &mut sums),
            Model::Linear(linear) => linear.add(rows, &mut sums),
        }
        if self.base_last {
            let base = self.base.iter().cycle();
            sums.iter_mut()
                .zip(base)
                .for_each(|(sum, base)| *sum += base);
        }
        sums
    }

    /// What `Booster.predict` answers for `rows`, `[count, features]`.
    #[must_use]
    pub fn predict(&self, rows: &[f32], count: usize) -> Vec<f32> {
        let margins = self.margins(rows, count);
        self.objective.transform.apply(margins, self.groups())
    }

    /// How many trees it has.
    #[must_use]
    pub fn trees(&self) -> usize {
        match &self.model {
            Model::Trees(trees) => trees.trees(),
            Model::Linear(_) => 0,
        }
    }

    pub(crate) fn nodes(&self) -> usize {
        match &self.model {
            Model::Trees(trees) => trees.nodes(),
            Model::Linear(_) => 0,
        }
    }

    /// Bytes that it keeps in memory, roughly.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let model = match &self.model {
            Model::Trees(trees) => trees.memory_bytes(),
            Model::Linear(linear) => linear.memory_bytes(),
        };
        model + self.categories.memory_bytes()
    }
}

/// XGBoost refuses such a row too.
fn unseen(category: &str) -> Error {
    let category: String = category.chars().take(40).collect();
    Error::invalid(format!(
        "category `{category}` was not in training: send one that was, or none"
    ))
}
