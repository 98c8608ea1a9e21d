//! Children of a node that averages: numbers, as many tensors of each, of the same shapes.

use hari_core::{DataType, Dim, TensorSpec};

use super::{Flow, Misfit, listed};

/// The first child of `node` that cannot be averaged with the first that is known.
pub(super) fn misfit(node: &str, replies: &[Flow<'_>]) -> Option<Misfit> {
    let known = replies.iter().filter_map(|reply| match reply {
        Flow::Made { by, outputs } => Some((*by, *outputs)),
        Flow::Unknown => None,
    });
    let known: Vec<_> = known.collect();
    if let Some((by, text)) = known.iter().find_map(|(by, all)| Some((by, text(all)?))) {
        let message = format!("`{by}` gives {text}, and `{node}` averages numbers");
        return Some(said(node, message));
    }
    let (first, others) = known.split_first()?;
    let (by, outputs) = others.iter().find(|(_, other)| !alike(first.1, other))?;
    let message = format!(
        "`{node}` averages tensors of one shape, but `{}` gives {} and `{by}` gives {}",
        first.0,
        listed(first.1),
        listed(outputs)
    );
    Some(said(node, message))
}

fn said(node: &str, message: String) -> Misfit {
    Misfit {
        node: node.to_owned(),
        message,
        hint: "combine children that answer alike, or use a combiner of your own".to_owned(),
    }
}

fn text(outputs: &[TensorSpec]) -> Option<&TensorSpec> {
    outputs.iter().find(|spec| spec.dtype == DataType::Bytes)
}

fn alike(first: &[TensorSpec], other: &[TensorSpec]) -> bool {
    let like = |spec: &TensorSpec| match other {
        [only] => Some(only),
        several => several.iter().find(|like| like.name == spec.name),
    };
    first.len() == other.len()
        && first
            .iter()
            .all(|spec| like(spec).is_some_and(|like| same_shape(spec, like)))
}

fn same_shape(one: &TensorSpec, other: &TensorSpec) -> bool {
    let (Some(one), Some(other)) = (&one.shape, &other.shape) else {
        return true;
    };
    let same = |(one, other): (&Dim, &Dim)| match (one, other) {
        (Dim::Fixed(one), Dim::Fixed(other)) => one == other,
        _ => true,
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}
