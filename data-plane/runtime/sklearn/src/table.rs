//! Rows on their way from step to step.

use std::borrow::Cow;
use std::sync::Arc;

use hari_error::{Error, Result};

/// Values of a sparse matrix that are written out, zeros and all: 512 MiB.
const MAX_DENSE: usize = 64 << 20;

/// A dense matrix, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// `rows * columns` values.
    pub(crate) values: Vec<f64>,
}

/// A sparse matrix, compressed by row. Columns within a row may come in any order, without
/// doubles.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Csr {
    pub(crate) columns: usize,
    /// One more than there are rows; row `i` has the entries from `starts[i]` to `starts[i + 1]`.
    pub(crate) starts: Vec<usize>,
    /// Each below `columns`.
    pub(crate) indices: Vec<u32>,
    pub(crate) values: Vec<f64>,
}

/// A text, or nothing where it is missing.
pub(crate) type Text = Option<Arc<str>>;

/// One column of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Column {
    /// NaN where a number is missing.
    Numbers(Vec<f64>),
    Texts(Vec<Text>),
}

/// Rows of numbers, or columns of numbers and text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Table {
    Dense(Matrix),
    Sparse(Csr),
    /// All of one length.
    Columns(Vec<Column>),
}

impl Matrix {
    /// Zeros.
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        let values = vec![0.0; rows.saturating_mul(columns)];
        Self {
            rows,
            columns,
            values,
        }
    }

    /// `values` in rows of `columns`.
    pub(crate) fn new(rows: usize, columns: usize, values: Vec<f64>) -> Self {
        debug_assert_eq!(values.len(), rows * columns, "a matrix is full");
        Self {
            rows,
            columns,
            values,
        }
    }

    /// One column.
    pub(crate) fn column_of(values: Vec<f64>) -> Self {
        Self::new(values.len(), 1, values)
    }

    /// A row; empty if there is none.
    pub(crate) fn row(&self, row: usize) -> &[f64] {
        let start = row.saturating_mul(self.columns);
        self.values
            .get(start..start.saturating_add(self.columns))
            .unwrap_or_default()
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f64] {
        let start = row.saturating_mul(self.columns);
        let end = start.saturating_add(self.columns);
        self.values.get_mut(start..end).unwrap_or_default()
    }

    /// All rows, also where there are no columns.
    pub(crate) fn iter_rows(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.rows).map(|row| self.row(row))
    }

    /// A column; shorter than `rows` only where it does not exist.
    pub(crate) fn column(&self, column: usize) -> Vec<f64> {
        self.iter_rows()
            .filter_map(|row| row.get(column).copied())
            .collect()
    }

    /// A row for each of this one's, `width` long.
    pub(crate) fn map_rows(&self, width: usize, mut map: impl FnMut(&[f64], &mut [f64])) -> Self {
        let mut found = Self::zeros(self.rows, width);
        for row in 0..self.rows {
            map(self.row(row), found.row_mut(row));
        }
        found
    }

    /// Columns as rows.
    pub(crate) fn transposed(&self) -> Self {
        let mut found = Self::zeros(self.columns, self.rows);
        for (at, row) in self.iter_rows().enumerate() {
            for (column, &value) in row.iter().enumerate() {
                if let Some(to) = found.row_mut(column).get_mut(at) {
                    *to = value;
                }
            }
        }
        found
    }

    /// The columns at these places, in this order; NaN for a column that does not exist.
    pub(crate) fn select(&self, columns: &[usize]) -> Self {
        self.map_rows(columns.len(), |row, found| {
            for (to, &from) in found.iter_mut().zip(columns) {
                *to = row.get(from).copied().unwrap_or(f64::NAN);
            }
        })
    }
}

impl Csr {
    pub(crate) fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Columns and values of a row.
    pub(crate) fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let start = self.starts.get(row).copied().unwrap_or(0);
        let end = self.starts.get(row + 1).copied().unwrap_or(start);
        let indices = self.indices.get(start..end).unwrap_or_default();
        (indices, self.values.get(start..end).unwrap_or_default())
    }

    /// Entries of a row: column and value.
    pub(crate) fn entries(&self, row: usize) -> impl Iterator<Item = (usize, f64)> {
        let (indices, values) = self.row(row);
        indices
            .iter()
            .zip(values)
            .map(|(&column, &value)| (column as usize, value))
    }

    /// The columns at these places, in this order. A place beyond the last is a column of zeros.
    pub(crate) fn select(&self, columns: &[usize]) -> Self {
        let mut moves: Vec<(usize, u32)> = columns.iter().copied().zip(0..).collect();
        moves.sort_unstable();
        let mut found = Self {
            columns: columns.len(),
            starts: vec![0],
            ..Self::default()
        };
        for row in 0..self.rows() {
            for (column, value) in self.entries(row) {
                let first = moves.partition_point(|(from, _)| *from < column);
                let same = moves
                    .iter()
                    .skip(first)
                    .take_while(|(from, _)| *from == column);
                for (_, to) in same {
                    found.indices.push(*to);
                    found.values.push(value);
                }
            }
            found.starts.push(found.values.len());
        }
        found
    }

    /// The same with the zeros written.
    pub(crate) fn dense(&self) -> Matrix {
        let mut found = Matrix::zeros(self.rows(), self.columns);
        for row in 0..self.rows() {
            let to = found.row_mut(row);
            for (column, value) in self.entries(row) {
                if let Some(cell) = to.get_mut(column) {
                    *cell += value;
                }
            }
        }
        found
    }

    /// The entries of a dense matrix that are not zero.
    pub(crate) fn from_dense(matrix: &Matrix) -> Self {
        let mut found = Self {
            columns: matrix.columns,
            starts: vec![0],
            ..Self::default()
        };
        for row in matrix.iter_rows() {
            for (column, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                found.indices.push(column as u32);
                found.values.push(value);
            }
            found.starts.push(found.values.len());
        }
        found
    }
}

impl Column {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }
}

impl From<Matrix> for Table {
    fn from(matrix: Matrix) -> Self {
        Self::Dense(matrix)
    }
}

impl From<Csr> for Table {
    fn from(matrix: Csr) -> Self {
        Self::Sparse(matrix)
    }
}

impl Table {
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Dense(matrix) => matrix.rows,
            Self::Sparse(matrix) => matrix.rows(),
            Self::Columns(columns) => columns.first().map_or(0, Column::len),
        }
    }

    /// How many columns there are.
    pub(crate) fn width(&self) -> usize {
        match self {
            Self::Dense(matrix) => matrix.columns,
            Self::Sparse(matrix) => matrix.columns,
            Self::Columns(columns) => columns.len(),
        }
    }

    /// As a dense matrix of numbers.
    ///
    /// # Errors
    /// `InvalidInput` for a column of text.
    pub(crate) fn dense(&self) -> Result<Cow<'_, Matrix>> {
        match self {
            Self::Dense(matrix) => Ok(Cow::Borrowed(matrix)),
            Self::Sparse(matrix) => {
                let cells = matrix.rows().saturating_mul(matrix.columns);
                if cells > MAX_DENSE {
                    let (rows, columns) = (matrix.rows(), matrix.columns);
                    return Err(Error::invalid(format!(
                        "{rows} rows of {columns} columns are too many to write out: at most \
                         {MAX_DENSE} values, send fewer rows"
                    )));
                }
                Ok(Cow::Owned(matrix.dense()))
            }
            Self::Columns(columns) => gathered(columns, self.rows()).map(Cow::Owned),
        }
    }

    /// One column, numbers or text; none if it does not exist.
    pub(crate) fn column(&self, column: usize) -> Option<Cow<'_, Column>> {
        if column >= self.width() {
            return None;
        }
        match self {
            Self::Dense(matrix) => Some(Cow::Owned(Column::Numbers(matrix.column(column)))),
            Self::Sparse(matrix) => {
                let cell = |row| matrix.entries(row).find(|(at, _)| *at == column);
                let cells = (0..matrix.rows()).map(|row| cell(row).map_or(0.0, |(_, value)| value));
                Some(Cow::Owned(Column::Numbers(cells.collect())))
            }
            Self::Columns(columns) => columns.get(column).map(Cow::Borrowed),
        }
    }

    /// The columns at these places, in this order. A place beyond the last is left out.
    pub(crate) fn select(&self, columns: &[usize]) -> Self {
        match self {
            Self::Dense(matrix) => Self::Dense(matrix.select(columns)),
            Self::Sparse(matrix) => Self::Sparse(matrix.select(columns)),
            Self::Columns(found) => Self::Columns(
                columns
                    .iter()
                    .filter_map(|&column| found.get(column).cloned())
                    .collect(),
            ),
        }
    }

    /// The first column as documents, one for each row.
    ///
    /// # Errors
    /// `InvalidInput` for numbers, several columns or a missing text.
    pub(crate) fn documents(&self) -> Result<Vec<Arc<str>>> {
        let Self::Columns(columns) = self else {
            return Err(Error::invalid("expected text, found numbers"));
        };
        let [Column::Texts(texts)] = columns.as_slice() else {
            return Err(Error::invalid("expected one column of text"));
        };
        let present = texts.iter().map(|text| {
            text.clone()
                .ok_or_else(|| Error::invalid("a text is missing"))
        });
        present.collect()
    }

    /// Tables of the same rows, side by side: sparse if one of them is and none has text, as
    /// columns if one has text.
    pub(crate) fn beside(tables: Vec<Self>, sparse: bool) -> Result<Self> {
        if tables.iter().any(|table| matches!(table, Self::Columns(_))) {
            let all = tables.into_iter().flat_map(|table| {
                (0..table.width())
                    .filter_map(move |column| table.column(column).map(Cow::into_owned))
            });
            return Ok(Self::Columns(all.collect()));
        }
        let rows = tables.first().map_or(0, Self::rows);
        let columns = tables.iter().map(Self::width).sum();
        if sparse {
            return Ok(Self::Sparse(sparse_beside(&tables, rows, columns)?));
        }
        let matrices: Vec<_> = tables.iter().map(Self::dense).collect::<Result<_>>()?;
        let values = (0..rows).flat_map(|row| {
            matrices
                .iter()
                .flat_map(move |matrix| matrix.row(row).iter().copied())
        });
        Ok(Self::Dense(Matrix::new(rows, columns, values.collect())))
    }
}

fn sparse_beside(tables: &[Table], rows: usize, columns: usize) -> Result<Csr> {
    let parts: Vec<_> = tables
        .iter()
        .map(|table| match table {
            Table::Sparse(matrix) => Ok(Cow::Borrowed(matrix)),
            other => Ok(Cow::Owned(Csr::from_dense(&*other.dense()?))),
        })
        .collect::<Result<_>>()?;
    let mut found = Csr {
        columns,
        starts: vec![0],
        ..Csr::default()
    };
    for row in 0..rows {
        let mut offset = 0;
        for part in &parts {
            let (indices, values) = part.row(row);
            found
                .indices
                .extend(indices.iter().map(|index| index + offset));
            found.values.extend_from_slice(values);
            offset += part.columns as u32;
        }
        found.starts.push(found.values.len());
    }
    Ok(found)
}

fn gathered(columns: &[Column], rows: usize) -> Result<Matrix> {
    let mut found = Matrix::zeros(rows, columns.len());
    for (at, column) in columns.iter().enumerate() {
        let Column::Numbers(values) = column else {
            return Err(Error::invalid(format!(
                "column {at}: expected numbers, found text"
            )));
        };
        for (row, &value) in values.iter().enumerate() {
            if let Some(cell) = found.row_mut(row).get_mut(at) {
                *cell = value;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_columns_are_selected_without_writing_zeros() {
        let dense = Matrix::new(2, 3, vec![1.0, 0.0, 2.0, 0.0, 3.0, 4.0]);
        let chosen = Csr::from_dense(&dense).select(&[2, 0, 2]);
        assert_eq!(chosen.dense().values, [2.0, 1.0, 2.0, 4.0, 0.0, 4.0]);
        let wide = Csr {
            columns: usize::MAX,
            starts: vec![0, 1],
            indices: vec![7],
            values: vec![5.0],
        };
        assert_eq!(wide.select(&[7]).dense().values, [5.0]);
    }

    #[test]
    fn sparse_tables_stay_sparse_beside_each_other() {
        let wide = Csr {
            columns: 1 << 31,
            starts: vec![0, 1],
            indices: vec![1],
            values: vec![5.0],
        };
        let narrow = Table::Dense(Matrix::column_of(vec![2.0]));
        let both = Table::beside(vec![wide.into(), narrow], true).unwrap();
        assert!(matches!(&both, Table::Sparse(found) if found.indices == [1, 1 << 31]));
    }
}
