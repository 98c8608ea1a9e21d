//! What a caller sent, as columns side by side.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use hari_core::NamedTensor;
use hari_error::{Error, Result};

use super::column::{Cells, Part};

/// Which names of columns count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming<'a> {
    /// All, if one of them is among these: a caller may have names of its own for what has an order.
    Known(&'a [String]),
    /// All.
    All,
}

impl Naming<'_> {
    fn count(self, names: &[String]) -> bool {
        match self {
            Self::Known(known) => any_known(names, known),
            Self::All => !names.is_empty(),
        }
    }

    /// What column `at` of so many is called where the caller did not name it.
    fn of(self, at: usize, width: usize) -> String {
        let known = match self {
            Self::Known(known) if known.len() == width => known.get(at).cloned(),
            _ => None,
        };
        known.unwrap_or_else(|| at.to_string())
    }
}

/// Whether one of the names is known.
pub(super) fn any_known(names: &[String], known: &[String]) -> bool {
    if names.is_empty() || known.is_empty() {
        return false;
    }
    let known: HashSet<&str> = known.iter().map(String::as_str).collect();
    names.iter().any(|name| known.contains(&**name))
}

/// Columns that are taken apart at most.
const MOST_COLUMNS: usize = 1 << 16;

/// Columns of one length.
pub(crate) struct Frame<'a> {
    parts: Vec<Part<'a>>,
    /// Where each name is, the first of several.
    places: HashMap<String, usize>,
    rows: usize,
    named: bool,
}

impl<'a> Frame<'a> {
    /// The columns of one tensor with rows, or of a tensor for each. A lone dimension is a row if
    /// it has `width` values, otherwise a column.
    pub(crate) fn of(
        tensors: &'a [NamedTensor],
        width: Option<usize>,
        naming: Naming<'_>,
    ) -> Result<Self> {
        match tensors {
            [] => Err(Error::invalid("expected rows, found nothing")),
            [only] if !is_column(only, naming) => Self::of_rows(only, width, naming),
            several => Self::of_columns(several),
        }
    }

    fn of_rows(one: &'a NamedTensor, width: Option<usize>, naming: Naming<'_>) -> Result<Self> {
        let (rows, columns) = match *one.tensor.shape() {
            [rows, columns] => (rows, columns),
            [] => (1, 1),
            [values] if width == Some(1) => (values, 1),
            [values] => (1, values),
            ref other => {
                return Err(Error::invalid(format!(
                    "expected rows of columns, shape [-1, -1], found {other:?}"
                )));
            }
        };
        // A column of numbers that is one row, lying down.
        let (rows, columns) = match width {
            Some(width) if columns == 1 && width > 1 && rows == width => (1, rows),
            _ => (rows, columns),
        };
        if columns == 0 {
            return Err(no_columns());
        }
        if columns > MOST_COLUMNS {
            return Err(Error::too_large(format!(
                "{columns} columns: at most {MOST_COLUMNS} are taken apart"
            )));
        }
        let names = &one.columns;
        let named = naming.count(names);
        if named && names.len() != columns {
            return Err(Error::invalid(format!(
                "{} names for {columns} columns",
                names.len()
            )));
        }
        let cells = Cells::of(one)?;
        let name = |at: usize| match names.get(at) {
            Some(name) if named => Cow::Borrowed(&**name),
            _ => Cow::Owned(naming.of(at, columns)),
        };
        let parts = (0..columns).map(|at| Part {
            name: name(at),
            cells: cells.clone(),
            start: at,
            stride: columns,
            rows,
        });
        Ok(Self::new(parts.collect(), rows, named))
    }

    fn of_columns(tensors: &'a [NamedTensor]) -> Result<Self> {
        let parts = tensors.iter().map(|one| {
            let rows = match *one.tensor.shape() {
                [rows] | [rows, 1] => rows,
                [] => 1,
                ref other => {
                    return Err(Error::invalid(format!(
                        "column `{}`: expected shape [-1] or [-1, 1], found {other:?}",
                        one.name
                    )));
                }
            };
            Ok(Part {
                name: Cow::Borrowed(&*one.name),
                cells: Cells::of(one)?,
                start: 0,
                stride: 1,
                rows,
            })
        });
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let rows = parts.first().map_or(0, |one| one.rows);
        if let Some(other) = parts.iter().find(|one| one.rows != rows) {
            return Err(Error::invalid(format!(
                "column `{}` has {} rows, the first has {rows}",
                other.name, other.rows
            )));
        }
        Ok(Self::new(parts, rows, true))
    }

    fn new(parts: Vec<Part<'a>>, rows: usize, named: bool) -> Self {
        let mut places = HashMap::new();
        if named {
            for (at, part) in parts.iter().enumerate() {
                places.entry(part.name.clone().into_owned()).or_insert(at);
            }
        }
        Self {
            parts,
            places,
            rows,
            named,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn width(&self) -> usize {
        self.parts.len()
    }

    /// Whether the columns have names that the model may know.
    pub(crate) fn is_named(&self) -> bool {
        self.named
    }

    /// Where each of the columns `wanted` is; one that is not `known` is refused.
    pub(super) fn order(&self, wanted: &[String], known: &[String]) -> Result<Vec<usize>> {
        let all: HashSet<&str> = known.iter().map(String::as_str).collect();
        if let Some(unknown) = self.names().find(|name| !all.contains(name)) {
            return Err(Error::invalid(format!(
                "column `{unknown}` is unknown: the model takes {}",
                listed(known)
            )));
        }
        let places = wanted.iter().map(|column| {
            self.position(column).ok_or_else(|| {
                let takes = listed(wanted);
                Error::invalid(format!(
                    "column `{column}` is missing: the model takes {takes}"
                ))
            })
        });
        let places: Vec<_> = places.collect::<Result<_>>()?;
        let mut later = self.names().enumerate();
        match later.find(|(at, name)| self.position(name) != Some(*at)) {
            Some((_, name)) => Err(Error::invalid(format!("column `{name}` is given twice"))),
            None => Ok(places),
        }
    }

    /// Where the column of this name is.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Names of the columns; their numbers where they have none.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|one| &*one.name)
    }

    /// The numbers of a column, NaN where one is missing.
    pub(crate) fn numbers(&self, at: usize) -> Result<Vec<f64>> {
        self.part(at)?.numbers()
    }

    /// As [`Self::numbers`], of which none may be a boolean.
    pub(crate) fn floats(&self, at: usize) -> Result<Vec<f64>> {
        let part = self.part(at)?;
        part.no_truths()?;
        part.numbers()
    }

    /// The texts of a column.
    pub(crate) fn texts(&self, at: usize) -> Result<Vec<Bytes>> {
        self.part(at)?.texts()
    }

    /// The whole numbers of a column, of which none may be missing.
    pub(crate) fn integers(&self, at: usize) -> Result<Vec<i64>> {
        self.part(at)?.integers()
    }

    /// The booleans of a column.
    pub(crate) fn truths(&self, at: usize) -> Result<Vec<bool>> {
        self.part(at)?.truths()
    }

    fn part(&self, at: usize) -> Result<&Part<'a>> {
        let part = self.parts.get(at);
        part.ok_or_else(|| Error::internal("a column that is not there"))
    }
}

/// Rows of nothing, of which there may be any number.
pub(super) fn no_columns() -> Error {
    Error::invalid("expected columns in each row, found none")
}

/// Names with commas, the first ones of many.
pub(super) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 40;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}

/// Whether a lone tensor is one column by its name, not rows.
fn is_column(one: &NamedTensor, naming: Naming<'_>) -> bool {
    let named = match naming {
        Naming::Known(known) => known.contains(&one.name),
        Naming::All => !one.name.is_empty() && one.columns.is_empty(),
    };
    named && matches!(one.tensor.shape(), [_] | [_, 1])
}
