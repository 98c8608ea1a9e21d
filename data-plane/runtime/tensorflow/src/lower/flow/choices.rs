//! `If` and `Case` as ONNX's `If`, or as the one branch that is taken if that is known.

use super::super::{Context, Lowered};
use super::{Kind, common, tensor};
use crate::emit::{Attr, Id, OnnxNode};
use crate::graph::Flat;
use crate::refusal::Refusal;

pub(super) fn choice(c: &mut Context<'_>) -> Lowered {
    let node = c.node;
    let [then, otherwise] = node.bodies.as_slice() else {
        return Err(Refusal::new("it has no branches"));
    };
    let condition = c.first()?;
    let feeds = c.inputs.get(1..).unwrap_or_default().to_vec();
    if let Ok(known) = c.builder.number(condition, "condition") {
        let taken = if known != 0 { then } else { otherwise };
        return c.inside(taken, &feeds, &[]);
    }
    let condition = c.truth(condition)?;
    let branches: [Branch<'_>; 2] = [&mut |c| c.inside(then, &feeds, &[]), &mut |c| {
        c.inside(otherwise, &feeds, &[])
    }];
    either(c, condition, branches)
}

pub(super) fn case(c: &mut Context<'_>) -> Lowered {
    let node = c.node;
    let index = c.first()?;
    let feeds = c.inputs.get(1..).unwrap_or_default().to_vec();
    one_of(c, (index, 0), &node.bodies, &feeds)
}

/// The branch whose number `index` is; the last one for every other number.
fn one_of(
    c: &mut Context<'_>,
    (index, number): (Id, i64),
    branches: &[Flat<'_>],
    feeds: &[Id],
) -> Lowered {
    let (first, others) = match branches {
        [] => return Err(Refusal::new("it has no branches")),
        [last] => return c.inside(last, feeds, &[]),
        [first, others @ ..] => (first, others),
    };
    let own = c.builder.scalar(c.builder.dtype(index), number as f64)?;
    let condition = c.builder.compare("Equal", index, own)?;
    let next = (index, number.saturating_add(1));
    if let Ok(known) = c.builder.number(condition, "index") {
        return match known {
            0 => one_of(c, next, others, feeds),
            _ => c.inside(first, feeds, &[]),
        };
    }
    let branches: [Branch<'_>; 2] = [&mut |c| c.inside(first, feeds, &[]), &mut |c| {
        one_of(c, next, others, feeds)
    }];
    either(c, condition, branches)
}

type Branch<'b> = &'b mut dyn FnMut(&mut Context<'_>) -> Lowered;

/// A branch with its nodes.
struct Made {
    nodes: Vec<OnnxNode>,
    values: Vec<Id>,
    /// The tensor of each value; none for what is no tensor.
    tensors: Vec<Option<Id>>,
}

fn made(c: &mut Context<'_>, branch: Branch<'_>) -> Result<Made, Refusal> {
    let around = c.builder.open();
    let values = branch(c);
    let tensors = values
        .iter()
        .flatten()
        .map(|&value| tensor(c.builder, value).ok());
    let tensors = tensors.collect();
    let nodes = c.builder.close(around);
    Ok(Made {
        nodes,
        values: values?,
        tensors,
    })
}

/// An `If` of two branches that make the same kinds of values. What both hand on from outside is
/// no output of it.
fn either(c: &mut Context<'_>, condition: Id, [then, otherwise]: [Branch<'_>; 2]) -> Lowered {
    let before = c.builder.symbols.mark();
    let (then, otherwise) = (made(c, then)?, made(c, otherwise)?);
    if then.values.len() != otherwise.values.len() {
        return Err(Refusal::new(
            "its branches have different numbers of results",
        ));
    }
    let (mut outputs, mut kinds) = (Vec::new(), Vec::new());
    for (at, (&a, &b)) in then.values.iter().zip(&otherwise.values).enumerate() {
        if a == b {
            continue;
        }
        let tensor = |made: &Made| made.tensors.get(at).copied().flatten();
        let pair = tensor(&then).zip(tensor(&otherwise));
        let pair = pair.ok_or_else(|| Refusal::new("a result of a branch is not a tensor"))?;
        kinds.push(common(c.builder, pair, before)?);
        outputs.push(pair);
    }
    let values = then.values.clone();
    let differs = values.iter().zip(&otherwise.values).map(|(a, b)| a != b);
    let differs: Vec<_> = differs.collect();
    let mut results = node(c, condition, (then, otherwise), (&outputs, kinds)).into_iter();
    let result = |(value, differs): (Id, bool)| match differs {
        true => {
            let result = results.next()?;
            let is_list = c.builder.find_list(value).is_some();
            Some(if is_list {
                c.builder.list_of(result)
            } else {
                result
            })
        }
        false => Some(value),
    };
    Ok(values.into_iter().zip(differs).filter_map(result).collect())
}

fn node(
    c: &mut Context<'_>,
    condition: Id,
    (then, otherwise): (Made, Made),
    (outputs, kinds): (&[(Id, Id)], Vec<Kind>),
) -> Vec<Id> {
    if outputs.is_empty() {
        return Vec::new();
    }
    let (a, b): (Vec<_>, Vec<_>) = outputs.iter().copied().unzip();
    let then = c.builder.subgraph(then.nodes, Vec::new(), &a);
    let otherwise = c.builder.subgraph(otherwise.nodes, Vec::new(), &b);
    let attrs = vec![
        ("then_branch", Attr::Graph(then)),
        ("else_branch", Attr::Graph(otherwise)),
    ];
    c.builder
        .node_with_outputs("If", vec![Some(condition)], attrs, kinds)
}
