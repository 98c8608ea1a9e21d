//! The estimator of a file as a model that is served.

use std::sync::Arc;

use hari_core::{Call, DataType, Dim, Model, Signature, SignatureMethod, Tensor, TensorSpec};
use hari_error::{Error, Result};

use crate::estimator::{Estimator as _, Form, Method, Width};
use crate::input::{self, Inputs, Kind};
use crate::reader::Node;
use crate::table::{Column, Matrix, Table, Text};
use crate::values::Values;

/// The input's name where the model has no names of its own, as MLServer's examples have it.
const INPUT: &str = "input-0";
/// The second signature: every method at once.
const ALL: &str = "all";

/// A fitted estimator that is served.
///
/// Its first signature answers one method. If it has several, a second one named `all` has an
/// output for each, named like the method.
#[derive(Debug)]
pub struct SklearnModel {
    root: Node,
    method: Method,
    inputs: Inputs,
    signatures: Vec<Signature>,
    /// What each output of each signature is.
    outputs: Vec<Vec<Output>>,
    version: String,
}

/// What there is to say of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The class, `Pipeline` say.
    pub class: String,
    /// The version of scikit-learn that saved it, if the file says.
    pub version: String,
    /// What it answers without being told.
    pub method: Method,
    /// What it can answer.
    pub methods: Vec<Method>,
    /// Labels of the classes of each output, as text.
    pub classes: Vec<Vec<String>>,
}

/// A method's answer, or one part of it where its parts differ in shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Output {
    method: Method,
    part: Option<usize>,
}

impl SklearnModel {
    pub(crate) fn new(root: Node, method: Method, version: Option<&str>) -> Self {
        let inputs = inputs_of(&root);
        let specs = input_specs(&inputs);
        let first = outputs_of(&root, method);
        let every = || {
            Method::ALL
                .into_iter()
                .flat_map(|method| outputs_of(&root, method))
        };
        let sets: Vec<_> = std::iter::once(first.clone())
            .chain(Some(every().collect()).filter(|all: &Vec<_>| all.len() > first.len()))
            .collect();
        let signatures = sets
            .iter()
            .zip([Signature::DEFAULT, ALL])
            .map(|(outputs, name)| Signature {
                name: name.to_owned(),
                method: SignatureMethod::Predict,
                inputs: specs.clone(),
                outputs: outputs.iter().map(|(_, spec)| spec.clone()).collect(),
            });
        Self {
            signatures: signatures.collect(),
            outputs: sets
                .iter()
                .map(|set| set.iter().map(|(output, _)| *output).collect())
                .collect(),
            inputs,
            method,
            version: version.unwrap_or_default().to_owned(),
            root,
        }
    }

    /// What it takes.
    #[must_use]
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// What there is to say of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            class: self.root.class().to_owned(),
            version: self.version.clone(),
            method: self.method,
            methods: Method::ALL
                .into_iter()
                .filter(|&method| self.root.has(method))
                .collect(),
            classes: self.root.classes().iter().map(Values::names).collect(),
        }
    }

    /// The rows of a call.
    fn table(&self, inputs: &[Tensor]) -> Result<Table> {
        match &self.inputs {
            Inputs::Matrix { .. } => {
                let [tensor] = inputs else {
                    return Err(wrong_count(1, inputs.len()));
                };
                let [rows, columns] = *tensor.shape() else {
                    let found = tensor.shape();
                    return Err(Error::invalid(format!(
                        "expected rows of features, shape [-1, -1], found {found:?}"
                    )));
                };
                Ok(Matrix::new(rows, columns, tensor.values::<f64>()?.into_owned()).into())
            }
            Inputs::Documents { .. } => Ok(Table::Columns(
                inputs.iter().map(column).collect::<Result<_>>()?,
            )),
            Inputs::Columns(columns) => self.columns(columns, inputs),
        }
    }

    /// Columns that the model does not look at are filled with nothing.
    fn columns(&self, columns: &[input::Column], inputs: &[Tensor]) -> Result<Table> {
        let used = columns
            .iter()
            .filter(|column| column.kind != Kind::Unused)
            .count();
        if used != inputs.len() {
            return Err(wrong_count(used, inputs.len()));
        }
        let rows = inputs.first().map_or(0, Tensor::len);
        let mut inputs = inputs.iter();
        let all = columns.iter().map(|each| match each.kind {
            Kind::Unused => Ok(Column::Numbers(vec![f64::NAN; rows])),
            Kind::Number | Kind::Text => {
                let found = inputs
                    .next()
                    .map_or(Ok(Column::Numbers(Vec::new())), column)?;
                if found.len() == rows {
                    return Ok(found);
                }
                Err(Error::invalid(format!(
                    "column `{}` has {} rows, the first has {rows}",
                    each.name,
                    found.len()
                )))
            }
        });
        Ok(Table::Columns(all.collect::<Result<_>>()?))
    }

    fn answer(&self, output: Output, rows: &Table) -> Result<Tensor> {
        let count = rows.rows();
        let form = self.root.form(output.method);
        let one = form.as_ref().is_some_and(|form| form.width == Width::One);
        let shaped = |matrix: Matrix| match one {
            true => Tensor::from_vec([matrix.rows], matrix.values),
            false => Tensor::from_vec([matrix.rows, matrix.columns], matrix.values),
        };
        match output.method {
            Method::Predict => {
                let found = self.root.predict(rows)?;
                let columns = found.len().checked_div(count).unwrap_or(match form {
                    Some(Form {
                        width: Width::Columns(columns),
                        ..
                    }) => columns,
                    _ => 1,
                });
                found.tensor(if one {
                    vec![count]
                } else {
                    vec![count, columns]
                })
            }
            Method::PredictProba => {
                let many = matches!(
                    form,
                    Some(Form {
                        width: Width::Many(_),
                        ..
                    })
                );
                stacked(self.root.predict_probas(rows)?, output.part, many)
            }
            Method::DecisionFunction => shaped(self.root.decision_function(rows)?),
            Method::Transform => {
                let found = self.root.transform(rows)?.dense()?.into_owned();
                match form.as_ref().map(|form| form.dtype) {
                    Some(dtype @ (DataType::Int64 | DataType::Bool)) => whole(&found, dtype),
                    _ => shaped(found),
                }
            }
            Method::ScoreSamples => Tensor::from_vec([count], self.root.score_samples(rows)?),
        }
    }
}

/// Counts and indicators, which are integers and booleans.
fn whole(matrix: &Matrix, dtype: DataType) -> Result<Tensor> {
    let values = matrix.values.iter();
    let values = match dtype {
        DataType::Bool => Values::Booleans(values.map(|&value| value != 0.0).collect()),
        _ => Values::Integers(values.map(|&value| value as i64).collect()),
    };
    values.tensor(vec![matrix.rows, matrix.columns])
}

/// One part as it is; those of several outputs on top of each other, `[outputs, rows, classes]`.
fn stacked(mut parts: Vec<Matrix>, part: Option<usize>, many: bool) -> Result<Tensor> {
    if let Some(part) = part.or((!many).then_some(0)) {
        let found = match part < parts.len() {
            true => parts.swap_remove(part),
            false => Matrix::default(),
        };
        return Tensor::from_vec([found.rows, found.columns], found.values);
    }
    let first = parts.first();
    let shape = [
        parts.len(),
        first.map_or(0, |one| one.rows),
        first.map_or(0, |one| one.columns),
    ];
    Tensor::from_vec(
        shape,
        parts.into_iter().flat_map(|one| one.values).collect(),
    )
}

fn wrong_count(expected: usize, found: usize) -> Error {
    Error::invalid(format!("expected {expected} inputs, found {found}"))
}

/// A tensor `[rows]` or `[rows, 1]` as a column.
fn column(tensor: &Tensor) -> Result<Column> {
    if tensor.dtype() != DataType::Bytes {
        return Ok(Column::Numbers(tensor.to_f64()?));
    }
    let texts = tensor.strings()?.iter().map(text);
    Ok(Column::Texts(texts.collect::<Result<_>>()?))
}

fn text(bytes: &bytes::Bytes) -> Result<Text> {
    if hari_core::is_missing_text(bytes) {
        return Ok(None);
    }
    std::str::from_utf8(bytes)
        .map(|text| Some(Arc::from(text)))
        .map_err(|_| Error::invalid("a text is no UTF-8"))
}

/// What a fitted estimator takes.
fn inputs_of(root: &Node) -> Inputs {
    let name = INPUT.to_owned();
    let Some(width) = root.width() else {
        return match root.takes(0) {
            Kind::Text => Inputs::Documents { name },
            Kind::Number | Kind::Unused => Inputs::Matrix {
                name,
                width: None,
                columns: Vec::new(),
            },
        };
    };
    let names = root.names();
    let named = names.len() == width;
    let kinds: Vec<_> = (0..width).map(|column| root.takes(column)).collect();
    let plain = kinds
        .iter()
        .all(|&kind| kind == Kind::Number || kind == Kind::Unused && !named);
    if plain {
        let columns = if named { names.to_vec() } else { Vec::new() };
        return Inputs::Matrix {
            name,
            width: Some(width),
            columns,
        };
    }
    let columns = kinds
        .into_iter()
        .enumerate()
        .map(|(at, kind)| input::Column {
            name: names.get(at).cloned().unwrap_or_else(|| at.to_string()),
            kind,
        });
    Inputs::Columns(columns.collect())
}

fn input_specs(inputs: &Inputs) -> Vec<TensorSpec> {
    let spec = |name: &str, dtype, columns: Option<Dim>| TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: Some(std::iter::once(Dim::Dynamic(None)).chain(columns).collect()),
    };
    match inputs {
        Inputs::Matrix { name, width, .. } => {
            let columns = width.map_or(Dim::Dynamic(None), Dim::Fixed);
            vec![spec(name, DataType::Fp64, Some(columns))]
        }
        Inputs::Documents { name } => vec![spec(name, DataType::Bytes, None)],
        Inputs::Columns(columns) => columns
            .iter()
            .filter_map(|column| match column.kind {
                Kind::Number => Some(spec(&column.name, DataType::Fp64, None)),
                Kind::Text => Some(spec(&column.name, DataType::Bytes, None)),
                Kind::Unused => None,
            })
            .collect(),
    }
}

/// The outputs of a method: none if the estimator does not have it.
fn outputs_of(root: &Node, method: Method) -> Vec<(Output, TensorSpec)> {
    let Some(form) = root.form(method) else {
        return Vec::new();
    };
    let rows = Dim::Dynamic(None);
    let output = |part: Option<usize>, shape: Vec<Dim>| {
        let name = match part {
            Some(part) => format!("{}_{part}", method.name()),
            None => method.name().to_owned(),
        };
        let spec = TensorSpec {
            name,
            dtype: form.dtype,
            shape: Some(shape),
        };
        (Output { method, part }, spec)
    };
    match &form.width {
        Width::One => vec![output(None, vec![rows])],
        Width::Columns(columns) => vec![output(None, vec![rows, Dim::Fixed(*columns)])],
        Width::Unknown => vec![output(None, vec![rows, Dim::Dynamic(None)])],
        Width::Many(columns) => match columns.as_slice() {
            [first, rest @ ..] if rest.iter().all(|one| one == first) => {
                let shape = vec![Dim::Fixed(columns.len()), rows, Dim::Fixed(*first)];
                vec![output(None, shape)]
            }
            each => each
                .iter()
                .enumerate()
                .map(|(part, &columns)| output(Some(part), vec![rows.clone(), Dim::Fixed(columns)]))
                .collect(),
        },
    }
}

impl Model for SklearnModel {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        let rows = self.table(&call.inputs)?;
        let outputs = self
            .outputs
            .get(call.signature)
            .map_or(&[][..], Vec::as_slice);
        let wanted: Vec<usize> = match call.outputs.is_empty() {
            true => (0..outputs.len()).collect(),
            false => call.outputs,
        };
        let wanted = wanted.into_iter().filter_map(|at| outputs.get(at).copied());
        wanted.map(|output| self.answer(output, &rows)).collect()
    }

    fn platform(&self) -> &str {
        "sklearn"
    }

    fn memory_bytes(&self) -> u64 {
        self.root.memory_bytes() as u64
    }
}
