//! The binary form of 0.x and 1.x (`model.bst`, `model.model`), little-endian structs one after the
//! other.
//!
//! | | bytes |
//! |---|---|
//! | `binf`, not always | 4 |
//! | base score, features, classes, whether attributes follow, whether metrics follow, version, targets | 136 |
//! | name of the objective, name of the booster | 8 and the text, each |
//! | trees: sizes | 160 |
//! | each tree: sizes; nodes of parent, left, right, feature with the default's bit, threshold or value; statistics | 148, 20 and 16 for each node |
//! | the group of each tree; for dart its weight | 4 for each tree |

use hari_error::{Error, Result};

use super::Booster;
use super::learner::{Forest, Head};
use super::objective::Objective;
use super::release::Release;
use super::tree::Columns;
use crate::bytes::Bytes;
use crate::read::Options;

/// The bit of a node's feature that says where missing values go.
const DEFAULT_LEFT: u32 = 1 << 31;
/// Bytes of a node with its statistics.
const NODE: usize = 20 + 16;

/// Reads a booster.
///
/// # Errors
/// `Model` with the place at which it is none.
pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Booster> {
    if bytes.starts_with(b"bs64") {
        return Err(Error::model(
            "the model is in base64: save it with `save_model` as JSON",
        ));
    }
    let mut file = Bytes::new(bytes.strip_prefix(b"binf").unwrap_or(bytes));
    let read = booster(&mut file, options);
    read.map_err(|error| error.context("it is read as XGBoost's old binary form"))
}

fn booster(file: &mut Bytes<'_>, options: &Options) -> Result<Booster> {
    let mut head = head(file)?;
    head.objective = Objective::named(text(file)?)?;
    let kind = text(file)?;
    match kind {
        "gbtree" => trees(file, head, false, options),
        "dart" => trees(file, head, true, options),
        "gblinear" => {
            file.take(4 + 4 + 128)?;
            let count = length(file)?;
            let weights = floats(file, count)?;
            head.linear(weights)
        }
        other => {
            let other: String = other.chars().take(40).collect();
            Err(file.wrong(&format!("booster `{other}` is not known")))
        }
    }
}

fn head(file: &mut Bytes<'_>) -> Result<Head> {
    let base_score = f32::from_le_bytes(file.array()?);
    let features = word(file)? as usize;
    let classes = word(file)?;
    file.take(8)?;
    let (major, minor, targets) = (word(file)?, word(file)?, word(file)?);
    file.take(136 - 32)?;
    if classes > 1 << 20 || targets > 1 << 20 || major > 1000 {
        return Err(file.wrong("the sizes are not those of a model: save it again as JSON"));
    }
    Ok(Head {
        version: if major == 0 {
            "0".to_owned()
        } else {
            format!("{major}.{minor}")
        },
        features,
        feature_names: Vec::new(),
        classes: classes as usize,
        targets: targets as usize,
        base_scores: vec![base_score],
        base_is_sum: major == 0,
        release: Release::of(&[major.into(), minor.into()]),
        objective: Objective::named("reg:squarederror")?,
    })
}

fn trees(file: &mut Bytes<'_>, head: Head, dart: bool, options: &Options) -> Result<Booster> {
    let count = word(file)? as usize;
    file.take(160 - 4)?;
    // The trees are read twice as bytes, once as nodes: what follows them is needed first.
    let start = file.clone();
    for at in 0..count {
        skip(file).map_err(|error| error.context(format!("tree {at}")))?;
    }
    let groups = (0..count)
        .map(|_| Ok(i64::from(word(file)?)))
        .collect::<Result<_>>()?;
    let weights = match dart && count > 0 {
        true => {
            let weights = length(file)?;
            Some(floats(file, weights)?)
        }
        // No trees, and no weights in the file.
        false => dart.then(Vec::new),
    };
    let mut file = start;
    let trees = (0..count).map(move |_| columns(&mut file));
    let forest = Forest {
        trees,
        count,
        groups,
        weights,
    };
    head.trees(forest, options.set_words)
}

/// The number of nodes of the tree that starts here.
fn nodes(file: &mut Bytes<'_>) -> Result<usize> {
    file.take(4)?;
    let nodes = word(file)? as usize;
    file.take(12)?;
    let vector = word(file)?;
    file.take(148 - 24)?;
    if vector > 1 {
        return Err(file.wrong("leaves of several values are not read from this form"));
    }
    Ok(nodes)
}

fn skip(file: &mut Bytes<'_>) -> Result<()> {
    let size = nodes(file)?.checked_mul(NODE);
    file.take(size.ok_or_else(|| file.wrong("it has too many nodes"))?)?;
    Ok(())
}

fn columns(file: &mut Bytes<'_>) -> Result<Columns> {
    let count = nodes(file)?;
    let size = count.checked_mul(NODE);
    let mut inside = Bytes::new(file.take(size.unwrap_or(usize::MAX))?);
    let mut columns = Columns::default();
    for _ in 0..count {
        word(&mut inside)?;
        columns
            .left
            .push(i32::from_le_bytes(inside.array()?).into());
        columns
            .right
            .push(i32::from_le_bytes(inside.array()?).into());
        let feature = word(&mut inside)?;
        columns.feature.push((feature & !DEFAULT_LEFT).into());
        columns
            .default_left
            .push((feature & DEFAULT_LEFT != 0).into());
        columns.condition.push(f32::from_le_bytes(inside.array()?));
    }
    if count == 0 {
        return Err(file.wrong("it has no nodes"));
    }
    Ok(columns)
}

fn word(file: &mut Bytes<'_>) -> Result<u32> {
    Ok(u32::from_le_bytes(file.array()?))
}

fn length(file: &mut Bytes<'_>) -> Result<usize> {
    let length = u64::from_le_bytes(file.array()?);
    usize::try_from(length).map_err(|_| file.wrong("a length is too large"))
}

fn text<'a>(file: &mut Bytes<'a>) -> Result<&'a str> {
    let length = length(file)?;
    let text = std::str::from_utf8(file.take(length)?).ok();
    text.ok_or_else(|| file.wrong("expected a name"))
}

fn floats(file: &mut Bytes<'_>, count: usize) -> Result<Vec<f32>> {
    let size = count.saturating_mul(4);
    let bytes = file.take(size)?.chunks_exact(4);
    Ok(bytes
        .map(|bytes| bytes.try_into().map_or(f32::NAN, f32::from_le_bytes))
        .collect())
}
