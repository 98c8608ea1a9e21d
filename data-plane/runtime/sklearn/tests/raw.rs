//! Trees that no training made: small models of `tests/raw`, damaged in known places.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use hari_core::{Call, Model as _, Tensor};
use hari_sklearn::{Options, load, load_bytes};

fn model(name: &str) -> Result<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/raw");
    std::fs::read(folder.join(name).with_extension("pkl")).context(name.to_owned())
}

/// Puts `to` where `from` stands, which is there once.
fn damage(bytes: &[u8], from: &[u8], to: &[u8]) -> Result<Vec<u8>> {
    ensure!(from.len() == to.len(), "nothing moves");
    let places: Vec<_> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from)
        .map(|(at, _)| at)
        .collect();
    ensure!(places.len() == 1, "it is there {} times", places.len());
    let mut bytes = bytes.to_vec();
    for (byte, to) in bytes.iter_mut().skip(places[0]).zip(to) {
        *byte = *to;
    }
    Ok(bytes)
}

/// What is said of a file that is refused.
fn refused(bytes: &[u8]) -> Result<String> {
    let found = load_bytes(bytes, &Options::default());
    Ok(found.err().context("it is read")?.to_string())
}

fn words<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

/// Children and feature of the root of `tree`, `forest` and `isolation`.
const ROOT: [i64; 3] = [1, 4, 1];

fn with_root(name: &str, root: [i64; 3]) -> Result<Vec<u8>> {
    let [from, to] = [ROOT, root].map(|root| words(&root, i64::to_le_bytes));
    damage(&model(name)?, &from, &to)
}

#[test]
fn nodes_that_make_no_tree_are_refused() -> Result<()> {
    let wrong = [
        ([99, 4, 1], "the child 99"),
        ([0, 4, 1], "the child 0"),
        ([i64::MIN, 4, 1], "the child"),
        ([1, i64::MAX, 1], "the child"),
        ([1, 1, 1], "two parents"),
        ([1, 2, 1], "two parents"),
        ([1, 4, 3], "feature 3"),
        ([1, 4, -7], "feature"),
        ([1, 4, i64::MAX], "feature"),
    ];
    for name in ["tree", "forest", "isolation"] {
        load_bytes(&with_root(name, ROOT)?, &Options::default())?;
        for (root, expected) in wrong {
            let said = refused(&with_root(name, root)?)?;
            let placed = said.contains(expected) || name == "isolation" && said.contains("feature");
            ensure!(placed && said.contains("tree_"), "{name}, {root:?}: {said}");
        }
    }
    Ok(())
}

#[test]
fn a_tree_answers_alike_from_a_pickle_and_from_skops() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/raw");
    let rows: Vec<_> = (0..60)
        .map(|x| f64::from(x * 37 % 19) / 5.0 - 2.0)
        .collect();
    let ask = |file: &str| {
        let model = load(&folder.join(file), &Options::default())?;
        let inputs = vec![Tensor::from_vec([20, 3], rows.clone())?];
        let signature = model.signatures().len() - 1;
        let found = model.run(Call {
            signature,
            inputs,
            outputs: vec![1],
        })?;
        anyhow::Ok(
            found
                .first()
                .context("no answer")?
                .values::<f64>()?
                .into_owned(),
        )
    };
    let found = ask("tree.skops")?;
    ensure!(found == ask("tree.pkl")? && found.len() == 60, "{found:?}");
    Ok(())
}

#[test]
fn a_tree_that_is_referred_to_very_often_is_refused() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/raw");
    for file in ["repeated.joblib", "repeated_voters.joblib"] {
        let said = refused(&std::fs::read(folder.join(file))?)?;
        ensure!(said.contains("so often"), "{file}: {said}");
    }
    Ok(())
}

#[test]
fn a_root_that_is_a_leaf_leaves_the_others_out() -> Result<()> {
    let bytes = with_root("tree", [-1, 4, 1])?;
    load_bytes(&bytes, &Options::default())?;
    Ok(())
}

#[test]
fn histogram_trees_are_checked_too() -> Result<()> {
    let bytes = model("hist")?;
    let [from, first, second, third] = [[1, 4], [99, 4], [1, 1], [0, 4]]
        .map(|children: [u32; 2]| words(&children, u32::to_le_bytes));
    for (children, expected) in [
        (first, "node 99 does not exist"),
        (second, "two parents"),
        (third, "two parents"),
    ] {
        let said = refused(&damage(&bytes, &from, &children)?)?;
        ensure!(
            said.contains(expected) && said.contains("_predictors"),
            "{said}"
        );
    }
    Ok(())
}

#[test]
fn numbers_of_classes_and_of_features_are_checked() -> Result<()> {
    // `n_outputs_` stands before `classes_`; 1 becomes 3.
    let name = b"n_outputs_";
    let from = [&name[..], b"\x94K\x01"].concat();
    let to = [&name[..], b"\x94K\x03"].concat();
    let said = refused(&damage(&model("tree")?, &from, &to)?)?;
    ensure!(said.contains("classes_"), "{said}");
    let said = refused(&damage(&model("forest")?, &from, &to).or_else(|_| {
        // The forest has the name once in itself, and memoised in its trees.
        damage(&model("forest")?, b"n_outputs_", b"n_outputx_")
    })?)?;
    ensure!(!said.is_empty(), "{said}");
    Ok(())
}

#[test]
fn a_file_that_ends_early_is_refused() -> Result<()> {
    for name in ["tree", "forest", "isolation", "hist"] {
        let bytes = model(name)?;
        for end in (0..bytes.len()).step_by(37) {
            refused(&bytes[..end]).with_context(|| format!("{name} up to {end}"))?;
        }
    }
    Ok(())
}
