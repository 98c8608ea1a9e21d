//! The finished graph made faster: transposes cancel, constant factors go into the kernels.
//!
//! TensorFlow keeps channels last, ONNX second, so that every convolution was put between two
//! transposes. Each transpose is moved behind the operations that follow it until it meets its
//! opposite ([`sink`]). Then factors and terms for each channel, such as a batch normalisation,
//! become part of the convolution before them ([`fuse`]).

mod fuse;
mod order;
mod sink;

use crate::emit::{Attr, Builder, Id, OnnxNode};
use crate::shape::Dim;

/// Rewrites the graph. Outputs that become another value are replaced.
pub(crate) fn improve<'a>(builder: &mut Builder, outputs: impl Iterator<Item = &'a mut Id>) {
    let outputs: Vec<_> = outputs.collect();
    builder.prune(&outputs.iter().map(|id| **id).collect::<Vec<_>>());
    let aliases = sink::transposes(builder);
    let mut wanted = Vec::new();
    for output in outputs {
        *output = aliases.get(output).copied().unwrap_or(*output);
        wanted.push(*output);
    }
    // Transposes that nothing needs would count as readers.
    builder.prune(&wanted);
    fuse::channels(builder);
    plain_reshapes(builder);
}

/// A transpose that only moves dimensions of size 1 is a reshape, which copies nothing.
fn plain_reshapes(builder: &mut Builder) {
    for index in 0..builder.nodes.len() {
        let node = builder.nodes.get(index).cloned();
        if let Some(node) = node.and_then(|node| reshape(&node, builder))
            && let Some(slot) = builder.nodes.get_mut(index)
        {
            *slot = node;
        }
    }
}

fn reshape(node: &OnnxNode, builder: &mut Builder) -> Option<OnnxNode> {
    if node.op != "Transpose" {
        return None;
    }
    let input = (*node.inputs.first()?)?;
    let dims = builder.shape(input)?;
    let order = order::of(node)?;
    let kept: Vec<_> = order
        .iter()
        .filter(|&&axis| dims.get(axis) != Some(&Dim::Known(1)))
        .collect();
    if !kept.is_sorted() {
        return None;
    }
    let moved: Option<Vec<Dim>> = order.iter().map(|&axis| dims.get(axis).copied()).collect();
    let moved = moved?;
    if moved.iter().filter(|dim| dim.known().is_none()).count() > 1
        || moved.contains(&Dim::Known(0))
    {
        return None;
    }
    let target: Vec<_> = moved.iter().map(|dim| dim.known().unwrap_or(-1)).collect();
    let target = builder.int64s(&target).ok()?;
    Some(OnnxNode {
        op: "Reshape",
        inputs: vec![Some(input), Some(target)],
        outputs: node.outputs.clone(),
        attrs: Vec::new(),
    })
}

/// An integer attribute of a node.
pub(crate) fn int(node: &OnnxNode, name: &str) -> Option<i64> {
    node.attrs.iter().find_map(|(key, attr)| match attr {
        Attr::Int(number) if *key == name => Some(*number),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
