//! One column of what a caller sent, read as numbers or as text.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use hari_core::{Cell, DataType, NamedTensor, is_missing_text, missing_text};
use hari_error::{Error, Result};

use super::python;

/// The elements of a tensor, and what each was written as if they are not alike.
#[derive(Clone)]
pub(super) struct Cells<'a> {
    elements: Arc<Elements<'a>>,
    kinds: Option<&'a [Cell]>,
}

enum Elements<'a> {
    Bools(Vec<u8>),
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Texts(&'a [Bytes]),
}

/// Every `stride`-th element from `start`.
pub(super) struct Part<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) cells: Cells<'a>,
    pub(super) start: usize,
    pub(super) stride: usize,
    pub(super) rows: usize,
}

impl<'a> Cells<'a> {
    pub(super) fn of(one: &'a NamedTensor) -> Result<Self> {
        let tensor = &one.tensor;
        let elements = match tensor.dtype() {
            DataType::Bytes => Elements::Texts(tensor.strings()?),
            DataType::Bool => Elements::Bools(tensor.to_vec()?),
            dtype if dtype.is_integer() && dtype.widens_to(DataType::Int64) => {
                Elements::Integers(tensor.cast(DataType::Int64)?.to_vec()?)
            }
            _ => Elements::Numbers(tensor.to_f64()?),
        };
        Ok(Self {
            elements: Arc::new(elements),
            kinds: one.cells.as_deref(),
        })
    }
}

impl Part<'_> {
    /// The numbers, NaN where one is missing.
    pub(super) fn numbers(&self) -> Result<Vec<f64>> {
        self.each(|at| match &*self.cells.elements {
            Elements::Bools(all) => all.get(at).map(|&value| f64::from(value)),
            Elements::Integers(all) => all.get(at).map(|&value| value as f64),
            Elements::Numbers(all) => all.get(at).copied(),
            Elements::Texts(all) => number(all.get(at)?, self.kind(at)),
        })
        .map_err(|row| self.fault(row, "a number"))
    }

    /// Refuses booleans.
    pub(super) fn no_truths(&self) -> Result<()> {
        let bools = matches!(&*self.cells.elements, Elements::Bools(_));
        let truth = |at: usize| bools || self.kind(at) == Some(Cell::Bool);
        self.each(|at| (!truth(at)).then_some(()))
            .map(|_| ())
            .map_err(|row| self.fault(row, "a number"))
    }

    /// The whole numbers; one that is missing, or is none, is refused, and so are booleans.
    pub(super) fn integers(&self) -> Result<Vec<i64>> {
        self.each(|at| match &*self.cells.elements {
            Elements::Integers(all) => all.get(at).copied(),
            Elements::Numbers(all) => whole(*all.get(at)?),
            Elements::Texts(all) if self.kind(at) == Some(Cell::Number) => {
                let text = std::str::from_utf8(all.get(at)?).ok()?;
                text.parse().ok().or_else(|| whole(text.parse().ok()?))
            }
            Elements::Bools(_) | Elements::Texts(_) => None,
        })
        .map_err(|row| self.fault(row, "an integer"))
    }

    /// The booleans; nothing else is one.
    pub(super) fn truths(&self) -> Result<Vec<bool>> {
        self.each(|at| match &*self.cells.elements {
            Elements::Bools(all) => all.get(at).map(|&value| value != 0),
            Elements::Texts(all) if self.kind(at) == Some(Cell::Bool) => {
                all.get(at).map(|text| text == "True")
            }
            Elements::Numbers(all) if self.kind(at) == Some(Cell::Bool) => {
                all.get(at).map(|&value| value != 0.0)
            }
            _ => None,
        })
        .map_err(|row| self.fault(row, "a boolean"))
    }

    /// The texts; numbers become the text that Python writes for them.
    pub(super) fn texts(&self) -> Result<Vec<Bytes>> {
        self.each(|at| match &*self.cells.elements {
            Elements::Bools(all) => all.get(at).map(|&value| python::truth(value != 0)),
            Elements::Integers(all) => all.get(at).map(|value| value.to_string().into()),
            Elements::Numbers(all) => all.get(at).map(|&value| self.written(value)),
            Elements::Texts(all) => text(all.get(at)?, self.kind(at)),
        })
        .map_err(|row| self.fault(row, "a string"))
    }

    /// All elements by `read`; the row of the one that it does not take.
    fn each<T>(&self, read: impl Fn(usize) -> Option<T>) -> std::result::Result<Vec<T>, usize> {
        let place = |row: usize| self.start + row * self.stride;
        (0..self.rows)
            .map(|row| read(place(row)).ok_or(row))
            .collect()
    }

    fn kind(&self, at: usize) -> Option<Cell> {
        self.cells.kinds?.get(at).copied()
    }

    /// The text of a double. Beside `null` it may have been written as an integer, and was made a
    /// double to stand beside NaN.
    fn written(&self, value: f64) -> Bytes {
        if value.is_nan() {
            return missing_text();
        }
        python::float(value, self.cells.kinds.is_some())
    }

    fn fault(&self, row: usize, expected: &str) -> Error {
        let at = self.start + row * self.stride;
        let found = match (&*self.cells.elements, self.kind(at)) {
            (Elements::Texts(all), None | Some(Cell::Text)) => {
                let text = all.get(at).map(Bytes::as_ref).unwrap_or_default();
                let text = String::from_utf8_lossy(text);
                let shown: String = text.chars().take(32).collect();
                format!("the string \"{shown}\"")
            }
            (_, Some(kind)) => kind.name().to_owned(),
            (Elements::Bools(_), _) => "a boolean".to_owned(),
            (Elements::Numbers(all), _) => all.get(at).map(f64::to_string).unwrap_or_default(),
            _ => "a number".to_owned(),
        };
        Error::invalid(format!(
            "column `{}`, row {row}: expected {expected}, found {found}",
            self.name
        ))
    }
}

/// The integer that a double is, if it is one and every integer of its size is exact.
fn whole(value: f64) -> Option<i64> {
    let exact = value.fract() == 0.0 && value.abs() <= (1_i64 << 53) as f64;
    exact.then_some(value as i64)
}

/// The number that stands among texts, if it was written as one.
fn number(text: &[u8], kind: Option<Cell>) -> Option<f64> {
    match kind {
        Some(Cell::Number) => std::str::from_utf8(text).ok()?.parse().ok(),
        Some(Cell::Bool) => Some(f64::from(u8::from(text == b"True"))),
        Some(Cell::Missing) => Some(f64::NAN),
        Some(Cell::Text) | None => is_missing_text(text).then_some(f64::NAN),
    }
}

/// A text, or the text of what stands among texts.
fn text(bytes: &Bytes, kind: Option<Cell>) -> Option<Bytes> {
    match kind {
        Some(Cell::Number) => python::number(std::str::from_utf8(bytes).ok()?),
        _ if is_missing_text(bytes) || std::str::from_utf8(bytes).is_ok() => Some(bytes.clone()),
        _ => None,
    }
}
