//! Messages of every protocol to the rows of a pipeline, and its answers back.
//!
//! * **Open inference protocol**: tensors named as the pipeline's arguments. Texts are BYTES; every
//!   other tensor is a parameter for all rows (`top_k`, `candidate_labels`). With `content_type` `hg_json`
//!   or `hg_jsonlist` an element is JSON. The answer is `output`, a JSON text for each row.
//! * **Seldon protocol**: `strData` for one text, `data.ndarray` of strings for several, `jsonData` for
//!   anything: a text, a list, or an object of arguments, also with `inputs` and `parameters` as the
//!   Hub's API has them. The answer is `jsonData`; vectors come as `data`.
//! * **TensorFlow Serving**: as the open inference protocol.

mod json;
mod tensors;

use bytes::Bytes;
use hari_core::{Message, NamedTensor, Payload, Representation, Tensor};
use hari_error::{Error, Result};
use serde_json::{Map, Value};

use crate::parameters;
use crate::pipeline::{EMBEDDING, OUTPUT, PARAMETERS, inputs};
use crate::task::Task;

/// The most rows of a request.
const MOST_ROWS: usize = 65_536;
/// Parameters that say nothing to a pipeline: those of the protocol itself and of its clients.
const SILENT: [&str; 4] = ["content_type", "headers", "binary_data_output", "extra"];

/// A message as the pipeline's tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// One for each input of the pipeline's signature.
    pub tensors: Vec<NamedTensor>,
    /// How the answer is to be written.
    pub form: Form,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As tensors.
    Tensors,
    /// As JSON, or as an array if the answer is vectors.
    Json {
        /// Whether one text was asked about, not a list of one.
        single: bool,
    },
}

/// One row: its texts, and parameters of its own.
#[derive(Clone, Debug, Default, PartialEq)]
struct Item {
    texts: Vec<String>,
    own: Map<String, Value>,
}

/// What a message asks.
#[derive(Clone, Debug, Default, PartialEq)]
struct Draft {
    items: Vec<Item>,
    /// Parameters of all rows.
    shared: Map<String, Value>,
    single: bool,
}

impl Request {
    /// Reads what `payload` asks of the pipeline of `task`; `given` are parameters that came beside
    /// it. Of those, names that no pipeline has are left alone.
    ///
    /// # Errors
    /// `InvalidInput` that names the input or parameter, what was expected and found.
    pub fn read(
        task: Task,
        payload: Payload,
        representation: Representation,
        given: &Map<String, Value>,
    ) -> Result<Self> {
        let mut form = Form::Tensors;
        let mut draft = match payload {
            Payload::Text(text) => {
                form = Form::Json { single: true };
                json::read(task, Value::String(text))?
            }
            Payload::Json(value) => {
                let draft = json::read(task, value).map_err(|error| error.context("jsonData"))?;
                form = Form::Json {
                    single: draft.single,
                };
                draft
            }
            Payload::Tensors(tensors) => {
                let plain = matches!(&*tensors, [only] if only.name.is_empty());
                if plain && representation != Representation::Unspecified {
                    form = Form::Json { single: false };
                }
                tensors::read(task, tensors)?
            }
            other => {
                return Err(Error::invalid(format!(
                    "expected text for {task}, found {}",
                    other.kind()
                )));
            }
        };
        draft.beside(task, given)?;
        Ok(Self {
            tensors: draft.tensors(task)?,
            form,
        })
    }
}

impl Draft {
    /// Takes parameters that came beside the message, unless it has them too.
    fn beside(&mut self, task: Task, given: &Map<String, Value>) -> Result<()> {
        let extra = given
            .get("extra")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        for (name, value) in given
            .iter()
            .filter(|(name, _)| !SILENT.contains(&&***name))
            .chain(extra)
        {
            if parameters::is_known(name) && !self.shared.contains_key(name) {
                self.parameter(task, name, value.clone())?;
            }
        }
        Ok(())
    }

    fn parameter(&mut self, task: Task, name: &str, value: Value) -> Result<()> {
        check_parameter(name, task)?;
        self.shared.insert(name.to_owned(), value);
        Ok(())
    }

    /// The tensors of the pipeline's signature.
    fn tensors(self, task: Task) -> Result<Vec<NamedTensor>> {
        let rows = self.items.len();
        if rows > MOST_ROWS {
            return Err(Error::too_large(format!(
                "{rows} texts, at most {MOST_ROWS} are taken"
            )));
        }
        let mut columns: Vec<Vec<Bytes>> = vec![Vec::with_capacity(rows); inputs(task).len()];
        let mut parameters = Vec::with_capacity(rows);
        let shared = written(&self.shared);
        for item in self.items {
            for (column, text) in columns.iter_mut().zip(item.texts) {
                column.push(text.into());
            }
            parameters.push(if item.own.is_empty() {
                shared.clone()
            } else {
                let mut members = self.shared.clone();
                members.extend(item.own);
                written(&members)
            });
        }
        let names = inputs(task).iter().copied().chain([PARAMETERS]);
        let columns = columns.into_iter().chain([parameters]);
        let tensor = |(name, column): (&str, Vec<Bytes>)| {
            Ok(NamedTensor::new(
                name,
                Tensor::from_strings([rows], column)?,
            ))
        };
        names.zip(columns).map(tensor).collect()
    }
}

/// Parameters as JSON, nothing for none.
fn written(members: &Map<String, Value>) -> Bytes {
    if members.is_empty() {
        return Bytes::new();
    }
    Value::Object(members.clone()).to_string().into()
}

/// Refuses a parameter that the pipeline of `task` does not have.
pub(crate) fn check_parameter(name: &str, task: Task) -> Result<()> {
    if parameters::belongs(name, task) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "`{name}` is neither an input nor a parameter of {task}: its inputs are {}, its parameters {}",
        inputs(task).join(", "),
        parameters::of_task(task).join(", ")
    )))
}

impl Form {
    /// The outputs that the answer needs, by name; empty for all that there are.
    #[must_use]
    pub fn outputs(self, task: Task) -> &'static [&'static str] {
        match self {
            Self::Tensors => &[],
            Self::Json { .. } if task.embeds() => &[EMBEDDING],
            Self::Json { .. } => &[OUTPUT],
        }
    }

    /// The answer of a pipeline in this form.
    ///
    /// # Errors
    /// `Internal` if it is no answer of a pipeline.
    pub fn write(self, mut answer: Message) -> Result<Message> {
        let Payload::Tensors(tensors) = &mut answer.payload else {
            return Err(Error::internal("a pipeline answers tensors"));
        };
        match self {
            Self::Tensors => tensors
                .iter_mut()
                .filter(|named| named.name == OUTPUT)
                .for_each(say_json),
            Self::Json { .. } if tensors.iter().any(|named| named.name == EMBEDDING) => {
                tensors.retain(|named| named.name == EMBEDDING);
                if answer.representation == Representation::Unspecified {
                    answer.representation = Representation::Ndarray;
                }
            }
            Self::Json { single } => answer.payload = Payload::Json(values(tensors, single)?),
        }
        Ok(answer)
    }
}

/// Says that every element is JSON, in the word of MLServer.
fn say_json(named: &mut NamedTensor) {
    named
        .parameters
        .insert("content_type".to_owned(), "hg_jsonlist".into());
}

/// The rows of `output` as JSON values.
fn values(tensors: &[NamedTensor], single: bool) -> Result<Value> {
    let output = tensors.iter().find(|named| named.name == OUTPUT);
    let output = output.ok_or_else(|| Error::internal("a pipeline answers `output`"))?;
    let read = |text: &Bytes| {
        serde_json::from_slice(text)
            .map_err(|error| Error::internal("an answer is not JSON").with_source(error))
    };
    let mut rows = output
        .tensor
        .strings()?
        .iter()
        .map(read)
        .collect::<Result<Vec<Value>>>()?;
    match rows.pop() {
        Some(only) if single && rows.is_empty() => Ok(only),
        last => Ok(rows.into_iter().chain(last).collect()),
    }
}

#[cfg(test)]
mod tests;
