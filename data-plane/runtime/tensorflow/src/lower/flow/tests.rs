//! Loops and choices made by hand: what is settled, what is refused.

use std::collections::HashMap;

use super::super::{Task, lower};
use super::*;
use crate::graph::{FEED, Graph, Node};
use crate::shape::known;

/// A graph of so many feeds; each operation reads the edges of the nodes with these numbers.
fn flat(feeds: usize, nodes: &[(&'static str, &[usize])], fetches: &[usize]) -> Flat<'static> {
    let edge = |&node: &usize| Edge { node, output: 0 };
    let mut graph = Graph::default();
    for _ in 0..feeds {
        graph.push(Node {
            op: FEED,
            outputs: 1,
            ..Node::default()
        });
    }
    for (op, inputs) in nodes {
        graph.push(Node {
            op,
            inputs: inputs.iter().map(edge).collect(),
            outputs: 1,
            ..Node::default()
        });
    }
    Flat {
        graph,
        fetches: fetches.iter().map(edge).collect(),
    }
}

/// One operation over inputs of the graph.
fn run(
    builder: &mut Builder,
    op: &'static str,
    inputs: &[Id],
    bodies: Vec<Flat<'static>>,
) -> (Vec<Id>, Refusals) {
    let mut whole = flat(inputs.len(), &[], &[]);
    let outputs = bodies.last().map_or(0, |body| body.fetches.len());
    let results = whole.graph.push(Node {
        op,
        inputs: (0..inputs.len())
            .map(|node| Edge { node, output: 0 })
            .collect(),
        outputs,
        bodies,
        ..Node::default()
    });
    let task = Task {
        graph: &whole.graph,
        feeds: inputs,
        fetches: &results,
        weights: &HashMap::new(),
        depth: 0,
    };
    let mut refusals = Refusals::default();
    let values = lower(builder, &task, &mut refusals);
    (values, refusals)
}

fn float(builder: &mut Builder, name: &str, sizes: &[i64]) -> Id {
    builder.input(name, DataType::DtFloat, Some(known(sizes)))
}

fn truth(builder: &mut Builder) -> Id {
    builder.input("p", DataType::DtBool, Some(Vec::new()))
}

fn ops(builder: &Builder) -> Vec<&'static str> {
    builder.nodes.iter().map(|node| node.op).collect()
}

#[test]
fn a_branch_that_is_known_needs_no_choice() {
    let mut builder = Builder::default();
    let x = float(&mut builder, "x", &[2]);
    let yes = builder.integers(DataType::DtBool, &[], &[1]).unwrap();
    let branches = vec![
        flat(1, &[("Neg", &[0])], &[1]),
        flat(1, &[("NoSuch", &[0])], &[1]),
    ];
    let (_, refusals) = run(&mut builder, "If", &[yes, x], branches);
    assert!(refusals.is_empty());
    assert_eq!(ops(&builder), ["Neg"]);
}

#[test]
fn what_both_branches_hand_on_is_no_output() {
    let mut builder = Builder::default();
    let (p, x) = (truth(&mut builder), float(&mut builder, "x", &[2]));
    let branches = vec![
        flat(1, &[("Neg", &[0])], &[0, 1]),
        flat(1, &[("Abs", &[0])], &[0, 1]),
    ];
    let (values, refusals) = run(&mut builder, "StatelessIf", &[p, x], branches);
    assert!(refusals.is_empty());
    assert_eq!(values[0], x);
    assert_eq!(builder.shape(values[1]).unwrap(), known(&[2]));
    assert_eq!(builder.nodes[0].outputs, [values[1]]);
}

#[test]
fn branches_of_different_types_are_refused_and_of_different_sizes_are_not() {
    let mut builder = Builder::default();
    let p = truth(&mut builder);
    let (x, y) = (
        float(&mut builder, "x", &[2]),
        float(&mut builder, "y", &[3]),
    );
    let n = builder.input("n", DataType::DtInt32, Some(known(&[2])));
    let branches = || {
        vec![
            flat(2, &[("Neg", &[0])], &[2]),
            flat(2, &[("Neg", &[1])], &[2]),
        ]
    };
    let (values, refusals) = run(&mut builder, "If", &[p, x, y], branches());
    assert!(refusals.is_empty());
    assert_eq!(builder.dims(values[0]).unwrap()[0].known(), None);
    let (_, refusals) = run(&mut builder, "If", &[p, x, n], branches());
    let error = refusals.error().unwrap();
    assert!(error.message().contains("float32 or int32"), "{error}");
}

#[test]
fn an_operator_inside_is_refused_by_its_own_name() {
    let mut builder = Builder::default();
    let (p, x) = (truth(&mut builder), float(&mut builder, "x", &[2]));
    let branches = vec![flat(1, &[("NoSuch", &[0])], &[1]), flat(1, &[], &[0])];
    let (values, refusals) = run(&mut builder, "If", &[p, x], branches);
    assert!(builder.is_refused(values[0]));
    let named: Vec<_> = refusals
        .list()
        .into_iter()
        .map(|refused| refused.operator)
        .collect();
    assert_eq!(named, ["NoSuch"]);
}

/// `while (p) { x = body(x) }`
fn looped(builder: &mut Builder, body: Flat<'static>, x: Id) -> (Vec<Id>, Refusals) {
    let p = truth(builder);
    let condition = flat(2, &[], &[0]);
    run(builder, "While", &[p, x], vec![condition, body])
}

#[test]
fn a_size_that_changes_may_be_any_after_the_loop() {
    let mut builder = Builder::default();
    let x = float(&mut builder, "x", &[1, 3]);
    let y = float(&mut builder, "y", &[4, 3]);
    let p = truth(&mut builder);
    let body = flat(3, &[("AddV2", &[1, 2])], &[0, 3, 2]);
    let bodies = vec![flat(3, &[], &[0]), body];
    let (values, refusals) = run(&mut builder, "StatelessWhile", &[p, x, y], bodies);
    assert!(refusals.is_empty());
    let dims = builder.dims(values[1]).unwrap();
    assert_eq!((dims[0].known(), dims[1].known()), (None, Some(3)));
    assert_eq!(
        (values[0], values[2]),
        (p, y),
        "what does not change is read from outside"
    );
    assert_eq!(builder.nodes[0].op, "Loop");
    assert_eq!(builder.nodes[0].inputs.len(), 3);
}

#[test]
fn a_variable_may_not_become_another_type() {
    let mut builder = Builder::default();
    let x = float(&mut builder, "x", &[2]);
    let (_, refusals) = looped(&mut builder, flat(2, &[("IsNan", &[1])], &[0, 2]), x);
    let error = refusals.error().unwrap();
    assert!(
        error.message().contains("float32 and becomes bool"),
        "{error}"
    );
}

#[test]
fn a_body_that_is_none_is_refused() {
    let mut builder = Builder::default();
    let x = float(&mut builder, "x", &[2]);
    for bodies in [
        Vec::new(),
        vec![flat(1, &[], &[])],
        vec![flat(3, &[], &[0]); 2],
    ] {
        let (_, refusals) = run(&mut builder, "While", &[x], bodies.clone());
        assert!(!refusals.is_empty());
        let (_, refusals) = run(&mut builder, "If", &[x], bodies);
        assert!(!refusals.is_empty());
    }
    let (_, refusals) = run(&mut builder, "Case", &[x], Vec::new());
    assert!(!refusals.is_empty());
}

#[test]
fn graphs_too_deep_in_each_other_are_refused() {
    let mut inner = flat(2, &[("Neg", &[1])], &[0, 2]);
    for _ in 0..2 * MAX_DEPTH {
        let mut outer = flat(2, &[("While", &[0, 1])], &[0, 2]);
        if let Some(node) = outer.graph.nodes.last_mut() {
            node.outputs = 2;
            node.bodies = vec![flat(2, &[], &[0]), inner];
        }
        if let Some(fetch) = outer.fetches.last_mut() {
            fetch.output = 1;
        }
        inner = outer;
    }
    let mut builder = Builder::default();
    let x = float(&mut builder, "x", &[2]);
    let (_, refusals) = looped(&mut builder, inner, x);
    let error = refusals.error().unwrap();
    assert!(error.message().contains("too deep"), "{error}");
}
