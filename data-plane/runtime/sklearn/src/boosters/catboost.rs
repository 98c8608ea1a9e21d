//! `CatBoostClassifier` and its kin.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use hari_pickle::Cursor;
use hari_trees::catboost::Booster;
use hari_trees::{Options, Prediction};

use super::Columns;
use crate::estimator::{Accepts, Estimator, Form, Method, Width};
use crate::input::Kind;
use crate::reader::Reader;
use crate::table::{Column, Matrix, Table};
use crate::values::Values;

/// A model, asked for numbers; and asked for labels, if it is a classifier.
#[derive(Debug)]
struct Model {
    numbers: Booster,
    labels: Option<Booster>,
    columns: Columns,
}

/// What users of the classes take: labels and probabilities, or numbers.
pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let numbers = booster(cursor, Prediction::Natural)?;
    let classifies = cursor.class()?.ends_with("Classifier");
    let labels = match classifies {
        true => Some(booster(cursor, Prediction::Class)?),
        false => None,
    };
    Ok(Box::new(Model::new(numbers, labels)))
}

/// What `CatBoost.predict` gives: sums of trees.
pub(super) fn read_raw(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(Box::new(Model::new(
        booster(cursor, Prediction::Raw)?,
        None,
    )))
}

fn booster(cursor: &Cursor<'_>, prediction: Prediction) -> Result<Booster> {
    let model = cursor.attribute("__model")?;
    let options = Options {
        prediction,
        ..Options::default()
    };
    Booster::read(model.bytes()?, &options).map_err(|error| model.refuse(error))
}

impl Model {
    fn new(numbers: Booster, labels: Option<Booster>) -> Self {
        Self {
            columns: Columns::new(numbers.columns().to_vec()),
            numbers,
            labels,
        }
    }

    fn ask(&self, booster: &Booster, rows: &Table) -> Result<Tensor> {
        let numbers = self.columns.matrix(rows, |_, _| Ok(0.0))?;
        let numbers: Vec<_> = numbers
            .values
            .into_iter()
            .map(|value| value as f32)
            .collect();
        booster.predict(&numbers, &hashes(booster.categories(), rows)?, rows.rows())
    }
}

/// Hashes of the categories of each row.
fn hashes(columns: &[usize], rows: &Table) -> Result<Vec<i32>> {
    let width = columns.len();
    let mut hashes = vec![0; rows.rows().saturating_mul(width)];
    for (at, &column) in columns.iter().enumerate() {
        let found = rows.column(column);
        let Some(Column::Texts(texts)) = found.as_deref() else {
            return Err(Error::invalid(format!(
                "column {column}: expected categories as text"
            )));
        };
        let slots = hashes.iter_mut().skip(at).step_by(width.max(1));
        for (slot, text) in slots.zip(texts) {
            let text = text.as_ref();
            let text = text
                .ok_or_else(|| Error::invalid(format!("column {column}: a category is missing")))?;
            *slot = Booster::category(text.as_bytes());
        }
    }
    Ok(hashes)
}

/// A tensor of labels or numbers.
fn values(tensor: &Tensor) -> Result<Values> {
    Ok(match tensor.dtype() {
        DataType::Int64 => Values::Integers(tensor.values::<i64>()?.into_owned()),
        DataType::Bool => {
            Values::Booleans(tensor.values::<u8>()?.iter().map(|&one| one != 0).collect())
        }
        DataType::Bytes => {
            let texts = tensor.strings()?.iter();
            let texts = texts.map(|text| String::from_utf8_lossy(text).into_owned().into());
            Values::Texts(texts.collect())
        }
        _ => Values::Floats(tensor.to_f64()?),
    })
}

fn form(booster: &Booster) -> Form {
    Form {
        dtype: booster.dtype(),
        width: booster.width().map_or(Width::One, Width::Columns),
    }
}

impl Estimator for Model {
    fn form(&self, method: Method) -> Option<Form> {
        match (method, &self.labels) {
            (Method::Predict, Some(labels)) => Some(form(labels)),
            (Method::Predict, None) | (Method::PredictProba, Some(_)) => Some(form(&self.numbers)),
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.columns.takes(column)
    }

    fn width(&self) -> Option<usize> {
        Some(self.numbers.features())
    }

    fn names(&self) -> &[String] {
        &self.columns.names
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let booster = self.labels.as_ref().unwrap_or(&self.numbers);
        values(&self.ask(booster, rows)?)
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let found = self.ask(&self.numbers, rows)?.to_f64()?;
        let columns = self.numbers.width().unwrap_or(1);
        Ok(Matrix::new(rows.rows(), columns, found))
    }

    fn memory_bytes(&self) -> usize {
        let labels = self.labels.as_ref().map_or(0, Booster::memory_bytes);
        self.numbers.memory_bytes() + labels
    }
}
