//! `sklearn.feature_selection`: some of the columns.

mod importance;
mod model;
mod univariate;

use std::fmt::Debug;

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::number;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::Table;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.feature_selection._from_model.SelectFromModel",
        model::from_model,
    ),
    (
        "sklearn.feature_selection._rfe.RFE",
        model::Elimination::read,
    ),
    (
        "sklearn.feature_selection._rfe.RFECV",
        model::Elimination::read,
    ),
    (
        "sklearn.feature_selection._sequential.SequentialFeatureSelector",
        model::sequential,
    ),
    (
        "sklearn.feature_selection._univariate_selection.GenericUnivariateSelect",
        univariate::generic,
    ),
    (
        "sklearn.feature_selection._univariate_selection.SelectFdr",
        univariate::false_discoveries,
    ),
    (
        "sklearn.feature_selection._univariate_selection.SelectFpr",
        univariate::false_positives,
    ),
    (
        "sklearn.feature_selection._univariate_selection.SelectFwe",
        univariate::family_wise,
    ),
    (
        "sklearn.feature_selection._univariate_selection.SelectKBest",
        univariate::best,
    ),
    (
        "sklearn.feature_selection._univariate_selection.SelectPercentile",
        univariate::percentile,
    ),
    (
        "sklearn.feature_selection._variance_threshold.VarianceThreshold",
        variance,
    ),
];

/// The columns that were chosen.
#[derive(Debug)]
struct Selection {
    width: usize,
    columns: Vec<usize>,
    accepts: Accepts,
}

impl Selection {
    /// The columns whose flag is set.
    fn of(mask: &[bool], accepts: Accepts) -> Self {
        let chosen = mask.iter().enumerate().filter(|(_, chosen)| **chosen);
        Self {
            width: mask.len(),
            columns: chosen.map(|(column, _)| column).collect(),
            accepts,
        }
    }

    /// `support_`.
    fn supported(cursor: &Cursor<'_>, accepts: Accepts) -> Result<Self> {
        let mask = cursor.attribute("support_")?.array::<bool>()?;
        Ok(Self::of(&mask.values, accepts))
    }
}

/// `VarianceThreshold`.
fn variance(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let variances = cursor.attribute("variances_")?.numbers()?.values;
    let threshold = number(cursor, "threshold")?.unwrap_or(0.0);
    let mask: Vec<bool> = variances.iter().map(|one| *one > threshold).collect();
    Ok(Box::new(Selection::of(&mask, Accepts::Anything)))
}

impl Estimator for Selection {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.columns.len())
    }

    fn accepts(&self) -> Accepts {
        self.accepts
    }

    fn width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        Ok(match rows {
            Table::Columns(_) => Table::Dense(rows.dense()?.select(&self.columns)),
            other => other.select(&self.columns),
        })
    }

    fn memory_bytes(&self) -> usize {
        self.columns.len() * size_of::<usize>()
    }
}
