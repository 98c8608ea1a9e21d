//! The corpora of the fuzzers, replayed: each file is refused or answered, and seeds are answered.

use std::path::Path;

use hari_trees::Family;

use crate::ask::read_and_ask;

fn replay(target: &str, family: Family, seeds: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut answered = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let taken = read_and_ask(&std::fs::read(&path).unwrap(), family);
        assert!(taken || !name.starts_with("seed-"), "{name} is refused");
        answered += usize::from(taken);
    }
    assert!(answered >= seeds, "{target}: {answered} answered");
}

#[test]
fn corpora_of_xgboost_are_refused_or_answered() {
    replay("xgboost_json", Family::Xgboost, 3);
    replay("xgboost_ubjson", Family::Xgboost, 3);
    replay("xgboost_binary", Family::Xgboost, 3);
}

#[test]
fn the_corpus_of_lightgbm_is_refused_or_answered() {
    replay("lightgbm_text", Family::Lightgbm, 3);
}

#[test]
fn corpora_of_catboost_are_refused_or_answered() {
    replay("catboost_cbm", Family::Catboost, 3);
    replay("catboost_json", Family::Catboost, 3);
}
