//! Files of cases: models with their inputs and answers, as `fixtures/cases.py` writes them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use hari_core::Tensor;
use hari_operators::{Key, Value, constant};
use hari_proto::onnx::{GraphProto, ModelProto};
use prost::Message;

/// A model, what it is given and what it must answer.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) model: ModelProto,
    pub(crate) inputs: BTreeMap<String, Value>,
    pub(crate) answers: BTreeMap<String, Tensor>,
}

/// All cases of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<Case>> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let mut rest = &bytes[..];
    let mut cases = Vec::new();
    while !rest.is_empty() {
        cases.push(case(ModelProto::decode_length_delimited(&mut rest)?)?);
    }
    Ok(cases)
}

fn case(mut model: ModelProto) -> Result<Case> {
    let graph = model.graph.get_or_insert_default();
    let name = graph.name().to_owned();
    let answers = taken(graph, "answer:")?;
    let mut inputs = BTreeMap::new();
    let mut given = taken(graph, "input:")?;
    let maps: Vec<String> = given
        .keys()
        .filter_map(|key| key.strip_suffix("#keys"))
        .map(str::to_owned)
        .collect();
    for map in maps {
        let keys = given.remove(&format!("{map}#keys")).context("keys")?;
        let values = given.remove(&format!("{map}#values")).context("values")?;
        inputs.insert(map, zipped(&keys, &values)?);
    }
    inputs.extend(given.into_iter().map(|(key, tensor)| (key, tensor.into())));
    Ok(Case {
        name,
        model,
        inputs,
        answers,
    })
}

/// The initializers whose names start with `prefix`, out of the graph.
fn taken(graph: &mut GraphProto, prefix: &str) -> Result<BTreeMap<String, Tensor>> {
    let all = std::mem::take(&mut graph.initializer);
    let (found, kept): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|one| one.name().starts_with(prefix));
    graph.initializer = kept;
    let found = found.iter().map(|one| {
        let name = one.name().trim_start_matches(prefix).to_owned();
        Ok((name, constant(one)?))
    });
    found.collect()
}

/// A map from its keys and its values.
fn zipped(keys: &Tensor, values: &Tensor) -> Result<Value> {
    let keys: Vec<Key> = match keys.strings() {
        Ok(strings) => strings.iter().cloned().map(Key::String).collect(),
        Err(_) => keys.to_vec::<i64>()?.into_iter().map(Key::Int).collect(),
    };
    let values = (0..values.len()).map(|at| Ok(values.slice_rows(at..at + 1)?.reshape([])?.into()));
    let values = values.collect::<Result<Vec<Value>>>()?;
    Ok(Value::Map(keys.into_iter().zip(values).collect()))
}
