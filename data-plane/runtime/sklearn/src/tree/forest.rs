//! Trees of scikit-learn as one flat ensemble.

use hari_error::{Error, Result};
use hari_pickle::Cursor;
use hari_trees::flat::{Builder, Ensemble, Record, Rule};

use super::records::Records;
use crate::estimator::Accepts;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::version;

/// What a node takes, beside the values of a leaf.
const NODE_BYTES: usize = 16;

/// Trees over rows that are rounded to float32, as scikit-learn does before it asks a tree.
#[derive(Debug)]
pub(crate) struct Forest {
    ensemble: Ensemble<f64>,
    accepts: Accepts,
}

/// A forest in the making: all trees take rows of one width.
pub(crate) struct Planter<'r> {
    reader: &'r Reader,
    builder: Builder<f64>,
    accepts: Accepts,
}

impl<'r> Planter<'r> {
    /// For trees that take rows of `features` values and add to `targets` sums.
    pub(crate) fn new(reader: &'r Reader, features: usize, targets: usize) -> Self {
        Self {
            reader,
            builder: Builder::new(Rule::AT_MOST, features, targets),
            accepts: Accepts::Missing,
        }
    }

    /// Adds the tree of `estimator`, each leaf of which says one number.
    pub(crate) fn numbers(
        &mut self,
        estimator: &Cursor<'_>,
        target: usize,
        feature: impl Fn(usize) -> usize,
        leaf: impl Fn(&Records<'_>, usize) -> f64,
    ) -> Result<()> {
        let tree = estimator.attribute("tree_")?;
        let records = self.open(estimator, &tree)?;
        let built = self.builder.records(records.len(), target, |at, _| {
            Ok(match records.split(at) {
                Some(split) => Record::Split {
                    feature: feature(split.feature),
                    threshold: split.threshold,
                    missing_left: split.missing_left,
                    left: split.left,
                    right: split.right,
                },
                None => Record::Leaf(leaf(&records, at)),
            })
        });
        built.map_err(|error| tree.refuse(error))
    }

    /// Adds the tree of `estimator`, each leaf of which says a number for each target.
    pub(crate) fn vectors(
        &mut self,
        estimator: &Cursor<'_>,
        leaf: impl Fn(&Records<'_>, usize, &mut Vec<f64>),
    ) -> Result<()> {
        let tree = estimator.attribute("tree_")?;
        let records = self.open(estimator, &tree)?;
        let built = self.builder.records(records.len(), 0, |at, values| {
            Ok(match records.split(at) {
                Some(split) => Record::Split {
                    feature: split.feature,
                    threshold: split.threshold,
                    missing_left: split.missing_left,
                    left: split.left,
                    right: split.right,
                },
                None => {
                    leaf(&records, at, values);
                    Record::Vector
                }
            })
        });
        built.map_err(|error| tree.refuse(error))
    }

    fn open<'d>(&mut self, estimator: &Cursor<'_>, tree: &Cursor<'d>) -> Result<Records<'d>> {
        let records = Records::read(tree)?;
        let leaf = records.outputs.saturating_mul(records.classes);
        let bytes = leaf.saturating_mul(8).saturating_add(NODE_BYTES);
        let nodes = tree.state()?.get("nodes")?;
        self.reader
            .build(&nodes, records.len().saturating_mul(bytes))?;
        if !records.is_new() || !takes_missing(estimator).unwrap_or(false) {
            self.accepts = Accepts::Finite;
        }
        Ok(records)
    }

    pub(crate) fn finish(self) -> Forest {
        Forest {
            ensemble: self.builder.finish(),
            accepts: self.accepts,
        }
    }
}

/// Whether a tree takes NaN: which do has grown with the versions of scikit-learn.
fn takes_missing(estimator: &Cursor<'_>) -> Result<bool> {
    let version = version::of(estimator);
    let criterion = estimator.attribute("criterion")?.text()?;
    let random = estimator.attribute("splitter")?.text()? == "random";
    let constrained = match estimator.find_attribute("monotonic_cst")? {
        Some(found) => !found.is_none(),
        None => false,
    };
    let late = constrained || criterion == "absolute_error";
    Ok((!random || version >= (1, 6)) && (!late || version >= (1, 9)))
}

impl Forest {
    /// How many trees there are.
    pub(crate) fn trees(&self) -> usize {
        self.ensemble.trees()
    }

    pub(crate) fn accepts(&self) -> Accepts {
        self.accepts
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.ensemble.memory_bytes()
    }

    /// The sums of all trees: `[rows, targets]`.
    pub(crate) fn sums(&self, rows: &Table) -> Result<Matrix> {
        let targets = self.ensemble.targets();
        let mut sums = Matrix::zeros(rows.rows(), targets);
        self.add(&self.rows(rows)?, &mut sums);
        Ok(sums)
    }

    /// Rows as the trees take them: of float32, in float64.
    ///
    /// # Errors
    /// `InvalidInput` for text, another width, and a finite number that float32 does not hold.
    pub(crate) fn rows(&self, rows: &Table) -> Result<Matrix> {
        let (expected, found) = (self.ensemble.features(), rows.width());
        if expected != found {
            return Err(Error::invalid(format!(
                "expected {expected} features, found {found}"
            )));
        }
        rounded(rows)
    }

    /// Adds the sums of [`Self::rows`].
    pub(crate) fn add(&self, rows: &Matrix, sums: &mut Matrix) {
        self.ensemble.add(&rows.values, &mut sums.values);
    }

    /// The number of the leaf of each row in each tree: `[rows, trees]`.
    pub(crate) fn apply(&self, rows: &Table) -> Result<Matrix> {
        let rows = self.rows(rows)?;
        let leaves = self.ensemble.leaves(&rows.values, rows.rows);
        let leaves = leaves.into_iter().map(f64::from).collect();
        Ok(Matrix::new(rows.rows, self.trees(), leaves))
    }
}

fn rounded(rows: &Table) -> Result<Matrix> {
    let mut rows = rows.dense()?.into_owned();
    let mut overflown = false;
    for value in &mut rows.values {
        let narrow = f64::from(*value as f32);
        overflown |= narrow.is_infinite() && value.is_finite();
        *value = narrow;
    }
    if overflown {
        return Err(Error::invalid(
            "a value is too large for float32, in which trees compare: expected at most 3.4e38",
        ));
    }
    Ok(rows)
}
