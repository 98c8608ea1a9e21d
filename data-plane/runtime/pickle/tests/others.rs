//! Models of other libraries, labels of pandas, and what cloudpickle writes.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use hari_pickle::{Cursor, Document, Limits, open, read_file};

/// Files whose name starts so, in the order of their names.
fn files(start: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/others");
    let paths = std::fs::read_dir(folder).unwrap();
    let mut found: Vec<_> = paths
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(start)
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{start}");
    found
}

fn document(path: &Path) -> Document {
    open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn bytes(cursor: &Cursor<'_>, name: &str) -> Vec<u8> {
    cursor.attribute(name).unwrap().bytes().unwrap().to_vec()
}

#[test]
fn boosters_of_xgboost_keep_their_buffer() {
    for path in files("xgboost-") {
        let found = document(&path);
        assert_eq!(
            found.root().class().unwrap(),
            "xgboost.sklearn.XGBClassifier"
        );
        let booster = found.root().attribute("_Booster").unwrap();
        assert_eq!(booster.class().unwrap(), "xgboost.core.Booster");
        assert!(bytes(&booster, "handle").len() > 500, "{}", path.display());
    }
    assert_eq!(files("xgboost-").len(), 3);
}

#[test]
fn boosters_of_lightgbm_keep_their_text() {
    for path in files("lightgbm-") {
        let found = document(&path);
        assert_eq!(
            found.root().class().unwrap(),
            "lightgbm.sklearn.LGBMRegressor"
        );
        let booster = found.root().attribute("_Booster").unwrap();
        let handle = ["handle", "_handle"].map(|name| booster.find_attribute(name).unwrap());
        let text = handle.into_iter().flatten().next().unwrap().text().unwrap();
        assert!(text.starts_with("tree\n"), "{}", path.display());
    }
    assert_eq!(files("lightgbm-").len(), 3);
}

#[test]
fn models_of_catboost_keep_their_bytes() {
    for path in files("catboost-") {
        let found = document(&path);
        assert_eq!(
            found.root().class().unwrap(),
            "catboost.core.CatBoostClassifier"
        );
        assert!(bytes(&found.root(), "__model").starts_with(b"CBM1"));
    }
    assert_eq!(files("catboost-").len(), 2);
}

#[test]
fn labels_of_pandas_are_their_texts() {
    for path in files("pandas-") {
        let found = document(&path);
        let first = found
            .root()
            .attribute("transformers")
            .unwrap()
            .item(0)
            .unwrap();
        let columns = first.item(2).unwrap().strings();
        assert_eq!(columns.unwrap(), ["a", "b"], "{}", path.display());
    }
    assert_eq!(files("pandas-").len(), 3);
}

#[test]
fn distributions_of_scipy_are_opaque() {
    for path in files("search-") {
        let found = document(&path);
        let ranges = found.root().attribute("param_distributions").unwrap();
        let depth = ranges.get("max_depth").unwrap();
        let class = depth.class().unwrap();
        assert!(
            class.starts_with("scipy.stats._distn_infrastructure.rv_"),
            "{class}"
        );
        assert!(depth.state().is_err(), "{}", path.display());
        let best = found.root().attribute("best_estimator_").unwrap();
        assert!(best.attribute("tree_").is_ok());
    }
    assert_eq!(files("search-").len(), 4);
}

#[test]
fn cloudpickle_is_read_where_it_holds_no_code() {
    for path in files("cloudpickle-") {
        let found = document(&path);
        let class = "sklearn.linear_model._logistic.LogisticRegression";
        assert_eq!(found.root().class().unwrap(), class);
    }
    for path in files("cloudpickle_function-") {
        let error = read_file(&path, &Limits::default()).unwrap_err();
        let message = error.message();
        assert!(
            message.contains("`cloudpickle.cloudpickle._make_function`"),
            "{message}"
        );
        assert!(message.contains("stored with its code"), "{message}");
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let error = open(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_err();
    assert!(error.message().contains("a file is expected"), "{error}");
    assert!(open(Path::new("/dev/null")).is_err());
    assert!(open(Path::new("no such file")).is_err());
}
