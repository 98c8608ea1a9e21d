//! What Python wrote is what is read: every fixture, against what it holds as JSON.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/shown.rs"]
mod shown;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use hari_pickle::{Document, Limits, SparseFormat, read, read_file};
use serde_json::Value as Json;

/// Folders of fixtures, one for each version of scikit-learn.
fn versions() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut found: Vec<_> = entries(&folder).filter(|path| path.is_dir()).collect();
    found.sort();
    assert!(found.len() >= 4, "{found:?}");
    found
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path())
}

fn is_model(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    matches!(extension, Some("pkl" | "joblib" | "skops"))
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = entries(folder).filter(|path| is_model(path)).collect();
    found.sort();
    found
}

/// `tree.json` of `tree.4.pkl`.
fn expectation(path: &Path) -> Json {
    let name = path.file_name().unwrap().to_str().unwrap();
    let stem = name.split('.').next().unwrap();
    let text = fs::read_to_string(path.with_file_name(format!("{stem}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn open(path: &Path) -> Document {
    let document = read_file(path, &Limits::default());
    document.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fixture(version: &str, name: &str) -> Document {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    open(&folder.join(version).join(name))
}

#[test]
fn every_fixture_holds_what_python_says() {
    let mut compared = 0;
    for path in versions().iter().flat_map(|folder| models(folder)) {
        let expected = expectation(&path);
        if expected.get("sparse").is_some() {
            continue;
        }
        let document = open(&path);
        let found = shown::show(&document.root());
        shown::same(&found, &expected, &path.display().to_string());
        compared += 1;
    }
    assert!(compared > 370, "{compared}");
}

#[test]
fn a_file_is_read_as_its_bytes_are() {
    for path in models(&versions()[0]) {
        let bytes = fs::read(&path).unwrap();
        let from_memory = read(&bytes, &Limits::default()).unwrap();
        let from_file = open(&path);
        let expected = shown::show(&from_file.root());
        shown::same(&shown::show(&from_memory.root()), &expected, "memory");
    }
}

#[test]
fn sparse_matrices_hold_what_python_says() {
    for folder in versions() {
        for path in models(&folder) {
            if expectation(&path).get("sparse").is_none() {
                continue;
            }
            let sparse = open(&path).root().sparse().unwrap();
            let (rows, columns) = sparse.shape;
            let mut dense = vec![0.0; rows * columns];
            for (outer, span) in sparse.starts.windows(2).enumerate() {
                for at in span[0]..span[1] {
                    let (row, column) = match sparse.format {
                        SparseFormat::Csr => (outer, sparse.indices[at]),
                        SparseFormat::Csc => (sparse.indices[at], outer),
                    };
                    dense[row * columns + column] = sparse.values[at];
                }
            }
            let expected = &expectation(&path)["dense"]["values"];
            let expected = expected.as_array().unwrap().iter();
            let expected: Vec<f64> = expected
                .map(|v| shown::float(v.as_str().unwrap()))
                .collect();
            assert_eq!(dense, expected, "{}", path.display());
        }
    }
}

#[test]
fn the_version_of_scikit_learn_is_known() {
    for folder in versions() {
        let version = folder.file_name().unwrap().to_str().unwrap();
        for name in ["logistic_pipeline.joblib", "tree.pkl", "svc.joblib"] {
            let document = open(&folder.join(name));
            assert_eq!(document.sklearn_version(), Some(version), "{name}");
        }
        assert_eq!(open(&folder.join("plain.4.pkl")).sklearn_version(), None);
    }
}

#[test]
fn a_cursor_walks_a_pipeline() {
    let document = fixture("1.9.1", "logistic_pipeline.joblib");
    let root = document.root();
    assert_eq!(root.class().unwrap(), "sklearn.pipeline.Pipeline");
    let steps = root.attribute("steps").unwrap();
    let last = steps.item(1).unwrap().item(1).unwrap();
    assert_eq!(last.path(), "steps[1][1]");
    assert_eq!(
        last.class().unwrap(),
        "sklearn.linear_model._logistic.LogisticRegression"
    );
    let weights = last.attribute("coef_").unwrap();
    let weights = weights.array_of_rank::<f64>(2).unwrap();
    assert_eq!(weights.shape, [1, 3]);
    let classes = last.attribute("classes_").unwrap().strings().unwrap();
    assert_eq!(classes, ["no", "yes"]);
}

#[test]
fn the_nodes_of_a_tree_are_columns() {
    for folder in versions() {
        let document = open(&folder.join("tree.joblib"));
        let tree = document.root().attribute("tree_").unwrap();
        assert_eq!(tree.class().unwrap(), "sklearn.tree._tree.Tree");
        assert_eq!(tree.argument(0).unwrap().integer().unwrap(), 3);
        let state = tree.state().unwrap();
        let nodes = state.get("nodes").unwrap();
        let left = nodes.column::<i64>("left_child").unwrap().values;
        let thresholds = nodes.column::<f64>("threshold").unwrap().values;
        assert_eq!(left.len(), thresholds.len());
        let count = state.get("node_count").unwrap().integer().unwrap();
        assert_eq!(left.len(), usize::try_from(count).unwrap());
        assert!(left.iter().all(|child| (-1..count).contains(child)));
        assert!(nodes.column::<f32>("threshold").is_err());
        assert!(nodes.column::<f64>("no_such_field").is_err());
    }
}

#[test]
fn errors_say_where_and_what() {
    let document = fixture("1.9.1", "logistic_pipeline.joblib");
    let steps = document.root().attribute("steps").unwrap();
    let model = steps.item(1).unwrap().item(1).unwrap();
    for (error, words) in [
        (
            model
                .attribute("coef_")
                .unwrap()
                .array_of_rank::<f32>(1)
                .err(),
            "steps[1][1].coef_: expected a float32 array of rank 1, found a float64 array of shape \
             [1, 3]",
        ),
        (
            model.attribute("coef").err(),
            "steps[1][1]: there is no attribute `coef`",
        ),
        (
            model.attribute("C").unwrap().strings().err(),
            "steps[1][1].C: expected an array of text, found a float",
        ),
        (
            document.root().array::<f64>().err(),
            "the model: expected a float64 array, found an object of `sklearn.pipeline.Pipeline`",
        ),
        (
            document.root().attribute("steps").unwrap().item(2).err(),
            "steps: there are 2 elements, none is number 2",
        ),
        (
            model.attribute("C").unwrap().integer().err(),
            "steps[1][1].C: expected an integer of 64 bits, found a float",
        ),
        (
            model.sparse().err(),
            "steps[1][1]: expected a sparse matrix, CSR or CSC, found an object",
        ),
    ] {
        let message = error.unwrap().message().to_owned();
        assert!(message.starts_with(words), "{message}");
    }
}

#[test]
fn single_values_of_numpy_count_as_python_s() {
    let document = fixture("1.9.1", "scalars.joblib");
    let items = document.root().items().unwrap();
    assert!((items[0].float().unwrap() - 0.1).abs() < f64::EPSILON);
    assert_eq!(items[2].integer().unwrap(), -3);
    assert!(items[3].boolean().unwrap());
    assert!(items[3].integer().is_err());
    assert_eq!(items[4].text().unwrap(), "é");
    assert_eq!(items[5].float().unwrap(), 200.0);
    assert!(items[4].float().is_err());
}

#[test]
fn a_vocabulary_numbers_its_words() {
    for folder in versions() {
        let document = open(&folder.join("tfidf.joblib"));
        let words = document.root().attribute("vocabulary_").unwrap();
        let mut words = words.numbering().unwrap();
        words.sort();
        let words: Vec<_> = words
            .iter()
            .map(|(word, at)| (word.as_str(), *at))
            .collect();
        assert_eq!(words, [("one", 0), ("three", 1), ("two", 2)]);
        assert!(document.root().numbering().unwrap().is_empty());
    }
}
