//! `TfIdfVectorizer`: how often each n-gram of a pool occurs in a row.

use std::collections::HashMap;

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::compile::Node;
use crate::families::index::Index;
use crate::families::kernel::{Elements, Kernel, matrix, operator, unsigned};
use crate::{Inputs, Operator, size};

/// What a count becomes.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Count,
    /// Its weight, if it occurs.
    Weight,
    /// Count times weight.
    Weighted,
}

struct Vectorizer {
    mode: Mode,
    /// Where each element of the pool stands; grams are made of these places.
    tokens: Index,
    missing: usize,
    /// The grams of each length, and their numbers.
    grams: Vec<HashMap<Vec<usize>, usize>>,
    lengths: std::ops::RangeInclusive<usize>,
    skips: usize,
    /// The column of each gram.
    columns: Vec<usize>,
    weights: Vec<f32>,
    width: usize,
}

pub(super) fn vectorizer(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let mode = match attributes.text("mode")?.unwrap_or_default() {
        "TF" => Mode::Count,
        "IDF" => Mode::Weight,
        "TFIDF" => Mode::Weighted,
        other => {
            return Err(Error::model(format!(
                "attribute `mode`: expected TF, IDF or TFIDF, found {other}"
            )));
        }
    };
    let least = unsigned(attributes.int_or("min_gram_length", 1)?, "min_gram_length")?;
    let most = unsigned(attributes.int_or("max_gram_length", 1)?, "max_gram_length")?;
    let pool = pool(node)?;
    let (tokens, missing) = (Index::of(&pool)?, pool.len());
    let ids = tokens.find(&pool, missing)?;
    let starts = size::sizes(attributes.ints("ngram_counts")?.unwrap_or(&[]))?;
    let grams = grams(&ids, &starts, most)?;
    let columns = size::sizes(attributes.ints("ngram_indexes")?.unwrap_or(&[]))?;
    let weights = attributes.floats("weights")?.unwrap_or(&[]).to_vec();
    let known: usize = grams.iter().map(HashMap::len).sum();
    if columns.len() < known || !(weights.is_empty() || weights.len() == columns.len()) {
        return Err(Error::model(format!(
            "{known} n-grams need as many columns, found {}, and as many weights or none, found {}",
            columns.len(),
            weights.len()
        )));
    }
    let width = columns
        .iter()
        .max()
        .map_or(0, |last| last.saturating_add(1));
    size::count(&[width], DataType::Fp32)?;
    operator(Vectorizer {
        mode,
        tokens,
        missing,
        grams,
        lengths: least.max(1)..=most,
        skips: unsigned(attributes.int_or("max_skip_count", 0)?, "max_skip_count")?,
        columns,
        weights,
        width,
    })
}

fn pool(node: &Node<'_>) -> Result<Tensor> {
    let strings = node.attributes.strings("pool_strings")?.unwrap_or(&[]);
    let integers = node.attributes.ints("pool_int64s")?.unwrap_or(&[]);
    match (strings.is_empty(), integers.is_empty()) {
        (false, true) => Tensor::from_strings([strings.len()], strings.to_vec()),
        (true, false) => Tensor::from_vec([integers.len()], integers.to_vec()),
        _ => Err(Error::model(
            "exactly one of `pool_strings` and `pool_int64s` is needed",
        )),
    }
}

/// The grams of each length, numbered through the whole pool. `starts` says where in the pool the
/// grams of each length begin; those longer than `most` are numbered too and never looked for.
fn grams(pool: &[usize], starts: &[usize], most: usize) -> Result<Vec<HashMap<Vec<usize>, usize>>> {
    let (mut made, mut number) = (Vec::with_capacity(starts.len()), 0);
    for (at, &start) in starts.iter().enumerate() {
        let end = starts.get(at + 1).copied().unwrap_or(pool.len());
        let length = at + 1;
        let part = pool.get(start..end).filter(|part| part.len() % length == 0);
        let part = part.ok_or_else(|| {
            Error::model(format!(
                "attribute `ngram_counts`: {start} to {end} are not grams of {length}"
            ))
        })?;
        let mut found = HashMap::new();
        for gram in part.chunks(length) {
            if found.insert(gram.to_vec(), number).is_some() {
                return Err(Error::model(format!(
                    "an n-gram of {length} occurs twice in the pool"
                )));
            }
            number += 1;
        }
        made.push(found);
    }
    if starts.len() < most {
        return Err(Error::model(format!(
            "attribute `ngram_counts`: expected {most} values, found {}",
            starts.len()
        )));
    }
    Ok(made)
}

impl Vectorizer {
    /// How often each column is met in a row of tokens.
    fn counts(&self, row: &[usize]) -> Vec<f32> {
        let mut counts = vec![0.0; self.width];
        for length in self.lengths.clone() {
            // A single token skips nothing.
            let skips = if length == 1 {
                0
            } else {
                self.skips.min(row.len())
            };
            for step in 1..=skips + 1 {
                self.count(row, (length, step), &mut counts);
            }
        }
        counts
    }

    fn count(&self, row: &[usize], (length, step): (usize, usize), counts: &mut [f32]) {
        let Some(grams) = self.grams.get(length - 1).filter(|grams| !grams.is_empty()) else {
            return;
        };
        let Some(last) = row
            .len()
            .checked_sub((length - 1).saturating_mul(step).saturating_add(1))
        else {
            return;
        };
        let mut gram = Vec::with_capacity(length);
        for start in 0..=last {
            gram.clear();
            gram.extend(row.iter().skip(start).step_by(step).take(length));
            let column = grams
                .get(&gram)
                .and_then(|&number| self.columns.get(number));
            if let Some(count) = column.and_then(|&column| counts.get_mut(column)) {
                *count += 1.0;
            }
        }
    }

    fn weighted(&self, mut counts: Vec<f32>) -> Vec<f32> {
        if matches!(self.mode, Mode::Count) {
            return counts;
        }
        for (number, &column) in self.columns.iter().enumerate() {
            let weight = self.weights.get(number).copied().unwrap_or(1.0);
            if let Some(count) = counts.get_mut(column).filter(|count| **count > 0.0) {
                *count = match self.mode {
                    Mode::Weight => weight,
                    _ => *count * weight,
                };
            }
        }
        counts
    }
}

impl Kernel for Vectorizer {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        let found = inputs.at(0)?.filter(|&dtype| !self.tokens.takes(dtype));
        match found {
            None => Ok(vec![Some(DataType::Fp32)]),
            Some(other) => Err(Error::model(format!(
                "input 0: {other} is not the type of the pool"
            ))),
        }
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        // A scalar is a row of one token.
        let (rows, columns) = if x.shape().is_empty() {
            (1, 1)
        } else {
            matrix(x)?
        };
        let tokens = self.tokens.find(x, self.missing)?;
        let shape = match x.shape() {
            [_, _] => vec![rows, self.width],
            _ => vec![self.width],
        };
        let mut made = Vec::with_capacity(size::count(&shape, DataType::Fp32)?);
        for row in 0..rows {
            let row = tokens.get(row * columns..(row + 1) * columns);
            made.extend(self.weighted(self.counts(row.unwrap_or(&[]))));
        }
        Ok(vec![Tensor::from_vec(shape, made)?])
    }
}
