//! Small systems of linear equations.

use crate::table::Matrix;

/// `X` such that `matrix @ X = right`, by Gaussian elimination with row exchanges; none where there
/// is no single one. `matrix` is square, and `right` has as many rows.
pub(crate) fn solve(matrix: &Matrix, right: &Matrix) -> Option<Matrix> {
    let size = matrix.rows;
    if matrix.columns != size || right.rows != size {
        return None;
    }
    // Both side by side, a row each.
    let joined = |row| [matrix.row(row), right.row(row)].concat();
    let rows = eliminated((0..size).map(joined).collect())?;
    back(&rows, size, right.columns)
}

/// The logarithm of the determinant of a symmetric positive matrix; none if it is singular.
pub(crate) fn log_determinant(matrix: &Matrix) -> Option<f64> {
    let rows = eliminated(matrix.iter_rows().map(<[f64]>::to_vec).collect())?;
    let diagonal = rows.iter().enumerate().filter_map(|(at, row)| row.get(at));
    Some(diagonal.map(|value| value.abs().ln()).sum())
}

/// Rows of which each has zeros, or what counts as such, left of the diagonal.
fn eliminated(mut rows: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let size = rows.len();
    for step in 0..size {
        let largest = |row: &usize| {
            rows.get(*row)
                .and_then(|row| row.get(step))
                .map(|x| x.abs())
        };
        let pivot = (step..size).max_by(|a, b| {
            let (a, b) = (largest(a).unwrap_or(0.0), largest(b).unwrap_or(0.0));
            a.total_cmp(&b)
        })?;
        rows.swap(step, pivot);
        let (done, below) = rows.split_at_mut(step + 1);
        let top = done.last()?;
        let scale = *top.get(step)?;
        if scale == 0.0 || !scale.is_finite() {
            return None;
        }
        for row in below {
            let factor = row.get(step)? / scale;
            for (value, top) in row.iter_mut().zip(top).skip(step) {
                *value -= factor * top;
            }
        }
    }
    Some(rows)
}

/// From the last row to the first.
fn back(rows: &[Vec<f64>], size: usize, columns: usize) -> Option<Matrix> {
    let mut found = Matrix::zeros(size, columns);
    for step in (0..size).rev() {
        let row = rows.get(step)?;
        for column in 0..columns {
            let mut sum = *row.get(size + column)?;
            for later in step + 1..size {
                sum -= row.get(later)? * found.row(later).get(column)?;
            }
            *found.row_mut(step).get_mut(column)? = sum / row.get(step)?;
        }
    }
    Some(found)
}

/// `a @ b.T`.
pub(crate) fn product(a: &Matrix, b: &Matrix) -> Matrix {
    a.map_rows(b.rows, |row, found| {
        for (to, other) in found.iter_mut().zip(b.iter_rows()) {
            *to = crate::math::dot(row, other);
        }
    })
}

/// Rows become columns.
pub(crate) fn transposed(matrix: &Matrix) -> Matrix {
    let values = (0..matrix.columns).flat_map(|column| matrix.column(column));
    Matrix::new(matrix.columns, matrix.rows, values.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved() {
        let matrix = Matrix::new(2, 2, vec![0.0, 2.0, 4.0, 1.0]);
        let right = Matrix::new(2, 1, vec![6.0, 7.0]);
        assert_eq!(solve(&matrix, &right).unwrap().values, [1.0, 3.0]);
        assert_eq!(log_determinant(&matrix).unwrap(), 8f64.ln());
        let flat = Matrix::new(2, 2, vec![1.0, 2.0, 2.0, 4.0]);
        assert_eq!(solve(&flat, &right), None);
        let empty = Matrix::zeros(0, 0);
        assert_eq!(solve(&empty, &empty).unwrap(), empty);
    }
}
