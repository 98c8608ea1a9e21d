//! From columns to the features that trees ask about: numbers, equalities, counters.

use std::collections::HashMap;

use hari_error::{Error, Result};

use super::counter::{Counter, Table, combined};
use super::parts::{CatFeature, CtrFeature, FloatFeature, Projection};
use super::trees::Split;
use super::{Column, parts};

/// Columns that a model may have without listing them.
const FREE_COLUMNS: usize = 1 << 16;

/// How a row's features are made.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    /// Columns of numbers, and what stands for NaN.
    numbers: Vec<(usize, f32)>,
    /// Which category may have which hash.
    equal: Vec<(usize, i32)>,
    combinations: Vec<Combination>,
    counters: Vec<(Counter, usize, usize)>,
    tables: Vec<Table>,
}

/// What a counter counts by.
#[derive(Clone, Debug, Default)]
struct Combination {
    categories: Vec<usize>,
    /// Features and borders.
    above: Vec<(usize, f32)>,
    equal: Vec<(usize, i32)>,
}

/// The columns of a model in their order, and for each category the column it is.
///
/// # Errors
/// `Model` if a column has no place, or two have one.
pub(super) fn columns(parts: &parts::Parts) -> Result<(Vec<Column>, Vec<usize>)> {
    let floats = parts.floats.iter().map(|one| (one.flat, &one.name));
    let categories = parts.categories.iter().map(|one| (one.flat, &one.name));
    let places = floats.clone().chain(categories.clone());
    let listed = places.clone().count();
    let last = places.map(|(place, _)| place).max().unwrap_or(-1);
    if last >= listed.saturating_mul(16).max(FREE_COLUMNS) as i64 {
        return Err(Error::model(format!(
            "it has a column {last}, but lists {listed}"
        )));
    }
    let mut columns: Vec<Option<Column>> = vec![None; (last + 1).max(0) as usize];
    let marked = floats.map(|one| (one, false));
    for ((place, name), categorical) in marked.chain(categories.map(|one| (one, true))) {
        let slot = usize::try_from(place).ok();
        let slot = slot.and_then(|place| columns.get_mut(place));
        let slot = slot.filter(|slot| slot.is_none());
        let slot = slot.ok_or_else(|| Error::model(format!("column {place} is taken twice")))?;
        *slot = Some(Column::new(place as usize, name, categorical));
    }
    let columns = columns.into_iter().enumerate();
    let columns: Vec<_> = columns
        .map(|(place, column)| column.unwrap_or_else(|| Column::new(place, "", false)))
        .collect();
    let categories = parts.categories.iter().map(|one| one.flat as usize);
    Ok((columns, categories.collect()))
}

/// Places of columns by their number among those of their kind.
struct Places {
    floats: HashMap<i64, usize>,
    categories: HashMap<i64, usize>,
}

impl Places {
    fn category(&self, index: i64) -> Result<usize> {
        let place = self.categories.get(&index).copied();
        place.ok_or_else(|| Error::model(format!("column {index} of categories does not exist")))
    }

    fn combination(&self, projection: &Projection) -> Result<Combination> {
        let categories = projection.categories.iter();
        let above = projection.above.iter().map(|&(index, border)| {
            let feature = self.floats.get(&index).copied();
            let feature = feature.ok_or_else(|| {
                Error::model(format!(
                    "a counter asks for number {index}, which no split does"
                ))
            });
            Ok((feature?, border))
        });
        let equal = projection.equal.iter();
        Ok(Combination {
            categories: categories
                .map(|&index| self.category(index))
                .collect::<Result<_>>()?,
            above: above.collect::<Result<_>>()?,
            equal: equal
                .map(|&(index, hash)| Ok((self.category(index)?, hash)))
                .collect::<Result<_>>()?,
        })
    }
}

impl Layout {
    /// Everything that splits of a model ask about, with the splits in their order.
    ///
    /// # Errors
    /// `Model` if a counter asks for what is not there.
    pub(super) fn new(parts: &mut parts::Parts) -> Result<(Self, Vec<Split>)> {
        let mut layout = Self::default();
        let mut splits = Vec::new();
        let floats = layout.numbers(&parts.floats, &mut splits);
        layout.equalities(&parts.categories, &mut splits);
        let categories = parts.categories.iter().enumerate();
        let places = Places {
            floats,
            categories: categories.map(|(place, one)| (one.index, place)).collect(),
        };
        layout.counters(parts, &places, &mut splits)?;
        Ok((layout, splits))
    }

    fn numbers(&mut self, floats: &[FloatFeature], splits: &mut Vec<Split>) -> HashMap<i64, usize> {
        let mut places = HashMap::new();
        for one in floats.iter().filter(|one| !one.borders.is_empty()) {
            let feature = self.numbers.len();
            places.insert(one.index, feature);
            let missing = if one.missing_high {
                f32::INFINITY
            } else {
                f32::NEG_INFINITY
            };
            self.numbers.push((one.flat as usize, missing));
            splits.extend(above(feature, &one.borders));
        }
        places
    }

    fn equalities(&mut self, categories: &[CatFeature], splits: &mut Vec<Split>) {
        for (place, one) in categories.iter().enumerate() {
            for &hash in &one.exact {
                let feature = self.numbers.len() + self.equal.len();
                self.equal.push((place, hash));
                splits.extend(above(feature, &[0.5]));
            }
        }
    }

    fn counters(
        &mut self,
        parts: &mut parts::Parts,
        places: &Places,
        splits: &mut Vec<Split>,
    ) -> Result<()> {
        let mut combinations = HashMap::new();
        let mut tables = HashMap::new();
        for one in &parts.counters {
            let table = match tables.get(&one.table) {
                Some(&at) => at,
                None => {
                    self.tables.push(table(&mut parts.tables, one)?);
                    tables.insert(one.table.clone(), self.tables.len() - 1);
                    self.tables.len() - 1
                }
            };
            let name = format!("{:?}", one.projection);
            let combination = match combinations.get(&name) {
                Some(&at) => at,
                None => {
                    self.combinations.push(places.combination(&one.projection)?);
                    combinations.insert(name, self.combinations.len() - 1);
                    self.combinations.len() - 1
                }
            };
            let feature = self.features();
            self.counters.push((Counter::of(one), combination, table));
            splits.extend(above(feature, &one.borders));
        }
        Ok(())
    }

    /// How many features a row has for the trees.
    pub(super) fn features(&self) -> usize {
        self.numbers.len() + self.equal.len() + self.counters.len()
    }

    /// Appends the features of a row: of its `numbers`, a value for each column, and the hashes of
    /// its `categories`. `hashes` is room for those of combinations.
    pub(super) fn append(
        &self,
        (numbers, categories): (&[f32], &[i32]),
        hashes: &mut Vec<u64>,
        features: &mut Vec<f32>,
    ) {
        let start = features.len();
        features.extend(self.numbers.iter().map(|&(column, missing)| {
            let value = numbers.get(column).copied().unwrap_or(f32::NAN);
            if value.is_nan() { missing } else { value }
        }));
        let is = |&(category, hash): &(usize, i32)| categories.get(category) == Some(&hash);
        features.extend(self.equal.iter().map(|one| f32::from(u8::from(is(one)))));
        hashes.clear();
        hashes.extend(self.combinations.iter().map(|one| {
            let made = features.get(start..).unwrap_or_default();
            one.hash(categories, made)
        }));
        for (counter, combination, table) in &self.counters {
            let hash = hashes.get(*combination).copied().unwrap_or_default();
            let value = self.tables.get(*table);
            features.push(value.map_or(0.0, |table| counter.value(table, hash)));
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let tables: usize = self.tables.iter().map(Table::memory_bytes).sum();
        tables + size_of_val(&*self.numbers) + size_of_val(&*self.counters)
    }
}

impl Combination {
    fn hash(&self, categories: &[i32], features: &[f32]) -> u64 {
        let category = |at: usize| categories.get(at).copied().unwrap_or_default();
        let mut hash = 0;
        for &at in &self.categories {
            // Hashes are signed, and widened as such.
            hash = combined(hash, i64::from(category(at)) as u64);
        }
        for &(feature, border) in &self.above {
            let value = features.get(feature).copied().unwrap_or_default();
            hash = combined(hash, u64::from(value > border));
        }
        for &(at, exact) in &self.equal {
            hash = combined(hash, u64::from(category(at) == exact));
        }
        hash
    }
}

/// A split for each border of a feature.
fn above(feature: usize, borders: &[f32]) -> impl Iterator<Item = Split> {
    let feature = feature as u32;
    borders.iter().map(move |&border| Split { feature, border })
}

/// Takes the counts of a counter.
fn table(tables: &mut HashMap<String, parts::Counts>, one: &CtrFeature) -> Result<Table> {
    let counts = tables.remove(&one.table).ok_or_else(|| {
        Error::model("the counts of a counter are missing: save the model with its counters")
    })?;
    Table::new(counts, one.kind)
}
