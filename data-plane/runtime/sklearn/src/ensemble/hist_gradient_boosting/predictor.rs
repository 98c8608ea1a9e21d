//! `TreePredictor`: the records of a tree, and the sets of categories of its splits.

use hari_error::Result;
use hari_pickle::Cursor;
use hari_trees::flat::{Branch, Draft, Leaf, Test};

use crate::reader::Reader;
use crate::table::Matrix;

/// Categories are bytes: 256 of them, 32 to a word.
const WORDS: usize = 8;
/// What a node takes, with the set of its split.
const BYTES: usize = 64;

/// The categories that training has seen, of each column that has some.
#[derive(Debug)]
pub(super) struct Categories {
    /// By column; none for numbers.
    known: Vec<Option<[u32; WORDS]>>,
}

impl Categories {
    /// Of a `_BinMapper`: `bin_thresholds_` of a column with categories are its categories.
    pub(super) fn read(mapper: &Cursor<'_>, features: usize) -> Result<Self> {
        let flags = mapper.attribute("is_categorical_")?;
        let categorical = flags.integers()?.values;
        let thresholds = mapper.attribute("bin_thresholds_")?.items()?;
        if categorical.len() != features || thresholds.len() != features {
            return Err(flags.refuse(format_args!("expected {features} columns")));
        }
        let known = categorical.iter().zip(&thresholds);
        let known = known.map(|(&categorical, thresholds)| match categorical {
            0 => Ok(None),
            _ => set(thresholds).map(Some),
        });
        Ok(Self {
            known: known.collect::<Result<_>>()?,
        })
    }

    /// Categories that are negative or unknown are missing.
    pub(super) fn forget_unknown(&self, rows: &mut Matrix) {
        let columns = self.known.iter().enumerate();
        for (column, known) in columns.filter_map(|(at, known)| Some((at, known.as_ref()?))) {
            for row in 0..rows.rows {
                if let Some(value) = rows.row_mut(row).get_mut(column) {
                    let category = category(*value).filter(|&category| contains(known, category));
                    *value = category.map_or(f64::NAN, f64::from);
                }
            }
        }
    }

    fn has(&self, column: usize) -> bool {
        self.known.get(column).is_some_and(Option::is_some)
    }
}

fn set(categories: &Cursor<'_>) -> Result<[u32; WORDS]> {
    let mut words = [0; WORDS];
    for value in categories.numbers()?.values {
        let category = category(value);
        let category = category.ok_or_else(|| categories.refuse("expected no negative number"))?;
        if let Some(word) = words.get_mut(usize::from(category / 32)) {
            *word |= 1 << (category % 32);
        }
    }
    Ok(words)
}

fn contains(set: &[u32; WORDS], category: u8) -> bool {
    let word = set.get(usize::from(category / 32)).copied().unwrap_or(0);
    (word >> (category % 32)) & 1 == 1
}

/// The byte that C makes of a float: its whole part, of which the lowest byte.
fn category(value: f64) -> Option<u8> {
    (value >= 0.0).then_some(value as i32 as u8)
}

/// The nodes of a tree.
pub(super) fn drafts(
    tree: &Cursor<'_>,
    categories: &Categories,
    reader: &Reader,
) -> Result<Vec<Draft<f64>>> {
    let nodes = tree.attribute("nodes")?;
    reader.build(&nodes, nodes.any_array()?.len().saturating_mul(BYTES))?;
    let records = Records::read(&nodes)?;
    let sets = sets(tree)?;
    (0..records.values.len())
        .map(|at| {
            let draft = records.draft(at, &sets, categories);
            draft.ok_or_else(|| nodes.refuse(format_args!("record {at} is no node of its tree")))
        })
        .collect()
}

/// `raw_left_cat_bitsets`: a set for each split by category.
fn sets(tree: &Cursor<'_>) -> Result<Vec<[u32; WORDS]>> {
    let found = tree.attribute("raw_left_cat_bitsets")?;
    let words = found.array_of_rank::<u32>(2)?;
    let (sets, rest) = words.values.as_chunks::<WORDS>();
    match rest.is_empty() && words.shape.last() == Some(&WORDS) {
        true => Ok(sets.to_vec()),
        false => Err(found.refuse(format_args!("expected sets of {WORDS} words"))),
    }
}

/// Fields of the records of a tree, as many of each.
struct Records {
    values: Vec<f64>,
    features: Vec<i64>,
    thresholds: Vec<f64>,
    missing_left: Vec<u8>,
    left: Vec<u32>,
    right: Vec<u32>,
    leaves: Vec<u8>,
    by_category: Vec<u8>,
    sets: Vec<u32>,
}

impl Records {
    fn read(nodes: &Cursor<'_>) -> Result<Self> {
        // The number of a feature has had two widths.
        let features = match nodes.column::<u32>("feature_idx") {
            Ok(narrow) => narrow.values.into_iter().map(i64::from).collect(),
            Err(_) => nodes.column::<i64>("feature_idx")?.values,
        };
        Ok(Self {
            values: nodes.column("value")?.values,
            features,
            thresholds: nodes.column("num_threshold")?.values,
            missing_left: nodes.column("missing_go_to_left")?.values,
            left: nodes.column("left")?.values,
            right: nodes.column("right")?.values,
            leaves: nodes.column("is_leaf")?.values,
            by_category: nodes.column("is_categorical")?.values,
            sets: nodes.column("bitset_idx")?.values,
        })
    }

    /// None if its set does not exist, or its feature has no categories.
    fn draft(
        &self,
        at: usize,
        sets: &[[u32; WORDS]],
        categories: &Categories,
    ) -> Option<Draft<f64>> {
        if *self.leaves.get(at)? != 0 {
            return Some(Draft::Leaf(Leaf::Value(*self.values.get(at)?)));
        }
        let feature = usize::try_from(*self.features.get(at)?).ok()?;
        let test = match *self.by_category.get(at)? {
            0 => Test::Below(*self.thresholds.get(at)?),
            _ if !categories.has(feature) => return None,
            _ => Test::In(Box::new(*sets.get(*self.sets.get(at)? as usize)?)),
        };
        Some(Draft::Split(Branch {
            feature,
            test,
            missing_left: *self.missing_left.get(at)? != 0,
            zero_missing: false,
            left: *self.left.get(at)? as usize,
            right: *self.right.get(at)? as usize,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_the_bytes_that_c_makes() {
        assert_eq!(
            [0.0, 3.9, 255.0, 300.0].map(category),
            [0, 3, 255, 44].map(Some)
        );
        assert_eq!([-1.0, f64::NAN].map(category), [None, None]);
    }

    #[test]
    fn what_training_has_not_seen_is_missing() {
        let mut set = [0; WORDS];
        set[0] = 0b10;
        set[7] = 1 << 31;
        let categories = Categories {
            known: vec![None, Some(set)],
        };
        let mut rows = Matrix::new(4, 2, vec![7.0, 1.5, -3.0, 2.0, 0.5, 255.0, 1.0, -1.0]);
        categories.forget_unknown(&mut rows);
        assert_eq!(rows.column(0), [7.0, -3.0, 0.5, 1.0]);
        let found = rows.column(1);
        assert_eq!((found[0], found[2]), (1.0, 255.0));
        assert!(found[1].is_nan() && found[3].is_nan());
    }
}
