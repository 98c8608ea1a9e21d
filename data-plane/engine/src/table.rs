//! Tables in front of models: from the forms in which callers send rows to what a model takes.
//!
//! A model takes one matrix, one text for each row, or columns of numbers and text. Callers send
//! one array whose elements may be of different kinds, a tensor for each column, columns in
//! another order with their names beside them, whole numbers, doubles where the model takes
//! singles. Names decide where there are names, and order where there are none.

mod column;
mod frame;
mod python;

use hari_core::{DataType, NamedTensor, Tensor, Typing, wire_text};
use hari_error::{Error, Result};

pub(crate) use frame::{Frame, Naming};
use frame::{any_known, listed, no_columns};

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers, NaN where they are missing.
    Number,
    /// Text; a missing one is [`hari_core::missing_text`].
    Text,
    /// Text; a missing one is empty, which is what boosters take for it.
    Category,
    /// Whatever: the model does not look at it.
    Unused,
}

/// A column that a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// What a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// One tensor of numbers, `[rows, width]`.
    Matrix(Matrix),
    /// One tensor of texts, `[rows]`, under this name.
    Documents(String),
    /// A tensor `[rows]` for each column that is looked at: doubles or text.
    Columns(Vec<Column>),
}

/// A matrix that a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matrix {
    /// The name of the input.
    pub(crate) input: String,
    pub(crate) dtype: DataType,
    /// Columns in a row, if the model says.
    pub(crate) width: Option<usize>,
    /// Their names, if the model has them.
    pub(crate) columns: Vec<String>,
}

impl Table {
    /// What the model takes, of what a caller sent.
    ///
    /// # Errors
    /// `InvalidInput` that names the column and the row, what was expected and what was found.
    pub(crate) fn fit(&self, tensors: Vec<NamedTensor>) -> Result<Vec<NamedTensor>> {
        match self {
            Self::Matrix(matrix) => Ok(vec![matrix.fit(tensors)?]),
            Self::Documents(input) => documents(input, &tensors),
            Self::Columns(columns) => by_column(columns, &tensors),
        }
    }

    /// Names of the columns, in the model's order; none if it has none.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Matrix(matrix) => matrix.columns.clone(),
            Self::Documents(_) => Vec::new(),
            Self::Columns(columns) => columns.iter().map(|one| one.name.clone()).collect(),
        }
    }
}

/// A wrong number of columns, as XGBoost says it, with their names if there are any.
fn wrong_width(expected: usize, names: &[String], found: usize) -> Error {
    let names = match names {
        [] => String::new(),
        names => format!(": {}", listed(names)),
    };
    Error::invalid(format!("Expected {expected} features, got {found}{names}"))
}

impl Matrix {
    fn fit(&self, mut tensors: Vec<NamedTensor>) -> Result<NamedTensor> {
        match tensors.as_mut_slice() {
            [only] if self.is_plain(only) => {
                let only = tensors.swap_remove(0);
                self.plain(only)
            }
            _ => self.gathered(&tensors),
        }
    }

    /// Whether a tensor is the matrix already, or a row of it.
    fn is_plain(&self, one: &NamedTensor) -> bool {
        let dtype = one.tensor.dtype();
        let numbers = dtype.is_numeric() || dtype == DataType::Bool;
        let same = one.columns == self.columns;
        numbers && (same || !any_known(&one.columns, &self.columns))
    }

    fn plain(&self, one: NamedTensor) -> Result<NamedTensor> {
        if let (&[rows, found], Some(width)) = (one.tensor.shape(), self.width)
            && found != width
            && !(found == 1 && rows == width)
        {
            return Err(wrong_width(width, &[], found));
        }
        if let [_, 0] = one.tensor.shape() {
            return Err(no_columns());
        }
        let tensor = match (one.tensor.shape(), self.width) {
            // A single column of a model that takes one, and a single row of any other.
            (&[rows], Some(1)) => one.tensor.reshape([rows, 1])?,
            (&[columns], None) => one.tensor.reshape([1, columns])?,
            _ => one.tensor,
        };
        Ok(NamedTensor {
            // As the frameworks do: whatever the numbers are, they are cast.
            typing: Typing::Inferred,
            name: self.input.clone(),
            cells: None,
            tensor,
            ..one
        })
    }

    /// Columns put side by side: by name, or in the order they came in.
    fn gathered(&self, tensors: &[NamedTensor]) -> Result<NamedTensor> {
        let frame = Frame::of(tensors, self.width, Naming::Known(&self.columns))?;
        let order = self.order(&frame)?;
        let columns = order.iter().map(|&at| frame.numbers(at));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let mut values: Vec<f64> = Vec::with_capacity(frame.rows() * columns.len());
        for row in 0..frame.rows() {
            values.extend(columns.iter().filter_map(|column| column.get(row)));
        }
        let matrix = Tensor::from_vec([frame.rows(), columns.len()], values)?;
        Ok(NamedTensor::inferred(
            self.input.clone(),
            matrix.cast(self.dtype)?,
        ))
    }

    fn order(&self, frame: &Frame<'_>) -> Result<Vec<usize>> {
        if frame.is_named() && !self.columns.is_empty() {
            return frame.order(&self.columns, &self.columns);
        }
        match self.width {
            Some(width) if width != frame.width() => {
                Err(wrong_width(width, &self.columns, frame.width()))
            }
            _ => Ok((0..frame.width()).collect()),
        }
    }
}

/// A text for each row, whatever its tensor is called.
fn documents(input: &str, tensors: &[NamedTensor]) -> Result<Vec<NamedTensor>> {
    let frame = Frame::of(tensors, Some(1), Naming::Known(&[]))?;
    if frame.width() != 1 {
        return Err(Error::invalid(format!(
            "expected one text in a row, found {} columns",
            frame.width()
        )));
    }
    let texts = frame.texts(0)?;
    let tensor = Tensor::from_strings([texts.len()], texts)?;
    Ok(vec![NamedTensor::new(input, tensor)])
}

/// A tensor for each column that the model looks at.
fn by_column(columns: &[Column], tensors: &[NamedTensor]) -> Result<Vec<NamedTensor>> {
    let names: Vec<_> = columns.iter().map(|one| one.name.clone()).collect();
    let frame = Frame::of(tensors, Some(columns.len()), Naming::Known(&names))?;
    let used = || columns.iter().filter(|one| one.kind != Kind::Unused);
    let order = match frame.is_named() {
        true => {
            let wanted: Vec<_> = used().map(|one| one.name.clone()).collect();
            frame.order(&wanted, &names)?
        }
        false if frame.width() == columns.len() => (0..columns.len())
            .filter(|&at| columns.get(at).is_some_and(|one| one.kind != Kind::Unused))
            .collect(),
        false => return Err(wrong_width(columns.len(), &names, frame.width())),
    };
    let tensor = |(one, at): (&Column, usize)| {
        let tensor = match one.kind {
            Kind::Text => Tensor::from_strings([frame.rows()], frame.texts(at)?)?,
            Kind::Category => {
                let texts = frame.texts(at)?;
                let texts = texts.iter().map(|text| wire_text(text).clone());
                Tensor::from_strings([frame.rows()], texts.collect())?
            }
            Kind::Number | Kind::Unused => Tensor::from_vec([frame.rows()], frame.numbers(at)?)?,
        };
        Ok(NamedTensor::new(one.name.clone(), tensor))
    };
    used().zip(order).map(tensor).collect()
}

#[cfg(test)]
mod tests;
