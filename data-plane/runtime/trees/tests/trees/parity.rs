//! Sums equal the originals' bit for bit; so do predictions, but for the last bits where the
//! platform's exponential decides.

use anyhow::Result;
use hari_trees::{Family, Options, lightgbm, xgboost};

use crate::fixture::{self, Fixture};

/// Predictions may differ by this much, relative: one or two steps of float32, for `expf` of
/// another C library than that which the original was run with.
const XGBOOST: f64 = 2.4e-7;
/// The same for float64 and `exp`.
const LIGHTGBM: f64 = 1e-15;

/// The largest relative difference, and how many numbers differ at all.
pub(crate) fn differences(found: &[f64], expected: &[f64]) -> (f64, usize) {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let apart = |(found, expected): (&f64, &f64)| {
        let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
        if same {
            0.0
        } else {
            (found - expected).abs() / expected.abs().max(f64::MIN_POSITIVE)
        }
    };
    let apart: Vec<_> = pairs.map(apart).collect();
    let largest =
        apart.iter().copied().fold(
            0.0,
            |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(b) },
        );
    (largest, apart.iter().filter(|&&apart| apart != 0.0).count())
}

fn wide(numbers: Vec<f32>) -> Vec<f64> {
    numbers.into_iter().map(f64::from).collect()
}

/// Sums and predictions of a model, with the shape of a prediction.
fn ask(family: Family, fixture: &Fixture) -> Result<(Vec<f64>, Vec<f64>, Option<usize>)> {
    let (options, count) = (Options::default(), fixture.expected.count());
    let rows = fixture.expected.rows(family);
    match family {
        Family::Xgboost => {
            let booster = xgboost::Booster::read(&fixture.bytes, &options)?;
            let rows: Vec<_> = rows.into_iter().map(|value| value as f32).collect();
            assert_eq!(rows.len(), count * booster.features());
            let sums = wide(booster.margins(&rows, count));
            Ok((sums, wide(booster.predict(&rows, count)), booster.width()))
        }
        Family::Lightgbm => {
            let booster = lightgbm::Booster::read(&fixture.bytes, &options)?;
            assert_eq!(rows.len(), count * booster.features());
            let sums = booster.margins(&rows, count);
            Ok((sums, booster.predict(&rows, count), booster.width()))
        }
        Family::Catboost => panic!("CatBoost has expectations of its own kind"),
    }
}

fn check(family: Family, tolerance: f64, at_least: usize) {
    let fixtures = fixture::all(family).unwrap();
    assert!(fixtures.len() >= at_least, "{} models", fixtures.len());
    let mut wrong = Vec::new();
    for fixture in &fixtures {
        let name = &fixture.name;
        let (sums, predictions, width) =
            ask(family, fixture).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = &fixture.expected;
        assert!(expected.count() >= 20, "{name}");
        assert_eq!(
            expected.shape,
            width.into_iter().collect::<Vec<_>>(),
            "{name}"
        );
        let (largest, count) = differences(&sums, &expected.margin(family));
        if count != 0 {
            wrong.push(format!("{name}: {count} sums differ, by up to {largest:e}"));
        }
        let (largest, count) = differences(&predictions, &expected.prediction(family));
        if largest > tolerance {
            wrong.push(format!(
                "{name}: {count} predictions differ, by up to {largest:e}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn xgboost_predicts_the_same() {
    check(Family::Xgboost, XGBOOST, 100);
}

#[test]
fn lightgbm_predicts_the_same() {
    check(Family::Lightgbm, LIGHTGBM, 50);
}
