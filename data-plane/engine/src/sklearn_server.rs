//! scikit-learn behind the protocols: what it takes, and which method answers whom.

use std::path::Path;
use std::sync::Arc;

use hari_artifacts::Picked;
use hari_core::DataType;
use hari_error::{Error, Result};
use hari_plan::bound::ModelSource;
use hari_sklearn::{Inputs, Method, Options, SklearnModel};

use crate::load::{Loaded, string};
use crate::table::{Column, Kind, Matrix, Table};
use crate::table_server::{Opened, Tabular, away, loaded};

/// What callers of Seldon's protocol get, the first that the model has.
const SELDON: [Method; 5] = [
    Method::PredictProba,
    Method::Predict,
    Method::Transform,
    Method::DecisionFunction,
    Method::ScoreSamples,
];

/// What all other callers get.
const PLAIN: [Method; 4] = [
    Method::Predict,
    Method::Transform,
    Method::DecisionFunction,
    Method::ScoreSamples,
];

/// Loads the estimator that was picked.
pub(crate) async fn load(name: &str, source: &ModelSource, picked: &Picked) -> Result<Loaded> {
    let method = method(source)?;
    let file = picked.file.clone();
    let opened = away(move || open(&file, method)).await?;
    Ok(loaded(name, picked, opened))
}

/// The method that the parameter `method` names.
fn method(source: &ModelSource) -> Result<Option<Method>> {
    let Some(name) = string(source, "method") else {
        return Ok(None);
    };
    let known = || Method::ALL.map(Method::name).join("`, `");
    Method::named(&name).map(Some).ok_or_else(|| {
        Error::invalid(format!(
            "parameter `method`: expected one of `{}`, found `{name}`",
            known()
        ))
    })
}

/// Reads an estimator as it is served where no parameter says more.
///
/// # Errors
/// What the reader says of the file.
pub fn open_sklearn(file: &Path) -> Result<SklearnModel> {
    read(file, SELDON.to_vec())
}

fn read(file: &Path, methods: Vec<Method>) -> Result<SklearnModel> {
    let options = Options {
        methods,
        ..Options::default()
    };
    hari_sklearn::load(file, &options)
}

/// Reads an estimator; with a method, that is what it answers to all callers.
///
/// # Errors
/// What the reader says of the file, or if it has not got the method.
pub(crate) fn open(file: &Path, method: Option<Method>) -> Result<Opened> {
    let (model, plain) = match method {
        Some(method) => (read(file, vec![method])?, None),
        None => {
            let model = open_sklearn(file)?;
            let plain = plain(&model);
            (model, plain)
        }
    };
    let tabular = Tabular {
        table: taken(model.inputs()),
        plain,
    };
    Ok(Opened {
        model: Arc::new(model),
        tabular,
    })
}

/// The method for callers of other protocols, unless it is the default anyway.
fn plain(model: &SklearnModel) -> Option<String> {
    let summary = model.summary();
    let method = PLAIN.iter().find(|one| summary.methods.contains(one))?;
    (*method != summary.method).then(|| method.name().to_owned())
}

/// What the estimator takes.
fn taken(inputs: &Inputs) -> Table {
    match inputs {
        Inputs::Matrix {
            name,
            width,
            columns,
        } => Table::Matrix(Matrix {
            input: name.clone(),
            dtype: DataType::Fp64,
            width: *width,
            columns: columns.clone(),
        }),
        Inputs::Documents { name } => Table::Documents(name.clone()),
        Inputs::Columns(columns) => {
            let columns = columns.iter().map(|one| Column {
                name: one.name.clone(),
                kind: match one.kind {
                    hari_sklearn::Kind::Number => Kind::Number,
                    hari_sklearn::Kind::Text => Kind::Text,
                    hari_sklearn::Kind::Unused => Kind::Unused,
                },
            });
            Table::Columns(columns.collect())
        }
    }
}
