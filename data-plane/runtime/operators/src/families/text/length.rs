//! `StringLength` and `Substr`, in bytes or in characters of UTF-8.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::broadcast;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integers, operator};
use crate::{Inputs, Operator, size};

/// What is counted.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Byte,
    Character,
}

impl Unit {
    fn of(node: &Node<'_>) -> Result<Self> {
        match node.attributes.text("unit")?.unwrap_or("BYTE") {
            "BYTE" => Ok(Self::Byte),
            "UTF8_CHAR" => Ok(Self::Character),
            other => Err(Error::model(format!(
                "attribute `unit`: expected BYTE or UTF8_CHAR, found {other}"
            ))),
        }
    }

    /// A character is a byte and the trailing ones that follow it.
    fn length(self, text: &[u8]) -> usize {
        match self {
            Self::Byte => text.len(),
            Self::Character => text.iter().filter(|&&byte| leads(byte)).count(),
        }
    }

    /// The byte at which unit `at` starts; the end of the text beyond the last.
    fn start(self, text: &[u8], at: usize) -> usize {
        match self {
            Self::Byte => at.min(text.len()),
            Self::Character => {
                let mut starts = text.iter().enumerate().filter(|(_, byte)| leads(**byte));
                starts.nth(at).map_or(text.len(), |(start, _)| start)
            }
        }
    }
}

fn leads(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

struct Length {
    unit: Unit,
}

pub(super) fn length(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let unit = Unit::of(node)?;
    operator(Length { unit })
}

impl Kernel for Length {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Int32)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let lengths = x.strings()?.iter();
        let lengths = lengths.map(|text| self.unit.length(text) as i32).collect();
        Ok(vec![Tensor::from_vec::<i32>(x.shape().to_vec(), lengths)?])
    }
}

struct Substr {
    unit: Unit,
}

pub(super) fn substr(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let unit = Unit::of(node)?;
    operator(Substr { unit })
}

impl Substr {
    /// A negative position counts from the end; a negative length goes to it.
    fn cut(&self, text: &Bytes, position: i64, length: i64) -> Result<Bytes> {
        let total = self.unit.length(text);
        let from = if position < 0 {
            let back = usize::try_from(position.unsigned_abs()).ok();
            back.and_then(|back| total.checked_sub(back))
        } else {
            usize::try_from(position).ok().filter(|&from| from <= total)
        };
        let from = from.ok_or_else(|| {
            Error::invalid(format!("position {position} is outside of {total} units"))
        })?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let start = self.unit.start(text, from);
        let end = self.unit.start(text, from.saturating_add(length));
        Ok(text.slice(start..end))
    }
}

impl Kernel for Substr {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Bytes)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let given = [inputs.tensor(0)?, inputs.tensor(1)?, inputs.tensor(2)?];
        let shape = broadcast::shape(&given.map(Tensor::shape))?;
        size::count(&shape, DataType::Bytes)?;
        let [texts, positions, lengths] = given.map(|one| broadcast::places(one.shape(), &shape));
        let (all, from) = (given[0].strings()?, integers(given[1])?);
        let count = integers(given[2])?;
        let number = |values: &[i64], at: usize| values.get(at).copied().unwrap_or_default();
        let places = texts.iter().zip(positions.iter().zip(&lengths));
        let made = places.map(|(&text, (&position, &length))| {
            let text = all.get(text).cloned().unwrap_or_default();
            self.cut(&text, number(&from, position), number(&count, length))
        });
        let made = made.collect::<Result<_>>()?;
        Ok(vec![Tensor::from_strings(shape, made)?])
    }
}
