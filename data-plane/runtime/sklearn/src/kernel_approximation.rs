//! `sklearn.kernel_approximation`: features whose products are nearly a kernel.

use std::f64::consts::PI;

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use crate::attributes::{
    count, matrix, matrix_of, number, numbers_of, places_of, rows_dense_or_sparse, rows_of,
};
use crate::estimator::{Estimator, Form, Method};
use crate::kernel_ridge::parameters;
use crate::math::affine;
use crate::metrics::pairwise::{Kernel, refuse_negative};
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.kernel_approximation.AdditiveChi2Sampler",
        AdditiveChi2::read,
    ),
    ("sklearn.kernel_approximation.Nystroem", Nystroem::read),
    (
        "sklearn.kernel_approximation.PolynomialCountSketch",
        CountSketch::read,
    ),
    ("sklearn.kernel_approximation.RBFSampler", Fourier::rbf),
    (
        "sklearn.kernel_approximation.SkewedChi2Sampler",
        Fourier::skewed,
    ),
];

/// More features than this are no approximation.
const MAX_FEATURES: usize = 1 << 16;

/// `RBFSampler` and `SkewedChi2Sampler`: waves of random frequencies.
#[derive(Debug)]
struct Fourier {
    weights: Matrix,
    offsets: Vec<f64>,
    /// What is added before the log is taken; none if no log is.
    skewedness: Option<f64>,
}

impl Fourier {
    fn rbf(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        Self::read(cursor, None)
    }

    fn skewed(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let skewedness = cursor.attribute("skewedness")?.float()?;
        Self::read(cursor, Some(skewedness))
    }

    fn read(cursor: &Cursor<'_>, skewedness: Option<f64>) -> Result<Box<dyn Estimator>> {
        let weights = matrix(cursor, "random_weights_")?.transposed();
        let offsets = numbers_of(cursor, "random_offset_", weights.rows)?;
        Ok(Box::new(Self {
            weights,
            offsets,
            skewedness,
        }))
    }

    fn waves(&self, rows: &Table) -> Result<Table> {
        let mut found = affine(rows, &self.weights, &self.offsets)?;
        let scale = 2f64.sqrt() / (self.weights.rows as f64).sqrt();
        for value in &mut found.values {
            *value = value.cos() * scale;
        }
        Ok(found.into())
    }
}

impl Estimator for Fourier {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Transform).then(|| Form::numbers(self.weights.rows))
    }

    fn width(&self) -> Option<usize> {
        Some(self.weights.columns)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let Some(skewedness) = self.skewedness else {
            return self.waves(rows);
        };
        let mut logs = rows.dense()?.into_owned();
        for value in &mut logs.values {
            if *value <= -skewedness {
                return Err(Error::invalid(format!(
                    "expected numbers above {}, found {value}",
                    -skewedness
                )));
            }
            *value = (*value + skewedness).ln();
        }
        self.waves(&logs.into())
    }

    fn memory_bytes(&self) -> usize {
        self.weights.values.len() * size_of::<f64>()
    }
}

/// `Nystroem`: the kernel with some rows of the training data.
#[derive(Debug)]
struct Nystroem {
    kernel: Kernel,
    points: Matrix,
    weights: Matrix,
}

impl Nystroem {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let points = rows_dense_or_sparse(&cursor.attribute("components_")?)?;
        let kernel = cursor.attribute("kernel")?;
        Ok(Box::new(Self {
            kernel: Kernel::read(&kernel, parameters(cursor)?, points.columns)?,
            weights: matrix_of(cursor, "normalization_", (points.rows, points.rows))?,
            points,
        }))
    }
}

impl Estimator for Nystroem {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Transform).then(|| Form::numbers(self.points.rows))
    }

    fn width(&self) -> Option<usize> {
        Some(self.points.columns)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let pairs = self.kernel.pairs(&*rows.dense()?, &self.points)?;
        affine(&pairs.into(), &self.weights, &[]).map(Table::from)
    }

    fn memory_bytes(&self) -> usize {
        (self.points.values.len() + self.weights.values.len()) * size_of::<f64>()
    }
}

/// `AdditiveChi2Sampler`: each column sampled at some frequencies.
#[derive(Debug)]
struct AdditiveChi2 {
    width: Option<usize>,
    steps: usize,
    interval: f64,
}

impl AdditiveChi2 {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let steps = count(cursor, "sample_steps")?;
        if !(1..=1024).contains(&steps) {
            return Err(cursor.refuse(format_args!("expected 1 to 1024 steps, found {steps}")));
        }
        let given = match number(cursor, "sample_interval_")? {
            Some(given) => Some(given),
            None => number(cursor, "sample_interval")?,
        };
        let interval = match (given, steps) {
            (Some(given), _) => given,
            (None, 1) => 0.8,
            (None, 2) => 0.5,
            (None, 3) => 0.4,
            _ => return Err(cursor.refuse("beyond 3 steps, `sample_interval` must be given")),
        };
        let width = cursor.find_attribute("n_features_in_")?;
        let width = width.map(|_| count(cursor, "n_features_in_")).transpose()?;
        Ok(Box::new(Self {
            width,
            steps,
            interval,
        }))
    }

    /// What a number becomes at the sample `at`, of which there are an odd number.
    fn sample(&self, x: f64, at: usize) -> f64 {
        if x == 0.0 {
            return 0.0;
        }
        if at == 0 {
            return (x * self.interval).sqrt();
        }
        let step = at.div_ceil(2) as f64;
        let size = (2.0 * x * self.interval / (PI * step * self.interval).cosh()).sqrt();
        let angle = step * (self.interval * x.ln());
        size * if at % 2 == 1 {
            angle.cos()
        } else {
            angle.sin()
        }
    }
}

impl Estimator for AdditiveChi2 {
    fn form(&self, method: Method) -> Option<Form> {
        let form = match self.width {
            Some(width) => Form::numbers(width.saturating_mul(2 * self.steps - 1)),
            None => Form {
                width: crate::estimator::Width::Unknown,
                ..Form::NUMBER
            },
        };
        (method == Method::Transform).then_some(form)
    }

    fn width(&self) -> Option<usize> {
        self.width
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = rows.dense()?;
        refuse_negative(&rows)?;
        let width = rows.columns.saturating_mul(2 * self.steps - 1);
        let found = rows.map_rows(width, |row, found| {
            for (at, part) in found.chunks_mut(row.len().max(1)).enumerate() {
                for (to, &x) in part.iter_mut().zip(row) {
                    *to = self.sample(x, at);
                }
            }
        });
        Ok(found.into())
    }
}

/// `PolynomialCountSketch`: columns are added into few places, with signs, once for each degree;
/// the product of the polynomials that this makes is a sketch of the powers of a row.
#[derive(Debug)]
struct CountSketch {
    /// Place and sign of each column, for each degree.
    hashes: Vec<Vec<(usize, f64)>>,
    features: usize,
    scale: f64,
    /// The root of the constant that stands behind the columns; none if there is none.
    constant: Option<f64>,
    width: usize,
}

impl CountSketch {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let features = count(cursor, "n_components")?;
        if !(1..=MAX_FEATURES).contains(&features) {
            return Err(cursor.refuse(format_args!(
                "expected 1 to {MAX_FEATURES} components, found {features}"
            )));
        }
        let degree = count(cursor, "degree")?;
        let signs = rows_of(cursor, "bitHash_", degree)?;
        let all = signs.values.len();
        let places = places_of(&cursor.attribute("indexHash_")?, Some(all), features)?;
        let hashes = places.chunks(signs.columns).zip(signs.iter_rows());
        let hashes = hashes.map(|(places, signs)| {
            let pairs = places.iter().copied().zip(signs.iter().copied());
            pairs.collect()
        });
        let coef0 = number(cursor, "coef0")?.unwrap_or(0.0);
        let constant = (coef0 != 0.0).then(|| coef0.sqrt());
        Ok(Box::new(Self {
            hashes: hashes.collect(),
            features,
            scale: number(cursor, "gamma")?.unwrap_or(1.0).sqrt(),
            width: signs.columns - usize::from(constant.is_some()),
            constant,
        }))
    }

    /// The product of the sketches of each degree, as polynomials modulo x^features - 1.
    fn sketch(&self, row: &[f64], found: &mut [f64]) {
        let values = row.iter().map(|x| x * self.scale).chain(self.constant);
        let values: Vec<_> = values.collect();
        let mut product = vec![0.0; found.len()];
        if let Some(first) = product.first_mut() {
            *first = 1.0;
        }
        for hashes in &self.hashes {
            found.fill(0.0);
            for (&(place, sign), value) in hashes.iter().zip(&values) {
                let place = place.min(product.len());
                // Behind the wrap: the end of the product comes first.
                let (head, tail) = product.split_at(product.len() - place);
                for (to, from) in found.iter_mut().zip(tail.iter().chain(head)) {
                    *to += sign * value * from;
                }
            }
            product.copy_from_slice(found);
        }
        found.copy_from_slice(&product);
    }
}

impl Estimator for CountSketch {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Transform).then(|| Form::numbers(self.features))
    }

    fn width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = rows.dense()?;
        let found = rows.map_rows(self.features, |row, found| self.sketch(row, found));
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        let columns = self.hashes.first().map_or(0, Vec::len);
        self.hashes.len() * columns * size_of::<(usize, f64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sketch_is_a_product_of_polynomials() {
        let sketch = CountSketch {
            hashes: vec![vec![(0, 1.0), (2, -1.0)], vec![(1, 1.0), (2, 1.0)]],
            features: 3,
            scale: 1.0,
            constant: None,
            width: 2,
        };
        // (a - b x^2)(a x + b x^2) modulo x^3 - 1, with a = 2 and b = 3.
        let mut found = [0.0; 3];
        sketch.sketch(&[2.0, 3.0], &mut found);
        assert_eq!(found, [-6.0, 4.0 - 9.0, 6.0]);
    }

    #[test]
    fn numbers_that_are_zero_stay_zero() {
        let sampler = AdditiveChi2 {
            width: Some(1),
            steps: 2,
            interval: 0.5,
        };
        let rows = Table::from(Matrix::new(1, 1, vec![0.0]));
        assert_eq!(
            sampler.transform(&rows).unwrap(),
            Matrix::zeros(1, 3).into()
        );
        let negative = Table::from(Matrix::new(1, 1, vec![-1.0]));
        assert!(sampler.transform(&negative).is_err());
    }
}
