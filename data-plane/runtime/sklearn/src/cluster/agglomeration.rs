//! `FeatureAgglomeration`: columns that are alike become one.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::places_of;
use crate::estimator::{Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Matrix, Table};

#[derive(Debug)]
pub(super) struct FeatureAgglomeration {
    /// The cluster of each column.
    labels: Vec<usize>,
    /// The columns of each cluster.
    columns: Vec<Vec<usize>>,
    pool: fn(&mut [f64]) -> f64,
}

impl FeatureAgglomeration {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let at = cursor.attribute("labels_")?;
        let width = at.any_array()?.len();
        let labels = places_of(&at, None, width)?;
        let clusters = labels.iter().max().map_or(0, |most| most + 1);
        let mut columns = vec![Vec::new(); clusters];
        for (column, &label) in labels.iter().enumerate() {
            if let Some(cluster) = columns.get_mut(label) {
                cluster.push(column);
            }
        }
        if columns.iter().any(Vec::is_empty) {
            return Err(at.refuse("a cluster has no columns"));
        }
        Ok(Box::new(Self {
            labels,
            columns,
            pool: pool(&cursor.attribute("pooling_func")?)?,
        }))
    }
}

fn pool(cursor: &Cursor<'_>) -> Result<fn(&mut [f64]) -> f64> {
    let name = cursor.class()?;
    Ok(match name.as_str() {
        "numpy.mean" => mean,
        "numpy.median" => median,
        "numpy.max" | "numpy.amax" => |values| values.iter().copied().fold(f64::MIN, f64::max),
        "numpy.min" | "numpy.amin" => |values| values.iter().copied().fold(f64::MAX, f64::min),
        "numpy.sum" => |values| values.iter().sum(),
        other => {
            return Err(cursor.refuse(format_args!(
                "`{other}` is not supported: expected mean, median, max, min or sum of numpy"
            )));
        }
    })
}

fn mean(values: &mut [f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    match values.len() % 2 {
        0 => (at(middle.wrapping_sub(1)) + at(middle)) / 2.0,
        _ => at(middle),
    }
}

impl Estimator for FeatureAgglomeration {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Transform).then(|| Form::numbers(self.columns.len()))
    }

    fn width(&self) -> Option<usize> {
        Some(self.labels.len())
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = rows.dense()?;
        let mut values = Vec::new();
        let found = rows.map_rows(self.columns.len(), |row, found| {
            for (to, columns) in found.iter_mut().zip(&self.columns) {
                values.clear();
                values.extend(columns.iter().filter_map(|&column| row.get(column)));
                *to = (self.pool)(&mut values);
            }
        });
        Ok(found.into())
    }

    /// Each column gets what its cluster has.
    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        Ok(Matrix::select(&*rows.dense()?, &self.labels).into())
    }

    fn memory_bytes(&self) -> usize {
        2 * self.labels.len() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn columns_of_a_cluster_are_pooled_and_spread_again() {
        let found = FeatureAgglomeration {
            labels: vec![0, 1, 0],
            columns: vec![vec![0, 2], vec![1]],
            pool: mean,
        };
        let rows = Table::from(Matrix::new(1, 3, vec![1.0, 5.0, 3.0]));
        let pooled = found.transform(&rows).unwrap();
        assert_eq!(pooled, Matrix::new(1, 2, vec![2.0, 5.0]).into());
        let back = found.inverse_transform(&pooled).unwrap();
        assert_eq!(back, Matrix::new(1, 3, vec![2.0, 5.0, 2.0]).into());
    }
}
