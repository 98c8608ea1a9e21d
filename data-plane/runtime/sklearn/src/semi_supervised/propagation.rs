//! `LabelPropagation` and `LabelSpreading`: labels of the rows that were fitted, by nearness.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{classes, count, matrix_of, number, rows_dense_or_sparse, text};
use crate::estimator::{Estimator, Form, Method};
use crate::math::argmax_rows;
use crate::metrics::pairwise::Kernel;
use crate::neighbors::Index;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
pub(super) struct Propagation {
    classes: [Values; 1],
    /// What each fitted row gives to each class: `[fitted, classes]`.
    labels: Matrix,
    near: Near,
}

/// How much a fitted row counts.
#[derive(Debug)]
enum Near {
    Kernel {
        kernel: Kernel,
        fitted: Matrix,
    },
    /// The nearest so many count 1, all others nothing.
    Nearest {
        index: Box<Index>,
        size: usize,
    },
}

impl Propagation {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = classes(cursor)?;
        let (near, fitted) = near(cursor)?;
        let labels = matrix_of(cursor, "label_distributions_", (fitted, classes.len()))?;
        Ok(Box::new(Self {
            classes: [classes],
            labels,
            near,
        }))
    }

    fn add(&self, fitted: usize, weight: f64, to: &mut [f64]) {
        for (to, label) in to.iter_mut().zip(self.labels.row(fitted)) {
            *to += weight * label;
        }
    }
}

/// What counts as near, and how many rows were fitted.
fn near(cursor: &Cursor<'_>) -> Result<(Near, usize)> {
    let at = cursor.attribute("kernel")?;
    let Ok(name) = text(cursor, "kernel") else {
        return Err(at.refuse("a kernel that is a function of Python: expected `rbf` or `knn`"));
    };
    if name == "knn" {
        let found = cursor.attribute("nn_fit")?;
        let index = Box::new(Index::read(&found)?);
        let fitted = index.count;
        let size = count(cursor, "n_neighbors")?;
        if size > fitted {
            return Err(cursor.refuse(format_args!("expected at most {fitted} neighbours")));
        }
        return Ok((Near::Nearest { index, size }, fitted));
    }
    if name != "rbf" {
        return Err(at.refuse(format_args!(
            "`{name}` is no kernel: expected `rbf` or `knn`"
        )));
    }
    let fitted = rows_dense_or_sparse(&cursor.attribute("X_")?)?;
    let gamma = number(cursor, "gamma")?.unwrap_or(1.0 / fitted.columns as f64);
    let count = fitted.rows;
    let kernel = Kernel::Rbf { gamma };
    Ok((Near::Kernel { kernel, fitted }, count))
}

impl Estimator for Propagation {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        Form::labelled(classes, method)
    }

    fn width(&self) -> Option<usize> {
        Some(match &self.near {
            Near::Kernel { fitted, .. } => fitted.columns,
            Near::Nearest { index, .. } => index.width(),
        })
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        Ok(classes.at(&argmax_rows(&self.predict_proba(rows)?)))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let rows = rows.dense()?;
        Ok(rows.map_rows(self.labels.columns, |row, found| {
            match &self.near {
                Near::Kernel { kernel, fitted } => {
                    for (place, other) in fitted.iter_rows().enumerate() {
                        self.add(place, kernel.of(row, other), found);
                    }
                }
                Near::Nearest { index, size } => {
                    for (_, place) in index.nearest(row, *size) {
                        self.add(place, 1.0, found);
                    }
                }
            }
            // No fitted row may be near at all: NaN, as scikit-learn gives.
            let sum: f64 = found.iter().sum();
            found.iter_mut().for_each(|value| *value /= sum);
        }))
    }

    fn memory_bytes(&self) -> usize {
        let near = match &self.near {
            Near::Kernel { fitted, .. } => size_of_val(fitted.values.as_slice()),
            Near::Nearest { index, .. } => index.memory_bytes(),
        };
        near + size_of_val(self.labels.values.as_slice())
    }
}
