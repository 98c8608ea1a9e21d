//! Files of linear models, support vectors and what is built of them whose attributes do not fit
//! each other: each is refused, and says what is wrong.

#[path = "support/pickle.rs"]
mod pickle;

use hari_core::{Call, Model as _, Tensor};
use pickle::{Value, csr, floats, ints, rows};

const LOGISTIC: &str = "sklearn.linear_model._logistic LogisticRegression";

fn logistic(classes: i64) -> Value {
    let planes = if classes == 2 { 1 } else { classes as usize };
    let labels: Vec<_> = (0..classes).collect();
    let weights = Value::Floats(vec![planes, 2], vec![0.5; planes * 2]);
    Value::Object(
        LOGISTIC,
        vec![
            ("classes_", ints(&labels)),
            ("coef_", weights),
            ("intercept_", floats(&vec![0.1; planes])),
        ],
    )
}

fn ridge() -> Value {
    let attributes = vec![
        ("coef_", floats(&[1.0, 2.0])),
        ("intercept_", Value::Float(0.5)),
    ];
    Value::Object("sklearn.linear_model._ridge Ridge", attributes)
}

fn svc() -> Value {
    Value::Object(
        "sklearn.svm._classes SVC",
        vec![
            ("classes_", ints(&[0, 1, 2])),
            ("kernel", Value::Text("rbf")),
            ("degree", Value::Int(3)),
            ("coef0", Value::Float(0.0)),
            ("_gamma", Value::Float(0.5)),
            ("_sparse", Value::Bool(false)),
            ("support_", ints(&[0, 1, 2])),
            (
                "support_vectors_",
                rows(&[&[0.0, 1.0], &[1.0, 0.0], &[2.0, 2.0]]),
            ),
            ("_n_support", ints(&[1, 1, 1])),
            (
                "_dual_coef_",
                rows(&[&[1.0, -1.0, -1.0], &[1.0, 1.0, -1.0]]),
            ),
            ("_intercept_", floats(&[0.1, 0.2, 0.3])),
            ("decision_function_shape", Value::Text("ovr")),
            ("break_ties", Value::Bool(false)),
            ("probability", Value::Bool(false)),
        ],
    )
}

fn binarizer(kind: &'static str, classes: i64) -> Value {
    let labels: Vec<_> = (0..classes).collect();
    Value::Object(
        "sklearn.preprocessing._label LabelBinarizer",
        vec![("classes_", ints(&labels)), ("y_type_", Value::Text(kind))],
    )
}

fn rest() -> Value {
    Value::Object(
        "sklearn.multiclass OneVsRestClassifier",
        vec![
            ("label_binarizer_", binarizer("multiclass", 3)),
            ("estimators_", Value::List(vec![logistic(2); 3])),
        ],
    )
}

fn pairs() -> Value {
    Value::Object(
        "sklearn.multiclass OneVsOneClassifier",
        vec![
            ("classes_", ints(&[0, 1, 2])),
            ("estimators_", Value::List(vec![logistic(2); 3])),
            ("n_features_in_", Value::Int(2)),
        ],
    )
}

fn codes() -> Value {
    Value::Object(
        "sklearn.multiclass OutputCodeClassifier",
        vec![
            ("classes_", ints(&[0, 1, 2])),
            ("estimators_", Value::List(vec![logistic(2); 2])),
            ("code_book_", rows(&[&[0.0, 1.0], &[1.0, 0.0], &[1.0, 1.0]])),
        ],
    )
}

fn chain() -> Value {
    let first = ridge();
    let second = ridge().with("coef_", floats(&[1.0, 2.0, 3.0]));
    Value::Object(
        "sklearn.multioutput RegressorChain",
        vec![
            ("estimators_", Value::List(vec![first, second])),
            ("order_", Value::List(vec![Value::Int(1), Value::Int(0)])),
        ],
    )
}

fn sigmoid() -> Value {
    let attributes = vec![("a_", Value::Float(-1.0)), ("b_", Value::Float(0.0))];
    Value::Object("sklearn.calibration _SigmoidCalibration", attributes)
}

fn pair(calibrators: Vec<Value>) -> Value {
    Value::Object(
        "sklearn.calibration _CalibratedClassifier",
        vec![
            ("estimator", logistic(3)),
            ("calibrators", Value::List(calibrators)),
            ("method", Value::Text("sigmoid")),
        ],
    )
}

fn calibrated(pairs: Vec<Value>) -> Value {
    Value::Object(
        "sklearn.calibration CalibratedClassifierCV",
        vec![
            ("classes_", ints(&[0, 1, 2])),
            ("calibrated_classifiers_", Value::List(pairs)),
        ],
    )
}

fn isotonic() -> Value {
    Value::Object(
        "sklearn.isotonic IsotonicRegression",
        vec![
            ("X_thresholds_", floats(&[0.0, 1.0])),
            ("y_thresholds_", floats(&[0.0, 2.0])),
            ("out_of_bounds", Value::Text("clip")),
        ],
    )
}

fn pls() -> Value {
    Value::Object(
        "sklearn.cross_decomposition._pls PLSRegression",
        vec![
            ("_x_mean", floats(&[0.0, 1.0])),
            ("_x_std", floats(&[1.0, 2.0])),
            ("x_rotations_", rows(&[&[1.0], &[1.0]])),
            ("x_loadings_", rows(&[&[1.0], &[1.0]])),
            ("coef_", rows(&[&[1.0, 1.0]])),
            ("intercept_", floats(&[0.5])),
        ],
    )
}

fn propagation() -> Value {
    Value::Object(
        "sklearn.semi_supervised._label_propagation LabelSpreading",
        vec![
            ("classes_", ints(&[0, 1])),
            ("kernel", Value::Text("rbf")),
            ("gamma", Value::Float(1.0)),
            ("X_", rows(&[&[0.0, 1.0], &[1.0, 0.0]])),
            ("label_distributions_", rows(&[&[1.0, 0.0], &[0.0, 1.0]])),
        ],
    )
}

/// Every one of them as it should be: what is refused below is refused for what was changed.
#[test]
fn what_fits_is_read_and_answers() -> anyhow::Result<()> {
    let models = [
        logistic(2),
        logistic(3),
        ridge(),
        svc(),
        rest(),
        pairs(),
        codes(),
        chain(),
        calibrated(vec![pair(vec![sigmoid(); 3])]),
        pls(),
        propagation(),
    ];
    for model in models {
        let loaded = model.load()?;
        for signature in 0..loaded.signatures().len() {
            let found = loaded.run(Call {
                signature,
                inputs: vec![Tensor::from_vec([2, 2], vec![0.5, 1.5, -1.0, 0.0])?],
                outputs: Vec::new(),
            })?;
            assert!(
                found.iter().all(|tensor| tensor.shape().contains(&2)),
                "{model:?}"
            );
        }
    }
    Ok(())
}

/// Each of these says something like this.
fn refused(cases: &[(Value, &str)]) {
    for (model, expected) in cases {
        let found = model.refusal();
        assert!(
            found.contains(expected),
            "{found}\nexpected: {expected}\n{model:?}"
        );
    }
}

#[test]
fn weights_that_do_not_fit() {
    refused(&[
        (ridge().without("coef_"), "there is no attribute `coef_`"),
        (
            ridge().with("coef_", floats(&[])),
            "expected rows of numbers",
        ),
        (
            ridge().with("coef_", Value::Floats(vec![2, 0], vec![])),
            "expected rows of numbers",
        ),
        (
            ridge().with("coef_", Value::Text("x")),
            "expected an object",
        ),
        (
            ridge().with("intercept_", floats(&[1.0, 2.0])),
            "expected 1 or 1 numbers, found 2",
        ),
        (
            ridge().with("intercept_", Value::Text("x")),
            "intercept_: expected an array of numbers",
        ),
        (
            logistic(3).with("classes_", ints(&[0, 1])),
            "expected 1 rows in `coef_` for 2 classes",
        ),
        (
            logistic(3).with("classes_", ints(&[])),
            "there are no classes",
        ),
        (
            ridge().with("coef_", csr([1, 2], &[0, 1], &[5], &[1.0])),
            "an index lies beyond the shape",
        ),
        (
            ridge().with("coef_", csr([1, 1 << 40], &[0, 1], &[1 << 39], &[1.0])),
            "expected fewer than 4294967295 columns",
        ),
    ]);
}

#[test]
fn support_vectors_that_do_not_fit() {
    let precomputed = svc().with("kernel", Value::Text("precomputed")).with(
        "shape_fit_",
        Value::List(vec![Value::Int(2), Value::Int(2)]),
    );
    let chances = svc()
        .with("probability", Value::Bool(true))
        .with("_probA", floats(&[1.0]))
        .with("_probB", floats(&[1.0]));
    refused(&[
        (
            svc().with("_n_support", ints(&[1, 1, 2])),
            "expected 3 support vectors in all, found 4",
        ),
        (
            svc().with("_n_support", ints(&[-1, 3, 1])),
            "expected integers from 0",
        ),
        (
            svc().with("_n_support", ints(&[i64::MAX; 3])),
            "expected integers from 0",
        ),
        (
            svc().with("_n_support", ints(&[3])),
            "expected 3 integers, found 1",
        ),
        (
            svc().with("_dual_coef_", rows(&[&[1.0, 1.0, 1.0]])),
            "expected 3 numbers for each of 2",
        ),
        (
            svc().with("_intercept_", floats(&[0.1])),
            "expected 3 numbers, found 1",
        ),
        (
            svc().with("kernel", Value::Text("cubic")),
            "`cubic` is no kernel",
        ),
        (
            svc().with("kernel", Value::None),
            "a kernel that is a function of Python",
        ),
        (
            svc()
                .with("kernel", Value::Text("poly"))
                .with("degree", Value::Int(-1)),
            "expected a degree that is not negative",
        ),
        (precomputed, "support_: expected integers from 0 to 1"),
        (chances, "expected 3 numbers, found 1"),
        (
            svc().with("_sparse", Value::Bool(true)),
            "expected an object",
        ),
    ]);
}

#[test]
fn teams_that_do_not_fit() {
    let two = |place: i64| Value::List(vec![Value::Int(0), Value::Int(place)]);
    let uneven = Value::List(vec![logistic(2), logistic(2), logistic(3)]);
    let outside = Value::List(vec![ints(&[0, 1]), ints(&[0, 2]), ints(&[0, 1])]);
    refused(&[
        (
            rest().with("estimators_", Value::List(vec![logistic(2)])),
            "expected 3 estimators, found 1",
        ),
        (
            rest().with("estimators_", uneven),
            "estimator 2, `LogisticRegression`, gives more than one",
        ),
        (
            rest().with("label_binarizer_", binarizer("continuous", 3)),
            "`continuous` is no kind",
        ),
        (
            pairs().with("classes_", ints(&[0, 1])),
            "expected 1 estimators, found 3",
        ),
        (
            pairs().with("pairwise_indices_", outside),
            "expected integers from 0 to 1",
        ),
        (
            codes().with("code_book_", rows(&[&[0.0, 1.0]])),
            "expected a row in `code_book_`",
        ),
        (
            codes().with("estimators_", Value::List(vec![])),
            "expected 2 estimators, found 0",
        ),
        (chain().with("order_", two(0)), "expected each output"),
        (
            chain().with("order_", two(7)),
            "expected the number of an output",
        ),
        (
            chain().with("chain_method_", Value::Text("transform")),
            "`chain_method_` is `transform`",
        ),
        (
            chain().with("chain_method_", Value::Text("predict_proba")),
            "expected estimators with one number from `predict_proba`",
        ),
    ]);
}

#[test]
fn calibrators_and_curves_that_do_not_fit() {
    let strange = Value::List(vec![sigmoid(), logistic(2)]);
    refused(&[
        (calibrated(vec![]), "there are no classifiers"),
        (
            calibrated(vec![pair(vec![])]),
            "expected 1 to 3 calibrators, found 0",
        ),
        (
            calibrated(vec![pair(vec![sigmoid(); 4])]),
            "expected 1 to 3 calibrators, found 4",
        ),
        (
            calibrated(vec![pair(vec![]).with("calibrators", strange)]),
            "LogisticRegression` is no calibrator",
        ),
        (
            calibrated(vec![pair(vec![sigmoid()]).with("estimator", ridge())]),
            "expected `decision_function` or `predict_proba`",
        ),
        (
            calibrated(vec![pair(vec![sigmoid(); 3])]).with("classes_", ints(&[0, 1, 5])),
            "a class is not among `classes_`",
        ),
        (
            isotonic().with("X_thresholds_", floats(&[1.0, 0.0])),
            "points in `X_thresholds_` that rise",
        ),
        (
            isotonic().with("X_thresholds_", floats(&[0.0, f64::NAN])),
            "that rise",
        ),
        (
            isotonic().with("y_thresholds_", floats(&[0.0])),
            "expected 2 numbers, found 1",
        ),
        (
            isotonic().with("out_of_bounds", Value::Text("wrap")),
            "`out_of_bounds` is `wrap`",
        ),
    ]);
}

#[test]
fn projections_and_labels_that_do_not_fit() {
    refused(&[
        (
            pls().with("_x_std", floats(&[1.0])),
            "expected 2 numbers, found 1",
        ),
        (
            pls().with("x_rotations_", rows(&[&[1.0]])),
            "expected 2 rows, found 1",
        ),
        (
            pls().with("coef_", rows(&[&[1.0, 1.0, 1.0]])),
            "`coef_` does not fit `_x_mean`",
        ),
        (
            pls().with("x_loadings_", rows(&[&[1.0, 1.0], &[1.0, 1.0]])),
            "expected shape [2, 1]",
        ),
        (
            propagation().with("kernel", Value::Text("cosine")),
            "`cosine` is no kernel",
        ),
        (
            propagation().with("label_distributions_", rows(&[&[1.0, 0.0]])),
            "expected shape [2, 2], found [1, 2]",
        ),
    ]);
}

/// A curve that refuses what lies outside says so to who asks.
#[test]
fn what_lies_outside_of_a_curve_is_refused() -> anyhow::Result<()> {
    let model = isotonic()
        .with("out_of_bounds", Value::Text("raise"))
        .load()?;
    let ask = |value: f64| {
        model.run(Call {
            signature: 0,
            inputs: vec![Tensor::from_vec([1, 1], vec![value])?],
            outputs: Vec::new(),
        })
    };
    assert_eq!(ask(0.25)?[0].values::<f64>()?[0], 0.5);
    let error = ask(3.0).expect_err("3 lies outside").to_string();
    assert!(error.contains("expected 0 to 1"), "{error}");
    Ok(())
}
