//! Random trees: no panic, and what was visited is what the routing says.

use std::collections::BTreeSet;
use std::sync::Arc;

use hari_core::Feedback;
use proptest::prelude::*;

use super::double::{Double, Log};
use super::*;

/// A node without its name.
#[derive(Clone, Debug)]
struct Shape {
    calls: Calls,
    branch: i32,
    children: Vec<Self>,
}

fn calls() -> impl Strategy<Value = Calls> {
    any::<[bool; 5]>().prop_map(
        |[predict, transform_input, transform_output, route, aggregate]| Calls {
            predict,
            transform_input,
            transform_output,
            route,
            aggregate,
            feedback: true,
        },
    )
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = (calls(), -2..3_i32).prop_map(|(calls, branch)| Shape {
        calls,
        branch,
        children: Vec::new(),
    });
    leaf.prop_recursive(4, 40, 4, |inner| {
        (calls(), -3..5_i32, prop::collection::vec(inner, 0..4)).prop_map(
            |(calls, branch, children)| Shape {
                calls,
                branch,
                children,
            },
        )
    })
}

/// Names the nodes `n0`, `n1`, ... parents first.
fn build(shape: &Shape, log: &Log, next: &mut usize) -> Node {
    let name = format!("n{next}");
    *next += 1;
    let branch = shape.branch;
    let unit = Double::new(&name, move |method, _| match method {
        Method::Route => Ok(number(branch)),
        _ => Ok(text("reply")),
    });
    let children = shape
        .children
        .iter()
        .map(|child| build(child, log, next))
        .collect();
    node(&name, shape.calls, unit.logged(log), children)
}

/// The nodes that a walk along `routing` comes by; nothing if a branch is not there.
fn reached(node: &Node, routing: &BTreeMap<String, i32>, names: &mut BTreeSet<String>) {
    names.insert(node.name.clone());
    if node.children.is_empty() {
        return;
    }
    match routing.get(&node.name) {
        Some(-1) => node
            .children
            .iter()
            .for_each(|child| reached(child, routing, names)),
        Some(-2) | None => {}
        Some(&branch) => reached(&node.children[branch as usize], routing, names),
    }
}

/// The calls that a visited node gets, in their order.
fn expected(node: &Node, names: &BTreeSet<String>, routing: &BTreeMap<String, i32>) -> Vec<String> {
    let calls = node.calls;
    let parent = !node.children.is_empty();
    let goes_on = parent && routing.get(&node.name) != Some(&-2);
    let input = if calls.transform_input {
        "transform-input"
    } else {
        "predict"
    };
    let all = [
        (calls.transform_input || calls.predict, input),
        (calls.route && parent, "route"),
        (calls.aggregate && goes_on, "aggregate"),
        (calls.transform_output, "transform-output"),
    ];
    let wanted = all
        .into_iter()
        .filter(|(wanted, _)| *wanted && names.contains(&node.name));
    wanted
        .map(|(_, method)| format!("{} {method}", node.name))
        .collect()
}

fn each(node: &Node, visit: &mut impl FnMut(&Node)) {
    visit(node);
    node.children.iter().for_each(|child| each(child, visit));
}

/// Whether every router's branch is there, on the way that the branches lead.
fn sound(shape: &Shape) -> bool {
    let children = i32::try_from(shape.children.len()).unwrap();
    match shape.branch {
        _ if children == 0 => true,
        _ if !shape.calls.route => shape.children.iter().all(sound),
        -1 => shape.children.iter().all(sound),
        -2 => true,
        branch if (0..children).contains(&branch) => sound(&shape.children[branch as usize]),
        _ => false,
    }
}

proptest! {
    #[test]
    fn what_is_called_is_what_the_routing_says(shape in shapes()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let log = Log::default();
        let root = build(&shape, &log, &mut 0);
        let unit: Arc<dyn Unit> = Arc::new(graph(root.clone()));
        let context = context();
        let answer = runtime.block_on(unit.call(Method::Predict, Input::One(text("in")), &context));
        prop_assert_eq!(answer.is_ok(), sound(&shape));
        let Ok(reply) = answer else { return Ok(()) };

        let routing = reply.meta.routing.clone();
        let mut names = BTreeSet::new();
        reached(&root, &routing, &mut names);
        prop_assert_eq!(&names, &routing.keys().cloned().collect());
        let mut wanted = Vec::new();
        each(&root, &mut |node| wanted.extend(expected(node, &names, &routing)));
        let mut lines = log.lines();
        lines.sort();
        wanted.sort();
        prop_assert_eq!(lines, wanted);

        let before = log.all().len();
        let feedback = Feedback { response: Some(reply), reward: 1.0, ..Feedback::default() };
        let input = Input::Feedback(Box::new(feedback));
        runtime.block_on(unit.call(Method::SendFeedback, input, &context)).unwrap();
        let learned: BTreeSet<_> = log.all().split_off(before).into_iter().map(|s| s.name).collect();
        prop_assert_eq!(learned, names);
    }
}
