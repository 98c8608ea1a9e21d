//! The binary form, `.cbm`: a FlatBuffer of the model, then one for the counts of each counter.
//!
//! Fields by number, from `catboost/libs/model/flatbuffers` of CatBoost:
//!
//! | table | fields |
//! |---|---|
//! | core | 0 format, 1 trees, 2 pairs of information, 3 names of the parts that follow |
//! | trees | 0 sums of a row, 1 splits, 2 sizes, 3 starts, 4 columns of categories, 5 numeric columns, 6 one-hot, 7 counters, 8 leaves, 10 steps, 11 leaf of each node, 12 texts, 13 estimated, 14 scale, 15 bias, 16 bias of each sum, 18 embeddings |
//! | numeric column | 1 index, 2 place, 3 borders, 4 name, 5 treatment of NaN (2 is above all) |
//! | column of categories | 0 index, 1 place, 2 name |
//! | one-hot | 0 index of the column, 1 hashes |
//! | counter | 0 its number, 1 borders; the number: 0 base, 1 border of the target, 2 and 3 prior, 4 shift, 5 scale; the base: 0 projection, 1 kind, 2 classifier; the projection: 0 columns, 1 floats and borders, 2 columns and hashes |
//! | counts | 0 base, 1 hashes with places (8 and 4 bytes), 2 numbers, 3 denominator, 4 classes |

use std::collections::HashMap;

use hari_error::{Error, Result};

use super::flatbuffer::{Buffer, Table};
use super::parts::{
    CatFeature, Counts, CtrFeature, FloatFeature, Kind, Parts, Projection, Shape, Step,
};
use super::{about, trees};
use crate::bytes::Bytes;

/// The first bytes of a file.
pub(super) const MAGIC: &[u8] = b"CBM1";
/// What the format calls itself, without the letter that it has always lacked.
const FORMAT: &str = "FlabuffersModel_v1";
/// The part that holds counts.
const COUNTS: &str = "static_provider_v1";
/// A node that has no leaf.
const NO_STEP: u16 = 0;

/// Reads the parts of a model.
///
/// # Errors
/// `Model` with the place or the field that is wrong.
pub(super) fn read(bytes: &[u8]) -> Result<Parts> {
    let mut bytes = Bytes::new(bytes);
    bytes.take(MAGIC.len())?;
    let size = u32::from_le_bytes(bytes.array()?) as usize;
    let buffer = Buffer::new(bytes.take(size)?);
    let core = buffer.root()?;
    if core.text(0)? != FORMAT {
        return Err(Error::model("this is no CatBoost model of a known format"));
    }
    let parts = core.texts(3)?;
    let trees = core.table(1)?;
    let trees = trees.ok_or_else(|| Error::model("it has no trees"))?;
    let mut model = model(&trees)?;
    for part in parts {
        match part {
            COUNTS => model.tables = all_counts(&mut bytes)?,
            _ if !model.foreign.is_empty() => break,
            other => return Err(Error::model(format!("its part `{other}` is not supported"))),
        }
    }
    let mut pairs = Vec::new();
    for pair in core.tables(2)? {
        pairs.push((pair.text(0)?, pair.text(1)?));
    }
    model.about = about::of_pairs(&pairs)?;
    Ok(model)
}

fn model(table: &Table<'_>) -> Result<Parts> {
    let targets = trees::targets(i64::from(table.int(0, 0)?))?;
    let mut categories = categories(table)?;
    for one_hot in table.tables(6)? {
        let index = i64::from(one_hot.int(0, -1)?);
        let column = categories.iter_mut().find(|column| column.index == index);
        let column = column.ok_or_else(|| missing_category(index))?;
        column.exact = one_hot.each(1, i32::from_le_bytes)?;
    }
    let mut bias = table.each(16, f64::from_le_bytes)?;
    if bias.is_empty() {
        bias = vec![table.double(15, 0.0)?; targets];
    }
    Ok(Parts {
        floats: floats(table)?,
        categories,
        counters: counters(table)?,
        tables: HashMap::new(),
        shape: shape(table, targets)?,
        targets,
        scale: table.double(14, 1.0)?,
        bias,
        foreign: foreign(table)?,
        about: about::About::default(),
    })
}

fn missing_category(index: i64) -> Error {
    Error::model(format!("column {index} of categories does not exist"))
}

fn floats(table: &Table<'_>) -> Result<Vec<FloatFeature>> {
    let read = |one: Table<'_>| {
        Ok(FloatFeature {
            index: one.int(1, -1)?.into(),
            flat: one.int(2, -1)?.into(),
            borders: one.each(3, f32::from_le_bytes)?,
            name: one.text(4)?.to_owned(),
            missing_high: one.byte(0)? != 0 && one.byte(5)? == 2,
        })
    };
    table.tables(5)?.into_iter().map(read).collect()
}

fn categories(table: &Table<'_>) -> Result<Vec<CatFeature>> {
    let read = |one: Table<'_>| {
        Ok(CatFeature {
            index: one.int(0, -1)?.into(),
            flat: one.int(1, -1)?.into(),
            name: one.text(2)?.to_owned(),
            exact: Vec::new(),
        })
    };
    table.tables(4)?.into_iter().map(read).collect()
}

/// Columns of texts and embeddings, which are not supported, by name.
fn foreign(table: &Table<'_>) -> Result<Vec<String>> {
    let mut foreign = Vec::new();
    for (field, what) in [(12, "text"), (18, "embedding")] {
        for one in table.tables(field)? {
            let (place, name) = (one.int(1, -1)?, one.text(2)?);
            foreign.push(match name {
                "" => format!("{what} column {place}"),
                name => format!("{what} column `{name}`"),
            });
        }
    }
    if foreign.is_empty() && !table.tables(13)?.is_empty() {
        foreign.push("estimated features".to_owned());
    }
    Ok(foreign)
}

fn counters(table: &Table<'_>) -> Result<Vec<CtrFeature>> {
    let read = |one: Table<'_>| {
        let number = one.table(0)?;
        let number = number.ok_or_else(|| Error::model("a counter says nothing of itself"))?;
        let (projection, kind, table) = base(&number)?;
        Ok(CtrFeature {
            projection,
            kind,
            table,
            target_border: number.int(1, 0)?.into(),
            prior: [number.float(2, 0.0)?, number.float(3, 1.0)?],
            shift: number.float(4, 0.0)?,
            scale: number.float(5, 1.0)?,
            borders: one.each(1, f32::from_le_bytes)?,
        })
    };
    table.tables(7)?.into_iter().map(read).collect()
}

/// What a counter counts by, its kind, and what names it.
fn base(number: &Table<'_>) -> Result<(Projection, Kind, String)> {
    let base = number.table(0)?;
    let base = base.ok_or_else(|| Error::model("a counter does not say what it counts"))?;
    let (kind, classifier) = (base.byte(1)?, base.int(2, 0)?);
    let projection = match base.table(0)? {
        Some(projection) => Projection {
            categories: projection.each(0, |bytes| i64::from(i32::from_le_bytes(bytes)))?,
            above: projection.pairs(
                1,
                |bytes| i64::from(i32::from_le_bytes(bytes)),
                f32::from_le_bytes,
            )?,
            equal: projection.pairs(
                2,
                |bytes| i64::from(i32::from_le_bytes(bytes)),
                i32::from_le_bytes,
            )?,
        },
        None => Projection::default(),
    };
    let name = format!("{projection:?} {kind} {classifier}");
    let kind = Kind::numbered(kind);
    let kind = kind.ok_or_else(|| Error::model("a counter is of a kind that is not known"))?;
    Ok((projection, kind, name))
}

fn all_counts(bytes: &mut Bytes<'_>) -> Result<HashMap<String, Counts>> {
    let tables = u32::from_le_bytes(bytes.array()?);
    let mut all = HashMap::new();
    for _ in 0..tables {
        let size = u32::from_le_bytes(bytes.array()?) as usize;
        let buffer = Buffer::new(bytes.take(size)?);
        let table = buffer.root()?;
        let (_, kind, name) = base(&table)?;
        all.insert(name, counts(&table, kind)?);
    }
    Ok(all)
}

fn counts(table: &Table<'_>, kind: Kind) -> Result<Counts> {
    let places = table.packed(1, |bytes: [u8; 12]| {
        let (hash, place) = bytes.split_at(8);
        let hash = hash.first_chunk().copied().unwrap_or_default();
        let place = place.first_chunk().copied().unwrap_or_default();
        (u64::from_le_bytes(hash), u32::from_le_bytes(place))
    })?;
    let mut counts = Counts {
        places: places
            .into_iter()
            .filter(|&(hash, _)| hash != u64::MAX)
            .collect(),
        classes: usize::try_from(table.int(4, 0)?).unwrap_or(0),
        denominator: table.int(3, 0)?,
        ..Counts::default()
    };
    match kind {
        Kind::Mean => {
            counts.means = table.packed(2, |[a, b, c, d, e, f, g, h]: [u8; 8]| {
                let sum = f32::from_le_bytes([a, b, c, d]);
                (sum, i32::from_le_bytes([e, f, g, h]))
            })?;
        }
        Kind::Counter => {
            counts.classes = 1;
            counts.counts = table.packed(2, i32::from_le_bytes)?;
        }
        Kind::Borders | Kind::Buckets => counts.counts = table.packed(2, i32::from_le_bytes)?,
    }
    Ok(counts)
}

fn shape(table: &Table<'_>, targets: usize) -> Result<Shape> {
    let splits = table.each(1, i32::from_le_bytes)?;
    let sizes = table.each(2, i32::from_le_bytes)?;
    let leaves = table.each(8, f64::from_le_bytes)?;
    let steps = table.each(10, |[a, b, c, d]: [u8; 4]| {
        (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))
    })?;
    let mut rest = &*splits;
    let mut cut = Vec::new();
    for &size in &sizes {
        let tree = usize::try_from(size).ok();
        let tree = tree.and_then(|size| rest.split_at_checked(size));
        let (tree, behind) = tree.ok_or_else(|| Error::model("a tree has too few splits"))?;
        cut.push(tree.iter().map(|&split| index(split)).collect::<Vec<_>>());
        rest = behind;
    }
    if steps.is_empty() {
        return Ok(Shape::Symmetric(cut, leaves));
    }
    let nodes = Nodes {
        leaf_of: table.each(11, u32::from_le_bytes)?,
        steps,
        leaves,
        targets,
    };
    let mut start = 0;
    let mut free = Vec::new();
    for tree in cut {
        free.push(nodes.tree(&tree, start)?);
        start += tree.len();
    }
    Ok(Shape::Free(free))
}

/// A number that stands for a place; below zero there is none.
fn index(number: i32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Nodes of trees that are not symmetric.
struct Nodes {
    /// How far the nodes below and above the border are; zero ends the walk.
    steps: Vec<(u16, u16)>,
    /// Where the values of each node's leaf start.
    leaf_of: Vec<u32>,
    leaves: Vec<f64>,
    targets: usize,
}

impl Nodes {
    /// The nodes of a tree, of which the first is number `start`. A way that ends at a node that
    /// goes on in the other direction gets a leaf of its own.
    fn tree(&self, splits: &[usize], start: usize) -> Result<Vec<Step>> {
        let mut tree = Vec::with_capacity(splits.len());
        let mut ends = Vec::new();
        for (at, &split) in splits.iter().enumerate() {
            let steps = self.steps.get(start + at).copied();
            let (left, right) = steps.ok_or_else(|| Error::model("a tree has too few nodes"))?;
            if (left, right) == (NO_STEP, NO_STEP) {
                tree.push(self.leaf(start + at)?);
                continue;
            }
            let mut child = |distance: u16| -> Result<usize> {
                if distance != NO_STEP {
                    return Ok(at + usize::from(distance));
                }
                ends.push(self.leaf(start + at)?);
                Ok(splits.len() + ends.len() - 1)
            };
            let (left, right) = (child(left)?, child(right)?);
            tree.push(Step::Split(split, left, right));
        }
        tree.extend(ends);
        Ok(tree)
    }

    fn leaf(&self, node: usize) -> Result<Step> {
        let start = self.leaf_of.get(node).map(|&start| start as usize);
        let values = start.and_then(|start| {
            let end = start.checked_add(self.targets)?;
            self.leaves.get(start..end)
        });
        let values = values.ok_or_else(|| Error::model(format!("node {node} has no leaf")))?;
        Ok(Step::Leaf(values.to_vec()))
    }
}
