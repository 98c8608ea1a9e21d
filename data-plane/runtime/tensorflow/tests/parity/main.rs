//! Whole SavedModels: TensorFlow's own predictions replayed, refusals, damaged files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod damage;
mod fixture;
mod mnist;

use hari_core::{Call, Model, SignatureMethod};
use hari_tensorflow::{Options, coverage, inspect, load};

/// Absolute: outputs of the models are of the order of 1, and float32 has seven digits.
const TOLERANCE: f64 = 1e-5;

#[test]
fn predictions_are_tensorflows() {
    let mut replayed = 0;
    let mut wrong = Vec::new();
    for fixture in fixture::all() {
        let name = fixture.name();
        let Some(cases) = fixture.cases() else {
            continue;
        };
        let model = load(&fixture.model(), &Options::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut worst = 0.0_f64;
        for (index, case) in cases.iter().enumerate() {
            for (output, expected, found) in fixture::run(&model, case) {
                match fixture::deviation(&expected, &found) {
                    Ok(off) if off <= TOLERANCE => worst = worst.max(off),
                    off => wrong.push(format!("{name}, case {index}, `{output}`: {off:?}")),
                }
                replayed += 1;
            }
        }
        println!("{name}: {worst:.1e}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(replayed > 300, "only {replayed} outputs");
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let expected = [
        (
            "unsupported_double",
            vec!["`Mul` (1 operation: its elements are float64"],
        ),
        ("unsupported_lstm", vec!["`While`"]),
        (
            "unsupported_string",
            vec!["`HashTableV2`", "`LookupTableFindV2`"],
        ),
    ];
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
fn every_operator_of_the_fixtures_is_in_the_table() {
    let known: Vec<_> = coverage().into_iter().map(|(name, _)| name).collect();
    let mut used = std::collections::BTreeSet::new();
    for fixture in fixture::all()
        .into_iter()
        .filter(|fixture| fixture.cases().is_some())
    {
        used.extend(inspect(&fixture.model()).unwrap().operators.into_keys());
    }
    assert!(
        used.iter()
            .all(|operator| known.contains(&operator.as_str()))
    );
    let unseen: Vec<_> = known.iter().filter(|name| !used.contains(**name)).collect();
    println!(
        "no fixture has {} of {}: {unseen:?}",
        unseen.len(),
        known.len()
    );
    assert!(unseen.len() < 40, "{unseen:?}");
}
