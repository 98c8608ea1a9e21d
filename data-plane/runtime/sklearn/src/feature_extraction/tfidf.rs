//! `TfidfTransformer`: counts are weighted by how rare a term is.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{flag, numbers};
use crate::estimator::{Estimator, Form, Method, Width};
use crate::preprocessing::Norm;
use crate::reader::Reader;
use crate::table::{Csr, Table};

/// How counts become weights.
#[derive(Debug)]
pub(super) struct Weights {
    /// Counts are taken as 1 + log(count).
    sublinear: bool,
    /// A factor for each term.
    rarity: Option<Vec<f64>>,
    norm: Option<Norm>,
}

impl Weights {
    /// The attributes of a `TfidfTransformer`.
    ///
    /// # Errors
    /// `Model` for a norm that is not known.
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let rarity = match cursor.find_attribute("idf_")? {
            Some(found) => Some(found.numbers()?.values),
            // A diagonal matrix, before 1.4.
            None if flag(cursor, "use_idf")? => {
                Some(numbers(&cursor.attribute("_idf_diag")?, "data")?)
            }
            None => None,
        };
        Ok(Self {
            sublinear: flag(cursor, "sublinear_tf")?,
            rarity,
            norm: Norm::optional(&cursor.attribute("norm")?)?,
        })
    }

    /// How many terms have a factor; none if no term has.
    pub(super) fn terms(&self) -> Option<usize> {
        self.rarity.as_ref().map(Vec::len)
    }

    pub(super) fn apply(&self, counts: &mut Csr) {
        if self.sublinear {
            for value in &mut counts.values {
                *value = value.ln() + 1.0;
            }
        }
        if let Some(rarity) = &self.rarity {
            for (value, &term) in counts.values.iter_mut().zip(&counts.indices) {
                *value *= rarity.get(term as usize).copied().unwrap_or(1.0);
            }
        }
        if let Some(norm) = self.norm {
            norm.apply_sparse(counts);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.terms().unwrap_or(0) * size_of::<f64>()
    }
}

#[derive(Debug)]
pub(super) struct TfidfTransformer {
    weights: Weights,
}

impl TfidfTransformer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let weights = Weights::read(cursor)?;
        Ok(Box::new(Self { weights }))
    }
}

impl Estimator for TfidfTransformer {
    fn form(&self, method: Method) -> Option<Form> {
        let form = Form::transformed(method, self.weights.terms().unwrap_or(0))?;
        match self.weights.terms() {
            Some(_) => Some(form),
            None => Some(Form {
                width: Width::Unknown,
                ..form
            }),
        }
    }

    fn width(&self) -> Option<usize> {
        self.weights.terms()
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let mut counts = match rows {
            Table::Sparse(counts) => counts.clone(),
            other => Csr::from_dense(&*other.dense()?),
        };
        self.weights.apply(&mut counts);
        Ok(counts.into())
    }

    fn memory_bytes(&self) -> usize {
        self.weights.memory_bytes()
    }
}
