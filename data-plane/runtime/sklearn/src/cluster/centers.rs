//! Clusters by their centres: a row belongs to the nearest.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::rows_dense_or_sparse;
use crate::estimator::{Estimator, Form, Method};
use crate::metrics::distance::squared;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
pub(super) struct Centers {
    pub(super) centers: Matrix,
    /// The number of each centre's cluster; empty if it is the centre's own.
    labels: Vec<i64>,
    /// Whether distances are what `transform` gives.
    transforms: bool,
}

impl Centers {
    /// The centres of an attribute. There may be none, where nothing converged.
    pub(super) fn read(cursor: &Cursor<'_>, name: &str, transforms: bool) -> Result<Self> {
        Ok(Self {
            centers: rows_dense_or_sparse(&cursor.attribute(name)?)?,
            labels: Vec::new(),
            transforms,
        })
    }

    /// The nearest centre: the first of several; none of none.
    fn nearest(&self, row: &[f64]) -> Option<usize> {
        let mut best = (f64::INFINITY, None);
        for (at, center) in self.centers.iter_rows().enumerate() {
            let distance = squared(row, center);
            if distance < best.0 || best.1.is_none() {
                best = (distance, Some(at));
            }
        }
        best.1
    }

    fn label(&self, row: &[f64]) -> i64 {
        let Some(place) = self.nearest(row) else {
            return -1;
        };
        self.labels.get(place).copied().unwrap_or(place as i64)
    }
}

pub(super) fn k_means(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(Box::new(Centers::read(cursor, "cluster_centers_", true)?))
}

pub(super) fn mean_shift(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(Box::new(Centers::read(cursor, "cluster_centers_", false)?))
}

pub(super) fn affinity_propagation(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    if cursor.find_attribute("cluster_centers_")?.is_none() {
        return Err(cursor.refuse("fitted to affinities, it has no centres to predict with"));
    }
    mean_shift(cursor, &Reader::default())
}

/// Leaves of a tree of subclusters, each of which belongs to a cluster.
pub(super) fn birch(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let found = Centers::read(cursor, "subcluster_centers_", true)?;
    let at = cursor.attribute("subcluster_labels_")?;
    let labels = at.integers()?.values;
    if labels.len() != found.centers.rows {
        return Err(at.refuse(format_args!("expected {} labels", found.centers.rows)));
    }
    Ok(Box::new(Centers { labels, ..found }))
}

impl Estimator for Centers {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict => Some(Form::INTEGER),
            Method::Transform if self.transforms => Some(Form::numbers(self.centers.rows)),
            _ => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.centers.columns)
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let rows = rows.dense()?;
        let labels = rows.iter_rows().map(|row| self.label(row));
        Ok(Values::Integers(labels.collect()))
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = rows.dense()?;
        let found = rows.map_rows(self.centers.rows, |row, found| {
            for (to, center) in found.iter_mut().zip(self.centers.iter_rows()) {
                *to = squared(row, center).sqrt();
            }
        });
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        self.centers.values.len() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_centres_as_near_is_taken() {
        let centers = Matrix::new(3, 1, vec![0.0, 2.0, 2.0]);
        let mut found = Centers {
            centers,
            labels: Vec::new(),
            transforms: true,
        };
        assert_eq!([0.5, 1.0, 1.5].map(|x| found.label(&[x])), [0, 0, 1]);
        found.labels = vec![7, 8, 9];
        assert_eq!(found.label(&[5.0]), 8);
        assert_eq!(found.label(&[f64::INFINITY]), 7);
        found.centers = Matrix::zeros(0, 1);
        assert_eq!(found.label(&[5.0]), -1);
    }
}
