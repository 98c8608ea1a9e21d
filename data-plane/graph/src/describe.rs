//! What a graph says of itself: the inputs of the node that reads the request, the outputs of the
//! node that answers it.

use hari_core::{ModelMetadata, Signature, TensorSpec};

use crate::tree::Step;

/// The platform of a graph of several nodes, in the open inference protocol's word.
const ENSEMBLE: &str = "ensemble";

/// The metadata of the graph from `root` down, under the root's name. A graph of one node says
/// what the node says.
pub(crate) fn graph(root: &Step) -> ModelMetadata {
    let own = (*root.described()).clone();
    if root.children.is_empty() {
        return own;
    }
    let versions = first_of(root, |metadata| metadata.versions.clone());
    let labels = first_of(root, |metadata| metadata.labels.clone());
    let signatures = signatures(root);
    ModelMetadata {
        platform: ENSEMBLE.to_owned(),
        versions,
        labels,
        signatures,
        ..own
    }
}

/// What the first node says that says anything, from `step` down along the first children.
fn first_of<T: Default + PartialEq>(step: &Step, pick: fn(&ModelMetadata) -> T) -> T {
    let own = pick(&step.described());
    match step.children.first() {
        Some(child) if own == T::default() => first_of(child, pick),
        _ => own,
    }
}

/// A model or a transformer reads the request, so its inputs count; an output transformer or a
/// combiner answers it, so its outputs do. The rest is the first child's. A unit that says
/// nothing of itself stands for its first child.
fn signatures(step: &Step) -> Vec<Signature> {
    let own = &step.described().signatures;
    let Some(child) = step.children.first() else {
        return own.clone();
    };
    let below = signatures(child);
    let reads = step.calls.predict || step.calls.transform_input;
    let answers = step.calls.transform_output || step.calls.aggregate;
    let read = if reads && !own.is_empty() {
        own
    } else {
        &below
    };
    let answered = if answers && !own.is_empty() {
        own
    } else {
        &below
    };
    join(
        read,
        answered.first().map_or(&[], |signature| &signature.outputs),
    )
}

fn join(read: &[Signature], outputs: &[TensorSpec]) -> Vec<Signature> {
    let with = |signature: &Signature| Signature {
        outputs: outputs.to_vec(),
        ..signature.clone()
    };
    read.iter().map(with).collect()
}
