//! LightGBM boosters from text: gbdt, dart, goss and rf, linear trees too.

mod objective;
mod pandas;
mod text;
mod tree;

use std::borrow::Cow;

use hari_error::{Error, Result};

use crate::categories::Categories;
use crate::column::Column;
use crate::flat::{Builder, Ensemble, MAX_FEATURES, Rule};
use crate::read::Options;
use objective::Objective;
use text::Sections;

/// LightGBM compares with `<=`, and casts categories as C does.
const RULE: Rule = Rule {
    or_equal: true,
    fraction_is_zero: true,
};

/// A booster, ready to predict.
#[derive(Clone, Debug)]
pub struct Booster {
    /// The version of the text form, `v4` say.
    pub(crate) version: String,
    pub(crate) objective: Objective,
    /// Names of the features.
    pub(crate) feature_names: Vec<String>,
    trees: Ensemble<f64>,
    /// What sums are divided by before the transform: the number of rounds of a random forest.
    rounds: Option<f64>,
    /// Whether leaves have predictions rather than sums: in random forests of 2.0 and 2.1.
    transformed: bool,
    /// Categories of a table of pandas.
    categories: Categories,
}

impl Booster {
    /// Reads a booster.
    ///
    /// # Errors
    /// `Model` with the field or the tree at which the file is wrong.
    pub fn read(bytes: &[u8], options: &Options) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|_| {
            Error::model("this is no LightGBM model: expected UTF-8 text from `save_model`")
        })?;
        let mut sections = Sections::of(text)?;
        let head = sections.head();
        let features = head.count("max_feature_idx")?.saturating_add(1);
        let per_round = head.count_or("num_tree_per_iteration", 1)?.max(1);
        let objective = Objective::read(head.find("objective"), per_round)?;
        let average = head.find("average_output").is_some();
        let version = head.find("version").unwrap_or("v1").to_owned();
        let feature_names = names(head.find("feature_names"), features)?;
        let mut builder = Builder::new(RULE, checked(features)?, per_round);
        let mut budget = options.set_words;
        while let Some(tree) = sections.next_tree()? {
            let at = builder.trees();
            tree::drafts(&tree, &mut budget)
                .and_then(|drafts| builder.tree(drafts, at % per_round))
                .map_err(|error| error.context(format!("tree {at}")))?;
        }
        let categories = pandas::read(sections.tail(), sections.head(), features)?;
        let trees = builder.finish();
        let rounds = whole_rounds(trees.trees(), per_round)?;
        Ok(Self {
            version,
            objective,
            feature_names,
            trees,
            rounds: average.then_some(rounds.max(1) as f64),
            transformed: average && sections.is_early(),
            categories,
        })
    }

    /// Forgets the trees after so many rounds, as a booster does that was stopped early.
    pub fn keep_rounds(&mut self, rounds: usize) {
        let per_round = self.groups();
        self.trees.keep_trees(rounds.saturating_mul(per_round));
        if let Some(all) = &mut self.rounds {
            *all = (self.trees.trees() / per_round.max(1)).max(1) as f64;
        }
    }

    /// The columns of a row, in order. Those of which the file lists texts are categorical. Empty
    /// if the file has neither names nor categories, and more than 65,536 features.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        self.categories
            .columns(&self.feature_names, self.features())
    }

    /// The number of a category of a column; NaN, which is missing, if training has not seen it.
    #[must_use]
    pub fn code(&self, column: usize, text: &[u8]) -> f64 {
        self.categories.code(column, text).unwrap_or(f64::NAN)
    }

    /// Rows in which categories that the file lists as numbers are replaced by their own numbers,
    /// as happens with a table of pandas; those that training has not seen are missing.
    ///
    /// # Errors
    /// None: what is not known is missing.
    pub fn encoded<'a>(&self, rows: Cow<'a, [f64]>) -> Result<Cow<'a, [f64]>> {
        if !self.categories.has_numbers() {
            return Ok(rows);
        }
        let mut rows = rows.into_owned();
        let missing = |_, _| Ok(f64::NAN);
        self.categories
            .encode(&mut rows, self.features(), missing)?;
        Ok(rows.into())
    }

    /// Values in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.trees.features()
    }

    /// Sums of a row, before the objective's transform.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.trees.targets()
    }

    /// Elements that a prediction has for each row; none if it is one number without a dimension
    /// of its own.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        (self.groups() > 1).then_some(self.groups())
    }

    /// The sums of `rows`, `[count, features]`: `[count, groups]`, `raw_score=True` in Python.
    #[must_use]
    pub fn margins(&self, rows: &[f64], count: usize) -> Vec<f64> {
        let mut sums = vec![0.0; count.saturating_mul(self.groups())];
        self.trees.add(rows, &mut sums);
        sums
    }

    /// What `Booster.predict` answers for `rows`, `[count, features]`.
    #[must_use]
    pub fn predict(&self, rows: &[f64], count: usize) -> Vec<f64> {
        let mut sums = self.margins(rows, count);
        if let Some(rounds) = self.rounds {
            for sum in &mut sums {
                *sum /= rounds;
            }
        }
        if !self.transformed {
            self.objective.apply(&mut sums, self.groups());
        }
        sums
    }

    /// How many trees it has.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees.trees()
    }

    pub(crate) fn nodes(&self) -> usize {
        self.trees.nodes()
    }

    /// Bytes that it keeps in memory, roughly.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.trees.memory_bytes() + self.categories.memory_bytes()
    }
}

fn checked(features: usize) -> Result<usize> {
    if features <= MAX_FEATURES {
        return Ok(features);
    }
    Err(Error::model(format!(
        "`max_feature_idx`: expected less than {MAX_FEATURES}, found {}",
        features - 1
    )))
}

fn names(line: Option<&str>, features: usize) -> Result<Vec<String>> {
    let names: Vec<_> = line
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    if names.is_empty() || names.len() == features {
        return Ok(names);
    }
    Err(Error::model(format!(
        "`feature_names` has {} names, but there are {features} features",
        names.len()
    )))
}

fn whole_rounds(trees: usize, per_round: usize) -> Result<usize> {
    if trees.is_multiple_of(per_round) && (trees > 0 || per_round <= 1024) {
        return Ok(trees / per_round);
    }
    Err(Error::model(format!(
        "there are {trees} trees, which is no multiple of `num_tree_per_iteration` {per_round}"
    )))
}
