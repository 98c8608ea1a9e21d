//! Factors and terms for each channel, put into the convolution before them.

use std::collections::HashMap;

use hari_core::Tensor;

use crate::emit::{Builder, Id, OnnxNode};

/// Rewrites `Conv` followed by `Mul`, `Add` or `Sub` of constants for each channel.
pub(super) fn channels(builder: &mut Builder) {
    let uses = uses(&builder.nodes);
    let nodes = std::mem::take(&mut builder.nodes);
    let mut makers: HashMap<Id, usize> = HashMap::new();
    for node in nodes {
        let fused = fuse(builder, &node, &makers, &uses);
        match (fused, node.outputs.first()) {
            (Some((index, conv)), Some(&output)) => {
                if let Some(slot) = builder.nodes.get_mut(index) {
                    *slot = conv;
                }
                makers.insert(output, index);
            }
            (_, output) => {
                let index = builder.nodes.len();
                makers.extend(output.map(|&output| (output, index)));
                builder.nodes.push(node);
            }
        }
    }
}

fn uses(nodes: &[OnnxNode]) -> HashMap<Id, usize> {
    let mut uses = HashMap::new();
    for node in nodes {
        node.each_read(&mut |input| *uses.entry(input).or_default() += 1);
    }
    uses
}

/// The convolution that also does what `node` does, and its place; none if there is none.
fn fuse(
    builder: &mut Builder,
    node: &OnnxNode,
    makers: &HashMap<Id, usize>,
    uses: &HashMap<Id, usize>,
) -> Option<(usize, OnnxNode)> {
    let [Some(a), Some(b)] = *node.inputs.as_slice() else {
        return None;
    };
    let made = |id: Id| {
        makers
            .get(&id)
            .copied()
            .filter(|_| uses.get(&id) == Some(&1))
    };
    let (index, other) = match (made(a), made(b)) {
        (Some(index), _) if is_conv(builder, index) => (index, b),
        (_, Some(index)) if is_conv(builder, index) && node.op != "Sub" => (index, a),
        _ => return None,
    };
    let mut conv = builder.nodes.get(index)?.clone();
    let kernel = (*conv.inputs.get(1)?)?;
    let channels = *builder.value(kernel).constant.as_ref()?.shape().first()?;
    let rank = builder.shape(*conv.outputs.first()?)?.len();
    let numbers = per_channel(builder, other, channels, rank)?;
    match node.op {
        "Mul" => scale(builder, &mut conv, &numbers)?,
        "Add" => shift(builder, &mut conv, &numbers)?,
        "Sub" => shift(
            builder,
            &mut conv,
            &numbers.iter().map(|n| -n).collect::<Vec<_>>(),
        )?,
        _ => return None,
    }
    conv.outputs.clone_from(&node.outputs);
    Some((index, conv))
}

fn is_conv(builder: &Builder, index: usize) -> bool {
    builder
        .nodes
        .get(index)
        .is_some_and(|node| node.op == "Conv")
}

/// A constant that is one number for each channel, the second dimension of `rank`.
fn per_channel(builder: &Builder, id: Id, channels: usize, rank: usize) -> Option<Vec<f32>> {
    let tensor = builder.constant_floats(id)?;
    let values = tensor.values::<f32>().ok()?;
    if tensor.shape().len() > rank {
        return None;
    }
    if let [one] = *values {
        return Some(vec![one; channels]);
    }
    let mut padded = vec![1; rank - tensor.shape().len()];
    padded.extend_from_slice(tensor.shape());
    let others = padded
        .iter()
        .enumerate()
        .all(|(axis, &size)| axis == 1 || size == 1);
    (others && padded.get(1) == Some(&channels)).then(|| values.into_owned())
}

fn floats(builder: &Builder, id: Id) -> Option<Tensor> {
    builder.constant_floats(id).cloned()
}

fn bias(builder: &Builder, conv: &OnnxNode, channels: usize) -> Option<Vec<f32>> {
    match conv.inputs.get(2).copied().flatten() {
        Some(id) => floats(builder, id)?.to_vec().ok(),
        None => Some(vec![0.0; channels]),
    }
}

fn scale(builder: &mut Builder, conv: &mut OnnxNode, factors: &[f32]) -> Option<()> {
    let has_bias = conv.inputs.len() > 2;
    let bias = bias(builder, conv, factors.len())?;
    let kernel = floats(builder, (*conv.inputs.get(1)?)?)?;
    let size = kernel.len().checked_div(factors.len())?;
    let mut values = kernel.to_vec::<f32>().ok()?;
    for (row, factor) in values.chunks_mut(size.max(1)).zip(factors) {
        row.iter_mut().for_each(|value| *value *= factor);
    }
    let kernel = builder.floats(kernel.shape(), values).ok()?;
    *conv.inputs.get_mut(1)? = Some(kernel);
    if has_bias {
        let scaled = bias
            .iter()
            .zip(factors)
            .map(|(bias, factor)| bias * factor)
            .collect();
        set_bias(builder, conv, scaled)?;
    }
    Some(())
}

fn shift(builder: &mut Builder, conv: &mut OnnxNode, terms: &[f32]) -> Option<()> {
    let bias = bias(builder, conv, terms.len())?;
    set_bias(
        builder,
        conv,
        bias.iter()
            .zip(terms)
            .map(|(bias, term)| bias + term)
            .collect(),
    )
}

fn set_bias(builder: &mut Builder, conv: &mut OnnxNode, bias: Vec<f32>) -> Option<()> {
    let bias = builder.floats(&[bias.len()], bias).ok()?;
    conv.inputs.truncate(2);
    conv.inputs.push(Some(bias));
    Some(())
}
