//! Graphs inside nodes: `If`, `Loop`, `Scan` and `SequenceMap` on bodies run by a plain executor.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/graph.rs"]
mod graph;

use hari_core::{DataType, Tensor};
use hari_error::Result;
use hari_operators::Value;
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TypeProto,
    ValueInfoProto, tensor_proto, type_proto,
};

fn node(kind: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: Some(kind.to_owned()),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: outputs.iter().map(|&name| name.to_owned()).collect(),
        ..Default::default()
    }
}

fn with_graph(mut node: NodeProto, name: &str, graph: GraphProto) -> NodeProto {
    let mut attribute = AttributeProto {
        name: Some(name.to_owned()),
        g: Some(graph),
        ..Default::default()
    };
    attribute.set_type(AttributeType::Graph);
    node.attribute.push(attribute);
    node
}

fn with_int(mut node: NodeProto, name: &str, value: i64) -> NodeProto {
    let mut attribute = AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value),
        ..Default::default()
    };
    attribute.set_type(AttributeType::Int);
    node.attribute.push(attribute);
    node
}

/// Values of INT64, but those called `go`, which are truth.
fn info(name: &str) -> ValueInfoProto {
    let elem = match name {
        "go" => tensor_proto::DataType::Bool,
        _ => tensor_proto::DataType::Int64,
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(elem.into()),
        shape: Some(Default::default()),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn body(inputs: &[&str], nodes: Vec<NodeProto>, outputs: &[&str]) -> GraphProto {
    GraphProto {
        node: nodes,
        input: inputs.iter().map(|name| info(name)).collect(),
        output: outputs.iter().map(|name| info(name)).collect(),
        ..Default::default()
    }
}

fn run(version: i64, graph: GraphProto, inputs: Vec<Option<Value>>) -> Result<Vec<Value>> {
    let model = ModelProto {
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(version),
        }],
        ..Default::default()
    };
    graph::model(&model)?.run_all(inputs)
}

fn longs(shape: &[usize], values: &[i64]) -> Value {
    Tensor::from_vec(shape, values.to_vec()).unwrap().into()
}

fn truth(value: bool) -> Value {
    Tensor::from_bools([], &[value]).unwrap().into()
}

#[test]
fn a_branch_sees_values_around_it() {
    let yes = body(&[], vec![node("Add", &["x", "x"], &["twice"])], &["twice"]);
    let no = body(&[], vec![node("Identity", &["x"], &["same"])], &["same"]);
    let choice = node("If", &["go"], &["y"]);
    let choice = with_graph(with_graph(choice, "then_branch", yes), "else_branch", no);
    let graph = body(&["go", "x"], vec![choice], &["y"]);
    for (go, wanted) in [(true, 6), (false, 3)] {
        let inputs = vec![Some(truth(go)), Some(longs(&[1], &[3]))];
        assert_eq!(
            run(13, graph.clone(), inputs).unwrap(),
            [longs(&[1], &[wanted])]
        );
    }
}

/// Adds `step`, a value around the loop, while the sum is below `most`.
fn counting() -> GraphProto {
    let nodes = vec![
        node("Add", &["sum", "step"], &["next"]),
        node("Less", &["next", "most"], &["go"]),
        node("Identity", &["next"], &["shown"]),
    ];
    let inside = body(&["turn", "before", "sum"], nodes, &["go", "next", "shown"]);
    let around = node("Loop", &["times", "", "start"], &["end", "all"]);
    let around = with_graph(around, "body", inside);
    body(
        &["times", "start", "step", "most"],
        vec![around],
        &["end", "all"],
    )
}

fn counted(times: Option<i64>, most: i64) -> Vec<Value> {
    let one = |value| Some(longs(&[], &[value]));
    let times = times.map(|times| longs(&[], &[times]));
    run(13, counting(), vec![times, one(1), one(2), one(most)]).unwrap()
}

#[test]
fn a_loop_ends_by_its_condition_or_by_its_count() {
    assert_eq!(
        counted(Some(9), 6),
        [longs(&[], &[7]), longs(&[3], &[3, 5, 7])]
    );
    assert_eq!(
        counted(Some(2), 99),
        [longs(&[], &[5]), longs(&[2], &[3, 5])]
    );
}

#[test]
fn a_loop_that_never_runs_gathers_nothing() {
    let made = counted(Some(0), 9);
    assert_eq!(made[0], longs(&[], &[1]));
    let all = made[1].tensor().unwrap();
    assert_eq!((all.dtype(), all.shape()), (DataType::Int64, &[0][..]));
}

#[test]
fn a_scan_hands_its_state_on() {
    let nodes = vec![
        node("Add", &["sum", "x"], &["next"]),
        node("Identity", &["next"], &["shown"]),
    ];
    let inside = body(&["sum", "x"], nodes, &["next", "shown"]);
    let scan = with_graph(
        node("Scan", &["start", "xs"], &["end", "all"]),
        "body",
        inside,
    );
    let graph = body(
        &["start", "xs"],
        vec![with_int(scan, "num_scan_inputs", 1)],
        &["end", "all"],
    );
    let inputs = vec![Some(longs(&[], &[10])), Some(longs(&[3], &[1, 2, 3]))];
    let made = run(13, graph, inputs).unwrap();
    assert_eq!(made, [longs(&[], &[16]), longs(&[3], &[11, 13, 16])]);
}

#[test]
fn a_sequence_is_mapped_beside_a_tensor() {
    let inside = body(
        &["x", "y"],
        vec![node("Mul", &["x", "y"], &["made"])],
        &["made"],
    );
    let map = with_graph(node("SequenceMap", &["xs", "y"], &["ys"]), "body", inside);
    let graph = body(&["xs", "y"], vec![map], &["ys"]);
    let xs = Value::Sequence(vec![longs(&[1], &[2]), longs(&[2], &[3, 4])]);
    let made = run(17, graph, vec![Some(xs), Some(longs(&[1], &[10]))]).unwrap();
    let wanted = Value::Sequence(vec![longs(&[1], &[20]), longs(&[2], &[30, 40])]);
    assert_eq!(made, [wanted]);
}

#[test]
fn sequences_grow_shrink_and_are_joined() {
    let nodes = vec![
        node("SequenceConstruct", &["a", "b"], &["two"]),
        node("SequenceInsert", &["two", "c", "zero"], &["three"]),
        node("SequenceErase", &["three"], &["left"]),
        node("SequenceLength", &["three"], &["length"]),
        node("SequenceAt", &["three", "last"], &["end"]),
        with_int(
            node("ConcatFromSequence", &["left"], &["joined"]),
            "axis",
            0,
        ),
    ];
    let mut graph = body(&["a", "b", "c"], nodes, &["length", "end", "joined"]);
    for (name, value) in [("zero", 0), ("last", -1)] {
        graph.initializer.push(TensorProto {
            name: Some(name.to_owned()),
            data_type: Some(tensor_proto::DataType::Int64.into()),
            int64_data: vec![value],
            ..Default::default()
        });
    }
    let inputs = (1..=3).map(|value| Some(longs(&[1], &[value]))).collect();
    let made = run(13, graph, inputs).unwrap();
    assert_eq!(
        made,
        [longs(&[], &[3]), longs(&[1], &[2]), longs(&[2], &[3, 1])]
    );
}

#[test]
fn a_sequence_too_short_and_an_absent_value_are_errors() {
    let at = body(
        &["xs", "x"],
        vec![node("SequenceAt", &["xs", "x"], &["y"])],
        &["y"],
    );
    let inputs = vec![Some(Value::Sequence(vec![])), Some(longs(&[], &[0]))];
    assert!(run(13, at, inputs).is_err());
    let get = body(
        &["x"],
        vec![node("OptionalGetElement", &["x"], &["y"])],
        &["y"],
    );
    assert!(run(18, get, vec![Some(Value::Optional(None))]).is_err());
}
