//! CatBoost: sums equal the original's bit for bit, labels too; probabilities but for the last bits
//! of an exponential, as CatBoost's own for several classes is an approximation.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use hari_core::{DataType, Tensor};
use hari_trees::catboost::Booster;
use hari_trees::{Options, Prediction};
use serde::Deserialize;

use crate::parity::differences;

/// How far probabilities and exponents may be apart, relative.
const TOLERANCE: f64 = 1e-14;
/// How far sums of a file in JSON may be: its decimals have 17 digits, which are exact.
const SUMS: f64 = 0.0;

/// What CatBoost says of a model.
#[derive(Debug, Deserialize)]
pub(crate) struct Expected {
    categorical: Vec<usize>,
    shape: Vec<usize>,
    pub(crate) rows: Vec<Vec<String>>,
    raw: Vec<Vec<String>>,
    natural: Vec<Vec<String>>,
    class: Option<Vec<Vec<String>>>,
}

/// A model with its expectations.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) expected: Expected,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catboost")
}

/// Every model, by name.
pub(crate) fn all() -> Result<Vec<Fixture>> {
    let mut fixtures = Vec::new();
    for entry in std::fs::read_dir(folder())? {
        let path = entry?.path();
        let name = path
            .file_name()
            .context("a name")?
            .to_string_lossy()
            .into_owned();
        let said = path.with_file_name(format!("{name}.expected.json"));
        if said.is_file() {
            let expected = serde_json::from_slice(&std::fs::read(said)?).context(name.clone())?;
            let bytes = std::fs::read(&path)?;
            fixtures.push(Fixture {
                name,
                bytes,
                expected,
            });
        }
    }
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(fixtures)
}

fn numbers(rows: &[Vec<String>]) -> Vec<f64> {
    rows.iter()
        .flatten()
        .map(|number| number.parse().unwrap())
        .collect()
}

impl Expected {
    /// A value for each column, zero for categories, and the hashes of these.
    fn rows(&self) -> (Vec<f32>, Vec<i32>) {
        let (mut values, mut hashes) = (Vec::new(), Vec::new());
        for (at, cell) in self.rows.iter().flat_map(|row| row.iter().enumerate()) {
            if self.categorical.contains(&at) {
                values.push(0.0);
                hashes.push(Booster::category(cell.as_bytes()));
            } else {
                values.push(cell.parse::<f64>().unwrap() as f32);
            }
        }
        (values, hashes)
    }
}

fn read(fixture: &Fixture, prediction: Prediction) -> Result<Booster> {
    let options = Options {
        prediction,
        ..Options::default()
    };
    Ok(Booster::read(&fixture.bytes, &options)?)
}

/// Labels of an answer as texts, row by row.
fn texts(answer: &Tensor) -> Result<Vec<String>> {
    Ok(match answer.dtype() {
        DataType::Int64 => answer
            .values::<i64>()?
            .iter()
            .map(ToString::to_string)
            .collect(),
        DataType::Bytes => {
            let texts = answer.strings()?.iter();
            texts
                .map(|text| String::from_utf8_lossy(text).into_owned())
                .collect()
        }
        _ => answer
            .values::<f64>()?
            .iter()
            .map(ToString::to_string)
            .collect(),
    })
}

fn check(fixture: &Fixture) -> Result<()> {
    let expected = &fixture.expected;
    let count = expected.rows.len();
    ensure!(count >= 20, "{count} rows");
    let (values, hashes) = expected.rows();
    let booster = read(fixture, Prediction::Natural)?;
    ensure!(
        booster.width().into_iter().collect::<Vec<_>>() == expected.shape,
        "the shape"
    );
    let raw = read(fixture, Prediction::Raw)?.predict(&values, &hashes, count)?;
    let (largest, differ) = differences(&raw.values::<f64>()?, &numbers(&expected.raw));
    ensure!(
        largest <= SUMS,
        "{differ} sums differ, by up to {largest:e}"
    );
    let answer = booster.predict(&values, &hashes, count)?;
    let (largest, differ) = differences(&answer.values::<f64>()?, &numbers(&expected.natural));
    ensure!(
        largest <= TOLERANCE,
        "{differ} answers differ, by up to {largest:e}"
    );
    if let Some(labels) = &expected.class {
        let said = read(fixture, Prediction::Class)?.predict(&values, &hashes, count)?;
        let labels: Vec<_> = labels.iter().flatten().cloned().collect();
        ensure!(
            texts(&said)? == labels,
            "labels: {:?}, expected {labels:?}",
            texts(&said)?
        );
    }
    Ok(())
}

#[test]
fn catboost_predicts_the_same() {
    let fixtures = all().unwrap();
    assert!(fixtures.len() >= 150, "{} models", fixtures.len());
    let wrong = fixtures.iter().filter_map(|fixture| {
        let error = check(fixture).err()?;
        Some(format!("{}: {error:#}", fixture.name))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files in JSON list the hash of each category that training has seen.
#[test]
fn categories_have_the_hashes_of_the_original() {
    let mut lengths = std::collections::BTreeSet::new();
    for fixture in all()
        .unwrap()
        .iter()
        .filter(|one| one.name.ends_with(".json"))
    {
        let document: serde_json::Value = serde_json::from_slice(&fixture.bytes).unwrap();
        let hashes = document["features_info"]["cat_features_hash"].as_array();
        for pair in hashes.into_iter().flatten() {
            let (text, hash) = (
                pair["value"].as_str().unwrap(),
                pair["hash"].as_i64().unwrap(),
            );
            assert_eq!(Booster::category(text.as_bytes()), hash as i32, "{text}");
            lengths.insert(text.len());
        }
    }
    let wanted = [0, 1, 3, 4, 8, 9, 16, 17, 32, 33, 64, 65, 127, 129, 200];
    assert!(
        wanted.iter().all(|length| lengths.contains(length)),
        "{lengths:?}"
    );
}

#[test]
fn a_classifier_is_served_with_its_labels() {
    use hari_core::{Call, Model as _};
    let bytes = std::fs::read(folder().join("combinations-1.2.cbm")).unwrap();
    let load = |prediction| {
        let options = Options {
            prediction,
            ..Options::default()
        };
        hari_trees::load_bytes(&bytes, hari_trees::Family::Catboost, &options).unwrap()
    };
    let model = load(Prediction::Natural);
    let signature = &model.signatures()[0];
    let inputs: Vec<_> = signature.inputs.iter().map(ToString::to_string).collect();
    let expected = [
        "`amount` FP64 [-1]",
        "`word` BYTES [-1]",
        "`few` BYTES [-1]",
        "`age` FP64 [-1]",
        "`number` BYTES [-1]",
    ];
    assert_eq!(inputs, expected);
    assert_eq!(signature.outputs[0].to_string(), "`predict` FP64 [-1, 2]");
    assert_eq!(model.labels(0, 0), ["0", "1"]);
    assert_eq!(
        (model.platform(), model.summary().booster.as_str()),
        ("catboost", "symmetric")
    );
    let text =
        |text: &'static str| Tensor::from_strings([1], vec![text.as_bytes().into()]).unwrap();
    let number = |value: f64| Tensor::from_vec([1], vec![value]).unwrap();
    let call = Call {
        signature: 0,
        inputs: vec![
            number(0.5),
            text("bc"),
            text("x"),
            number(f64::NAN),
            text("7"),
        ],
        outputs: Vec::new(),
    };
    let shares = model.run(call.clone()).unwrap()[0].to_vec::<f64>().unwrap();
    assert!((shares[0] + shares[1] - 1.0).abs() < 1e-15);
    let class = load(Prediction::Class).run(call).unwrap();
    assert_eq!(
        class[0].to_vec::<i64>().unwrap(),
        [i64::from(shares[1] > 0.5)]
    );
}
