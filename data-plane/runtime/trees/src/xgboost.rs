//! XGBoost boosters: gbtree, dart and gblinear from JSON, UBJSON and the binary form of 1.x.

mod cats;
mod iterations;
mod learner;
mod legacy;
mod linear;
mod objective;
mod tree;

use hari_error::Result;

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

    /// The columns of a row, in order. Those of which the file lists texts are categorical.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        self.categories
            .columns(&self.feature_names, self.features())
    }

    /// The number of a category of a column; NaN, which is missing, if training has not seen it.
    #[must_use]
    pub fn code(&self, column: usize, text: &[u8]) -> f64 {
        self.categories.code(column, text)
    }

    /// Whether the file lists categories that are numbers: values of rows are replaced by
    /// [`Booster::encode`], as XGBoost does with a table of pandas.
    #[must_use]
    pub fn encodes(&self) -> bool {
        self.categories.has_numbers()
    }

    /// Replaces categories that the file lists as numbers by their own numbers.
    pub fn encode(&self, rows: &mut [f64]) {
        self.categories.encode(rows, self.features);
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
        let mut sums = self.base.repeat(count);
        match &self.model {
            Model::Trees(trees) => trees.add(rows, &mut sums),
            Model::Linear(linear) => linear.add(rows, &mut sums),
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

    pub(crate) fn memory_bytes(&self) -> usize {
        let model = match &self.model {
            Model::Trees(trees) => trees.memory_bytes(),
            Model::Linear(linear) => linear.memory_bytes(),
        };
        model + self.categories.memory_bytes()
    }
}
