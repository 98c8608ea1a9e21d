//! Damaged files: refused or answered, quickly, and never with a panic.

mod catboost;

use hari_trees::{Family, Options, load_bytes};

use crate::ask::read_and_ask;
use crate::fixture;

/// A file of a model.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
}

/// A fixture of each kind of file and of booster; small ones, so that there can be many mutants.
fn samples(family: Family) -> Vec<Sample> {
    let names: &[&str] = match family {
        Family::Xgboost => &[
            "partition-3.2.json",
            "partition-3.2.ubj",
            "dart-1.7.bst",
            "logistic-1.7.ubj",
            "vector-3.2.json",
            "vector-2.1.ubj",
            "linear-classes-1.7.bst",
            "linear-3.2.ubj",
            "softprob-1.7.bst",
            "dart-3.2.json",
        ],
        Family::Lightgbm => &[
            "categories-4.7.txt",
            "linear-tree-4.7.txt",
            "multiclass-3.3.txt",
            "forest-4.7.txt",
            "stump-3.3.txt",
        ],
        Family::Catboost => &[
            "combinations-1.2.cbm",
            "combinations-1.2.json",
            "lossguide-classes-1.0.cbm",
            "lossguide-classes-1.2.json",
            "one-hot-1.1.cbm",
            "mean-1.2.cbm",
            "texts-1.2.cbm",
            "scaled-1.0.json",
        ],
    };
    let read = |&name: &&'static str| {
        let bytes = std::fs::read(fixture::folder(family).join(name)).unwrap();
        Sample { name, bytes }
    };
    names.iter().map(read).collect()
}

/// Changes some bytes: flips bits, writes digits and signs, cuts and repeats.
fn mutate(bytes: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..bytes.len());
        match random.u8(..6) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at] = *random.choice(b"0123456789-,]}[{:\" \nLNld\0\xff").unwrap(),
            2 => bytes[at] = random.u8(..),
            3 => bytes.truncate(at.max(1)),
            4 => {
                let end = (at + random.usize(1..40)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let end = (at + random.usize(1..40)).min(bytes.len());
                bytes.drain(at..end);
                if bytes.is_empty() {
                    bytes.push(0);
                }
            }
        }
    }
    bytes
}

fn mutants(family: Family, count: usize) {
    let (mut taken, mut refused) = (0, 0);
    for (seed, sample) in samples(family).iter().enumerate() {
        let mut random = fastrand::Rng::with_seed(seed as u64);
        for _ in 0..count {
            match read_and_ask(&mutate(&sample.bytes, &mut random), family) {
                true => taken += 1,
                false => refused += 1,
            }
        }
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
}

#[test]
fn mutants_of_xgboost_are_refused_or_answered() {
    mutants(Family::Xgboost, 300);
}

#[test]
fn mutants_of_lightgbm_are_refused_or_answered() {
    mutants(Family::Lightgbm, 300);
}

#[test]
fn mutants_of_catboost_are_refused_or_answered() {
    mutants(Family::Catboost, 300);
}

#[test]
fn a_file_that_is_cut_is_refused() {
    for family in [Family::Xgboost, Family::Lightgbm, Family::Catboost] {
        for sample in samples(family) {
            // LightGBM's trees end long before the file does, as XGBoost's binary form has
            // attributes behind them.
            let end = match family {
                Family::Xgboost if sample.name.ends_with(".bst") => 390,
                Family::Xgboost | Family::Catboost => sample.bytes.len() - 1,
                Family::Lightgbm => {
                    let text = std::str::from_utf8(&sample.bytes).unwrap();
                    text.find("end of trees").unwrap()
                }
            };
            let step = (end / 150).max(1);
            for length in (0..end).step_by(step) {
                let cut = &sample.bytes[..length];
                assert!(
                    !read_and_ask(cut, family),
                    "{} of {length} bytes",
                    sample.name
                );
            }
        }
    }
}

/// A small model with one place left open.
fn xgboost(left: &str, right: &str, info: &str, sizes: &str) -> String {
    format!(
        r#"{{"learner":{{"attributes":{{}},"feature_names":[],"gradient_booster":{{"model":{{
        "gbtree_model_param":{{"num_trees":"1"}},"tree_info":[{info}],"trees":[{{
        "default_left":[0,0,0],"left_children":[{left}],"right_children":[{right}],
        "split_conditions":[0.5,1,2],"split_indices":[0,0,0],"tree_param":{{"size_leaf_vector":"0"}}}}]}},
        "name":"gbtree"}},"learner_model_param":{{"base_score":"0.5",{sizes}}},
        "objective":{{"name":"reg:squarederror"}}}},"version":[1,7,0]}}"#
    )
}

fn refusal(text: &str, family: Family) -> String {
    load_bytes(text.as_bytes(), family, &Options::default())
        .unwrap_err()
        .message()
        .to_owned()
}

#[test]
fn what_is_wrong_in_xgboost_is_named() {
    let sizes = r#""num_feature":"1","num_class":"0""#;
    let good = xgboost("1,-1,-1", "2,-1,-1", "0", sizes);
    assert!(read_and_ask(good.as_bytes(), Family::Xgboost));
    let cases = [
        (
            ("0,-1,-1", "2,-1,-1", "0", sizes),
            "tree 0: node 0 has two parents",
        ),
        (
            ("1,-1,-1", "7,-1,-1", "0", sizes),
            "tree 0: node 7 does not exist: there are 3",
        ),
        (
            ("1,-1,-1", "-5,-1,-1", "0", sizes),
            "tree 0: node 0: child -5 is none",
        ),
        (
            ("1,-1", "2,-1,-1", "0", sizes),
            "tree 0: `right_children` has 3 elements, `left_children` 2",
        ),
        (
            ("1,-1,-1", "2,-1,-1", "3", sizes),
            "tree 0: it adds to output 3, but there are 1",
        ),
        (
            ("1,-1,-1", "2,-1,-1", "", sizes),
            "`tree_info` has 0 elements, but there are 1 trees",
        ),
        (
            ("1,-1,-1", "2,-1,-1", "0", r#""num_feature":"0""#),
            "tree 0: it tests feature 0, but there are 0",
        ),
        (
            (
                "1,-1,-1",
                "2,-1,-1",
                "0",
                r#""num_feature":"1","num_class":"4000000000""#,
            ),
            "it declares 4000000000 outputs, but has trees for 1",
        ),
        (
            ("1,-1,-1", "2,-1,-1", "0", r#""num_feature":"99999999999""#),
            "`num_feature` is 99999999999: expected at most 134217727",
        ),
    ];
    for ((left, right, info, sizes), expected) in cases {
        assert_eq!(
            refusal(&xgboost(left, right, info, sizes), Family::Xgboost),
            expected
        );
    }
    let custom = good.replace("reg:squarederror", "mine");
    assert!(refusal(&custom, Family::Xgboost).contains("objective `mine` is not known"));
    assert!(refusal("{\"a\": 1}", Family::Xgboost).contains("this is no XGBoost model"));
    assert!(refusal("{\"a\": 1", Family::Xgboost).starts_with("byte 7: "));
    assert!(refusal("bs64", Family::Xgboost).contains("base64"));
}

fn lightgbm(head: &str, tree: &str) -> String {
    format!(
        "tree\nversion=v4\nmax_feature_idx=0\n{head}\n\nTree=0\nnum_leaves=2\nnum_cat=0\n{tree}\nend of trees\n"
    )
}

const GOOD_TREE: &str = "split_feature=0\nthreshold=0.5\ndecision_type=2\nleft_child=-1\n\
     right_child=-2\nleaf_value=1 2";

#[test]
fn what_is_wrong_in_lightgbm_is_named() {
    let tree = GOOD_TREE;
    assert!(read_and_ask(
        lightgbm("", tree).as_bytes(),
        Family::Lightgbm
    ));
    let cases = [
        (
            "left_child=-1",
            "left_child=0",
            "tree 0: node 0 has two parents",
        ),
        (
            "left_child=-1",
            "left_child=-9",
            "tree 0: node 9 does not exist: there are 3",
        ),
        (
            "left_child=-1",
            "left_child=1",
            "does not exist: there are 3",
        ),
        (
            "split_feature=0",
            "split_feature=1",
            "tree 0: it tests feature 1, but there are 1",
        ),
        (
            "split_feature=0",
            "split_feature=-1",
            "tree 0: `split_feature`: `-1` is no number",
        ),
        (
            "decision_type=2",
            "decision_type=14",
            "tree 0: node 0: `decision_type` 14 is not known",
        ),
        (
            "decision_type=2",
            "decision_type=1",
            "its set of categories, number 0.5, does not exist",
        ),
        (
            "leaf_value=1 2",
            "leaf_value=1",
            "tree 0: `leaf_value`: expected 2 numbers",
        ),
        (
            "threshold=0.5",
            "threshold=0.5 1",
            "tree 0: `threshold`: expected 1 numbers, found 2",
        ),
    ];
    for (from, to, expected) in cases {
        let found = refusal(&lightgbm("", &tree.replace(from, to)), Family::Lightgbm);
        assert!(found.contains(expected), "{to}: {found}");
    }
}

#[test]
fn what_is_wrong_in_the_head_of_lightgbm_is_named() {
    let tree = GOOD_TREE;
    let heads = [
        ("num_tree_per_iteration=4000000000", "is no multiple of"),
        ("objective=mine", "`objective`: `mine` is not known"),
        (
            "feature_names=a b",
            "`feature_names` has 2 names, but there are 1 features",
        ),
    ];
    for (head, expected) in heads {
        let found = refusal(&lightgbm(head, tree), Family::Lightgbm);
        assert!(found.contains(expected), "{head}: {found}");
    }
    let huge =
        lightgbm("", tree).replace("max_feature_idx=0", "max_feature_idx=18446744073709551615");
    assert!(refusal(&huge, Family::Lightgbm).contains("`max_feature_idx`"));
}

#[test]
fn a_file_beyond_the_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.txt");
    std::fs::write(&path, "tree\n".repeat(100)).unwrap();
    let options = Options {
        max_bytes: 10,
        ..Options::default()
    };
    let error = hari_trees::load(&path, Family::Lightgbm, &options).unwrap_err();
    assert_eq!(error.message(), "the model's file has more than 10 bytes");
    let missing =
        hari_trees::load(&folder.path().join("none"), Family::Lightgbm, &options).unwrap_err();
    assert!(!missing.message().contains('/'), "{missing}");
}
