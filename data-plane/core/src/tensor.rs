//! The one tensor: typed, contiguous, row-major, little-endian, sharing its bytes.

mod cast;
mod rows;

use std::borrow::Cow;

use bytes::Bytes;
use hari_error::{Error, Result};

use crate::{DataType, Element};

#[cfg(target_endian = "big")]
compile_error!("tensors are little-endian in memory, as on every wire");

/// A dense array. Cloning shares the elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    dtype: DataType,
    shape: Vec<usize>,
    data: Data,
}

#[derive(Clone, Debug, PartialEq)]
enum Data {
    /// Elements of a fixed size, little-endian. Booleans are one byte each, 0 or 1.
    Fixed(Bytes),
    /// Byte strings, one per element.
    Strings(std::sync::Arc<[Bytes]>),
}

/// Keeps a vector alive behind `Bytes`, so that its elements are not copied.
struct Owned<T>(Vec<T>);

impl<T: Element> AsRef<[u8]> for Owned<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// The number of elements of `shape`, or an error if it overflows. An empty tensor may not hide
/// dimensions that overflow without it: row arithmetic multiplies some of them alone.
pub(crate) fn elements(shape: &[usize]) -> Result<usize> {
    let bounded = shape
        .iter()
        .try_fold(1_usize, |product, &dim| product.checked_mul(dim.max(1)));
    match bounded {
        Some(product) => Ok(if shape.contains(&0) { 0 } else { product }),
        None => Err(Error::invalid(format!(
            "shape {shape:?} has too many elements"
        ))),
    }
}

fn expect_len(shape: &[usize], found: usize) -> Result<()> {
    let expected = elements(shape)?;
    if expected == found {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "shape {shape:?} needs {expected} elements, found {found}"
    )))
}

impl Tensor {
    /// Takes the elements as they are, without a copy.
    ///
    /// # Errors
    /// If the shape does not hold exactly as many elements.
    pub fn from_vec<T: Element>(shape: impl Into<Vec<usize>>, values: Vec<T>) -> Result<Self> {
        let shape = shape.into();
        expect_len(&shape, values.len())?;
        Ok(Self {
            dtype: T::DTYPE,
            shape,
            data: Data::Fixed(Bytes::from_owner(Owned(values))),
        })
    }

    /// A tensor of booleans.
    ///
    /// # Errors
    /// If the shape does not hold exactly as many elements.
    pub fn from_bools(shape: impl Into<Vec<usize>>, values: &[bool]) -> Result<Self> {
        let bytes: Vec<u8> = values.iter().map(|&value| u8::from(value)).collect();
        Self::from_bytes(DataType::Bool, shape, bytes)
    }

    /// A tensor of byte strings.
    ///
    /// # Errors
    /// If the shape does not hold exactly as many elements.
    pub fn from_strings(shape: impl Into<Vec<usize>>, values: Vec<Bytes>) -> Result<Self> {
        let shape = shape.into();
        expect_len(&shape, values.len())?;
        Ok(Self {
            dtype: DataType::Bytes,
            shape,
            data: Data::Strings(values.into()),
        })
    }

    /// Takes raw little-endian elements, without a copy.
    ///
    /// # Errors
    /// If `dtype` has no fixed size, if the length is not exactly what the shape needs, or if a
    /// boolean is neither 0 nor 1.
    pub fn from_bytes(
        dtype: DataType,
        shape: impl Into<Vec<usize>>,
        bytes: impl Into<Bytes>,
    ) -> Result<Self> {
        let (shape, bytes) = (shape.into(), bytes.into());
        let size = dtype
            .size()
            .ok_or_else(|| Error::invalid("BYTES elements have no fixed size".to_owned()))?;
        let expected = elements(&shape)?.checked_mul(size);
        if expected != Some(bytes.len()) {
            let expected = expected.map_or("too many".to_owned(), |bytes| bytes.to_string());
            return Err(Error::invalid(format!(
                "shape {shape:?} of {dtype} needs {expected} bytes, found {}",
                bytes.len()
            )));
        }
        if dtype == DataType::Bool && bytes.iter().any(|&byte| byte > 1) {
            return Err(Error::invalid("a BOOL element is neither 0 nor 1"));
        }
        Ok(Self {
            dtype,
            shape,
            data: Data::Fixed(bytes),
        })
    }

    /// The element type.
    #[must_use]
    pub fn dtype(&self) -> DataType {
        self.dtype
    }

    /// The dimensions; none for a scalar.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The size of the elements in memory, in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        match &self.data {
            Data::Fixed(bytes) => bytes.len(),
            Data::Strings(strings) => strings.iter().map(Bytes::len).sum(),
        }
    }

    /// The raw little-endian elements; none for byte strings.
    #[must_use]
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.data {
            Data::Fixed(bytes) => Some(bytes),
            Data::Strings(_) => None,
        }
    }

    /// The elements, borrowed where their alignment allows, else copied.
    ///
    /// # Errors
    /// If `T` is not the element type. Booleans are read as `u8`.
    pub fn values<T: Element>(&self) -> Result<Cow<'_, [T]>> {
        let readable =
            self.dtype == T::DTYPE || (self.dtype == DataType::Bool && T::DTYPE == DataType::Uint8);
        match &self.data {
            Data::Fixed(bytes) if readable => Ok(match bytemuck::try_cast_slice(bytes) {
                Ok(values) => Cow::Borrowed(values),
                Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(bytes)),
            }),
            _ => Err(Error::invalid(format!(
                "expected {}, found {}",
                T::DTYPE,
                self.dtype
            ))),
        }
    }

    /// The elements in a vector of their own.
    ///
    /// # Errors
    /// If `T` is not the element type.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        self.values().map(Cow::into_owned)
    }

    /// The byte strings.
    ///
    /// # Errors
    /// If the element type is another.
    pub fn strings(&self) -> Result<&[Bytes]> {
        match &self.data {
            Data::Strings(strings) => Ok(strings),
            Data::Fixed(_) => Err(Error::invalid(format!(
                "expected BYTES, found {}",
                self.dtype
            ))),
        }
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// If the shape does not hold exactly as many elements.
    pub fn reshape(mut self, shape: impl Into<Vec<usize>>) -> Result<Self> {
        let shape = shape.into();
        expect_len(&shape, self.len())?;
        self.shape = shape;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_taken_without_a_copy() {
        let values = vec![1.0_f32, 2.0, 3.0, 4.0];
        let address = values.as_ptr() as usize;
        let tensor = Tensor::from_vec([2, 2], values).unwrap();
        assert_eq!(tensor.bytes().unwrap().as_ptr() as usize, address);
        assert!(matches!(tensor.values::<f32>().unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn misaligned_bytes_are_read_all_the_same() {
        let mut raw = vec![0_u8];
        raw.extend_from_slice(bytemuck::cast_slice(&[1.5_f32, -2.0]));
        let bytes = Bytes::from(raw).slice(1..);
        let tensor = Tensor::from_bytes(DataType::Fp32, [2], bytes).unwrap();
        assert_eq!(*tensor.values::<f32>().unwrap(), [1.5, -2.0]);
    }

    #[test]
    fn a_wrong_length_names_what_was_expected() {
        let error = Tensor::from_vec([2, 3], vec![0_i64; 5]).unwrap_err();
        assert_eq!(error.message(), "shape [2, 3] needs 6 elements, found 5");
        let error = Tensor::from_bytes(DataType::Fp32, [2], vec![0_u8; 7]).unwrap_err();
        assert_eq!(error.message(), "shape [2] of FP32 needs 8 bytes, found 7");
    }

    #[test]
    fn an_overflowing_shape_is_refused_without_an_allocation() {
        let shape = [usize::MAX, 2];
        assert!(Tensor::from_vec([0, usize::MAX, 2], Vec::<u8>::new()).is_err());
        assert!(Tensor::from_bytes(DataType::Fp64, shape, Vec::new()).is_err());
        assert!(Tensor::from_strings(shape, Vec::new()).is_err());
    }

    #[test]
    fn booleans_are_zero_or_one() {
        assert!(Tensor::from_bytes(DataType::Bool, [2], vec![0_u8, 1]).is_ok());
        assert!(Tensor::from_bytes(DataType::Bool, [2], vec![0_u8, 2]).is_err());
    }
}
