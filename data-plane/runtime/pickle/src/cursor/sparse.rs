//! Sparse matrices of scipy, with every index checked.

use hari_error::Result;

use super::Cursor;

/// How a sparse matrix is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SparseFormat {
    /// Compressed by row.
    Csr,
    /// Compressed by column.
    Csc,
}

/// A compressed sparse matrix: row (or column) `i` has the values from `starts[i]` to
/// `starts[i + 1]`, at the columns (or rows) in `indices`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparse {
    /// By row or by column.
    pub format: SparseFormat,
    /// Rows and columns.
    pub shape: (usize, usize),
    /// One more than there are rows (or columns), never falling.
    pub starts: Vec<usize>,
    /// Each below the number of columns (or rows).
    pub indices: Vec<usize>,
    /// As many as indices.
    pub values: Vec<f64>,
}

impl Cursor<'_> {
    /// A sparse matrix or array of scipy, compressed by row or column.
    ///
    /// # Errors
    ///
    /// Another kind of value; indices beyond the shape.
    pub fn sparse(&self) -> Result<Sparse> {
        let class = self.class()?;
        let format = match class.strip_prefix("scipy.sparse.") {
            Some("_csr.csr_matrix" | "_csr.csr_array") => SparseFormat::Csr,
            Some("_csc.csc_matrix" | "_csc.csc_array") => SparseFormat::Csc,
            _ => return Err(self.expected("a sparse matrix, CSR or CSC")),
        };
        let shape = self.sparse_shape()?;
        let sparse = Sparse {
            format,
            shape,
            starts: self.positions("indptr")?,
            indices: self.positions("indices")?,
            values: self.attribute("data")?.numbers()?.values,
        };
        sparse.check().map_err(|what| self.refuse(what))?;
        Ok(sparse)
    }

    fn sparse_shape(&self) -> Result<(usize, usize)> {
        let shape = self.attribute("_shape")?;
        let length = |index| {
            let item = shape.item(index)?;
            let length = usize::try_from(item.integer()?);
            length.map_err(|_| item.expected("a length"))
        };
        Ok((length(0)?, length(1)?))
    }

    fn positions(&self, name: &str) -> Result<Vec<usize>> {
        let cursor = self.attribute(name)?;
        let values = cursor.integers()?.values.into_iter().map(usize::try_from);
        let values = values.collect::<Result<_, _>>();
        values.map_err(|_| cursor.refuse("an index is below zero"))
    }
}

impl Sparse {
    fn check(&self) -> Result<(), &'static str> {
        let (rows, columns) = self.shape;
        let (outer, inner) = match self.format {
            SparseFormat::Csr => (rows, columns),
            SparseFormat::Csc => (columns, rows),
        };
        if self.starts.len().checked_sub(1) != Some(outer) || self.starts.first() != Some(&0) {
            return Err("`indptr` does not fit the shape");
        }
        if !self.starts.is_sorted() || self.starts.last() != Some(&self.values.len()) {
            return Err("`indptr` does not fit the values");
        }
        if self.indices.len() != self.values.len() {
            return Err("`indices` are not as many as the values");
        }
        if self.indices.iter().any(|index| *index >= inner) {
            return Err("an index lies beyond the shape");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Sparse {
        Sparse {
            format: SparseFormat::Csr,
            shape: (2, 3),
            starts: vec![0, 1, 2],
            indices: vec![2, 0],
            values: vec![1.0, 2.0],
        }
    }

    #[test]
    fn every_index_is_checked() {
        assert_eq!(matrix().check(), Ok(()));
        let broken: [fn(&mut Sparse); 7] = [
            |m| m.starts = vec![0, 2],
            |m| m.starts = vec![],
            |m| m.starts = vec![1, 1, 2],
            |m| m.starts = vec![0, 3, 2],
            |m| m.starts = vec![0, 1, 1],
            |m| m.indices = vec![3, 0],
            |m| m.format = SparseFormat::Csc,
        ];
        for change in broken {
            let mut changed = matrix();
            change(&mut changed);
            assert!(changed.check().is_err(), "{changed:?}");
        }
    }
}
