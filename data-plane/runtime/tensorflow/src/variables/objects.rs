//! Variables by the objects that were saved: both sides are walked from the root at once.

use std::collections::{HashMap, HashSet};

use hari_error::{Error, Result};
use hari_proto::tensorflow::saved_object::Kind;
use hari_proto::tensorflow::trackable_object_graph::TrackableObject;
use hari_proto::tensorflow::{MetaGraphDef, SavedObject, SavedObjectGraph, TrackableObjectGraph};
use prost::Message;

use crate::attrs::Attrs;
use crate::bundle::Bundle;
use crate::function::Library;
use crate::graph::is_variable;

/// Where the bundle keeps the object graph of the checkpoint.
const OBJECT_GRAPH: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// For each variable, by the name of its node, the key of its value. Empty if the model was not
/// saved as objects.
///
/// # Errors
/// If the object graph of the checkpoint is broken.
pub(super) fn keys(
    meta: &MetaGraphDef,
    bundle: &Bundle,
    library: &Library<'_>,
) -> Result<HashMap<String, String>> {
    let Some(saved) = meta
        .object_graph_def
        .as_ref()
        .filter(|_| bundle.contains(OBJECT_GRAPH))
    else {
        return Ok(HashMap::new());
    };
    let stored = bundle.read(OBJECT_GRAPH)?;
    let [stored] = stored.strings()? else {
        return Err(Error::model(
            "the checkpoint's object graph is not one message",
        ));
    };
    let stored = TrackableObjectGraph::decode(stored.clone()).map_err(|error| {
        Error::model("the checkpoint's object graph is broken").with_source(error)
    })?;
    let by_object = match_objects(saved, &stored);
    let captured = captured_variables(meta, saved, library);
    let mut keys = by_name(saved, &by_object, meta);
    keys.extend(
        captured
            .into_iter()
            .filter_map(|(node, object)| by_object.get(&object).map(|key| (node, key.clone()))),
    );
    Ok(keys)
}

/// For each saved object, by its index, the key of the value that the checkpoint has for it.
fn match_objects(
    saved: &SavedObjectGraph,
    stored: &TrackableObjectGraph,
) -> HashMap<usize, String> {
    let mut keys = HashMap::new();
    let mut seen = HashSet::from([(0, 0)]);
    let mut open = vec![(0, 0)];
    while let Some((here, there)) = open.pop() {
        let Some((object, other)) = saved.nodes.get(here).zip(stored.nodes.get(there)) else {
            continue;
        };
        if let Some(key) = stored_value(other).filter(|_| is_saved_variable(object)) {
            keys.entry(here).or_insert(key);
        }
        for pair in shared_children(object, other) {
            if seen.insert(pair) {
                open.push(pair);
            }
        }
    }
    keys
}

fn is_saved_variable(object: &SavedObject) -> bool {
    matches!(object.kind, Some(Kind::Variable(_)))
}

fn stored_value(object: &TrackableObject) -> Option<String> {
    let mut values = object
        .attributes
        .iter()
        .filter(|value| value.name == "VARIABLE_VALUE");
    values.next().map(|value| value.checkpoint_key.clone())
}

fn shared_children(object: &SavedObject, other: &TrackableObject) -> Vec<(usize, usize)> {
    let theirs: HashMap<&str, i32> = other
        .children
        .iter()
        .map(|child| (child.local_name.as_str(), child.node_id))
        .collect();
    let pairs = object.children.iter().filter_map(|child| {
        let there = theirs.get(child.local_name.as_str())?;
        Some((
            usize::try_from(child.node_id).ok()?,
            usize::try_from(*there).ok()?,
        ))
    });
    pairs.collect()
}

/// For each variable that a call in the main graph hands to a function, the saved object it is:
/// the last arguments of a function are the objects it captured.
fn captured_variables(
    meta: &MetaGraphDef,
    saved: &SavedObjectGraph,
    library: &Library<'_>,
) -> HashMap<String, usize> {
    let mut captured = HashMap::new();
    for node in meta.graph_def.iter().flat_map(|graph| &graph.node) {
        let attrs = Attrs::of(&node.attr);
        let name = attrs.function("f").map_or("", |function| &function.name);
        let Some(function) = saved.concrete_functions.get(name) else {
            continue;
        };
        let data: Vec<_> = node
            .input
            .iter()
            .filter(|input| !input.starts_with('^'))
            .collect();
        let first = data.len().saturating_sub(function.bound_inputs.len());
        for (input, &object) in data.iter().skip(first).zip(&function.bound_inputs) {
            let source = input.split(':').next().unwrap_or_default();
            let is_variable = library
                .node(source)
                .is_some_and(|node| is_variable(&node.op));
            if let Some(object) = usize::try_from(object).ok().filter(|_| is_variable) {
                captured.insert(source.to_owned(), object);
            }
        }
    }
    captured
}

/// For each variable whose shared name is that of exactly one saved variable, the key of that.
fn by_name(
    saved: &SavedObjectGraph,
    by_object: &HashMap<usize, String>,
    meta: &MetaGraphDef,
) -> HashMap<String, String> {
    let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, object) in saved.nodes.iter().enumerate() {
        if let Some(Kind::Variable(variable)) = &object.kind {
            named.entry(&variable.name).or_default().push(index);
        }
    }
    let nodes = meta.graph_def.iter().flat_map(|graph| &graph.node);
    let keys = nodes
        .filter(|node| is_variable(&node.op))
        .filter_map(|node| {
            let attrs = Attrs::of(&node.attr);
            let objects = named.get(attrs.text("shared_name").ok()?)?;
            let [object] = objects.as_slice() else {
                return None;
            };
            Some((node.name.clone(), by_object.get(object)?.clone()))
        });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hari_proto::tensorflow::SavedVariable;
    use hari_proto::tensorflow::trackable_object_graph::trackable_object::{
        ObjectReference, SerializedTensor,
    };

    fn children(names: &[(&str, i32)]) -> Vec<ObjectReference> {
        let child = |&(name, node_id): &(&str, i32)| ObjectReference {
            node_id,
            local_name: name.to_owned(),
        };
        names.iter().map(child).collect()
    }

    fn stored(names: &[(&str, i32)], key: Option<&str>) -> TrackableObject {
        let value = |key: &str| SerializedTensor {
            name: "VARIABLE_VALUE".to_owned(),
            checkpoint_key: key.to_owned(),
            ..SerializedTensor::default()
        };
        TrackableObject {
            children: children(names),
            attributes: key.map(value).into_iter().collect(),
            ..TrackableObject::default()
        }
    }

    fn saved(names: &[(&str, i32)], is_variable: bool) -> SavedObject {
        let kind = is_variable.then(|| Kind::Variable(SavedVariable::default()));
        SavedObject {
            children: children(names),
            kind,
            ..SavedObject::default()
        }
    }

    #[test]
    fn objects_are_matched_by_the_names_that_hold_them() {
        let here = SavedObjectGraph {
            nodes: vec![
                saved(&[("layer", 2), ("other", 9)], false),
                saved(&[], true),
                saved(&[("kernel", 1), ("parent", 0)], false),
            ],
            ..SavedObjectGraph::default()
        };
        let there = TrackableObjectGraph {
            nodes: vec![
                stored(&[("layer", 1)], None),
                stored(&[("parent", 0), ("kernel", 2), ("bias", -4)], None),
                stored(&[], Some("layer/kernel")),
            ],
        };
        let keys = match_objects(&here, &there);
        assert_eq!(keys, HashMap::from([(1, "layer/kernel".to_owned())]));
    }
}
