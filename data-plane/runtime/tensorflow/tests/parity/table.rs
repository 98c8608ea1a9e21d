//! TensorFlow's own predictions replayed, and the table of how near the answers are.
//!
//! The table is a file, from which the page of the book is made. A deviation above the tolerance
//! fails; the file has each one rounded up to one digit, as measured when it was written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hari_core::DataType;
use hari_tensorflow::{Options, inspect, load};

use crate::{TOLERANCE, fixture};

/// Half floats have three digits.
const HALF_TOLERANCE: f64 = 1e-3;
/// One that computes with bfloat16 inside, though its outputs are float32: between 2 and 4 the
/// steps of bfloat16 are 0.016 apart, and a sum in another order may round to the next one.
const BFLOAT16_INSIDE: (&str, f64) = ("mixed_precision", 3e-2);

/// A line of the table.
#[derive(Debug, PartialEq)]
struct Row {
    about: String,
    /// All operations, and how many different operators.
    operations: (usize, usize),
    deviation: f64,
    tolerance: f64,
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// What each case is, by name: `cases.tsv` of the generator.
fn abouts() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path("fixtures/cases.tsv")).unwrap();
    let row = |line: &str| {
        let cells: Vec<_> = line.split('\t').map(str::to_owned).collect();
        let [name, _, about] = <[String; 3]>::try_from(cells).unwrap();
        (name, about)
    };
    text.lines().map(row).collect()
}

fn tolerance(name: &str, dtype: DataType) -> f64 {
    match dtype {
        _ if name == BFLOAT16_INSIDE.0 => BFLOAT16_INSIDE.1,
        DataType::Fp16 => HALF_TOLERANCE,
        _ => TOLERANCE,
    }
}

/// Replays a fixture: its row and the number of outputs, or all that is wrong.
fn replay(
    fixture: &fixture::Fixture,
    about: String,
    options: &Options,
) -> Result<(Row, usize), Vec<String>> {
    let name = fixture.name();
    let located = |error: hari_error::Error| vec![format!("{name}: {error}")];
    let model = load(&fixture.model(), options).map_err(located)?;
    let found = inspect(&fixture.model()).map_err(located)?;
    let mut row = Row {
        about,
        operations: (found.operators.values().sum(), found.operators.len()),
        deviation: 0.0,
        tolerance: 0.0,
    };
    let (mut outputs, mut wrong) = (0, Vec::new());
    for (index, case) in fixture.cases().unwrap_or_default().iter().enumerate() {
        for (output, expected, found) in fixture::try_run(&model, case).map_err(located)? {
            let allowed = tolerance(&name, expected.dtype());
            match fixture::deviation(&expected, &found) {
                Ok(off) if off <= allowed => row.deviation = row.deviation.max(off),
                off => wrong.push(format!("{name}, case {index}, `{output}`: {off:?}")),
            }
            row.tolerance = row.tolerance.max(allowed);
            outputs += 1;
        }
    }
    if wrong.is_empty() {
        Ok((row, outputs))
    } else {
        Err(wrong)
    }
}

/// Every fixture that TensorFlow answered, replayed.
fn measured(options: &Options) -> (BTreeMap<String, Row>, usize, Vec<String>) {
    let abouts = abouts();
    let (mut rows, mut outputs, mut wrong) = (BTreeMap::new(), 0, Vec::new());
    for fixture in fixture::all().iter().filter(|one| one.cases().is_some()) {
        let about = abouts.get(&fixture.name()).cloned().unwrap_or_default();
        match replay(fixture, about, options) {
            Ok((row, count)) => {
                rows.insert(fixture.name(), row);
                outputs += count;
            }
            Err(more) => wrong.extend(more),
        }
    }
    (rows, outputs, wrong)
}

/// The number with one digit, never smaller.
fn rounded_up(number: f64) -> f64 {
    let text = format!("{number:.0e}");
    let near: f64 = text.parse().unwrap();
    if number == 0.0 || near >= number {
        return near;
    }
    let (_, power) = text.split_once('e').unwrap();
    let next = near + 10_f64.powi(power.parse().unwrap());
    format!("{next:.0e}").parse().unwrap()
}

fn written(rows: &BTreeMap<String, Row>) -> String {
    let line = |(name, row): (&String, &Row)| {
        let (all, kinds) = row.operations;
        let (off, tolerance) = (rounded_up(row.deviation), row.tolerance);
        format!(
            "{name}\t{}\t{all}\t{kinds}\t{off:.0e}\t{tolerance:.0e}\n",
            row.about
        )
    };
    rows.iter().map(line).collect()
}

/// The columns that do not depend on the machine.
fn fixed(table: &str) -> Vec<Vec<&str>> {
    let cells = |line| {
        let cells: Vec<&str> = str::split(line, '\t').collect();
        cells
            .into_iter()
            .enumerate()
            .filter(|(at, _)| *at != 4)
            .map(|(_, cell)| cell)
            .collect()
    };
    table.lines().map(cells).collect()
}

#[test]
fn predictions_are_tensorflows() {
    let (rows, outputs, wrong) = measured(&Options::default());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        rows.len() >= 60 && outputs > 500,
        "{} models, {outputs} outputs",
        rows.len()
    );
    let table = std::fs::read_to_string(path("parity.tsv")).unwrap();
    let hint = "write it again: cargo test -p hari-tensorflow --test parity -- --ignored";
    assert_eq!(fixed(&table), fixed(&written(&rows)), "{hint}");
    for line in table.lines() {
        let cells: Vec<f64> = line
            .split('\t')
            .skip(4)
            .map(|cell| cell.parse().unwrap())
            .collect();
        assert!(cells[0] <= cells[1], "{line}");
    }
}

#[test]
#[ignore = "writes the table; to be run when a fixture is new or measured again"]
fn write_the_table() {
    let (rows, _, wrong) = measured(&Options::default());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    std::fs::write(path("parity.tsv"), written(&rows)).unwrap();
}

#[test]
fn one_digit_is_never_too_small() {
    for (number, expected) in [
        (0.0, 0.0),
        (3.2e-7, 4e-7),
        (3e-7, 3e-7),
        (9.5e-8, 1e-7),
        (2.9e-6, 3e-6),
    ] {
        assert_eq!(rounded_up(number), expected, "{number}");
    }
}

/// ONNX Runtime has no `Relu` of bfloat16 on a CPU.
const NOT_ON_ONNX_RUNTIME: &str = "mixed_precision: ";

#[test]
#[ignore = "needs ONNX Runtime: set HARI_ONNXRUNTIME"]
fn every_model_agrees_on_onnx_runtime() {
    let options = Options {
        engine: "onnxruntime".parse().unwrap(),
        ..Options::default()
    };
    let (rows, outputs, mut wrong) = measured(&options);
    wrong.retain(|line| !line.starts_with(NOT_ON_ONNX_RUNTIME));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows.len() >= 100 && outputs >= rows.len());
}
