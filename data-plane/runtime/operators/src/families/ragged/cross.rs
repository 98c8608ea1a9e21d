//! `SparseCrossHashed`: every combination of features, hashed into buckets.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::longs;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integers, matrix, operator};
use crate::families::text::hash::{fingerprint, together};
use crate::{Inputs, Operator, size};

struct Cross {
    buckets: u64,
    key: u64,
}

pub(super) fn hashed(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let buckets = node.attributes.int_or("num_buckets", 0)?;
    let key = node.attributes.int_or("hash_key", 0)?;
    operator(Cross {
        // Without a number of buckets, whatever INT64 holds.
        buckets: u64::try_from(buckets)
            .ok()
            .filter(|&count| count > 0)
            .unwrap_or(i64::MAX as u64),
        key: key as u64,
    })
}

/// What each feature of a column counts as.
fn features(column: &Tensor) -> Result<Vec<u64>> {
    match column.dtype() {
        DataType::Bytes => Ok(column
            .strings()?
            .iter()
            .map(|text| fingerprint(text))
            .collect()),
        _ => Ok(integers(column)?
            .iter()
            .map(|&value| value as u64)
            .collect()),
    }
}

impl Kernel for Cross {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        for at in 0..inputs.len() {
            inputs.one_of(at, &[DataType::Bytes, DataType::Int64, DataType::Int32])?;
        }
        Ok(vec![Some(DataType::Int64); 3])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let mut columns = Vec::with_capacity(inputs.0.len());
        let mut rows = None;
        for at in 0..inputs.0.len() {
            let column = inputs.tensor(at)?;
            let (count, width) = matrix(column)?;
            if *rows.get_or_insert(count) != count {
                return Err(Error::invalid("the columns differ in rows"));
            }
            columns.push((width, features(column)?));
        }
        let rows = rows.unwrap_or(0);
        let widths = columns.iter().map(|(width, _)| *width);
        let each = widths.fold(1_usize, usize::saturating_mul);
        size::count(&[rows, each, 2], DataType::Int64)?;
        let mut values = Vec::with_capacity(rows * each);
        for row in 0..rows {
            let start = vec![self.key];
            let hashes = columns.iter().fold(start, |hashes, (width, features)| {
                let own = features.get(row * width..(row + 1) * width).unwrap_or(&[]);
                let with = |hash: u64| own.iter().map(move |&feature| together(hash, feature));
                hashes.into_iter().flat_map(with).collect()
            });
            values.extend(
                hashes
                    .into_iter()
                    .map(|hash| (hash % self.buckets) as usize),
            );
        }
        let indices = (0..rows).flat_map(|row| (0..each).flat_map(move |at| [row, at]));
        Ok(vec![
            longs(vec![values.len(), 2], indices)?,
            longs(vec![values.len()], values)?,
            longs(vec![2], [rows, each])?,
        ])
    }
}
