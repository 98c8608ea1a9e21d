//! Nodes in an order in which each follows what it uses.
//!
//! ONNX asks for this order, and some tools write another all the same: ONNX Runtime's conversion
//! to FP16 puts the casts of inputs last.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use hari_proto::onnx::{GraphProto, NodeProto};

use crate::scope;

/// Puts the nodes of the graph, and of the graphs inside it, into order; nodes that may stay where
/// they are do. Says whether anything was moved. A graph with a cycle stays as it is.
pub(crate) fn restore(graph: &mut GraphProto) -> bool {
    let mut moved = false;
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            moved |= restore(inner);
        }
    }
    let Some(order) = order(&graph.node) else {
        return moved;
    };
    let mut nodes: Vec<Option<NodeProto>> = graph.node.drain(..).map(Some).collect();
    let take = |at: usize| nodes.get_mut(at).and_then(Option::take);
    graph.node = order.into_iter().filter_map(take).collect();
    true
}

/// The places of the nodes in their new order; none if the old one holds, or if there is no order.
fn order(nodes: &[NodeProto]) -> Option<Vec<usize>> {
    let needs = needs(nodes);
    let ordered = |(at, needed): (usize, &Vec<usize>)| needed.iter().all(|&other| other < at);
    if needs.iter().enumerate().all(ordered) {
        return None;
    }
    let mut users = vec![Vec::new(); nodes.len()];
    let mut waits: Vec<usize> = needs.iter().map(Vec::len).collect();
    for (at, needed) in needs.iter().enumerate() {
        for &other in needed {
            users.get_mut(other)?.push(at);
        }
    }
    let free = waits.iter().enumerate().filter(|&(_, &left)| left == 0);
    let mut ready: BinaryHeap<_> = free.map(|(at, _)| Reverse(at)).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse(at)) = ready.pop() {
        order.push(at);
        for &user in users.get(at)? {
            let left = waits.get_mut(user)?;
            *left -= 1;
            if *left == 0 {
                ready.push(Reverse(user));
            }
        }
    }
    (order.len() == nodes.len()).then_some(order)
}

/// For each node the nodes beside it that make what it uses, each once.
fn needs(nodes: &[NodeProto]) -> Vec<Vec<usize>> {
    let made: HashMap<&str, usize> = nodes
        .iter()
        .enumerate()
        .flat_map(|(at, node)| node.output.iter().map(move |name| (name.as_str(), at)))
        .collect();
    let of = |node: &NodeProto| {
        let used = scope::uses(node);
        let mut needed: Vec<usize> = used
            .iter()
            .filter_map(|name| made.get(name).copied())
            .collect();
        needed.sort_unstable();
        needed.dedup();
        needed
    };
    nodes.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use hari_core::Tensor;
    use hari_proto::onnx::tensor_proto::DataType as Elem;
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{self, dense, graph, node, subgraph, value, with};

    fn operators(graph: &GraphProto) -> Vec<&str> {
        graph.node.iter().map(NodeProto::op_type).collect()
    }

    #[test]
    fn a_graph_in_order_is_left_alone() {
        let mut kept = dense().graph.unwrap();
        assert!(!restore(&mut kept));
        assert_eq!(Some(kept), dense().graph);
    }

    #[test]
    fn a_file_in_any_order_is_served() {
        let mut model = dense();
        model.graph.as_mut().unwrap().node.reverse();
        let input = || vec![Tensor::from_vec([1, 2], vec![0.3_f32, 0.7]).unwrap()];
        let expected = fixture::run(&fixture::loaded(&dense()), input());
        assert_eq!(fixture::run(&fixture::loaded(&model), input()), expected);
        let (_folder, path) = fixture::file(&model);
        let found = crate::inspect_with(&path, &fixture::options()).unwrap();
        assert!(found.problems.is_empty(), "{:?}", found.problems);
    }

    #[test]
    fn what_a_graph_inside_uses_comes_first_and_the_graph_inside_is_put_in_order_too() {
        let inner = graph(
            vec![],
            vec![
                node("Neg", &["inner"], &["last"]),
                node("Abs", &["late"], &["inner"]),
            ],
            vec![value("last", Elem::Float, &["n"])],
        );
        let holder = with(
            node("If", &["c"], &["y"]),
            subgraph("then_branch", inner.clone()),
        );
        let mut outer = graph(
            vec![],
            vec![
                with(holder, subgraph("else_branch", inner)),
                node("Exp", &["x"], &["late"]),
            ],
            vec![],
        );
        assert!(restore(&mut outer));
        assert_eq!(operators(&outer), ["Exp", "If"]);
        for attribute in &outer.node[1].attribute {
            assert_eq!(operators(attribute.g.as_ref().unwrap()), ["Abs", "Neg"]);
        }
    }

    #[test]
    fn a_cycle_stays_and_is_refused() {
        let mut model = dense();
        model.graph.as_mut().unwrap().node[0].input[0] = "hidden".into();
        assert!(!restore(model.graph.as_mut().unwrap()));
        let refused = fixture::refused(&model);
        assert!(refused.contains("uses `hidden`"), "{refused}");
    }

    proptest! {
        #[test]
        fn every_order_is_put_right(places in Just((0..9).collect::<Vec<usize>>()).prop_shuffle()) {
            let name = |at: usize| format!("v{at}");
            let step = |&at: &usize| node("Add", &[&name(at), &name(at / 2)], &[&name(at + 1)]);
            let mut shuffled = graph(
                vec![value("v0", Elem::Float, &["n"])],
                places.iter().map(step).collect(),
                vec![value("v9", Elem::Float, &["n"])],
            );
            restore(&mut shuffled);
            prop_assert!(crate::check::wiring::check(&shuffled).is_ok());
            prop_assert_eq!(shuffled.node.len(), 9);
        }
    }
}
