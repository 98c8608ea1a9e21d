//! Boosters that were trained on tables with categories: served column by column.

use std::path::{Path, PathBuf};

use hari_core::{Call, DataType, Model as _, Tensor};
use hari_trees::{Family, Options, TreeModel, load_bytes};
use serde::Deserialize;

use crate::parity::differences;

/// XGBoost's answers are float32, printed with all of their digits.
const XGBOOST: f64 = 2.4e-7;
const LIGHTGBM: f64 = 1e-15;

#[derive(Debug, Deserialize)]
struct Expected {
    categorical: Vec<bool>,
    rows: Vec<Vec<String>>,
    prediction: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tables")
}

impl Expected {
    /// The texts of a column.
    fn column(&self, at: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().map(move |row| &*row[at])
    }

    fn inputs(&self, model: &TreeModel) -> Vec<Tensor> {
        let count = self.rows.len();
        let number = |cell: &str| cell.parse::<f64>().unwrap();
        if !model.takes_columns() {
            let cells = self.rows.iter().flatten();
            let matrix: Vec<_> = cells.map(|cell| number(cell)).collect();
            return vec![Tensor::from_vec([count, self.categorical.len()], matrix).unwrap()];
        }
        let columns = self.categorical.iter().enumerate();
        let columns = columns.map(|(at, categorical)| match categorical {
            true => {
                let texts = self
                    .column(at)
                    .map(|cell| cell.to_owned().into_bytes().into());
                Tensor::from_strings([count], texts.collect()).unwrap()
            }
            false => Tensor::from_vec([count], self.column(at).map(number).collect()).unwrap(),
        });
        columns.collect()
    }
}

fn answer(model: &TreeModel, inputs: Vec<Tensor>) -> hari_error::Result<Tensor> {
    let outputs = model.run(Call {
        signature: 0,
        inputs,
        outputs: Vec::new(),
    })?;
    Ok(outputs.into_iter().next().unwrap())
}

fn model(name: &str) -> TreeModel {
    let family = match name.ends_with(".txt") {
        true => Family::Lightgbm,
        false => Family::Xgboost,
    };
    let bytes = std::fs::read(folder().join(name)).unwrap();
    load_bytes(&bytes, family, &Options::default()).unwrap()
}

fn check(name: &str, said: &Path) {
    let expected: Expected = serde_json::from_slice(&std::fs::read(said).unwrap()).unwrap();
    let model = model(name);
    let categorical: Vec<_> = model.columns().iter().map(|one| one.categorical).collect();
    assert_eq!(categorical, expected.categorical, "{name}");
    assert_eq!(model.takes_columns(), categorical.contains(&true), "{name}");
    let found = answer(&model, expected.inputs(&model)).unwrap();
    let (found, tolerance) = match found.dtype() {
        DataType::Fp32 => (found.cast(DataType::Fp64).unwrap(), XGBOOST),
        _ => (found, LIGHTGBM),
    };
    let wanted: Vec<f64> = expected
        .prediction
        .iter()
        .map(|one| one.parse().unwrap())
        .collect();
    let (largest, count) = differences(&found.values::<f64>().unwrap(), &wanted);
    assert!(
        largest <= tolerance,
        "{name}: {count} differ, by up to {largest:e}"
    );
}

#[test]
fn tables_with_categories_are_predicted_the_same() {
    let mut count = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(name) = name.strip_suffix(".expected.json") {
            check(name, &path);
            count += 1;
        }
    }
    assert!(count >= 16, "{count} models");
}

#[test]
fn columns_are_inputs_under_their_names() {
    let model = model("mixed-4.7.txt");
    let inputs = model.signatures()[0].inputs.iter().map(ToString::to_string);
    let expected = [
        "`amount` FP64 [-1]",
        "`city` BYTES [-1]",
        "`code` FP64 [-1]",
        "`flag` FP64 [-1]",
        "`street` BYTES [-1]",
    ];
    assert_eq!(inputs.collect::<Vec<_>>(), expected);
    assert!(model.batchable(0) && model.takes_columns());
}

#[test]
fn columns_that_do_not_fit_are_named() {
    let model = model("one-hot-3.2.json");
    let text = |texts: &[&'static str]| {
        let bytes = texts.iter().map(|text| text.as_bytes().into());
        Tensor::from_strings([texts.len()], bytes.collect()).unwrap()
    };
    let number = |values: &[f64]| Tensor::from_vec([values.len()], values.to_vec()).unwrap();
    let refusal = |inputs| answer(&model, inputs).unwrap_err().message().to_owned();
    let short = refusal(vec![
        text(&["Ulm", "Bonn"]),
        text(&["a"]),
        number(&[1.0, 2.0]),
    ]);
    assert_eq!(short, "column `street` has 1 rows, the first has 2");
    let numeric = refusal(vec![number(&[1.0]), text(&["a"]), number(&[1.0])]);
    assert!(numeric.starts_with("column `city`"), "{numeric}");
    let unseen = refusal(vec![text(&["Rom"]), text(&["street 1"]), number(&[1.0])]);
    assert_eq!(
        unseen,
        "column `city`: category `Rom` was not in training: send one that was, or none"
    );
    let few = refusal(vec![number(&[1.0])]);
    assert_eq!(few, "expected 3 inputs, found 1");
}

#[test]
fn categories_that_are_numbers_stay_a_matrix() {
    let model = model("values-3.2.json");
    assert_eq!(
        model.signatures()[0].inputs[0].to_string(),
        "`input-0` FP64 [-1, 2]"
    );
    let row = |code: f64| vec![Tensor::from_vec([1, 2], vec![0.5, code]).unwrap()];
    assert!(answer(&model, row(100.0)).is_ok() && answer(&model, row(f64::NAN)).is_ok());
    let error = answer(&model, row(6.0)).unwrap_err();
    assert!(
        error.message().starts_with("column `code`: category `6`"),
        "{error}"
    );
}
