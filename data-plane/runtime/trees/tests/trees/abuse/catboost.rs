//! CatBoost: what is wrong is named, and sizes that lie take no memory.

use hari_trees::Family;

use super::refusal;
use crate::ask::read_and_ask;
use crate::fixture;

/// A small model of CatBoost in JSON.
const CATBOOST: &str = r#"{"features_info":{"float_features":[{"borders":[0.5,1.5],"feature_id":"a",
    "feature_index":0,"flat_feature_index":0,"has_nans":true,"nan_value_treatment":"AsFalse"}],
    "categorical_features":[{"feature_index":0,"flat_feature_index":1,"values":[7]}],
    "ctrs":[{"borders":[0.25],"ctr_type":"Borders","identifier":"t\"type\":\"Borders\"",
    "elements":[{"cat_feature_index":0,"combination_element":"cat_feature_value"}]}]},
    "ctr_data":{"t\"type\":\"Borders\"":{"hash_map":["5",1,2],"hash_stride":3}},
    "model_info":{"params":{"loss_function":{"type":"RMSE"}}},"scale_and_bias":[1,[0.5]],
    "oblivious_trees":[{"leaf_values":[1,2,3,4],"splits":[{"split_index":1},{"split_index":3}]}]}"#;

/// What is changed into what, and what is said of it.
const CASES: &[(&str, &str, &str)] = &[
    (
        r#""split_index":3"#,
        r#""split_index":4"#,
        "tree 0: split 4 does not exist: there are 4",
    ),
    (r#""split_index":3"#, r#""split_index":-1"#, "tree 0: split"),
    (
        "[1,2,3,4]",
        "[1,2,3,4,5]",
        "there are 5 values of leaves: expected 4",
    ),
    ("[1,2,3,4]", "[]", "it declares 0 outputs"),
    (
        "[1,[0.5]]",
        "[1,[0.5,1]]",
        "the bias has 2 numbers, expected 1",
    ),
    (
        "[1,[0.5]]",
        "[]",
        "`scale_and_bias`: expected a number and a list",
    ),
    (
        r#""flat_feature_index":1"#,
        r#""flat_feature_index":0"#,
        "column 0 is taken twice",
    ),
    (
        r#""flat_feature_index":1"#,
        r#""flat_feature_index":-1"#,
        "column -1 is taken twice",
    ),
    (
        r#""flat_feature_index":1"#,
        r#""flat_feature_index":4000000000"#,
        "but lists 2",
    ),
    (
        r#""hash_stride":3"#,
        r#""hash_stride":0"#,
        "`hash_stride`: expected at least 2",
    ),
    (
        r#"["5",1,2]"#,
        r#"["x",1,2]"#,
        "`hash_map`: expected hashes in quotes",
    ),
    (
        r#"["5",1,2]"#,
        r#"["5e",1,2]"#,
        "`hash_map`: a hash is no number",
    ),
    (
        r#"["5",1,2]"#,
        r#"["5",1,"2"]"#,
        "is no number that fits here",
    ),
    (
        r#"["5",1,2]"#,
        r#"["5","1",2]"#,
        "`hash_map`: expected hashes in quotes",
    ),
    (
        r#""ctr_type":"Borders""#,
        r#""ctr_type":"Mine""#,
        "`ctr_type`: `Mine` is not known",
    ),
    (
        r#""cat_feature_index":0"#,
        r#""cat_feature_index":9"#,
        "column 9 of categories does not exist",
    ),
    (
        r#""ctr_data""#,
        r#""no_data""#,
        "the counts of a counter are missing",
    ),
    (
        r#""features_info""#,
        r#""none""#,
        "this is no CatBoost model in JSON",
    ),
    (
        r#""ctrs":["#,
        r#""text_features":[{"flat_feature_index":2,"feature_id":"note"}],"ctrs":["#,
        "text column `note`: not supported",
    ),
    (
        r#"{"loss_function":{"type":"RMSE"}}"#,
        r#"{"loss_function":{"type":"MultiClass"}},"class_params":{"class_names":[1,2],
            "class_to_label":[7],"class_label_type":"Integer"}"#,
        "`class_params`: 2 labels do not fit 1 classes",
    ),
];

#[test]
fn what_is_wrong_in_catboost_is_named() {
    assert!(read_and_ask(CATBOOST.as_bytes(), Family::Catboost));
    for (from, to, expected) in CASES {
        let found = refusal(&CATBOOST.replace(from, to), Family::Catboost);
        assert!(found.contains(expected), "{to}: {found}");
    }
    assert!(refusal("CBM", Family::Catboost).contains("this is no CatBoost model"));
    assert!(refusal("CBM1\x04\0\0\0abcd", Family::Catboost).contains("ends too early"));
}

#[test]
fn labels_without_sums_are_refused() {
    let labels: Vec<_> = (0..2000).map(|at| at.to_string()).collect();
    let classes = format!(
        r#"{{"loss_function":{{"type":"MultiClass"}}}},"class_params":{{"class_names":[{}],
        "class_to_label":[0],"class_label_type":"Integer"}}"#,
        labels.join(",")
    );
    let text = CATBOOST.replace(r#"{"loss_function":{"type":"RMSE"}}"#, &classes);
    let found = refusal(&text, Family::Catboost);
    assert_eq!(found, "`class_params`: 2000 labels for 1 classes");
}

#[test]
fn nodes_of_catboost_that_are_no_tree_are_refused() {
    let start = CATBOOST.find("\"oblivious_trees\"").unwrap();
    let free = |tree: &str| format!("{}\"trees\":[{tree}]}}", &CATBOOST[..start]);
    let leaf = r#"{"value":1}"#;
    let good = format!(r#"{{"left":{leaf},"right":{leaf},"split":{{"split_index":2}}}}"#);
    assert!(read_and_ask(free(&good).as_bytes(), Family::Catboost));
    let deep = (0..70).fold(leaf.to_owned(), |tree, _| {
        format!(r#"{{"left":{leaf},"right":{tree},"split":{{"split_index":2}}}}"#)
    });
    assert!(refusal(&free(&deep), Family::Catboost).contains("nested too deep"));
    let one = good.replace("\"right\"", "\"wrong\"");
    assert!(refusal(&free(&one), Family::Catboost).contains("`right` is missing"));
    let unequal = good.replacen("1}", "[1,2]}", 1);
    assert!(refusal(&free(&unequal), Family::Catboost).contains("leaf has"));
}

/// Sizes and places are four bytes each: every one of them in turn is a huge number, or zero.
#[test]
fn sizes_that_lie_are_refused_or_answered() {
    for name in [
        "one-hot-1.1.cbm",
        "mean-1.2.cbm",
        "lossguide-classes-1.0.cbm",
    ] {
        let bytes = std::fs::read(fixture::folder(Family::Catboost).join(name)).unwrap();
        let mut taken = 0;
        for at in (4..bytes.len() - 4).step_by(4) {
            for value in [u32::MAX, 0x7FFF_FFF0, 0] {
                let mut bytes = bytes.clone();
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
                taken += usize::from(read_and_ask(&bytes, Family::Catboost));
            }
        }
        assert!(taken > 0, "{name}");
    }
}
