//! Boosters as models that are served.

use hari_core::{Call, DataType, Model as _, Tensor};
use hari_error::Kind;
use hari_trees::{Family, Options, TreeModel, load};

use crate::fixture::folder;

fn model(family: Family, name: &str) -> TreeModel {
    load(&folder(family).join(name), family, &Options::default()).unwrap()
}

fn call(input: Tensor) -> Call {
    Call {
        signature: 0,
        inputs: vec![input],
        outputs: Vec::new(),
    }
}

#[test]
fn signatures_say_what_a_booster_takes_and_gives() {
    let logistic = model(Family::Xgboost, "logistic-3.2.json");
    let signature = &logistic.signatures()[0];
    assert_eq!(signature.inputs[0].to_string(), "`input-0` FP32 [-1, 5]");
    assert_eq!(signature.outputs[0].to_string(), "`predict` FP32 [-1]");
    assert!(logistic.batchable(0));
    assert_eq!(
        logistic.feature_names(),
        ["age", "income", "hours", "gain", "loss"]
    );
    let softprob = model(Family::Xgboost, "softprob-3.2.ubj");
    assert_eq!(softprob.signatures()[0].outputs[0].wire_shape(), [-1, 3]);
    let softmax = model(Family::Xgboost, "softmax-3.2.json");
    assert_eq!(softmax.signatures()[0].outputs[0].wire_shape(), [-1]);
    let classes = model(Family::Catboost, "classes-1.2.cbm");
    let signature = &classes.signatures()[0];
    assert_eq!(signature.inputs[0].to_string(), "`input-0` FP32 [-1, 4]");
    assert_eq!(classes.labels(0, 0), ["high", "low", "middle"]);
    let multiclass = model(Family::Lightgbm, "multiclass-4.7.txt");
    assert_eq!(
        multiclass.signatures()[0].outputs[0].to_string(),
        "`predict` FP64 [-1, 3]"
    );
}

#[test]
fn a_wrong_number_of_features_is_said_as_xgboost_says_it() {
    let model = model(Family::Xgboost, "logistic-3.2.json");
    let error = model
        .run(call(Tensor::from_vec([1, 4], vec![0_f32; 4]).unwrap()))
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::InvalidInput, "Expected 5 features, got 4")
    );
    let error = model
        .run(call(Tensor::from_vec([5], vec![0_f32; 5]).unwrap()))
        .unwrap_err();
    assert!(
        error
            .message()
            .contains("expected shape [-1, 5], found [5]"),
        "{error}"
    );
    let error = model
        .run(call(Tensor::from_vec([1, 5], vec![0_f64; 5]).unwrap()))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidInput);
}

#[test]
fn no_rows_have_no_predictions() {
    let model = model(Family::Lightgbm, "multiclass-4.7.txt");
    let outputs = model
        .run(call(Tensor::from_vec([0, 5], Vec::<f64>::new()).unwrap()))
        .unwrap();
    assert_eq!(
        (outputs[0].shape(), outputs[0].dtype()),
        (&[0, 3][..], DataType::Fp64)
    );
    let model = self::model(Family::Catboost, "classes-1.2.cbm");
    let outputs = model
        .run(call(Tensor::from_vec([0, 4], Vec::<f32>::new()).unwrap()))
        .unwrap();
    assert_eq!(outputs[0].shape(), [0, 3]);
}

#[test]
fn a_summary_says_what_it_is() {
    let summary = model(Family::Xgboost, "dart-1.7.bst").summary();
    assert_eq!((summary.family, &*summary.booster), ("XGBoost", "dart"));
    assert_eq!(
        (&*summary.version, &*summary.objective),
        ("1.7", "binary:logistic")
    );
    assert_eq!((summary.trees, summary.features), (12, 5));
    let summary = model(Family::Lightgbm, "binary-4.7.txt").summary();
    assert_eq!(
        (&*summary.version, &*summary.objective, summary.trees),
        ("v4", "binary", 8)
    );
    assert_eq!(summary.feature_names.len(), 5);
    let summary = model(Family::Catboost, "lossguide-1.2.cbm").summary();
    assert_eq!((summary.family, &*summary.booster), ("CatBoost", "free"));
    assert_eq!(
        (&*summary.version, &*summary.objective, summary.trees),
        ("1.2.10", "RMSE", 6)
    );
    let named = model(Family::Catboost, "named-1.1.cbm");
    assert_eq!(named.feature_names(), ["one", "two three", "vier", "cinq"]);
    assert!(named.summary().nodes > 6 && named.memory_bytes() > 100);
}

#[test]
fn the_best_iteration_is_taken_if_asked_for() {
    let path = folder(Family::Xgboost).join("stopped-3.2.json");
    let all = load(&path, Family::Xgboost, &Options::default()).unwrap();
    let options = Options {
        best_iteration: true,
        ..Options::default()
    };
    let best = load(&path, Family::Xgboost, &options).unwrap();
    assert_eq!(all.summary().trees - best.summary().trees, 5);
}
