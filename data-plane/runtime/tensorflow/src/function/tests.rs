//! Graphs made by hand: references, list outputs, defaults, recursion, feeds.

use std::collections::BTreeMap;

use super::*;
use hari_proto::tensorflow::attr_value::{ListValue, Value};
use hari_proto::tensorflow::meta_graph_def::MetaInfoDef;
use hari_proto::tensorflow::op_def::{ArgDef, AttrDef};
use hari_proto::tensorflow::{
    AttrValue, FunctionDefLibrary, GraphDef, MetaGraphDef, NameAttrList, OpDef, OpList,
};

fn argument(name: &str) -> ArgDef {
    ArgDef {
        name: name.to_owned(),
        ..ArgDef::default()
    }
}

fn op(name: &str, outputs: Vec<ArgDef>) -> OpDef {
    OpDef {
        name: name.to_owned(),
        output_arg: outputs,
        ..OpDef::default()
    }
}

fn value(value: Value) -> AttrValue {
    AttrValue { value: Some(value) }
}

fn node(name: &str, op: &str, inputs: &[&str]) -> NodeDef {
    NodeDef {
        name: name.to_owned(),
        op: op.to_owned(),
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        ..NodeDef::default()
    }
}

fn with(mut node: NodeDef, name: &str, attr: Value) -> NodeDef {
    node.attr.insert(name.to_owned(), value(attr));
    node
}

fn call(name: &str, function: &str, inputs: &[&str]) -> NodeDef {
    let function = NameAttrList {
        name: function.to_owned(),
        attr: BTreeMap::from([("k".to_owned(), value(Value::I(7)))]),
    };
    let types = ListValue {
        r#type: vec![1, 1],
        ..ListValue::default()
    };
    let node = with(
        node(name, "PartitionedCall", inputs),
        "f",
        Value::Func(function),
    );
    with(node, "Tout", Value::List(types))
}

fn function(name: &str, inputs: &[&str], body: Vec<NodeDef>, ret: &[(&str, &str)]) -> FunctionDef {
    let signature = OpDef {
        input_arg: inputs.iter().map(|input| argument(input)).collect(),
        ..op(name, ret.iter().map(|(name, _)| argument(name)).collect())
    };
    FunctionDef {
        signature: Some(signature),
        node_def: body,
        ret: ret
            .iter()
            .map(|&(k, v)| (k.to_owned(), v.to_owned()))
            .collect(),
        ..FunctionDef::default()
    }
}

fn meta(nodes: Vec<NodeDef>, functions: Vec<FunctionDef>) -> MetaGraphDef {
    let split = ArgDef {
        number_attr: "num_split".to_owned(),
        ..argument("output")
    };
    let called = ArgDef {
        type_list_attr: "Tout".to_owned(),
        ..argument("output")
    };
    let scale = AttrDef {
        name: "scale".to_owned(),
        default_value: Some(value(Value::F(0.5))),
        ..AttrDef::default()
    };
    let operators = vec![
        op("Const", vec![argument("output")]),
        OpDef {
            attr: vec![scale],
            ..op("Neg", vec![argument("y")])
        },
        op("Split", vec![split]),
        op("TopK", vec![argument("values"), argument("indices")]),
        op("PartitionedCall", vec![called]),
        op("NextIteration", vec![argument("output")]),
    ];
    MetaGraphDef {
        meta_info_def: Some(MetaInfoDef {
            stripped_op_list: Some(OpList { op: operators }),
            ..MetaInfoDef::default()
        }),
        graph_def: Some(GraphDef {
            node: nodes,
            library: Some(FunctionDefLibrary {
                function: functions,
                ..Default::default()
            }),
            ..GraphDef::default()
        }),
        ..MetaGraphDef::default()
    }
}

fn flat<'a>(meta: &'a MetaGraphDef, feeds: &[&str], fetches: &[&str]) -> Result<Flat<'a>> {
    let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let wanted = Wanted {
        feeds: own(feeds),
        fetches: own(fetches),
        targets: Vec::new(),
    };
    flatten(&Library::new(meta), &wanted)
}

fn ops<'a>(flat: &Flat<'a>) -> Vec<&'a str> {
    flat.graph.nodes.iter().map(|node| node.op).collect()
}

#[test]
fn a_call_is_replaced_by_its_body_and_the_rest_is_left_out() {
    let body = vec![
        with(
            node("n", "Neg", &["x"]),
            "k2",
            Value::Placeholder("k".to_owned()),
        ),
        node("unused", "Neg", &["x"]),
        with(node("s", "Split", &["n:y:0"]), "num_split", Value::I(3)),
    ];
    let function = function(
        "f",
        &["x"],
        body,
        &[("first", "s:output:2"), ("second", "x")],
    );
    let meta = meta(
        vec![
            node("x", "Const", &[]),
            call("c", "f", &["x"]),
            node("o", "Neg", &["c:1"]),
        ],
        vec![function],
    );
    let flat = flat(&meta, &[], &["c", "o:0"]).unwrap();
    assert_eq!(ops(&flat), ["Const", "Neg", "Split", "Neg"]);
    assert_eq!(flat.fetches[0], Edge { node: 2, output: 2 });
    assert_eq!(flat.graph.nodes[3].inputs, [Edge { node: 0, output: 0 }]);
    let inner = &flat.graph.nodes[1];
    assert_eq!(inner.name, "c/n");
    assert_eq!(inner.attrs.int("k2").unwrap(), 7);
    assert_eq!(inner.attrs.float("scale").unwrap(), 0.5);
}

#[test]
fn a_named_output_starts_after_those_before_it() {
    let body = vec![node("t", "TopK", &["x"])];
    let function = function(
        "f",
        &["x"],
        body,
        &[("a", "t:indices:0"), ("b", "t:values:0")],
    );
    let meta = meta(
        vec![node("x", "Const", &[]), call("c", "f", &["x"])],
        vec![function],
    );
    let flat = flat(&meta, &[], &["c:0", "c:1"]).unwrap();
    assert_eq!(
        flat.fetches
            .iter()
            .map(|edge| edge.output)
            .collect::<Vec<_>>(),
        [1, 0]
    );
}

#[test]
fn what_is_fed_is_not_computed() {
    let nodes = vec![
        node("x", "Const", &[]),
        node("y", "Neg", &["x"]),
        node("z", "Neg", &["y"]),
    ];
    let meta = meta(nodes, Vec::new());
    let flat = flat(&meta, &["y:0"], &["z:0", "y:0"]).unwrap();
    assert_eq!(ops(&flat), [FEED, "Neg"]);
    assert_eq!(flat.fetches[1], Edge { node: 0, output: 0 });
}

#[test]
fn recursion_and_circles_are_refused() {
    let body = vec![call("again", "f", &["x"])];
    let function = function("f", &["x"], body, &[("a", "again:output:0"), ("b", "x")]);
    let meta = meta(
        vec![
            node("x", "Const", &[]),
            call("c", "f", &["x"]),
            node("p", "Neg", &["q"]),
            node("q", "Neg", &["p"]),
        ],
        vec![function],
    );
    let error = flat(&meta, &[], &["c"]).err().unwrap();
    assert!(error.message().contains("64 deep"), "{error}");
    let error = flat(&meta, &[], &["p"]).err().unwrap();
    assert!(error.message().contains("circle"), "{error}");
}

#[test]
fn calls_that_multiply_are_refused_before_they_fill_the_memory() {
    let level = |n: usize| {
        let next = format!("f{}", n + 1);
        let body = vec![call("a", &next, &["x"]), call("b", &next, &["a:output:0"])];
        function(
            &format!("f{n}"),
            &["x"],
            body,
            &[("o", "b:output:0"), ("p", "x")],
        )
    };
    let mut functions: Vec<_> = (0..60).map(level).collect();
    functions.push(function(
        "f60",
        &["x"],
        Vec::new(),
        &[("o", "x"), ("p", "x")],
    ));
    let meta = meta(
        vec![node("x", "Const", &[]), call("c", "f0", &["x"])],
        functions,
    );
    let error = flat(&meta, &[], &["c"]).err().unwrap();
    assert!(error.message().contains("1000000 operations"), "{error}");
}

#[test]
fn references_that_lead_nowhere_are_named() {
    let huge = with(node("s", "Split", &[]), "num_split", Value::I(i64::MAX));
    let nodes = vec![
        node("a", "Neg", &["nobody"]),
        node("b", "Unknown", &[]),
        huge,
    ];
    let meta = meta(nodes, Vec::new());
    for (fetch, named) in [
        ("a", "nobody"),
        ("gone:0", "gone"),
        ("b", "Unknown"),
        ("s", "1000000"),
    ] {
        let error = flat(&meta, &[], &[fetch]).err().unwrap();
        assert!(error.message().contains(named), "{error}");
    }
}

#[test]
fn a_loop_of_tensorflow_1_ends() {
    let nodes = vec![node("n", "NextIteration", &["m"]), node("m", "Neg", &["n"])];
    assert_eq!(
        ops(&flat(&meta(nodes, Vec::new()), &[], &["m"]).unwrap()),
        ["NextIteration", "Neg"]
    );
}

/// A loop of TensorFlow 1 that negates a number until the limit is not above it.
fn frame() -> Vec<NodeDef> {
    vec![
        node("enter", "Enter", &["x"]),
        node("limit", "Enter", &["y"]),
        node("merge", "Merge", &["enter", "next"]),
        node("less", "Less", &["merge", "limit"]),
        node("cond", "LoopCond", &["less"]),
        node("switch", "Switch", &["merge", "cond"]),
        node("negated", "Neg", &["switch:1"]),
        node("next", "NextIteration", &["negated"]),
        node("exit", "Exit", &["switch:0"]),
        node("x", "Placeholder", &[]),
        node("y", "Placeholder", &[]),
    ]
}

fn inner<'a>(node: &Node<'a>, body: usize) -> Vec<&'a str> {
    let nodes = &node.bodies[body].graph.nodes;
    nodes.iter().map(|node| node.op).collect()
}

#[test]
fn a_frame_becomes_a_loop() {
    let meta = meta(frame(), Vec::new());
    let flat = flat(&meta, &["x", "y"], &["exit"]).unwrap();
    assert_eq!(ops(&flat), [FEED, FEED, "While", "Identity"]);
    let node = &flat.graph.nodes[2];
    assert_eq!(inner(node, 0), [FEED, FEED, "Less"]);
    assert_eq!(inner(node, 1), [FEED, FEED, "Neg"]);
    let from: Vec<_> = node.inputs.iter().map(|edge| edge.node).collect();
    assert_eq!(from, [0, 1]);
    // What does not change is handed on.
    assert_eq!(
        node.bodies[1].feed_behind(node.bodies[1].fetches[1]),
        Some(1)
    );
}

#[test]
fn a_frame_in_a_frame_becomes_a_loop_in_a_loop() {
    let mut nodes = frame();
    nodes.retain(|node| node.name != "next");
    nodes.extend([
        node("enter2", "Enter", &["negated"]),
        node("limit2", "Enter", &["limit"]),
        node("merge2", "Merge", &["enter2", "next2"]),
        node("less2", "Less", &["merge2", "limit2"]),
        node("cond2", "LoopCond", &["less2"]),
        node("switch2", "Switch", &["merge2", "cond2"]),
        node("next2", "NextIteration", &["switch2:1"]),
        node("exit2", "Exit", &["switch2:0"]),
        node("next", "NextIteration", &["exit2"]),
    ]);
    let meta = meta(nodes, Vec::new());
    let flat = flat(&meta, &["x", "y"], &["exit"]).unwrap();
    assert_eq!(ops(&flat), [FEED, FEED, "While", "Identity"]);
    let body = inner(&flat.graph.nodes[2], 1);
    assert_eq!(body, [FEED, FEED, "Neg", "While", "Identity"]);
}

#[test]
fn a_loop_that_is_put_together_otherwise_stays() {
    for (name, input) in [("merge", "next"), ("next", "exit"), ("cond", "exit")] {
        let mut nodes = frame();
        let changed = nodes.iter_mut().find(|node| node.name == name).unwrap();
        changed.input = vec![input.to_owned()];
        let meta = meta(nodes, Vec::new());
        if let Ok(flat) = flat(&meta, &["x", "y"], &["exit"]) {
            assert!(ops(&flat).contains(&"Exit"), "{name}: {:?}", ops(&flat));
        }
    }
}

/// A choice of TensorFlow 1 between `a` negated and `b`.
fn branch(name: &str, predicate: &str, (a, b): (&str, &str)) -> Vec<NodeDef> {
    let own = |part: &str| format!("{name}/{part}");
    vec![
        node(&own("a"), "Switch", &[a, predicate]),
        node(&own("b"), "Switch", &[b, predicate]),
        node(&own("yes"), "Neg", &[&format!("{name}/a:1")]),
        node(name, "Merge", &[&format!("{name}/b:0"), &own("yes")]),
    ]
}

#[test]
fn switches_and_a_merge_become_a_choice() {
    let meta = meta(branch("if", "p", ("x", "y")), Vec::new());
    let flat = flat(&meta, &["p", "x", "y"], &["if"]).unwrap();
    assert_eq!(ops(&flat), [FEED, FEED, FEED, "If", "Identity"]);
    let node = &flat.graph.nodes[3];
    assert_eq!(
        (inner(node, 0), inner(node, 1)),
        (vec![FEED, FEED, "Neg"], vec![FEED, FEED])
    );
    assert_eq!(node.bodies[0].fetches[0].node, 2);
    assert_eq!(node.bodies[1].fetches[0].node, 1);
    assert_eq!(node.inputs[0].node, 0);
}

#[test]
fn choices_after_and_in_one_another_are_told_apart() {
    let mut nodes = branch("first", "p", ("x", "y"));
    nodes.extend(branch("second", "p", ("first", "y")));
    let meta_of = meta(nodes, Vec::new());
    let flat_of = flat(&meta_of, &["p", "x", "y"], &["second"]).unwrap();
    let choices = |flat: &Flat<'_>| ops(flat).iter().filter(|op| **op == "If").count();
    assert_eq!(choices(&flat_of), 2, "{:?}", ops(&flat_of));

    let mut nodes = branch("inner", "q:0", ("x:0", "y:0"));
    for inside in &mut nodes[..2] {
        let outside = format!("{}/outer", inside.name);
        inside.input[0] = format!("{outside}:1");
    }
    nodes.push(node("inner/a/outer", "Switch", &["x", "p"]));
    nodes.push(node("inner/b/outer", "Switch", &["y", "p"]));
    nodes.push(node("other", "Switch", &["x", "p"]));
    nodes.push(node("outer", "Merge", &["other:0", "inner"]));
    let meta_of = meta(nodes, Vec::new());
    let flat_of = flat(&meta_of, &["p", "q", "x", "y"], &["outer"]).unwrap();
    assert_eq!(choices(&flat_of), 1, "{:?}", ops(&flat_of));
    let outer = flat_of
        .graph
        .nodes
        .iter()
        .find(|node| node.op == "If")
        .unwrap();
    assert!(inner(outer, 0).contains(&"If"), "{:?}", inner(outer, 0));
}

#[test]
fn a_constant_of_a_branch_is_told_by_what_it_waits_for() {
    let nodes = vec![
        node("pivot", "Switch", &["p", "p"]),
        node("yes", "Identity", &["pivot:1"]),
        node("no", "Identity", &["pivot:0"]),
        node("one", "Const", &["^yes"]),
        node("two", "Const", &["^no"]),
        node("merge", "Merge", &["two", "one"]),
    ];
    let meta = meta(nodes, Vec::new());
    let flat = flat(&meta, &["p"], &["merge"]).unwrap();
    let choice = flat
        .graph
        .nodes
        .iter()
        .find(|node| node.op == "If")
        .unwrap();
    let constant = |body: usize| {
        let nodes = &choice.bodies[body].graph.nodes;
        nodes
            .iter()
            .find(|node| node.op == "Const")
            .unwrap()
            .name
            .clone()
    };
    assert_eq!(
        (constant(0), constant(1)),
        ("one".to_owned(), "two".to_owned())
    );
}

#[test]
fn functions_that_operations_run_are_graphs_inside_them() {
    let body = vec![node("n", "Neg", &["a"])];
    let functions = vec![
        function("yes", &["a"], body, &[("r", "n:y:0")]),
        function("no", &["a"], Vec::new(), &[("r", "a")]),
    ];
    let named = |name: &str| {
        let name = name.to_owned();
        Value::Func(NameAttrList {
            name,
            ..NameAttrList::default()
        })
    };
    let choice = |yes: &str| {
        let types = ListValue {
            r#type: vec![1],
            ..ListValue::default()
        };
        let choice = with(
            node("if", "StatelessIf", &["p", "x"]),
            "Tout",
            Value::List(types),
        );
        with(
            with(choice, "then_branch", named(yes)),
            "else_branch",
            named("no"),
        )
    };
    let made = meta(vec![choice("yes")], functions.clone());
    let found = flat(&made, &["p", "x"], &["if"]).unwrap();
    let node = &found.graph.nodes[2];
    assert_eq!(
        (inner(node, 0), inner(node, 1)),
        (vec![FEED, "Neg"], vec![FEED])
    );
    assert_eq!(
        node.bodies[1].feed_behind(node.bodies[1].fetches[0]),
        Some(0)
    );
    let broken = meta(vec![choice("none")], functions);
    let error = flat(&broken, &["p", "x"], &["if"]).err().unwrap();
    assert!(error.message().contains("`none`"), "{error}");
}
