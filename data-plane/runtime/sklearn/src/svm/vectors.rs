//! Support vectors with their coefficients.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{flag, matrix, numbers, numbers_of, places_of};
use crate::linear_model::csr;
use crate::svm::kernel::{Kernel, is_precomputed};
use crate::table::{Csr, Matrix, Table};

/// Sums of kernels, weighted.
#[derive(Debug)]
pub(super) struct Machine {
    kernel: Kernel,
    vectors: Vectors,
    /// `[sets, vectors]`: one set for two classes or a regression, else one less than classes.
    coefficients: Matrix,
    /// One for each pair of classes, or one.
    intercepts: Vec<f64>,
}

#[derive(Debug)]
enum Vectors {
    Dense(Matrix),
    /// Columns rise within a row.
    Sparse(Csr),
    /// Which of the rows that were fitted, and how many those were.
    Places(Vec<usize>, usize),
}

impl Vectors {
    fn read(cursor: &Cursor<'_>) -> Result<Self> {
        if is_precomputed(cursor) {
            let fitted = cursor.attribute("shape_fit_")?.item(0)?;
            let count = usize::try_from(fitted.integer()?);
            let count = count.map_err(|_| fitted.refuse("expected no negative number"))?;
            let places = places_of(&cursor.attribute("support_")?, None, count)?;
            return Ok(Self::Places(places, count));
        }
        if flag(cursor, "_sparse")? {
            return csr(&cursor.attribute("support_vectors_")?).map(Self::Sparse);
        }
        matrix(cursor, "support_vectors_").map(Self::Dense)
    }

    fn len(&self) -> usize {
        match self {
            Self::Dense(vectors) => vectors.rows,
            Self::Sparse(vectors) => vectors.rows(),
            Self::Places(places, _) => places.len(),
        }
    }

    fn features(&self) -> usize {
        match self {
            Self::Dense(vectors) => vectors.columns,
            Self::Sparse(vectors) => vectors.columns,
            Self::Places(_, fitted) => *fitted,
        }
    }
}

impl Machine {
    /// `_dual_coef_` and `_intercept_` as libsvm has them, of so many classes; 1 for a regression.
    pub(super) fn read(cursor: &Cursor<'_>, classes: usize) -> Result<Self> {
        let vectors = Vectors::read(cursor)?;
        let sets = classes.saturating_sub(1).max(1);
        let pairs = classes * classes.saturating_sub(1) / 2;
        let intercepts = numbers_of(cursor, "_intercept_", pairs.max(1))?;
        Ok(Self {
            kernel: Kernel::read(cursor)?,
            coefficients: coefficients(cursor, sets, vectors.len())?,
            vectors,
            intercepts,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.vectors.len()
    }

    pub(super) fn features(&self) -> usize {
        self.vectors.features()
    }

    pub(super) fn intercept(&self, at: usize) -> f64 {
        self.intercepts.get(at).copied().unwrap_or_default()
    }

    /// A set of coefficients.
    pub(super) fn set(&self, set: usize) -> &[f64] {
        self.coefficients.row(set)
    }

    /// Calls `with` for each row, with its kernel for each vector.
    pub(super) fn each_row(&self, rows: &Table, mut with: impl FnMut(usize, &[f64])) -> Result<()> {
        let mut kernels = vec![0.0; self.count()];
        if let Vectors::Sparse(vectors) = &self.vectors {
            let rows = match rows {
                Table::Sparse(rows) => sorted(rows),
                other => Csr::from_dense(&*other.dense()?),
            };
            for row in 0..rows.rows() {
                for (at, to) in kernels.iter_mut().enumerate() {
                    *to = self.kernel.sparse(rows.row(row), vectors.row(at));
                }
                with(row, &kernels);
            }
            return Ok(());
        }
        let rows = rows.dense()?;
        for (at, row) in rows.iter_rows().enumerate() {
            self.kernels(row, &mut kernels);
            with(at, &kernels);
        }
        Ok(())
    }

    fn kernels(&self, row: &[f64], found: &mut [f64]) {
        match &self.vectors {
            Vectors::Places(places, _) => {
                for (to, &place) in found.iter_mut().zip(places) {
                    *to = row.get(place).copied().unwrap_or_default();
                }
            }
            Vectors::Dense(vectors) => {
                for (to, vector) in found.iter_mut().zip(vectors.iter_rows()) {
                    *to = self.kernel.dense(row, vector);
                }
            }
            Vectors::Sparse(_) => {}
        }
    }

    /// The first set's sum for each row, with its intercept.
    pub(super) fn sums(&self, rows: &Table) -> Result<Vec<f64>> {
        let mut found = Vec::with_capacity(rows.rows());
        self.each_row(rows, |_, kernels| {
            found.push(weighted(self.set(0), kernels) + self.intercept(0));
        })?;
        Ok(found)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let vectors = match &self.vectors {
            Vectors::Dense(vectors) => size_of_val(vectors.values.as_slice()),
            Vectors::Sparse(vectors) => {
                size_of_val(vectors.values.as_slice()) + size_of_val(vectors.indices.as_slice())
            }
            Vectors::Places(places, _) => size_of_val(places.as_slice()),
        };
        vectors + size_of_val(self.coefficients.values.as_slice())
    }
}

/// Products added one after the other, as libsvm does.
pub(super) fn weighted(weights: &[f64], kernels: &[f64]) -> f64 {
    weights.iter().zip(kernels).map(|(a, b)| a * b).sum()
}

/// Dense, or sparse with every value written: their values, set after set.
fn coefficients(cursor: &Cursor<'_>, sets: usize, vectors: usize) -> Result<Matrix> {
    let at = cursor.attribute("_dual_coef_")?;
    let values = match at.any_array() {
        Ok(_) => numbers(cursor, "_dual_coef_")?,
        Err(_) => csr(&at)?.values,
    };
    if Some(values.len()) == sets.checked_mul(vectors) {
        return Ok(Matrix::new(sets, vectors, values));
    }
    Err(at.refuse(format_args!(
        "expected {vectors} numbers for each of {sets}, found {}",
        values.len()
    )))
}

/// The same with the columns of each row rising.
fn sorted(rows: &Csr) -> Csr {
    let mut found = Csr {
        columns: rows.columns,
        starts: vec![0],
        ..Csr::default()
    };
    for row in 0..rows.rows() {
        let (columns, values) = rows.row(row);
        let mut entries: Vec<_> = columns.iter().zip(values).collect();
        entries.sort_by_key(|(column, _)| **column);
        found
            .indices
            .extend(entries.iter().map(|(column, _)| **column));
        found
            .values
            .extend(entries.iter().map(|(_, value)| **value));
        found.starts.push(found.values.len());
    }
    found
}
