//! From a fitted object to an estimator, with what every class checks alike.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use hari_error::{Error, Result};
use hari_pickle::{Cursor, Id};

use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::registry;
use crate::table::{Column, Matrix, Table};
use crate::values::Values;

/// No file holds more estimators: objects may be referred to often, and each reference is read.
const MAX_ESTIMATORS: usize = 200_000;

/// No model takes more columns: each is described, whatever the file holds.
const MAX_WIDTH: usize = 1 << 24;

/// Bytes that may be built again from what has been read before: 64 MiB.
const MAX_REPEATED: usize = 64 << 20;

/// Reads the estimators of one file.
#[derive(Debug)]
pub(crate) struct Reader {
    left: Cell<usize>,
    /// Objects that have been read.
    objects: RefCell<HashSet<Id>>,
    /// Where arrays of trees lie that have been read.
    arrays: RefCell<HashSet<usize>>,
    repeated: Cell<usize>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            left: Cell::new(MAX_ESTIMATORS),
            objects: RefCell::default(),
            arrays: RefCell::default(),
            repeated: Cell::new(0),
        }
    }
}

impl Reader {
    /// The estimator that a fitted object is.
    ///
    /// # Errors
    /// `Model` for a class that is not known, one that is not fitted, or attributes that do not
    /// fit each other.
    pub(crate) fn read(&self, cursor: &Cursor<'_>) -> Result<Node> {
        let left = self.left.get().checked_sub(1);
        let left = left.ok_or_else(|| {
            cursor.refuse(format_args!(
                "there are more than {MAX_ESTIMATORS} estimators"
            ))
        })?;
        self.left.set(left);
        let class = cursor.class()?;
        let read = registry::find(&class).ok_or_else(|| unknown(cursor, &class))?;
        let inner = read(cursor, self)?;
        if !self.objects.borrow_mut().insert(cursor.id()) {
            self.repeat(cursor, inner.memory_bytes())?;
        }
        let width = agreed(cursor, fitted_width(cursor)?, inner.width())?;
        if let Some(width) = width.filter(|&width| width > MAX_WIDTH) {
            let what = format_args!("{width} features are too many: at most {MAX_WIDTH}");
            return Err(cursor.refuse(what));
        }
        let name = class.rsplit('.').next().unwrap_or_default().to_owned();
        let names = fitted_names(cursor)?;
        Ok(Node {
            class: name,
            width,
            names,
            inner,
        })
    }

    /// Before `bytes` are built from an array: a small file may refer to a large one often.
    ///
    /// # Errors
    /// `Model` if too much is built from arrays that have been read before.
    pub(crate) fn build(&self, cursor: &Cursor<'_>, bytes: usize) -> Result<()> {
        let array = cursor.any_array()?.bytes();
        let place = array.map_or(0, |array| array.as_ptr().addr());
        match self.arrays.borrow_mut().insert(place) {
            true => Ok(()),
            false => self.repeat(cursor, bytes),
        }
    }

    fn repeat(&self, cursor: &Cursor<'_>, bytes: usize) -> Result<()> {
        let repeated = self.repeated.get().saturating_add(bytes);
        self.repeated.set(repeated);
        match repeated <= MAX_REPEATED {
            true => Ok(()),
            false => Err(cursor.refuse(
                "the file refers to the same estimators so often that they would fill the memory",
            )),
        }
    }

    /// [`Self::read`] of each element of a list.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn read_all(&self, cursor: &Cursor<'_>) -> Result<Vec<Node>> {
        cursor.items()?.iter().map(|item| self.read(item)).collect()
    }
}

fn unknown(cursor: &Cursor<'_>, class: &str) -> Error {
    cursor.refuse(format_args!(
        "`{class}` is not supported: expected a class of scikit-learn that is listed in the \
         documentation; export the model as ONNX, or serve it as a Python component"
    ))
}

/// The width that the file states and the one that the class's own attributes have.
fn agreed(cursor: &Cursor<'_>, stated: Option<usize>, own: Option<usize>) -> Result<Option<usize>> {
    match (stated, own) {
        (Some(stated), Some(own)) if stated != own => Err(cursor.refuse(format_args!(
            "`n_features_in_` is {stated}, its attributes are of {own} features"
        ))),
        _ => Ok(own.or(stated)),
    }
}

/// `n_features_in_`, if the class keeps it.
fn fitted_width(cursor: &Cursor<'_>) -> Result<Option<usize>> {
    let Some(found) = cursor.find_attribute("n_features_in_")? else {
        return Ok(None);
    };
    let Some(found) = found.optional() else {
        return Ok(None);
    };
    let width = usize::try_from(found.integer()?);
    width
        .map(Some)
        .map_err(|_| found.refuse("expected no negative number"))
}

/// `feature_names_in_`, if the class keeps them.
fn fitted_names(cursor: &Cursor<'_>) -> Result<Vec<String>> {
    for name in ["feature_names_in_", "_feature_names_in"] {
        if let Some(found) = cursor.find_attribute(name)?.and_then(Cursor::optional) {
            return found.strings();
        }
    }
    Ok(Vec::new())
}

/// An estimator with its class: width and values are checked before it is asked.
#[derive(Debug)]
pub(crate) struct Node {
    /// The name without the module.
    class: String,
    width: Option<usize>,
    names: Vec<String>,
    inner: Box<dyn Estimator>,
}

impl Node {
    /// The class's name, `LogisticRegression` say.
    pub(crate) fn class(&self) -> &str {
        &self.class
    }

    /// Whether it has a method.
    pub(crate) fn has(&self, method: Method) -> bool {
        self.inner.form(method).is_some()
    }

    fn check(&self, rows: &Table) -> Result<()> {
        let found = rows.width();
        if let Some(expected) = Estimator::width(self)
            && expected != found
        {
            return Err(Error::invalid(format!(
                "expected {expected} features for `{}`, found {found}",
                self.class
            )));
        }
        match self.inner.accepts() {
            Accepts::Anything => Ok(()),
            Accepts::Missing => self.refuse_where(rows, f64::is_infinite, "an infinity"),
            Accepts::Finite => {
                self.refuse_where(rows, f64::is_nan, "NaN")?;
                self.refuse_where(rows, f64::is_infinite, "an infinity")
            }
        }
    }

    fn refuse_where(&self, rows: &Table, bad: fn(f64) -> bool, what: &str) -> Result<()> {
        let Some((row, column)) = find(rows, bad) else {
            return Ok(());
        };
        Err(Error::invalid(format!(
            "row {row}, column {column} is {what}, which `{}` does not take: impute it before",
            self.class
        )))
    }
}

/// Row and column of the first number for which `bad` holds.
fn find(rows: &Table, bad: fn(f64) -> bool) -> Option<(usize, usize)> {
    match rows {
        Table::Dense(matrix) => {
            let at = matrix.values.iter().position(|&value| bad(value))?;
            Some((at / matrix.columns.max(1), at % matrix.columns.max(1)))
        }
        Table::Sparse(matrix) => {
            let at = matrix.values.iter().position(|&value| bad(value))?;
            let row = matrix
                .starts
                .partition_point(|&start| start <= at)
                .saturating_sub(1);
            Some((
                row,
                matrix.indices.get(at).map_or(0, |&column| column as usize),
            ))
        }
        Table::Columns(columns) => columns.iter().enumerate().find_map(|(at, column)| {
            let Column::Numbers(values) = column else {
                return None;
            };
            Some((values.iter().position(|&value| bad(value))?, at))
        }),
    }
}

impl Estimator for Node {
    fn form(&self, method: Method) -> Option<Form> {
        self.inner.form(method)
    }

    fn accepts(&self) -> Accepts {
        self.inner.accepts()
    }

    fn takes(&self, column: usize) -> Kind {
        self.inner.takes(column)
    }

    fn width(&self) -> Option<usize> {
        self.width.or_else(|| self.inner.width())
    }

    fn names(&self) -> &[String] {
        if self.names.is_empty() {
            self.inner.names()
        } else {
            &self.names
        }
    }

    fn classes(&self) -> &[Values] {
        self.inner.classes()
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        self.check(rows)?;
        self.inner.predict(rows)
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        self.check(rows)?;
        self.inner.predict_proba(rows)
    }

    fn predict_probas(&self, rows: &Table) -> Result<Vec<Matrix>> {
        self.check(rows)?;
        self.inner.predict_probas(rows)
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.check(rows)?;
        self.inner.decision_function(rows)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        self.check(rows)?;
        self.inner.transform(rows)
    }

    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        self.inner.inverse_transform(rows)
    }

    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        self.check(rows)?;
        self.inner.score_samples(rows)
    }

    fn memory_bytes(&self) -> usize {
        self.inner.memory_bytes()
    }
}
