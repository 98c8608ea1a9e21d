//! Sinks of arrays whose elements are not alike: numbers beside strings, and `null`.

use hari_core::{Cell, Cells, DataType, Tensor, missing_text};
use hari_error::Result;

use super::{FromNumber, Number, Refusal, Sink, Strings, Taken, misfit, push, refuse};

/// Elements of any kind, each with its text. With a string among them they are strings, otherwise
/// doubles.
pub(in crate::json) struct Mixed {
    texts: Strings,
    cells: Vec<Cell>,
    /// Whether only strings are taken.
    texts_alone: bool,
}

impl Mixed {
    pub(in crate::json) fn new(limit: usize) -> Self {
        Self {
            texts: Strings::new(limit),
            cells: Vec::new(),
            texts_alone: false,
        }
    }

    /// Strings and `null` alone.
    pub(in crate::json) fn texts(limit: usize) -> Self {
        Self {
            texts_alone: true,
            ..Self::new(limit)
        }
    }

    fn add(&mut self, cell: Cell, text: &[u8]) -> Taken {
        let foreign = matches!(cell, Cell::Number | Cell::Bool);
        if self.texts_alone && foreign {
            return refuse("a string", cell.name());
        }
        self.cells.push(cell);
        self.texts.push_bytes(text)
    }

    /// The doubles that the texts stand for.
    fn doubles(self) -> (Vec<f64>, Vec<Cell>) {
        let double = |(cell, text): (&Cell, &bytes::Bytes)| match cell {
            Cell::Bool => f64::from(u8::from(&**text == b"True")),
            Cell::Missing | Cell::Text => f64::NAN,
            Cell::Number => number(text).unwrap_or(f64::NAN),
        };
        let texts = self.texts.all();
        let doubles = self.cells.iter().zip(&texts).map(double).collect();
        (doubles, self.cells)
    }
}

/// The number that was written as `text`.
fn number(text: &[u8]) -> Option<f64> {
    Number::scan(std::str::from_utf8(text).ok()?, 0)?.to_f64()
}

impl Sink for Mixed {
    fn number(&mut self, number: &Number<'_>) -> Taken {
        if number.to_f64().is_none() {
            return Err(misfit(number.text(), DataType::Fp64));
        }
        self.add(Cell::Number, number.text().as_bytes())
    }

    fn string(&mut self, text: &str) -> Taken {
        self.add(Cell::Text, text.as_bytes())
    }

    fn boolean(&mut self, value: bool) -> Taken {
        self.add(Cell::Bool, if value { b"True" } else { b"False" })
    }

    fn base64(&mut self, text: &str) -> Taken {
        self.cells.push(Cell::Text);
        self.texts.base64(text)
    }

    fn missing(&mut self) -> Taken {
        self.add(Cell::Missing, &missing_text())
    }

    fn finish(self, shape: Vec<usize>) -> Result<(Tensor, Cells)> {
        if self.texts_alone || self.cells.contains(&Cell::Text) {
            let Self { texts, cells, .. } = self;
            return Ok((texts.tensor(shape)?, Some(cells.into())));
        }
        let (doubles, cells) = self.doubles();
        Ok((Tensor::from_vec(shape, doubles)?, Some(cells.into())))
    }
}

/// Numbers or booleans of a declared type with `null` among them: doubles.
pub(in crate::json) struct Nullable {
    values: Vec<f64>,
    cells: Vec<Cell>,
    limit: usize,
    dtype: DataType,
    fits: fn(&Number<'_>) -> bool,
}

impl Nullable {
    pub(in crate::json) fn of<T: FromNumber>(limit: usize) -> Self {
        let fits = |number: &Number<'_>| T::from_number(number).is_some();
        Self::new(limit, T::DTYPE, fits)
    }

    pub(in crate::json) fn bools(limit: usize) -> Self {
        let fits = |number: &Number<'_>| matches!(number.to_u64(), Some(0 | 1));
        Self::new(limit, DataType::Bool, fits)
    }

    fn new(limit: usize, dtype: DataType, fits: fn(&Number<'_>) -> bool) -> Self {
        Self {
            values: Vec::new(),
            cells: Vec::new(),
            limit,
            dtype,
            fits,
        }
    }

    fn add(&mut self, cell: Cell, value: f64) -> Taken {
        self.cells.push(cell);
        push(&mut self.values, value, self.limit)
    }
}

impl Sink for Nullable {
    fn number(&mut self, number: &Number<'_>) -> Taken {
        match number.to_f64() {
            Some(value) if (self.fits)(number) => self.add(Cell::Number, value),
            _ => Err(misfit(number.text(), self.dtype)),
        }
    }

    fn string(&mut self, _: &str) -> Taken {
        refuse(self.dtype.name(), "a string")
    }

    fn boolean(&mut self, value: bool) -> Taken {
        match self.dtype {
            DataType::Bool => self.add(Cell::Bool, f64::from(u8::from(value))),
            other => refuse(other.name(), "a boolean"),
        }
    }

    fn base64(&mut self, _: &str) -> Taken {
        Err(Refusal::Element(format!(
            "expected {}, found base64 text",
            self.dtype
        )))
    }

    fn missing(&mut self) -> Taken {
        self.add(Cell::Missing, f64::NAN)
    }

    fn finish(self, shape: Vec<usize>) -> Result<(Tensor, Cells)> {
        let tensor = Tensor::from_vec(shape, self.values)?;
        Ok((tensor, Some(self.cells.into())))
    }
}
