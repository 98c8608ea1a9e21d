//! `PolynomialFeatures`: products of columns.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{count, flag};
use crate::estimator::{Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::Table;

/// No more products are computed for a row.
const MAX_PRODUCTS: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct PolynomialFeatures {
    width: usize,
    bias: bool,
    /// Every product up to the highest degree, by degree: one column times an earlier product, or
    /// alone.
    products: Vec<Product>,
    /// The first product of the answer.
    start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Product {
    column: usize,
    times: Option<usize>,
}

impl PolynomialFeatures {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let width = count(cursor, "n_features_in_")?;
        let (least, most) = degrees(cursor)?;
        let alone = flag(cursor, "interaction_only")?;
        let found = products(width, least, most, alone);
        let (products, start) = found.ok_or_else(|| {
            cursor.refuse(format_args!("there are more than {MAX_PRODUCTS} products"))
        })?;
        Ok(Box::new(Self {
            width,
            bias: flag(cursor, "include_bias")?,
            products,
            start,
        }))
    }

    fn outputs(&self) -> usize {
        usize::from(self.bias) + self.products.len() - self.start
    }

    fn expand(&self, row: &[f64], found: &mut [f64], all: &mut Vec<f64>) {
        all.clear();
        for product in &self.products {
            let value = row.get(product.column).copied().unwrap_or(f64::NAN);
            let times = product.times.and_then(|place| all.get(place));
            all.push(times.map_or(value, |times| value * times));
        }
        let bias = self.bias.then_some(1.0);
        let values = bias.into_iter().chain(all.iter().skip(self.start).copied());
        for (to, value) in found.iter_mut().zip(values) {
            *to = value;
        }
    }
}

/// The lowest and the highest degree.
fn degrees(cursor: &Cursor<'_>) -> Result<(usize, usize)> {
    let degree = cursor.attribute("degree")?;
    let one = |at: &Cursor<'_>| {
        let found = usize::try_from(at.integer()?);
        found.map_err(|_| at.refuse("expected no negative number"))
    };
    match degree.items() {
        Ok(items) if items.len() == 2 => Ok((one(&degree.item(0)?)?, one(&degree.item(1)?)?)),
        _ => Ok((1, one(&degree)?)),
    }
}

/// All products up to the degree `most`, and where those of degree `least` start; none if there
/// are too many.
fn products(width: usize, least: usize, most: usize, alone: bool) -> Option<(Vec<Product>, usize)> {
    let mut found: Vec<Product> = Vec::new();
    let mut start = 0;
    // Where the products of the last degree start, by their first column; and where they end.
    let mut firsts: Vec<usize> = Vec::new();
    for degree in 1..=most {
        if degree == least {
            start = found.len();
        }
        let (mut next, end) = (Vec::new(), found.len());
        for column in 0..width {
            next.push(found.len());
            let from = match degree {
                1 => None,
                _ => firsts
                    .get(column + usize::from(alone))
                    .copied()
                    .or(Some(end)),
            };
            match from {
                None => found.push(Product {
                    column,
                    times: None,
                }),
                Some(from) => found.extend((from..end).map(|place| Product {
                    column,
                    times: Some(place),
                })),
            }
            if found.len() > MAX_PRODUCTS {
                return None;
            }
        }
        firsts = next;
        if found.len() == end {
            // Columns are used up: there are no products of higher degrees.
            start = if degree < least { found.len() } else { start };
            break;
        }
    }
    let none = least > most;
    Some((found.clone(), if none { found.len() } else { start }))
}

impl Estimator for PolynomialFeatures {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.outputs())
    }

    fn width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = rows.dense()?;
        let mut all = Vec::with_capacity(self.products.len());
        let found = rows.map_rows(self.outputs(), |row, to| self.expand(row, to, &mut all));
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        self.products.len() * size_of::<Product>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Matrix;

    fn expanded(least: usize, most: usize, alone: bool) -> Vec<f64> {
        let (products, start) = products(3, least, most, alone).unwrap();
        let features = PolynomialFeatures {
            width: 3,
            bias: false,
            products,
            start,
        };
        let rows = Matrix::new(1, 3, vec![2.0, 3.0, 5.0]);
        let found = features.transform(&rows.into()).unwrap();
        found.dense().unwrap().values.clone()
    }

    #[test]
    fn products_come_in_the_order_of_their_columns() {
        assert_eq!(expanded(2, 2, false), [4.0, 6.0, 10.0, 9.0, 15.0, 25.0]);
        assert_eq!(expanded(1, 3, true), [2.0, 3.0, 5.0, 6.0, 10.0, 15.0, 30.0]);
        assert_eq!(expanded(3, 9, true), [30.0]);
        assert!(expanded(5, 9, true).is_empty() && expanded(1, 0, false).is_empty());
    }

    #[test]
    fn a_file_cannot_ask_for_more_than_there_is_room_for() {
        assert_eq!(products(1000, 1, 1 << 40, false), None);
        assert_eq!(products(0, 1, usize::MAX, false), Some((vec![], 0)));
    }
}
