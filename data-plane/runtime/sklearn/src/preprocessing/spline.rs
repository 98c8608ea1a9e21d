//! `SplineTransformer`: each column becomes the values of B-splines.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use crate::attributes::{count, flag, matrix, numbers, text};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Csr, Matrix, Table};

#[derive(Debug)]
pub(super) struct SplineTransformer {
    splines: Vec<Spline>,
    /// Output columns of each input column.
    outputs: usize,
    /// Whether the last spline of each column is left out.
    drop_last: bool,
    sparse: bool,
    /// Whether NaN becomes zeros.
    zeros: bool,
}

/// The splines of one column, and what lies beyond its knots.
#[derive(Debug)]
struct Spline {
    basis: Basis,
    beyond: Beyond,
}

/// B-splines over knots, and sums of them.
#[derive(Debug)]
struct Basis {
    degree: usize,
    knots: Vec<f64>,
    /// `[B-splines, outputs]`.
    sums: Matrix,
}

/// What lies beyond the outermost knots.
#[derive(Debug)]
enum Beyond {
    Refused,
    /// The outermost polynomials go on.
    Continued,
    /// Everything comes again.
    Periodic,
    /// What is at the border goes on, as it is or along its slope.
    Line(Box<[Border; 2]>),
}

/// What is known of one border.
#[derive(Debug)]
struct Border {
    at: f64,
    /// Of each output: zero for those that end before.
    values: Vec<f64>,
    slopes: Vec<f64>,
}

impl SplineTransformer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let extrapolation = text(cursor, "extrapolation")?;
        // scikit-learn counts on from column to column where the degree is 0 or 1.
        let mut degree = count(cursor, "degree")?;
        let mut splines: Vec<Spline> = Vec::new();
        for item in cursor.attribute("bsplines_")?.items()? {
            let basis = Basis::read(&item)?;
            let first = splines.first().map(|one| one.basis.sums.columns);
            if first.is_some_and(|first| first != basis.sums.columns) {
                return Err(item.refuse("the splines of each column are not as many"));
            }
            let beyond = match extrapolation.as_str() {
                "error" => Beyond::Refused,
                "continue" => Beyond::Continued,
                "periodic" => Beyond::Periodic,
                "constant" => Beyond::Line(Box::new(basis.borders(degree, degree, false))),
                "linear" => {
                    let from = degree;
                    degree += usize::from(degree <= 1);
                    Beyond::Line(Box::new(basis.borders(from, degree, true)))
                }
                other => {
                    return Err(
                        cursor.refuse(format_args!("the extrapolation `{other}` is not known"))
                    );
                }
            };
            splines.push(Spline { basis, beyond });
        }
        let outputs = splines.first().map_or(0, |one| one.basis.sums.columns);
        let missing = text(cursor, "handle_missing").unwrap_or_default();
        Ok(Box::new(Self {
            splines,
            outputs,
            drop_last: !flag(cursor, "include_bias")?,
            sparse: flag(cursor, "sparse_output")?,
            zeros: missing == "zeros",
        }))
    }

    fn kept(&self) -> usize {
        self.outputs.saturating_sub(usize::from(self.drop_last))
    }
}

impl Basis {
    fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let name = |old: &'static str, new: &'static str| {
            let found = cursor.find_attribute(old)?;
            Ok::<_, Error>(if found.is_some() { old } else { new })
        };
        let degree = count(cursor, "k")?;
        let knots = numbers(cursor, name("t", "_t")?)?;
        let sums = matrix(cursor, name("c", "_c")?)?;
        let fits = degree
            .checked_add(1)
            .and_then(|order| order.checked_add(sums.rows));
        if fits != Some(knots.len()) || sums.rows <= degree || !knots.is_sorted() {
            return Err(cursor.refuse(format_args!(
                "{} knots do not fit {} splines of degree {degree}",
                knots.len(),
                sums.rows
            )));
        }
        Ok(Self {
            degree,
            knots,
            sums,
        })
    }

    fn knot(&self, at: usize) -> f64 {
        self.knots.get(at).copied().unwrap_or(f64::NAN)
    }

    /// The knots between which the splines are whole.
    fn ends(&self) -> (f64, f64) {
        (self.knot(self.degree), self.knot(self.sums.rows))
    }

    /// Adds the splines at `x`, or their slopes, to `found`: by de Boor's recurrence.
    fn add(&self, x: f64, slopes: bool, found: &mut [f64]) {
        let below = self.knots.partition_point(|knot| *knot <= x);
        let last = self.sums.rows - 1;
        let interval = below.saturating_sub(1).clamp(self.degree, last);
        let values = self.local(x, interval, slopes);
        for (offset, value) in values.iter().enumerate() {
            let sums = self.sums.row(interval - self.degree + offset);
            for (to, sum) in found.iter_mut().zip(sums) {
                *to += sum * value;
            }
        }
    }

    /// The splines that are not zero in an interval.
    fn local(&self, x: f64, interval: usize, slopes: bool) -> Vec<f64> {
        let mut values = vec![1.0];
        for degree in 1..=self.degree {
            let mut next = vec![0.0; degree + 1];
            for (at, value) in values.iter().enumerate() {
                let right = self.knot(interval + at + 1);
                let left = self.knot(interval + at + 1 - degree);
                if right == left {
                    continue;
                }
                let (low, high) = match slopes && degree == self.degree {
                    true => {
                        let slope = degree as f64 * value / (right - left);
                        (-slope, slope)
                    }
                    false => {
                        let weight = value / (right - left);
                        (weight * (right - x), weight * (x - left))
                    }
                };
                if let Some([first, second]) = next.get_mut(at..at + 2) {
                    *first += low;
                    *second = high;
                }
            }
            values = next;
        }
        if slopes && self.degree == 0 {
            return vec![0.0];
        }
        values
    }

    /// What is at the knots that lie `from` before the ends; of `reach` outputs at each end.
    fn borders(&self, from: usize, reach: usize, sloped: bool) -> [Border; 2] {
        let outputs = self.sums.columns;
        let border = |at: f64, kept: std::ops::Range<usize>| {
            let of = |slopes: bool| {
                let mut found = vec![0.0; outputs];
                self.add(at, slopes, &mut found);
                let each = found.into_iter().enumerate();
                each.map(|(output, value)| if kept.contains(&output) { value } else { 0.0 })
                    .collect()
            };
            let slopes = if sloped { of(true) } else { vec![0.0; outputs] };
            Border {
                at,
                values: of(false),
                slopes,
            }
        };
        let high = self.knots.len().saturating_sub(from + 1);
        [
            border(self.knot(from), 0..reach),
            border(self.knot(high), outputs.saturating_sub(reach)..outputs),
        ]
    }
}

impl Spline {
    fn evaluate(&self, x: f64, found: &mut [f64]) -> Result<()> {
        let (low, high) = self.basis.ends();
        match &self.beyond {
            Beyond::Refused if x < low || x > high => {
                return Err(Error::invalid(format!(
                    "{x} lies beyond the knots, which go from {low} to {high}"
                )));
            }
            Beyond::Refused | Beyond::Continued => self.basis.add(x, false, found),
            Beyond::Periodic => {
                let period = high - low;
                let again = if period > 0.0 {
                    low + (x - low).rem_euclid(period)
                } else {
                    0.0
                };
                self.basis.add(again, false, found);
            }
            Beyond::Line(borders) => {
                let [first, last] = &**borders;
                match (x < first.at, x > last.at) {
                    (true, _) => first.line(x, found),
                    (_, true) => last.line(x, found),
                    _ => self.basis.add(x, false, found),
                }
            }
        }
        Ok(())
    }
}

impl Border {
    fn line(&self, x: f64, found: &mut [f64]) {
        let each = self.values.iter().zip(&self.slopes);
        for (to, (value, slope)) in found.iter_mut().zip(each) {
            *to = value + (x - self.at) * slope;
        }
    }
}

impl Estimator for SplineTransformer {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.splines.len() * self.kept())
    }

    fn accepts(&self) -> Accepts {
        match self.zeros {
            true => Accepts::Anything,
            false => Accepts::Finite,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.splines.len())
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = rows.dense()?;
        let kept = self.kept();
        let mut found = Matrix::zeros(rows.rows, self.splines.len() * kept);
        let mut values = vec![0.0; self.outputs];
        for row in 0..rows.rows {
            for (at, (&x, spline)) in rows.row(row).iter().zip(&self.splines).enumerate() {
                if x.is_nan() {
                    continue;
                }
                values.fill(0.0);
                spline.evaluate(x, &mut values)?;
                let cells = found.row_mut(row).iter_mut().skip(at * kept).take(kept);
                cells.zip(&values).for_each(|(cell, value)| *cell = *value);
            }
        }
        Ok(match self.sparse {
            true => Csr::from_dense(&found).into(),
            false => found.into(),
        })
    }

    fn memory_bytes(&self) -> usize {
        let values = |spline: &Spline| spline.basis.sums.values.len() + spline.basis.knots.len();
        self.splines.iter().map(values).sum::<usize>() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis(degree: usize, knots: &[f64]) -> Basis {
        let count = knots.len() - degree - 1;
        let ones = (0..count * count).map(|at| f64::from(u8::from(at % (count + 1) == 0)));
        Basis {
            degree,
            knots: knots.to_vec(),
            sums: Matrix::new(count, count, ones.collect()),
        }
    }

    #[test]
    fn splines_are_one_together() {
        let basis = basis(3, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        for x in [3.0, 3.4, 4.0, 4.99, 5.0] {
            let (mut values, mut slopes) = (vec![0.0; 5], vec![0.0; 5]);
            basis.add(x, false, &mut values);
            basis.add(x, true, &mut slopes);
            assert!(
                (values.iter().sum::<f64>() - 1.0).abs() < 1e-15,
                "{x}: {values:?}"
            );
            assert!(slopes.iter().sum::<f64>().abs() < 1e-15, "{x}: {slopes:?}");
        }
    }

    #[test]
    fn what_lies_beyond_is_refused_where_it_must_be() {
        let spline = Spline {
            basis: basis(0, &[0.0, 1.0, 2.0]),
            beyond: Beyond::Refused,
        };
        let mut found = vec![0.0; 2];
        spline.evaluate(1.5, &mut found).unwrap();
        assert_eq!(found, [0.0, 1.0]);
        assert!(spline.evaluate(2.5, &mut found).is_err());
    }
}
