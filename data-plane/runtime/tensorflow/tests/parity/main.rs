//! Whole SavedModels: TensorFlow's own predictions replayed, refusals, damaged files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod damage;
mod fixture;
mod flow;
mod mnist;
mod table;

use hari_core::{Call, Model, SignatureMethod};
use hari_tensorflow::{Options, Treatment, coverage, inspect, load};

/// Absolute: outputs of the models are of the order of 1, and float32 has seven digits.
const TOLERANCE: f64 = 1e-5;

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let expected = [("unsupported_fft", vec!["`RFFT` (1 operation"])];
    for (name, operators) in expected {
        let folder = fixture::named(name).model();
        let error = load(&folder, &Options::default()).err().unwrap();
        for operator in operators {
            assert!(error.message().contains(operator), "{name}: {error}");
        }
        assert_eq!(error.reason(), "UNSUPPORTED_OPERATOR");
        let unsupported = inspect(&folder).unwrap().unsupported;
        assert!(unsupported.iter().all(|operator| operator.nodes > 0));
        assert!(!unsupported.is_empty());
    }
}

#[test]
fn a_model_is_inspected_without_being_loaded() {
    let found = inspect(&fixture::named("two_signatures").model()).unwrap();
    assert_eq!(found.tags, [["serve"]]);
    let names: Vec<_> = found
        .signatures
        .iter()
        .map(|signature| signature.name.as_str())
        .collect();
    assert_eq!(names, ["serving_default", "double"]);
    assert_eq!(found.signatures[0].method, SignatureMethod::Predict);
    assert_eq!(found.operators["MatMul"], 2);
    assert_eq!(found.operators["Mul"], 1);
    assert!(found.unsupported.is_empty());
    assert!(found.tensorflow_version.starts_with("2."));
    assert!(found.bytes > 1000);
}

#[test]
fn only_the_wanted_outputs_are_given_in_the_wanted_order() {
    let fixture = fixture::named("multi_input_output");
    let model = load(&fixture.model(), &Options::default()).unwrap();
    let case = &fixture.cases().unwrap()[0];
    let all = fixture::run(&model, case);
    let mut call = Call {
        outputs: vec![1, 0],
        ..fixture::call(&model, case)
    };
    let swapped = model.run(call.clone()).unwrap();
    assert_eq!([&swapped[0], &swapped[1]], [&all[1].2, &all[0].2]);
    call.outputs = vec![1];
    assert_eq!(model.run(call).unwrap(), [all[1].2.clone()]);
}

#[test]
fn a_batch_is_as_good_as_its_rows() {
    for name in [
        "cnn_dilated",
        "conv1d",
        "groupnorm",
        "operators_matrix",
        "operators_volume",
    ] {
        let fixture = fixture::named(name);
        let model = load(&fixture.model(), &Options::default()).unwrap();
        let cases = fixture.cases().unwrap();
        let whole = cases.iter().find(|case| fixture::rows(case) > 1).unwrap();
        let call = fixture::call(&model, whole);
        let batched = model.run(call.clone()).unwrap();
        for row in 0..fixture::rows(whole) {
            let inputs = call
                .inputs
                .iter()
                .map(|input| fixture::row(input, row))
                .collect();
            let alone = model
                .run(Call {
                    inputs,
                    ..call.clone()
                })
                .unwrap();
            for (batched, alone) in batched
                .iter()
                .zip(&alone)
                .filter(|(b, a)| b.shape() != a.shape())
            {
                let off = fixture::deviation(&fixture::row(batched, row), alone);
                assert!(off.is_ok_and(|off| off <= TOLERANCE), "{name}");
            }
        }
    }
}

#[test]
fn a_signature_that_cannot_be_served_is_left_out() {
    let fixture = fixture::named("tf1_classify_and_predict");
    let model = load(&fixture.model(), &Options::default()).unwrap();
    let names: Vec<_> = model
        .signatures()
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["serving_default"]);
    let found = inspect(&fixture.model()).unwrap();
    assert_eq!(found.signatures.len(), 2);
    let left = &found.left_out[0];
    assert_eq!(left.signature, "classification");
    assert!(left.reason.contains("`ParseExample"), "{}", left.reason);
    for case in fixture.cases().unwrap() {
        assert!(!fixture::run(&model, &case).is_empty());
    }
}

#[test]
fn every_operator_of_the_fixtures_is_in_the_table() {
    let all = coverage().into_iter();
    let known: Vec<_> = all
        .filter(|row| !matches!(row.1, Treatment::Refused(_)))
        .collect();
    let known: Vec<_> = known.iter().map(|row| row.0).collect();
    let mut used = std::collections::BTreeSet::new();
    for fixture in fixture::all() {
        let found = inspect(&fixture.model()).unwrap();
        if fixture.cases().is_some() && found.left_out.is_empty() {
            used.extend(found.operators.into_keys());
        }
    }
    let strange: Vec<_> = used
        .iter()
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
    let unseen: Vec<_> = known.iter().filter(|name| !used.contains(**name)).collect();
    println!(
        "no fixture has {} of {}: {unseen:?}",
        unseen.len(),
        known.len()
    );
    assert!(unseen.len() < 90, "{unseen:?}");
}
