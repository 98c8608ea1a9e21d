//! numpy arrays: bytes with a shape, an order and a dtype; typed values are copied out of them.

use std::sync::Arc;

use bytes::Bytes;
use half::f16;
use hari_error::{Error, Result};

use crate::dtype::{Dtype, Kind};
use crate::value::{Id, heap};

mod element;
mod order;
mod text;

pub use element::Element;
use order::FortranOrder;
use text::{ascii, utf32};

/// An array of any rank.
#[derive(Clone, Debug)]
pub struct Array {
    dtype: Arc<Dtype>,
    shape: Vec<usize>,
    fortran: bool,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Raw(Bytes),
    Objects(Vec<Id>),
}

/// Values of an array in C order (the last axis runs fastest), in this machine's byte order.
#[derive(Clone, Debug, PartialEq)]
pub struct Typed<T> {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// As many values as the product of the shape.
    pub values: Vec<T>,
}

impl Array {
    /// An array over its bytes.
    ///
    /// # Errors
    ///
    /// Bytes that are not as many as shape and dtype say.
    pub(crate) fn raw(
        dtype: Arc<Dtype>,
        shape: Vec<usize>,
        fortran: bool,
        data: Bytes,
    ) -> Result<Self> {
        let expected = bytes_of(&dtype, &shape)?;
        if dtype.is_object() || data.len() != expected {
            return Err(Error::model(format!(
                "an array of {dtype} with shape {shape:?} needs {expected} bytes, {} are there",
                data.len()
            )));
        }
        let data = Data::Raw(data);
        Ok(Self {
            dtype,
            shape,
            fortran,
            data,
        })
    }

    /// An array of Python objects, in C order.
    ///
    /// # Errors
    ///
    /// Objects that are not as many as the shape says.
    pub(crate) fn of_objects(
        dtype: Arc<Dtype>,
        shape: Vec<usize>,
        objects: Vec<Id>,
    ) -> Result<Self> {
        if count_of(&shape)? != objects.len() {
            return Err(Error::model(format!(
                "an array of objects with shape {shape:?} holds {} of them",
                objects.len()
            )));
        }
        let data = Data::Objects(objects);
        Ok(Self {
            dtype,
            shape,
            fortran: false,
            data,
        })
    }

    /// The element type.
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// Lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements of an array of objects, in C order.
    #[must_use]
    pub fn objects(&self) -> Option<&[Id]> {
        match &self.data {
            Data::Objects(ids) => Some(ids),
            Data::Raw(_) => None,
        }
    }

    /// The bytes of the elements, in the array's own order; `None` for an array of objects.
    #[must_use]
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.data {
            Data::Raw(bytes) => Some(bytes),
            Data::Objects(_) => None,
        }
    }

    /// Whether the first axis runs fastest, rather than the last.
    #[must_use]
    pub fn is_fortran(&self) -> bool {
        self.fortran && self.shape.len() > 1
    }

    /// The elements where they lie in the file, in C order; `None` if they are of another type, of
    /// another byte or axis order, or not aligned. [`Self::typed`] copies, and gives them all.
    #[must_use]
    pub fn view<T: Element>(&self) -> Option<&[T]> {
        let native = self.dtype.size == 1 || self.dtype.big_endian == cfg!(target_endian = "big");
        let same = self.dtype.kind == T::KIND && self.dtype.size == T::SIZE;
        if self.is_fortran() || !native || !same {
            return None;
        }
        T::view(self.bytes()?)
    }

    /// The elements as values of exactly this type; `None` if they are of another.
    #[must_use]
    pub fn typed<T: Element>(&self) -> Option<Typed<T>> {
        if let Some(values) = self.view() {
            let (shape, values) = (self.shape.clone(), values.to_vec());
            return Some(Typed { shape, values });
        }
        self.part(0, &self.dtype)
    }

    /// Memory beside the value that refers to it; the bytes of the file are not counted.
    pub(crate) fn weight(&self) -> usize {
        let objects = self.objects().map_or(0, size_of_val);
        heap(size_of::<Self>() + 16) + heap(size_of_val(self.shape.as_slice())) + heap(objects)
    }

    /// A field of records, as values of exactly this type; `None` if there is no such field.
    #[must_use]
    pub fn column<T: Element>(&self, field: &str) -> Option<Typed<T>> {
        let field = self.dtype.field(field)?;
        self.part(field.offset, &field.dtype)
    }

    /// A field of records, as an array of its own; `None` if there is no such field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Self> {
        let field = self.dtype.field(name)?;
        let bytes: Vec<u8> = self
            .elements(field.offset, field.dtype.size)?
            .flatten()
            .copied()
            .collect();
        let shape = self.shape.clone();
        Self::raw(field.dtype.clone(), shape, self.fortran, bytes.into()).ok()
    }

    /// Booleans, integers and floats of any size as 64-bit floats, where that loses nothing.
    #[must_use]
    pub fn numbers(&self) -> Option<Typed<f64>> {
        const EXACT: i64 = 1 << 53;
        match (self.dtype.kind, self.dtype.size) {
            (Kind::Bool, _) => self.read::<bool, _>(f64::from),
            (Kind::Int, 1) => self.read::<i8, _>(f64::from),
            (Kind::Int, 2) => self.read::<i16, _>(f64::from),
            (Kind::Int, 4) => self.read::<i32, _>(f64::from),
            (Kind::Uint, 1) => self.read::<u8, _>(f64::from),
            (Kind::Uint, 2) => self.read::<u16, _>(f64::from),
            (Kind::Uint, 4) => self.read::<u32, _>(f64::from),
            (Kind::Float, 2) => self.read::<f16, _>(f64::from),
            (Kind::Float, 4) => self.read::<f32, _>(f64::from),
            (Kind::Float, 8) => self.typed(),
            (Kind::Int, _) => {
                let whole = self.typed::<i64>()?;
                whole.all(
                    |value| (-EXACT..=EXACT).contains(value),
                    |value| value as f64,
                )
            }
            (Kind::Uint, _) => {
                let whole = self.typed::<u64>()?;
                whole.all(|value| *value <= EXACT as u64, |value| value as f64)
            }
            _ => None,
        }
    }

    /// Signed or unsigned integers of any size, and booleans, as 64-bit integers.
    #[must_use]
    pub fn integers(&self) -> Option<Typed<i64>> {
        match (self.dtype.kind, self.dtype.size) {
            (Kind::Bool, _) => self.read::<bool, _>(i64::from),
            (Kind::Int, 1) => self.read::<i8, _>(i64::from),
            (Kind::Int, 2) => self.read::<i16, _>(i64::from),
            (Kind::Int, 4) => self.read::<i32, _>(i64::from),
            (Kind::Int, 8) => self.typed(),
            (Kind::Uint, 1) => self.read::<u8, _>(i64::from),
            (Kind::Uint, 2) => self.read::<u16, _>(i64::from),
            (Kind::Uint, 4) => self.read::<u32, _>(i64::from),
            (Kind::Uint, 8) => {
                let whole = self.typed::<u64>()?;
                whole.all(|value| i64::try_from(*value).is_ok(), |value| value as i64)
            }
            _ => None,
        }
    }

    /// Fixed-length text or ASCII bytes, without the zeros at the end.
    #[must_use]
    pub fn texts(&self) -> Option<Typed<String>> {
        let decode = match self.dtype.kind {
            Kind::Str => utf32,
            Kind::Bytes => |bytes: &[u8], _| ascii(bytes),
            _ => return None,
        };
        let elements = self.elements(0, self.dtype.size)?;
        let texts = elements.map(|bytes| decode(bytes, self.dtype.big_endian));
        let values = texts.collect::<Option<Vec<_>>>()?;
        Some(self.in_c_order(values))
    }

    fn read<T: Element, U>(&self, convert: impl Fn(T) -> U) -> Option<Typed<U>> {
        let Typed { shape, values } = self.typed::<T>()?;
        let values = values.into_iter().map(convert).collect();
        Some(Typed { shape, values })
    }

    /// Values at an offset into each element, in C order.
    fn part<T: Element>(&self, offset: usize, dtype: &Dtype) -> Option<Typed<T>> {
        if dtype.kind != T::KIND || dtype.size != T::SIZE {
            return None;
        }
        let elements = self.elements(offset, T::SIZE)?;
        let values = elements.map(|bytes| T::decode(bytes, dtype.big_endian));
        Some(self.in_c_order(values.collect()))
    }

    /// `size` bytes at `offset` of each element, as they lie.
    fn elements(&self, offset: usize, size: usize) -> Option<impl Iterator<Item = &[u8]>> {
        let Data::Raw(bytes) = &self.data else {
            return None;
        };
        let stride = self.dtype.size;
        let whole = bytes.chunks_exact(stride.max(1));
        // Elements of no bytes are as many as the shape says.
        let empty = if stride == 0 { self.len() } else { 0 };
        let end = offset.saturating_add(size);
        let each = whole.map(move |element| element.get(offset..end).unwrap_or_default());
        Some(each.chain(std::iter::repeat_n(&[][..], empty)))
    }

    fn in_c_order<T: Clone>(&self, values: Vec<T>) -> Typed<T> {
        let shape = self.shape.clone();
        let values = match *shape.as_slice() {
            _ if !self.is_fortran() => values,
            [rows, columns] => {
                let from = |row| (0..columns).map(move |column| column * rows + row);
                let each = (0..rows).flat_map(from);
                each.filter_map(|from| values.get(from).cloned()).collect()
            }
            _ => {
                let each = FortranOrder::new(&shape);
                each.filter_map(|from| values.get(from).cloned()).collect()
            }
        };
        Typed { shape, values }
    }
}

impl<T> Typed<T> {
    fn all<U>(self, fits: impl Fn(&T) -> bool, convert: impl Fn(T) -> U) -> Option<Typed<U>> {
        if !self.values.iter().all(fits) {
            return None;
        }
        let values = self.values.into_iter().map(convert).collect();
        Some(Typed {
            shape: self.shape,
            values,
        })
    }
}

/// The number of elements, if it can be counted.
pub(crate) fn count_of(shape: &[usize]) -> Result<usize> {
    if shape.len() > 32 {
        return Err(Error::model(format!(
            "an array has rank {}: numpy has at most 64, 32 are read",
            shape.len()
        )));
    }
    // Zero counts last: the other lengths must fit all the same.
    let lengths = shape.iter().filter(|length| **length != 0);
    let product = lengths.copied().try_fold(1_usize, usize::checked_mul);
    let product = product.filter(|product| isize::try_from(*product).is_ok());
    let count = product.ok_or_else(|| Error::model(format!("no array has shape {shape:?}")))?;
    Ok(if shape.contains(&0) { 0 } else { count })
}

/// The bytes of an array in a buffer.
pub(crate) fn bytes_of(dtype: &Dtype, shape: &[usize]) -> Result<usize> {
    let count = count_of(shape)?;
    if dtype.size == 0 && count > 1 << 16 {
        return Err(Error::model(format!(
            "an array with shape {shape:?} has elements of no bytes"
        )));
    }
    let bytes = count.checked_mul(dtype.size);
    bytes.ok_or_else(|| Error::model(format!("no array of {dtype} has shape {shape:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(text: &str, shape: &[usize], fortran: bool, bytes: &[u8]) -> Result<Array> {
        let dtype = Arc::new(Dtype::parse(text)?);
        Array::raw(
            dtype,
            shape.to_vec(),
            fortran,
            Bytes::copy_from_slice(bytes),
        )
    }

    #[test]
    fn fortran_order_is_undone() {
        // [[1, 2, 3], [4, 5, 6]], column by column.
        let found = array("u1", &[2, 3], true, &[1, 4, 2, 5, 3, 6]).unwrap();
        assert_eq!(found.typed::<u8>().unwrap().values, [1, 2, 3, 4, 5, 6]);
        let cube = array("u1", &[2, 1, 2], true, &[1, 3, 2, 4]).unwrap();
        assert_eq!(cube.typed::<u8>().unwrap().values, [1, 2, 3, 4]);
    }

    #[test]
    fn values_are_seen_where_they_lie_if_they_can_be() {
        let words: Vec<u8> = (0..4_u64).flat_map(u64::to_le_bytes).collect();
        let values: Vec<u64> = bytemuck::pod_collect_to_vec(&words);
        let bytes: &[u8] = bytemuck::cast_slice(&values);
        let owner = Bytes::copy_from_slice(bytes);
        let of = |text: &str, fortran, data| {
            Array::raw(
                Arc::new(Dtype::parse(text).unwrap()),
                vec![2, 2],
                fortran,
                data,
            )
            .unwrap()
        };
        let seen = of("u8", false, owner.clone());
        assert_eq!(seen.typed::<u64>().unwrap().values, [0, 1, 2, 3]);
        if let Some(view) = seen.view::<u64>() {
            assert_eq!(view, [0, 1, 2, 3]);
        }
        assert_eq!(seen.view::<i64>(), None);
        assert_eq!(of("u8", true, owner.clone()).view::<u64>(), None);
        assert_eq!(of(">u8", false, owner).view::<u64>(), None);
        // One of these two does not lie on a multiple of eight.
        let shifted = Bytes::from([&[0], bytes, &[0]].concat());
        let views = [0, 1].map(|at| of("u8", false, shifted.slice(at..at + 32)));
        assert!(views.iter().any(|array| array.view::<u64>().is_none()));
        assert_eq!(views[1].typed::<u64>().unwrap().values, [0, 1, 2, 3]);
    }

    #[test]
    fn big_endian_values_are_turned() {
        let found = array(">i2", &[2], false, &[1, 0, 0xff, 0xff]).unwrap();
        assert_eq!(found.typed::<i16>().unwrap().values, [256, -1]);
        assert_eq!(found.numbers().unwrap().values, [256.0, -1.0]);
        let text = array(">U2", &[1], false, &[0, 0, 0, 0x61, 0, 0, 0, 0]).unwrap();
        assert_eq!(text.texts().unwrap().values, ["a"]);
    }

    #[test]
    fn values_of_another_type_are_not_given() {
        let found = array("f4", &[1], false, &1.5_f32.to_le_bytes()).unwrap();
        assert_eq!(found.typed::<f64>(), None);
        assert_eq!(found.typed::<i32>(), None);
        assert_eq!(found.numbers().unwrap().values, [1.5]);
        assert_eq!(found.integers(), None);
        assert_eq!(found.texts(), None);
    }

    #[test]
    fn integers_that_a_float_cannot_hold_are_not_given_as_floats() {
        let large = array("i8", &[1], false, &((1_i64 << 53) + 1).to_le_bytes()).unwrap();
        assert_eq!(large.numbers(), None);
        assert!(large.integers().is_some());
        let larger = array("u8", &[1], false, &u64::MAX.to_le_bytes()).unwrap();
        assert_eq!((larger.numbers(), larger.integers()), (None, None));
    }

    #[test]
    fn bytes_are_as_many_as_the_shape_says() {
        assert!(array("f8", &[2], false, &[0; 8]).is_err());
        assert!(array("f8", &[usize::MAX, 2], false, &[0; 8]).is_err());
        assert!(array("f8", &[0, isize::MAX as usize], false, &[]).is_ok());
        assert!(array("f8", &[0, usize::MAX, 2], false, &[]).is_err());
        assert!(array("V0", &[1 << 40], false, &[]).is_err());
        assert!(array("f8", &[1; 33], false, &[0; 8]).is_err());
        assert_eq!(array("f8", &[], false, &[0; 8]).unwrap().len(), 1);
    }

    #[test]
    fn text_that_is_no_unicode_is_not_given() {
        let surrogate = array("U1", &[1], false, &[0, 0xd8, 0, 0]).unwrap();
        assert_eq!(surrogate.texts(), None);
        assert_eq!(array("S1", &[1], false, &[200]).unwrap().texts(), None);
    }
}
