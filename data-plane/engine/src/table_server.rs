//! Boosters behind the forms in which tables are sent.
//!
//! A booster takes one matrix, rows by features. Callers also send one tensor under a name of their
//! own, whole numbers, doubles where the booster takes singles, columns in another order with
//! their names beside them, or a tensor for each column. This unit makes the matrix of them.

use std::path::Path;
use std::sync::Arc;

use hari_artifacts::Picked;
use hari_core::{
    BoxFuture, Context, DataType, Input, Message, Method, Model, ModelMetadata, NamedTensor,
    Payload, Target, Tensor, Typing, Unit,
};
use hari_error::{Error, Result};
use hari_plan::bound::{ModelSource, ParameterValue, Runtime};
use hari_trees::{Family, Options};

use crate::load::{Loaded, describe};

/// The family of boosters that a runtime reads.
pub(crate) fn family(runtime: Runtime) -> Option<Family> {
    match runtime {
        Runtime::Xgboost => Some(Family::Xgboost),
        Runtime::Lightgbm => Some(Family::Lightgbm),
        _ => None,
    }
}

/// Reads a booster.
///
/// # Errors
/// What the reader says of the file.
pub(crate) fn open(file: &Path, family: Family, options: &Options) -> Result<Arc<dyn Model>> {
    Ok(Arc::new(hari_trees::load(file, family, options)?))
}

/// Loads the booster that was picked, away from the async threads.
pub(crate) async fn load(
    name: &str,
    source: &ModelSource,
    picked: &Picked,
    family: Family,
) -> Result<Loaded> {
    let best = source.parameters.get("best_iteration");
    let options = Options {
        best_iteration: best == Some(&ParameterValue::Bool(true)),
        ..Options::default()
    };
    let file = picked.file.clone();
    if file.extension().is_some_and(|ending| ending == "bst") {
        tracing::warn!(
            model = name,
            "`model.bst` is an old form: save the booster as `model.json`"
        );
    }
    let loading = tokio::task::spawn_blocking(move || hari_trees::load(&file, family, &options));
    let model = loading.await.map_err(|error| {
        Error::model("the model could not be loaded: the loader crashed").with_source(error)
    })??;
    let metadata = describe(name, &model, picked.version);
    let input = model
        .signatures()
        .first()
        .and_then(|one| one.inputs.first());
    let table = Table {
        input: input.map(|input| input.name.clone()).unwrap_or_default(),
        dtype: input.map_or(DataType::Fp32, |input| input.dtype),
        width: model.features(),
        columns: model.feature_names().to_vec(),
    };
    Ok(Loaded {
        model: Arc::new(model),
        metadata,
        folder: picked.path.clone(),
        task: None,
        table: Some(Arc::new(table)),
    })
}

/// The matrix that a model takes.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The name of the input.
    input: String,
    dtype: DataType,
    /// Columns in a row.
    width: usize,
    /// Their names, if the model has them.
    columns: Vec<String>,
}

impl Table {
    /// One matrix of what a caller sent.
    fn matrix(&self, mut tensors: Vec<NamedTensor>) -> Result<Vec<NamedTensor>> {
        if tensors.len() > 1 {
            return Ok(vec![self.gathered(&tensors)?]);
        }
        for one in &mut tensors {
            one.name.clone_from(&self.input);
            if one.tensor.dtype().is_numeric() {
                // As the framework does: whatever the numbers are, they are cast.
                one.typing = Typing::Inferred;
            }
            if let [rows, found] = *one.tensor.shape()
                && found != self.width
                && !(found == 1 && rows == self.width)
            {
                return Err(Error::invalid(format!(
                    "Expected {} features, got {found}",
                    self.width
                )));
            }
            self.reorder(one)?;
        }
        Ok(tensors)
    }

    /// Puts columns in the model's order where the names beside them are the model's.
    fn reorder(&self, one: &mut NamedTensor) -> Result<()> {
        let known = one.columns.iter().any(|name| self.columns.contains(name));
        if !known || one.columns == self.columns || one.tensor.shape().len() != 2 {
            return Ok(());
        }
        let order = self.order(&one.columns)?;
        let values = one.tensor.to_f64()?;
        let rows = values.chunks(self.width.max(1));
        let ordered = rows.flat_map(|row| order.iter().filter_map(|&at| row.get(at).copied()));
        one.tensor = Tensor::from_vec(one.tensor.shape().to_vec(), ordered.collect::<Vec<_>>())?;
        one.columns.clone_from(&self.columns);
        Ok(())
    }

    /// Where each of the model's columns is among `names`.
    fn order(&self, names: &[String]) -> Result<Vec<usize>> {
        let unknown = names.iter().find(|name| !self.columns.contains(name));
        if let Some(unknown) = unknown {
            return Err(Error::invalid(format!(
                "column `{unknown}` is unknown: the model takes {}",
                self.columns.join(", ")
            )));
        }
        let places = self.columns.iter().map(|column| {
            let place = names.iter().position(|name| name == column);
            place.ok_or_else(|| Error::invalid(format!("column `{column}` is missing")))
        });
        let places: Vec<_> = places.collect::<Result<_>>()?;
        match names.len() > places.len() {
            true => Err(Error::invalid("a column is given twice".to_owned())),
            false => Ok(places),
        }
    }

    /// A tensor for each column: by name if the model has names, else in the order they came in.
    fn gathered(&self, tensors: &[NamedTensor]) -> Result<NamedTensor> {
        let names: Vec<_> = tensors.iter().map(|one| one.name.clone()).collect();
        let order = match self.columns.is_empty() {
            false => self.order(&names)?,
            true if tensors.len() == self.width => (0..self.width).collect(),
            true => {
                let found = tensors.len();
                let expected = self.width;
                return Err(Error::invalid(format!(
                    "Expected {expected} features, got {found}"
                )));
            }
        };
        let columns = tensors.iter().map(column).collect::<Result<Vec<_>>>()?;
        let rows = columns.first().map_or(0, Vec::len);
        if let Some((one, found)) = tensors
            .iter()
            .zip(&columns)
            .find(|(_, found)| found.len() != rows)
        {
            return Err(Error::invalid(format!(
                "column `{}` has {} rows, the first has {rows}",
                one.name,
                found.len()
            )));
        }
        let cell =
            |row: usize, at: &usize| columns.get(*at).and_then(|column| column.get(row)).copied();
        let values: Vec<f64> = (0..rows)
            .flat_map(|row| order.iter().filter_map(move |at| cell(row, at)))
            .collect();
        let matrix = Tensor::from_vec([rows, self.width], values)?.cast(self.dtype)?;
        Ok(NamedTensor::inferred(self.input.clone(), matrix))
    }
}

/// The numbers of a column: `[rows]` or `[rows, 1]`.
fn column(one: &NamedTensor) -> Result<Vec<f64>> {
    match one.tensor.shape() {
        [_] | [_, 1] => (),
        other => {
            return Err(Error::invalid(format!(
                "column `{}`: expected shape [-1] or [-1, 1], found {other:?}",
                one.name
            )));
        }
    }
    let values = one.tensor.to_f64();
    values.map_err(|error| error.context(format!("column `{}`", one.name)))
}

/// A unit in front of a model that takes a table.
pub(crate) struct TableServer {
    inner: Arc<dyn Unit>,
    table: Arc<Table>,
}

impl TableServer {
    pub(crate) fn new(inner: Arc<dyn Unit>, table: Arc<Table>) -> Self {
        Self { inner, table }
    }
}

impl Unit for TableServer {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        let input = match input {
            Input::One(Message {
                payload: Payload::Tensors(tensors),
                meta,
                representation,
            }) => match self.table.matrix(tensors) {
                Err(error) => return Box::pin(std::future::ready(Err(error))),
                Ok(tensors) => Input::One(Message {
                    payload: Payload::Tensors(tensors),
                    meta,
                    representation,
                }),
            },
            other => other,
        };
        self.inner.call(method, input, context)
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.ready()
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.inner.metadata()
    }

    fn metadata_of(&self, target: &Target) -> Arc<ModelMetadata> {
        self.inner.metadata_of(target)
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        self.inner.find(name)
    }

    fn names(&self) -> Vec<String> {
        self.inner.names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> Table {
        Table {
            input: "input-0".to_owned(),
            dtype: DataType::Fp32,
            width: 2,
            columns: names.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn named(name: &str, shape: &[usize], values: Vec<f64>) -> NamedTensor {
        NamedTensor::new(name, Tensor::from_vec(shape.to_vec(), values).unwrap())
    }

    fn refusal(table: &Table, tensors: Vec<NamedTensor>) -> String {
        table.matrix(tensors).unwrap_err().message().to_owned()
    }

    #[test]
    fn one_tensor_may_have_any_name_and_type() {
        let matrix = table(&[])
            .matrix(vec![named("x", &[1, 2], vec![1.0, 2.0])])
            .unwrap();
        assert_eq!(
            (&*matrix[0].name, matrix[0].typing),
            ("input-0", Typing::Inferred)
        );
        let flat = table(&[])
            .matrix(vec![named("x", &[2], vec![1.0, 2.0])])
            .unwrap();
        assert_eq!(flat[0].tensor.shape(), [2]);
    }

    #[test]
    fn a_wrong_number_of_features_is_said_as_xgboost_says_it() {
        let message = refusal(&table(&[]), vec![named("x", &[2, 3], vec![0.0; 6])]);
        assert_eq!(message, "Expected 2 features, got 3");
    }

    #[test]
    fn named_columns_are_put_in_order() {
        let names = |names: &[&str]| NamedTensor {
            columns: names.iter().map(|&name| name.to_owned()).collect(),
            ..named("", &[2, 2], vec![1.0, 2.0, 3.0, 4.0])
        };
        let table = table(&["a", "b"]);
        let ordered = |given: NamedTensor| {
            table
                .matrix(vec![given])
                .unwrap()
                .remove(0)
                .tensor
                .to_f64()
                .unwrap()
        };
        assert_eq!(ordered(names(&["b", "a"])), [2.0, 1.0, 4.0, 3.0]);
        assert_eq!(ordered(names(&["a", "b"])), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(ordered(names(&["t:0", "t:1"])), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(
            refusal(&table, vec![names(&["a", "c"])]),
            "column `c` is unknown: the model takes a, b"
        );
        assert_eq!(
            refusal(&table, vec![names(&["a", "a"])]),
            "column `b` is missing"
        );
        assert_eq!(
            refusal(&table, vec![names(&["a", "b", "a"])]),
            "a column is given twice"
        );
    }

    #[test]
    fn columns_may_come_one_by_one() {
        let b = named("b", &[2], vec![1.0, f64::NAN]);
        let a = named("a", &[2, 1], vec![3.0, 4.0]);
        let matrix = table(&["a", "b"])
            .matrix(vec![b.clone(), a.clone()])
            .unwrap()
            .remove(0);
        assert_eq!(
            (matrix.tensor.shape(), matrix.tensor.dtype()),
            (&[2, 2][..], DataType::Fp32)
        );
        let values = matrix.tensor.to_f64().unwrap();
        assert_eq!(values[..3], [3.0, 1.0, 4.0]);
        assert!(values[3].is_nan());
        let unnamed = table(&[])
            .matrix(vec![b.clone(), a.clone()])
            .unwrap()
            .remove(0);
        assert_eq!(unnamed.tensor.to_f64().unwrap()[..2], [1.0, 3.0]);
        let short = named("a", &[1], vec![3.0]);
        assert_eq!(
            refusal(&table(&["a", "b"]), vec![b.clone(), short]),
            "column `a` has 1 rows, the first has 2"
        );
        assert_eq!(
            refusal(&table(&[]), vec![b.clone(), a, b.clone()]),
            "Expected 2 features, got 3"
        );
        let wide = named("a", &[1, 2], vec![3.0, 4.0]);
        assert!(refusal(&table(&["a", "b"]), vec![b, wide]).contains("found [1, 2]"));
    }
}
