//! `jsonData`: a text, a list of rows, or an object of arguments.

use hari_error::{Error, Result};
use serde_json::{Map, Value};

use super::{Draft, Item};
use crate::pipeline::inputs;
use crate::task::Task;

/// Reads a value that asks something of the pipeline of `task`.
pub(super) fn read(task: Task, value: Value) -> Result<Draft> {
    match value {
        Value::Array(rows) => {
            let items = rows
                .into_iter()
                .map(|row| item(task, row))
                .collect::<Result<_>>()?;
            Ok(Draft {
                items,
                ..Draft::default()
            })
        }
        Value::Object(mut members) if members.contains_key("inputs") => {
            let inputs = members.shift_remove("inputs").unwrap_or_default();
            let mut draft = read(task, inputs)?;
            if let Some(Value::Object(own)) = members.shift_remove("parameters") {
                members.extend(own);
            }
            // How the Hub's API is to work, not the pipeline.
            members.shift_remove("options");
            for (name, value) in members {
                draft.parameter(task, &name, value)?;
            }
            Ok(draft)
        }
        Value::Object(members) => object(task, members),
        one => Ok(Draft {
            items: vec![item(task, one)?],
            single: true,
            ..Draft::default()
        }),
    }
}

/// One row: a text, or an object of its texts and parameters.
pub(super) fn item(task: Task, value: Value) -> Result<Item> {
    let names = inputs(task);
    match value {
        Value::String(text) if names.len() == 1 => Ok(Item {
            texts: vec![text],
            own: Map::new(),
        }),
        Value::Object(members) => {
            let mut draft = object(task, members)?;
            match (draft.items.pop(), draft.items.is_empty()) {
                (Some(mut item), true) => {
                    item.own.extend(draft.shared);
                    Ok(item)
                }
                _ => Err(Error::invalid("a row of a list is one text, not several")),
            }
        }
        Value::Array(texts) if texts.len() == 2 && texts.iter().all(Value::is_string) => {
            let texts = texts
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            paired(task, texts)
        }
        other => Err(expected(task, &other)),
    }
}

/// Two texts: question and context, or a text and its pair.
pub(super) fn paired(task: Task, mut texts: Vec<String>) -> Result<Item> {
    match task {
        Task::QuestionAnswering => Ok(Item {
            texts,
            own: Map::new(),
        }),
        Task::TextClassification => {
            let pair = texts.pop().unwrap_or_default();
            let own = [("text_pair".to_owned(), Value::String(pair))]
                .into_iter()
                .collect();
            Ok(Item { texts, own })
        }
        _ => Err(Error::invalid(format!(
            "{task} reads one text for each row, found two"
        ))),
    }
}

/// Arguments by name: texts, and parameters.
fn object(task: Task, members: Map<String, Value>) -> Result<Draft> {
    let mut columns: Vec<Option<Value>> = vec![None; inputs(task).len()];
    let mut draft = Draft::default();
    for (name, value) in members {
        match place(task, &name) {
            Some(at) => {
                if let Some(column) = columns.get_mut(at) {
                    *column = Some(value);
                }
            }
            None => draft.parameter(task, &name, value)?,
        }
    }
    let mut read = Vec::new();
    for (name, column) in inputs(task).iter().zip(columns) {
        let column = column.ok_or_else(|| Error::invalid(format!("`{name}` is missing")))?;
        read.push((*name, column));
    }
    draft.single = read
        .iter()
        .all(|(name, column)| column.is_string() || *name == "sentences");
    let columns = read
        .into_iter()
        .map(|(name, column)| texts(task, name, column));
    draft.items = joined(&columns.collect::<Result<Vec<_>>>()?)?;
    Ok(draft)
}

/// Which text of a row an argument is.
pub(super) fn place(task: Task, name: &str) -> Option<usize> {
    const TEXTS: [&str; 8] = [
        "args",
        "array_inputs",
        "inputs",
        "text_inputs",
        "text",
        "texts",
        "sequences",
        "sequence",
    ];
    match (task, name) {
        (Task::QuestionAnswering, "question" | "questions")
        | (Task::SentenceSimilarity, "source_sentence") => Some(0),
        (Task::QuestionAnswering, "context" | "contexts")
        | (Task::SentenceSimilarity, "sentences") => Some(1),
        (Task::QuestionAnswering | Task::SentenceSimilarity, _) => None,
        (Task::SentenceEmbeddings, "sentences" | "sentence") => Some(0),
        (_, name) => TEXTS.contains(&name).then_some(0),
    }
}

/// The texts of an argument. `sentences` of a similarity are a list for each row, kept as JSON.
fn texts(task: Task, name: &str, value: Value) -> Result<Vec<String>> {
    if task == Task::SentenceSimilarity && name == "sentences" {
        let nested = value
            .as_array()
            .is_some_and(|rows| rows.iter().all(Value::is_array) && !rows.is_empty());
        return match value {
            Value::Array(rows) if nested => Ok(rows.iter().map(ToString::to_string).collect()),
            list @ Value::Array(_) => Ok(vec![list.to_string()]),
            other => Err(Error::invalid(format!(
                "`{name}`: expected a list of texts, found {other}"
            ))),
        };
    }
    let text = |value: Value| match value {
        Value::String(text) => Ok(text),
        other => Err(Error::invalid(format!(
            "`{name}`: expected a text, found {other}"
        ))),
    };
    match value {
        Value::Array(rows) => rows.into_iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

/// Columns of texts as rows: a column of one text goes with every row of the others.
pub(super) fn joined(columns: &[Vec<String>]) -> Result<Vec<Item>> {
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let lengths: Vec<usize> = columns.iter().map(Vec::len).collect();
    if lengths.iter().any(|&length| length != rows && length != 1) {
        return Err(Error::invalid(format!(
            "inputs have {lengths:?} texts: expected the same number of each, or one"
        )));
    }
    let cell = |column: &Vec<String>, row: usize| column.get(row).or(column.first()).cloned();
    let item = |row: usize| Item {
        texts: columns
            .iter()
            .filter_map(|column| cell(column, row))
            .collect(),
        own: Map::new(),
    };
    Ok((0..rows).map(item).collect())
}

fn expected(task: Task, found: &Value) -> Error {
    let names = inputs(task);
    let wanted = if names.len() == 1 {
        "a text".to_owned()
    } else {
        format!("an object with {}", names.join(" and "))
    };
    let found: String = found.to_string().chars().take(60).collect();
    Error::invalid(format!(
        "{task}: expected {wanted} for each row, found {found}"
    ))
}
