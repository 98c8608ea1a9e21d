//! Tensors: texts by the name of the pipeline's argument, or one tensor without a name.

use bytes::Bytes;
use hari_core::{DataType, NamedTensor, Tensor};
use hari_error::{Error, Result};
use serde_json::{Map, Value, json};

use super::json::{item, joined, paired, place};
use super::{Draft, Item};
use crate::pipeline::{PARAMETERS, inputs};
use crate::task::Task;

/// Parameters whose value is a list, also where it has one element.
const LISTS: [&str; 3] = ["candidate_labels", "targets", "ignore_labels"];

/// Reads tensors that ask something of the pipeline of `task`.
pub(super) fn read(task: Task, mut tensors: Vec<NamedTensor>) -> Result<Draft> {
    if let [only] = &mut *tensors
        && only.name.is_empty()
    {
        let items = unnamed(task, only)?;
        return Ok(Draft {
            items,
            ..Draft::default()
        });
    }
    let mut columns: Vec<Option<NamedTensor>> = inputs(task).iter().map(|_| None).collect();
    let mut draft = Draft::default();
    for named in tensors {
        match place(task, &named.name) {
            Some(at) => {
                if let Some(column) = columns.get_mut(at) {
                    *column = Some(named);
                }
            }
            None if named.name == PARAMETERS => draft.objects(task, &named)?,
            None => draft.parameter(task, &named.name, value(&named)?)?,
        }
    }
    let mut found = Vec::new();
    for (name, column) in inputs(task).iter().zip(columns) {
        found.push(column.ok_or_else(|| {
            Error::invalid(format!(
                "input `{name}` is missing: {task} reads {}",
                inputs(task).join(" and ")
            ))
        })?);
    }
    let objects = std::mem::take(&mut draft.items);
    draft.items = rows(task, &found)?;
    match objects.len() {
        0 => {}
        1 => draft
            .shared
            .extend(objects.into_iter().flat_map(|item| item.own)),
        count if count == draft.items.len() => {
            draft
                .items
                .iter_mut()
                .zip(objects)
                .for_each(|(item, object)| item.own.extend(object.own));
        }
        count => {
            return Err(Error::invalid(format!(
                "input `parameters`: expected one for each text, found {count}"
            )));
        }
    }
    Ok(draft)
}

impl Draft {
    /// Takes the input `parameters`: a JSON object for each row, or one for all.
    fn objects(&mut self, task: Task, named: &NamedTensor) -> Result<()> {
        for text in strings(named)? {
            let own: Map<String, Value> = match text.is_empty() {
                true => Map::new(),
                false => serde_json::from_slice(text).map_err(|error| {
                    Error::invalid(format!(
                        "input `parameters`: expected JSON objects: {error}"
                    ))
                })?,
            };
            own.keys()
                .try_for_each(|name| super::check_parameter(name, task))?;
            self.items.push(Item {
                texts: Vec::new(),
                own,
            });
        }
        Ok(())
    }
}

/// Rows of a tensor without a name: a text each, or two of them.
fn unnamed(task: Task, named: &NamedTensor) -> Result<Vec<Item>> {
    let texts = strings(named)?
        .iter()
        .map(|bytes| text(named, bytes))
        .collect::<Result<Vec<_>>>()?;
    let pairs = match *named.tensor.shape() {
        [_, 2] => true,
        [2] => task == Task::QuestionAnswering,
        _ => false,
    };
    if pairs {
        let turned = named
            .columns
            .first()
            .is_some_and(|name| place(task, name) == Some(1));
        return texts
            .chunks_exact(2)
            .map(|pair| {
                let mut pair = pair.to_vec();
                if turned {
                    pair.reverse();
                }
                paired(task, pair)
            })
            .collect();
    }
    texts
        .into_iter()
        .map(|text| item(task, Value::String(text)))
        .collect()
}

/// Rows of named tensors, one for each text that the task reads.
fn rows(task: Task, columns: &[NamedTensor]) -> Result<Vec<Item>> {
    if let ([only], Some(true)) = (columns, columns.first().map(is_json)) {
        return elements(only)?
            .into_iter()
            .map(|value| item(task, value))
            .collect();
    }
    let read = |named: &NamedTensor| -> Result<Vec<String>> {
        if is_json(named) {
            let plain = |value: Value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            };
            return Ok(elements(named)?.into_iter().map(plain).collect());
        }
        strings(named)?
            .iter()
            .map(|bytes| text(named, bytes))
            .collect()
    };
    let mut columns = columns.iter().map(read).collect::<Result<Vec<_>>>()?;
    if let (Task::SentenceSimilarity, [source, sentences]) = (task, &mut *columns)
        && source.len() == 1
        && !(sentences.len() == 1
            && sentences
                .iter()
                .all(|one| one.trim_start().starts_with('[')))
    {
        *sentences = vec![json!(sentences).to_string()];
    }
    joined(&columns)
}

/// A tensor as the value of a parameter.
fn value(named: &NamedTensor) -> Result<Value> {
    let mut values = match named.tensor.dtype() {
        DataType::Bytes if is_json(named) => elements(named)?,
        DataType::Bytes => {
            let texts = strings(named)?
                .iter()
                .map(|bytes| text(named, bytes).map(Value::String));
            texts.collect::<Result<_>>()?
        }
        DataType::Bool => named
            .tensor
            .values::<u8>()?
            .iter()
            .map(|&bit| Value::Bool(bit != 0))
            .collect(),
        dtype if dtype.is_float() => numbers::<f64>(&named.tensor, DataType::Fp64)?,
        _ => numbers::<i64>(&named.tensor, DataType::Int64)?,
    };
    // A text that lists several with commas stays a text.
    let listed = LISTS.contains(&&*named.name) && values.len() != 1;
    match values.pop() {
        Some(only) if values.is_empty() && !listed => Ok(only),
        last => Ok(values.into_iter().chain(last).collect()),
    }
}

fn numbers<T: hari_core::Element + Into<Value>>(
    tensor: &Tensor,
    dtype: DataType,
) -> Result<Vec<Value>> {
    let tensor = tensor.clone().cast(dtype)?;
    Ok(tensor.to_vec::<T>()?.into_iter().map(Into::into).collect())
}

/// Whether the caller says that elements are JSON.
fn is_json(named: &NamedTensor) -> bool {
    let said = named.parameters.get("content_type").and_then(Value::as_str);
    matches!(said, Some("hg_json" | "hg_jsonlist" | "json"))
}

/// Elements that are JSON; those that are lists, one after the other.
fn elements(named: &NamedTensor) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    for bytes in strings(named)? {
        let read = serde_json::from_slice(bytes).map_err(|error| {
            Error::invalid(format!(
                "input `{}`: content_type says JSON, which it is not: {error}",
                named.name
            ))
        })?;
        match read {
            Value::Array(list) => values.extend(list),
            one => values.push(one),
        }
    }
    Ok(values)
}

fn strings(named: &NamedTensor) -> Result<&[Bytes]> {
    named.tensor.strings().map_err(|_| {
        Error::invalid(format!(
            "input `{}`: expected texts (BYTES), found {}",
            named.name,
            named.tensor.dtype()
        ))
    })
}

fn text(named: &NamedTensor, bytes: &Bytes) -> Result<String> {
    let text = std::str::from_utf8(bytes);
    text.map(str::to_owned)
        .map_err(|_| Error::invalid(format!("input `{}`: a text is not UTF-8", named.name)))
}
