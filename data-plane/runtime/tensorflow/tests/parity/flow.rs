//! Models with loops, choices and recurrent layers: all that differs is told at once.

use std::collections::BTreeMap;

use hari_proto::onnx::{GraphProto, ModelProto};
use hari_tensorflow::{Options, export, inspect, load};
use prost::Message;

use crate::{TOLERANCE, fixture};

/// Operators that such models are known by.
const FLOW: [&str; 5] = ["While", "StatelessWhile", "If", "StatelessIf", "Case"];

/// What is wrong with a fixture's answers.
fn wrong(fixture: &fixture::Fixture) -> Vec<String> {
    let name = fixture.name();
    let model = match load(&fixture.model(), &Options::default()) {
        Ok(model) => model,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let mut wrong = Vec::new();
    for (index, case) in fixture.cases().unwrap_or_default().iter().enumerate() {
        match fixture::try_run(&model, case) {
            Ok(outputs) => wrong.extend(outputs.iter().filter_map(|(output, expected, found)| {
                let off = fixture::deviation(expected, found);
                let right = off.as_ref().is_ok_and(|off| *off <= TOLERANCE);
                (!right).then(|| format!("{name}, case {index}, `{output}`: {off:?}"))
            })),
            Err(error) => wrong.push(format!("{name}, case {index}: {error}")),
        }
    }
    wrong
}

#[test]
fn loops_and_choices_are_tensorflows() {
    let flows = fixture::all().into_iter().filter(|fixture| {
        let used = inspect(&fixture.model()).map(|found| found.operators);
        let flows = |name: &&str| used.as_ref().is_ok_and(|used| used.contains_key(*name));
        fixture.cases().is_some() && FLOW.iter().any(flows)
    });
    let flows: Vec<_> = flows.collect();
    let wrong: Vec<_> = flows.iter().flat_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(flows.len() >= 25, "only {} fixtures", flows.len());
}

fn count(graph: &GraphProto, counts: &mut BTreeMap<String, usize>) {
    for node in &graph.node {
        *counts.entry(node.op_type().to_owned()).or_default() += 1;
        let inner = node.attribute.iter().filter_map(|attr| attr.g.as_ref());
        inner.for_each(|graph| count(graph, counts));
    }
}

/// How often each operator is in what a fixture becomes, graphs inside nodes included.
fn operators(name: &str) -> BTreeMap<String, usize> {
    let model = export(&fixture::named(name).model()).unwrap().model;
    let model = ModelProto::decode(model.as_slice()).unwrap();
    let mut counts = BTreeMap::new();
    count(&model.graph.unwrap(), &mut counts);
    counts
}

#[test]
fn plain_cells_are_one_operator() {
    for (name, operator, cells) in [
        ("lstm", "LSTM", 1),
        ("lstm_open_length", "LSTM", 2),
        ("keras2_lstm", "LSTM", 2),
        ("gru_reset_after", "GRU", 1),
        ("go_backwards", "LSTM", 1),
    ] {
        let found = operators(name);
        assert_eq!(found.get(operator), Some(&cells), "{name}: {found:?}");
        assert!(!found.contains_key("Loop"), "{name}: {found:?}");
    }
}

#[test]
fn other_cells_stay_loops() {
    // One of them begins with states of another input, whose batch may be another.
    assert_eq!(operators("encoder_decoder").get("LSTM"), Some(&1));
    for name in [
        "masking",
        "custom_cell",
        "simple_rnn",
        "gru_reset_before",
        "conv_lstm",
    ] {
        let found = operators(name);
        assert!(found.contains_key("Loop"), "{name}: {found:?}");
        assert!(!found.contains_key("ScatterND"), "{name}: {found:?}");
    }
    assert!(operators("lstm_unrolled").contains_key("Loop"));
    assert!(operators("tensor_array").contains_key("ScatterND"));
}

#[test]
fn a_choice_that_is_known_is_no_choice() {
    let found = operators("tf1_cond");
    // Five choices, of which one is known; constants that wait for one are a choice of their own.
    assert_eq!(found.get("If"), Some(&5), "{found:?}");
    assert!(operators("switch_case")["If"] >= 3);
}
