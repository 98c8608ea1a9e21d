//! Orders of dimensions: dimension `i` of the result is dimension `order[i]` of the source.

use crate::emit::{Attr, OnnxNode};

/// The order of a `Transpose`.
pub(super) fn of(node: &OnnxNode) -> Option<Vec<usize>> {
    node.attrs.iter().find_map(|(key, attr)| match attr {
        Attr::Ints(order) if *key == "perm" => order
            .iter()
            .map(|&axis| usize::try_from(axis).ok())
            .collect(),
        _ => None,
    })
}

/// The attribute for an order.
pub(super) fn attr(order: &[usize]) -> (&'static str, Attr) {
    (
        "perm",
        Attr::Ints(order.iter().map(|&axis| axis as i64).collect()),
    )
}

pub(super) fn is_identity(order: &[usize]) -> bool {
    order.iter().enumerate().all(|(to, &from)| to == from)
}

/// One order after another.
pub(super) fn then(first: &[usize], second: &[usize]) -> Option<Vec<usize>> {
    second
        .iter()
        .map(|&axis| first.get(axis).copied())
        .collect()
}

/// The order that undoes it.
pub(super) fn inverse(order: &[usize]) -> Vec<usize> {
    let mut back = vec![0; order.len()];
    for (to, &from) in order.iter().enumerate() {
        if let Some(slot) = back.get_mut(from) {
            *slot = to;
        }
    }
    back
}

/// Items for each dimension of the result, put where the source has those dimensions.
pub(super) fn to_source<T: Clone>(order: &[usize], items: &[T]) -> Option<Vec<T>> {
    inverse(order)
        .iter()
        .map(|&axis| items.get(axis).cloned())
        .collect()
}

/// The order of what is left when dimensions of the result are gone.
pub(super) fn without(order: &[usize], gone: &[usize]) -> Vec<usize> {
    let left: Vec<usize> = order
        .iter()
        .enumerate()
        .filter(|(to, _)| !gone.contains(to))
        .map(|(_, &from)| from)
        .collect();
    left.iter()
        .map(|from| left.iter().filter(|other| *other < from).count())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_left_keeps_its_order() {
        // [N, H, W, C] from [N, C, H, W], without H and W: [N, C] from [N, C]
        assert_eq!(without(&[0, 2, 3, 1], &[1, 2]), [0, 1]);
        assert_eq!(without(&[0, 2, 3, 1], &[1]), [0, 2, 1]);
    }

    proptest! {
        #[test]
        fn an_order_and_its_inverse_do_nothing(order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle()) {
            prop_assert!(is_identity(&then(&order, &inverse(&order)).unwrap()));
            let items = ['a', 'b', 'c', 'd'];
            let source = to_source(&order, &items).unwrap();
            let result: Vec<_> = order.iter().map(|&from| source[from]).collect();
            prop_assert_eq!(result, items);
        }
    }
}
