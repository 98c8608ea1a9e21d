//! Cases with attributes and inputs that were tampered with: an error or an answer, never a panic.

use hari_core::{DataType, Tensor};
use hari_operators::Value;
use hari_proto::onnx::AttributeProto;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::file::{Case, read};
use crate::{graph, path};

/// One change: where, and to what.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// Which node, attribute or input, and which element of it.
    place: (usize, usize, usize),
    kind: u8,
    number: i64,
}

fn changes() -> impl Strategy<Value = Change> {
    let number = prop_oneof![
        Just(-1),
        Just(0),
        Just(1),
        Just(3),
        Just(100),
        Just(1 << 33),
        Just(1 << 60),
        Just(i64::MAX),
        Just(i64::MIN),
    ];
    let place = (0..64_usize, 0..64_usize, 0..64_usize);
    (place, 0..9_u8, number).prop_map(|(place, kind, number)| Change {
        place,
        kind,
        number,
    })
}

/// The element that a number chooses.
fn chosen<T>(all: &mut [T], at: usize) -> Option<&mut T> {
    let count = all.len().max(1);
    all.get_mut(at % count)
}

fn attribute(attribute: &mut AttributeProto, at: usize, change: Change) {
    match change.kind {
        0 => {
            attribute.ints.pop();
            attribute.floats.pop();
            attribute.strings.pop();
        }
        1 => attribute.name = Some("other".to_owned()),
        _ => {
            if let Some(one) = chosen(&mut attribute.ints, at) {
                *one = change.number;
            }
            if let Some(one) = chosen(&mut attribute.floats, at) {
                *one = change.number as f32 / 0.0;
            }
            if let Some(one) = chosen(&mut attribute.strings, at) {
                *one = "\u{fe}(".into();
            }
            attribute.i = attribute.i.map(|_| change.number);
            attribute.s = attribute.s.as_ref().map(|_| "[a-\\".into());
        }
    }
}

fn input(tensor: &Tensor, at: usize, change: Change) -> Option<Tensor> {
    let count = tensor.len();
    match change.kind {
        3 => tensor.clone().reshape([count]).ok(),
        4 => tensor.clone().reshape([1, count, 1]).ok(),
        5 => tensor.clone().reshape([count, 1]).ok(),
        6 => tensor.slice_rows(0..tensor.rows() / 2).ok(),
        7 => Tensor::from_vec(tensor.shape().to_vec(), vec![change.number; count]).ok(),
        _ => {
            let mut values = tensor.to_vec::<i64>().ok().or_else(|| {
                let narrow = tensor.cast(DataType::Int64).ok()?;
                narrow.to_vec().ok()
            })?;
            *chosen(&mut values, at)? = change.number;
            let made = Tensor::from_vec(tensor.shape().to_vec(), values).ok()?;
            made.cast(tensor.dtype()).ok()
        }
    }
}

fn tampered(case: &mut Case, change: Change) {
    let (first, second, third) = change.place;
    if change.kind < 3 {
        let nodes = case.model.graph.as_mut().map(|graph| &mut graph.node[..]);
        let node = nodes.and_then(|nodes| chosen(nodes, first));
        if let Some(one) = node.and_then(|node| chosen(&mut node.attribute, second)) {
            attribute(one, third, change);
        }
        return;
    }
    let count = case.inputs.len().max(1);
    let Some(value) = case.inputs.values_mut().nth(first % count) else {
        return;
    };
    if let Value::Tensor(tensor) = &value
        && let Some(made) = input(tensor, third, change)
    {
        *value = made.into();
    }
}

/// Runs every case of a file with several changes to each.
fn abused(name: &str, times: u32) {
    let config = Config {
        cases: times,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let cases = read(&path(name)).unwrap_or_default();
    let strategy = (0..cases.len(), prop::collection::vec(changes(), 1..4));
    let ran = runner.run(&strategy, |(at, changes)| {
        if let Some(mut case) = cases.get(at).cloned() {
            changes
                .iter()
                .for_each(|&change| tampered(&mut case, change));
            // An answer is as good as an error here.
            let _ = graph::run(&case);
        }
        Ok(())
    });
    assert!(ran.is_ok(), "{ran:?}");
}

#[test]
fn tampered_operators_of_ml_do_not_panic() {
    abused("ml.cases", 3000);
}

#[test]
fn tampered_operators_of_text_do_not_panic() {
    abused("text.cases", 3000);
}

#[test]
fn tampered_operators_of_tensorflow_do_not_panic() {
    abused("tensorflow.cases", 6000);
}

#[test]
fn tampered_operators_of_transformers_do_not_panic() {
    abused("transformers.cases", 1500);
}
