//! The learner of a JSON or UBJSON document: sizes, base score, objective and booster.

use hari_error::{Error, Result};

use super::iterations::Rounds;
use super::linear::Linear;
use super::objective::Objective;
use super::release::Release;
use super::tree::{self, Columns};
use super::{Booster, Model, cats};
use crate::categories::Categories;
use crate::document::Value;
use crate::flat::{Builder, MAX_FEATURES, Rule};
use crate::read::Options;

/// XGBoost compares with `<`, and takes no category below zero.
pub(super) const RULE: Rule = Rule {
    or_equal: false,
    fraction_is_zero: false,
};
/// Outputs that a file may declare without having a tree for each.
const FREE_OUTPUTS: usize = 1024;

/// What every form of file says of a learner.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) version: String,
    pub(super) release: Release,
    pub(super) features: usize,
    pub(super) feature_names: Vec<String>,
    pub(super) classes: usize,
    pub(super) targets: usize,
    pub(super) base_scores: Vec<f32>,
    /// Whether base scores are sums already, as before 1.0, rather than predictions.
    pub(super) base_is_sum: bool,
    pub(super) objective: Objective,
}

/// Trees as a file has them.
pub(super) struct Forest<I> {
    /// One after the other, each read when it is asked for.
    pub(super) trees: I,
    pub(super) count: usize,
    /// The group that each tree adds to.
    pub(super) groups: Vec<i64>,
    /// Weights of the trees, for dart.
    pub(super) weights: Option<Vec<f32>>,
}

/// Reads the booster of a document, or of one that holds a model beside its configuration.
///
/// # Errors
/// `Model` that names the field.
pub(super) fn read(document: &Value<'_>, options: &Options) -> Result<Booster> {
    let document = document.find("Model").unwrap_or(document);
    let learner = document.get("learner").map_err(|_| {
        Error::model("`learner` is missing: this is no XGBoost model; save it with `save_model`")
    })?;
    let head = head(document, learner)?;
    let booster = learner.get("gradient_booster")?;
    let best = best_iteration(learner).filter(|_| options.best_iteration);
    match booster.text("name")? {
        "gbtree" => trees(head, booster, None, best, options),
        "dart" => {
            let weights = booster.floats("weight_drop")?;
            trees(head, booster.get("gbtree")?, Some(weights), best, options)
        }
        "gblinear" => head.linear(booster.get("model")?.floats("weights")?),
        other => Err(Error::model(format!(
            "booster `{other}` is not known: expected gbtree, dart or gblinear"
        ))),
    }
}

fn head(document: &Value<'_>, learner: &Value<'_>) -> Result<Head> {
    let parameters = learner.get("learner_model_param")?;
    let version = document.ints("version").unwrap_or_default();
    let release = Release::of(&version);
    let version: Vec<_> = version.iter().map(ToString::to_string).collect();
    Ok(Head {
        version: version.join("."),
        release,
        features: parameters.count_or("num_feature", 0)?,
        feature_names: learner.texts("feature_names")?,
        classes: parameters.count_or("num_class", 0)?,
        targets: parameters.count_or("num_target", 1)?,
        base_scores: base_scores(parameters.text("base_score")?)?,
        base_is_sum: false,
        objective: Objective::named(learner.get("objective")?.text("name")?)?,
    })
}

/// One number, or several in brackets from 3.1 on.
fn base_scores(text: &str) -> Result<Vec<f32>> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let scores = inner.split(',').map(|score| {
        score
            .trim()
            .parse()
            .map_err(|_| Error::model(format!("`base_score`: `{text}` is no number")))
    });
    scores.collect()
}

/// Trees, up to those of the round `best`; `weights` are those of dart.
fn trees(
    head: Head,
    booster: &Value<'_>,
    weights: Option<Vec<f32>>,
    best: Option<usize>,
    options: &Options,
) -> Result<Booster> {
    let model = booster.get("model")?;
    let list = model.list("trees")?;
    let used = match best {
        Some(best) => rounds(model, &head)?.trees(best.saturating_add(1))?,
        None => list.len(),
    };
    let list = list.get(..used).unwrap_or(list);
    let forest = Forest {
        trees: list.iter().map(tree::columns),
        count: list.len(),
        groups: model.ints("tree_info")?,
        weights,
    };
    let mut booster = head.trees(forest, options.set_words)?;
    booster.categories = cats::read(model, booster.features)?;
    Ok(booster)
}

fn best_iteration(learner: &Value<'_>) -> Option<usize> {
    let attributes = learner.find("attributes")?;
    attributes.text("best_iteration").ok()?.parse().ok()
}

fn rounds(model: &Value<'_>, head: &Head) -> Result<Rounds> {
    let parallel = match model.find("gbtree_model_param") {
        Some(parameters) => parameters.count_or("num_parallel_tree", 1)?,
        None => 1,
    };
    let starts = match model.find("iteration_indptr") {
        Some(_) => model.ints("iteration_indptr")?,
        None => Vec::new(),
    };
    let per_round = head.groups().saturating_mul(parallel.max(1));
    Ok(Rounds { starts, per_round })
}

impl Head {
    fn groups(&self) -> usize {
        self.classes.max(self.targets).max(1)
    }

    /// Checks the sizes that everything else stands on; `evidence` is how many outputs the file
    /// has something for.
    fn check(&self, evidence: usize) -> Result<()> {
        let (features, groups) = (self.features, self.groups());
        if features > MAX_FEATURES {
            return Err(Error::model(format!(
                "`num_feature` is {features}: expected at most {MAX_FEATURES}"
            )));
        }
        if groups > evidence.max(FREE_OUTPUTS) {
            return Err(Error::model(format!(
                "it declares {groups} outputs, but has trees for {evidence}"
            )));
        }
        let names = self.feature_names.len();
        if names != 0 && names != features {
            return Err(Error::model(format!(
                "`feature_names` has {names} names, but there are {features} features"
            )));
        }
        Ok(())
    }

    fn base(&self) -> Result<Vec<f32>> {
        let start = |&score: &f32| match self.base_is_sum {
            true => score,
            false => self.objective.start(score, self.release),
        };
        let starts: Vec<_> = self.base_scores.iter().map(start).collect();
        match (&*starts, self.groups()) {
            (&[one], groups) => Ok(vec![one; groups]),
            (several, groups) if several.len() == groups => Ok(starts),
            (several, groups) => Err(Error::model(format!(
                "`base_score` has {} numbers, but there are {groups} outputs",
                several.len()
            ))),
        }
    }

    /// A booster of trees. `set_words` bounds what sets of categories take.
    ///
    /// # Errors
    /// `Model` with the number of the tree.
    pub(super) fn trees<I>(self, forest: Forest<I>, set_words: usize) -> Result<Booster>
    where
        I: Iterator<Item = Result<Columns>>,
    {
        self.check(forest.count)?;
        forest.check()?;
        let kind = if forest.weights.is_some() {
            "dart"
        } else {
            "gbtree"
        };
        let mut builder = Builder::new(RULE, self.features, self.groups());
        let mut budget = set_words;
        for (at, columns) in forest.trees.enumerate() {
            let weight = forest
                .weights
                .as_ref()
                .and_then(|weights| weights.get(at).copied());
            let group = forest.groups.get(at).copied().unwrap_or_default();
            columns
                .and_then(|columns| columns.drafts(weight, &mut budget))
                .and_then(|drafts| {
                    builder.tree(drafts, usize::try_from(group).unwrap_or(usize::MAX))
                })
                .map_err(|error| error.context(format!("tree {at}")))?;
        }
        self.booster(kind, Model::Trees(builder.finish()))
    }

    /// A linear booster.
    ///
    /// # Errors
    /// `Model` if there are not as many weights as there should be.
    pub(super) fn linear(self, weights: Vec<f32>) -> Result<Booster> {
        self.check(weights.len())?;
        let linear = Linear::new(weights, self.features, self.groups())?;
        self.booster("gblinear", Model::Linear(linear))
    }

    fn booster(self, kind: &str, model: Model) -> Result<Booster> {
        Ok(Booster {
            base: self.base()?,
            base_last: self.release.base_last(kind),
            version: self.version,
            kind: kind.to_owned(),
            objective: self.objective.of(self.release),
            features: self.features,
            feature_names: self.feature_names,
            model,
            categories: Categories::default(),
        })
    }
}

impl<I> Forest<I> {
    fn check(&self) -> Result<()> {
        let groups = self.groups.len();
        if groups < self.count {
            return Err(Error::model(format!(
                "`tree_info` has {groups} elements, but there are {} trees",
                self.count
            )));
        }
        match &self.weights {
            Some(weights) if weights.len() < self.count => Err(Error::model(format!(
                "`weight_drop` has {} elements, but there are {} trees",
                weights.len(),
                self.count
            ))),
            _ => Ok(()),
        }
    }
}
