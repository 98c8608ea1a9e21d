//! FlatBuffers, read in place: every offset is checked when it is followed.
//!
//! CatBoost uses a dozen tables of it. A reader of our own is smaller than what the compiler of
//! schemas would generate, needs no `unsafe`, and bounds what a verifier of structure does not: a
//! file in which many references point at one large vector is refused, as reading costs a budget
//! in proportion to the file.

use std::cell::Cell;

use hari_error::{Error, Result};

/// The bytes of a document, with what may yet be read of them.
#[derive(Debug)]
pub(super) struct Buffer<'a> {
    bytes: &'a [u8],
    budget: Cell<usize>,
}

/// A table in a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    buffer: &'a Buffer<'a>,
    at: usize,
    /// Where the places of the fields stand, and how many bytes these take.
    places: usize,
    length: usize,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let budget = bytes.len().saturating_mul(16).saturating_add(1 << 20);
        Self {
            bytes,
            budget: Cell::new(budget),
        }
    }

    /// The table that everything else hangs on.
    pub(super) fn root(&'a self) -> Result<Table<'a>> {
        self.table(self.follow(0)?)
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N]> {
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        bytes
            .copied()
            .ok_or_else(|| Error::model(format!("byte {at}: the file ends too early")))
    }

    fn spend(&self, bytes: usize) -> Result<()> {
        let left = self.budget.get().checked_sub(bytes);
        let left = left.ok_or_else(|| Error::model("it refers to more than its size allows"))?;
        self.budget.set(left);
        Ok(())
    }

    /// Where the reference at `at` points.
    fn follow(&self, at: usize) -> Result<usize> {
        let distance = u32::from_le_bytes(self.array(at)?) as usize;
        Ok(at.saturating_add(distance))
    }

    fn table(&'a self, at: usize) -> Result<Table<'a>> {
        self.spend(16)?;
        let back = i64::from(i32::from_le_bytes(self.array(at)?));
        let places = usize::try_from(at as i64 - back)
            .map_err(|_| Error::model(format!("byte {at}: its fields lie before the file")))?;
        let length = usize::from(u16::from_le_bytes(self.array(places)?));
        Ok(Table {
            buffer: self,
            at,
            places,
            length,
        })
    }

    /// The elements of the vector at `at`, of `size` bytes each.
    fn vector(&self, at: usize, size: usize) -> Result<&'a [u8]> {
        let count = u32::from_le_bytes(self.array(at)?) as usize;
        let start = at.saturating_add(4);
        let end = start.saturating_add(count.saturating_mul(size));
        let bytes = self.bytes.get(start..end).ok_or_else(|| {
            Error::model(format!("byte {at}: {count} elements do not fit the file"))
        })?;
        self.spend(bytes.len())?;
        Ok(bytes)
    }
}

impl<'a> Table<'a> {
    /// Where a field lies; none if it has its default.
    fn place(&self, field: usize) -> Result<Option<usize>> {
        let place = 4 + 2 * field;
        if place + 2 > self.length {
            return Ok(None);
        }
        let offset = u16::from_le_bytes(self.buffer.array(self.places + place)?);
        Ok((offset != 0).then(|| self.at + usize::from(offset)))
    }

    fn scalar<const N: usize>(&self, field: usize) -> Result<Option<[u8; N]>> {
        let place = self.place(field)?;
        place.map(|at| self.buffer.array(at)).transpose()
    }

    pub(super) fn byte(&self, field: usize) -> Result<u8> {
        Ok(self.scalar(field)?.map_or(0, u8::from_le_bytes))
    }

    pub(super) fn int(&self, field: usize, default: i32) -> Result<i32> {
        Ok(self.scalar(field)?.map_or(default, i32::from_le_bytes))
    }

    pub(super) fn float(&self, field: usize, default: f32) -> Result<f32> {
        Ok(self.scalar(field)?.map_or(default, f32::from_le_bytes))
    }

    pub(super) fn double(&self, field: usize, default: f64) -> Result<f64> {
        Ok(self.scalar(field)?.map_or(default, f64::from_le_bytes))
    }

    /// The table of a field.
    pub(super) fn table(&self, field: usize) -> Result<Option<Table<'a>>> {
        let Some(at) = self.place(field)? else {
            return Ok(None);
        };
        let at = self.buffer.follow(at)?;
        self.buffer.table(at).map(Some)
    }

    /// The elements of a vector, of `size` bytes each; none if it is not there.
    pub(super) fn vector(&self, field: usize, size: usize) -> Result<&'a [u8]> {
        match self.place(field)? {
            Some(at) => self.buffer.vector(self.buffer.follow(at)?, size),
            None => Ok(&[]),
        }
    }

    /// Elements of `N` bytes, each as `read` takes it.
    pub(super) fn each<T, const N: usize>(
        &self,
        field: usize,
        read: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>> {
        let (elements, _) = self.vector(field, N)?.as_chunks();
        Ok(elements.iter().copied().map(read).collect())
    }

    /// Elements of `N` bytes in a vector that is declared as one of bytes.
    pub(super) fn packed<T, const N: usize>(
        &self,
        field: usize,
        read: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>> {
        let (elements, rest) = self.vector(field, 1)?.as_chunks();
        if !rest.is_empty() {
            return Err(Error::model("packed numbers are cut"));
        }
        Ok(elements.iter().copied().map(read).collect())
    }

    /// Pairs of four bytes each.
    pub(super) fn pairs<A, B>(
        &self,
        field: usize,
        first: impl Fn([u8; 4]) -> A,
        second: impl Fn([u8; 4]) -> B,
    ) -> Result<Vec<(A, B)>> {
        self.each(field, |[a, b, c, d, e, f, g, h]: [u8; 8]| {
            (first([a, b, c, d]), second([e, f, g, h]))
        })
    }

    /// The text of a field; empty if it is not there.
    pub(super) fn text(&self, field: usize) -> Result<&'a str> {
        text(self.vector(field, 1)?)
    }

    /// The tables of a vector.
    pub(super) fn tables(&self, field: usize) -> Result<Vec<Table<'a>>> {
        let places = self.references(field)?;
        places.into_iter().map(|at| self.buffer.table(at)).collect()
    }

    /// The texts of a vector.
    pub(super) fn texts(&self, field: usize) -> Result<Vec<&'a str>> {
        let places = self.references(field)?;
        let texts = places.into_iter();
        texts.map(|at| text(self.buffer.vector(at, 1)?)).collect()
    }

    fn references(&self, field: usize) -> Result<Vec<usize>> {
        let Some(at) = self.place(field)? else {
            return Ok(Vec::new());
        };
        let at = self.buffer.follow(at)?;
        let count = self.buffer.vector(at, 4)?.len() / 4;
        let places = (0..count).map(|element| self.buffer.follow(at + 4 + 4 * element));
        places.collect()
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| Error::model("a text is not UTF-8"))
}
