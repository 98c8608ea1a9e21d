//! Predictions and class labels: text, integers, floats or booleans.

use std::sync::Arc;

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use hari_pickle::Cursor;

/// Values of one type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Floats(Vec<f64>),
    Integers(Vec<i64>),
    Booleans(Vec<bool>),
    Texts(Vec<Arc<str>>),
}

/// `$body` for the vector in `$values`, whatever it holds, put back into the same kind.
macro_rules! map_values {
    ($values:expr, $vector:ident => $body:expr) => {
        match $values {
            Values::Floats($vector) => Values::Floats($body),
            Values::Integers($vector) => Values::Integers($body),
            Values::Booleans($vector) => Values::Booleans($body),
            Values::Texts($vector) => Values::Texts($body),
        }
    };
}

impl Values {
    /// An array of numpy, or a list: what `classes_` holds. Objects are told by the first.
    ///
    /// # Errors
    /// `Model` for values of several types, or of one that is no label.
    pub(crate) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        if let Ok(array) = cursor.any_array() {
            if let Some(found) = array.typed::<bool>() {
                return Ok(Self::Booleans(found.values));
            }
            if let Some(found) = array.integers() {
                return Ok(Self::Integers(found.values));
            }
            if let Some(found) = array.numbers() {
                return Ok(Self::Floats(found.values));
            }
            if let Some(found) = array.texts() {
                return Ok(Self::Texts(
                    found.values.into_iter().map(Arc::from).collect(),
                ));
            }
        }
        let items = cursor.items()?;
        let texts = || {
            items
                .iter()
                .map(|item| Ok(Arc::from(item.text()?)))
                .collect()
        };
        if let Ok(found) = items.iter().map(Cursor::boolean).collect() {
            return Ok(Self::Booleans(found));
        }
        if let Ok(found) = items.iter().map(Cursor::integer).collect() {
            return Ok(Self::Integers(found));
        }
        if let Ok(found) = items.iter().map(Cursor::float).collect() {
            return Ok(Self::Floats(found));
        }
        let found: Result<_> = texts();
        found.map(Self::Texts).map_err(|_: Error| {
            cursor.refuse("expected labels that are all text, all numbers or all booleans")
        })
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Booleans(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// The element type on the wire.
    pub(crate) fn dtype(&self) -> DataType {
        match self {
            Self::Floats(_) => DataType::Fp64,
            Self::Integers(_) => DataType::Int64,
            Self::Booleans(_) => DataType::Bool,
            Self::Texts(_) => DataType::Bytes,
        }
    }

    /// The values at these places, in this order: labels of class numbers. A place that does not
    /// exist is left out, which no caller that counts classes can see.
    #[expect(
        clippy::cloned_instead_of_copied,
        reason = "text among the kinds is no `Copy`"
    )]
    pub(crate) fn at(&self, places: &[usize]) -> Self {
        map_values!(self, values => places.iter().filter_map(|&place| values.get(place).cloned()).collect())
    }

    /// As floats: integers and booleans are converted.
    ///
    /// # Errors
    /// `Model` for text.
    pub(crate) fn floats(&self) -> Result<Vec<f64>> {
        Ok(match self {
            Self::Floats(values) => values.clone(),
            Self::Integers(values) => values.iter().map(|&value| value as f64).collect(),
            Self::Booleans(values) => values
                .iter()
                .map(|&value| f64::from(u8::from(value)))
                .collect(),
            Self::Texts(_) => return Err(Error::model("text stands where numbers are expected")),
        })
    }

    /// Rows of one value each, put side by side: `[rows]` of each becomes `[rows, columns]`, row
    /// by row. Columns of several types become floats, or text if one is text.
    pub(crate) fn beside(columns: &[Self]) -> Self {
        let Some(first) = columns.first() else {
            return Self::Floats(Vec::new());
        };
        let alike = columns.iter().all(|one| one.dtype() == first.dtype());
        let columns: Vec<_> = match alike {
            true => columns.to_vec(),
            false => columns.iter().map(Self::widened).collect(),
        };
        let rows = first.len();
        let mut found = columns
            .first()
            .map_or(Self::Floats(Vec::new()), |one| one.at(&[]));
        for row in 0..rows {
            for column in &columns {
                found.append(column.at(&[row]));
            }
        }
        found
    }

    fn widened(&self) -> Self {
        self.floats().map_or_else(|_| self.clone(), Self::Floats)
    }

    /// Adds values of the same kind; others are left out.
    pub(crate) fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Floats(values), Self::Floats(more)) => values.extend(more),
            (Self::Integers(values), Self::Integers(more)) => values.extend(more),
            (Self::Booleans(values), Self::Booleans(more)) => values.extend(more),
            (Self::Texts(values), Self::Texts(more)) => values.extend(more),
            _ => {}
        }
    }

    /// The text of each, as Python's `str` writes it.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Floats(values) => values.iter().map(|value| format!("{value:?}")).collect(),
            Self::Integers(values) => values.iter().map(ToString::to_string).collect(),
            Self::Booleans(values) => {
                let name = |&value: &bool| if value { "True" } else { "False" }.to_owned();
                values.iter().map(name).collect()
            }
            Self::Texts(values) => values.iter().map(ToString::to_string).collect(),
        }
    }

    /// A tensor of this shape.
    ///
    /// # Errors
    /// If the shape does not hold exactly as many values.
    pub(crate) fn tensor(self, shape: Vec<usize>) -> Result<Tensor> {
        match self {
            Self::Floats(values) => Tensor::from_vec(shape, values),
            Self::Integers(values) => Tensor::from_vec(shape, values),
            Self::Booleans(values) => Tensor::from_bools(shape, &values),
            Self::Texts(values) => {
                let bytes = values
                    .iter()
                    .map(|text| Bytes::copy_from_slice(text.as_bytes()));
                Tensor::from_strings(shape, bytes.collect())
            }
        }
    }
}
