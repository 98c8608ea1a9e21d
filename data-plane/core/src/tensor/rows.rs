//! Cutting a tensor along its first dimension and putting the pieces together again.

use std::ops::Range;

use bytes::BytesMut;
use hari_error::{Error, Result};

use super::{Data, Tensor};

impl Tensor {
    /// The first dimension; one for a scalar.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// The rows of `range`, sharing the elements.
    ///
    /// # Errors
    /// If the tensor is a scalar or the range leaves it.
    pub fn slice_rows(&self, range: Range<usize>) -> Result<Self> {
        let rows = *self
            .shape
            .first()
            .ok_or_else(|| Error::invalid("a scalar has no rows"))?;
        if range.start > range.end || range.end > rows {
            return Err(Error::invalid(format!("rows {range:?} of {rows}")));
        }
        let per_row = self.shape.iter().skip(1).product::<usize>();
        let cut = range.start * per_row..range.end * per_row;
        let data = match &self.data {
            Data::Fixed(bytes) => {
                let size = self.dtype.size().unwrap_or(1);
                Data::Fixed(bytes.slice(cut.start * size..cut.end * size))
            }
            Data::Strings(strings) => Data::Strings(strings[cut].into()),
        };
        let mut shape = self.shape.clone();
        shape[0] = range.end - range.start;
        Ok(Self {
            dtype: self.dtype,
            shape,
            data,
        })
    }

    /// All rows of all parts, in order. One part is returned as it is.
    ///
    /// # Errors
    /// If there is no part, or if type or row shape differ between parts.
    pub fn concat_rows(parts: &[Self]) -> Result<Self> {
        let first = parts
            .first()
            .ok_or_else(|| Error::internal("no rows to put together"))?;
        if parts.len() == 1 {
            return Ok(first.clone());
        }
        let mut rows = 0;
        for part in parts {
            let alike = part.dtype == first.dtype
                && !part.shape.is_empty()
                && part.shape.get(1..) == first.shape.get(1..);
            if !alike {
                return Err(Error::invalid(format!(
                    "rows of {} {:?} and {} {:?} cannot be put together",
                    first.dtype, first.shape, part.dtype, part.shape
                )));
            }
            rows += part.rows();
        }
        let mut shape = first.shape.clone();
        shape[0] = rows;
        Ok(Self {
            dtype: first.dtype,
            shape,
            data: join(parts),
        })
    }
}

fn join(parts: &[Tensor]) -> Data {
    let mut fixed = BytesMut::with_capacity(parts.iter().map(Tensor::byte_len).sum());
    let mut strings = Vec::new();
    for part in parts {
        match &part.data {
            Data::Fixed(bytes) => fixed.extend_from_slice(bytes),
            Data::Strings(more) => strings.extend_from_slice(more),
        }
    }
    if strings.is_empty() && parts.iter().all(|part| part.dtype.size().is_some()) {
        Data::Fixed(fixed.freeze())
    } else {
        Data::Strings(strings.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_put_together_are_the_whole() {
        let whole = Tensor::from_vec([4, 3], (0..12).collect::<Vec<i32>>()).unwrap();
        let parts = [
            whole.slice_rows(0..1).unwrap(),
            whole.slice_rows(1..4).unwrap(),
        ];
        assert_eq!(Tensor::concat_rows(&parts).unwrap(), whole);
        let strings = Tensor::from_strings([2], vec!["a".into(), "b".into()]).unwrap();
        let parts = [
            strings.slice_rows(0..1).unwrap(),
            strings.slice_rows(1..2).unwrap(),
        ];
        assert_eq!(Tensor::concat_rows(&parts).unwrap(), strings);
    }

    #[test]
    fn a_slice_shares_the_elements() {
        let whole = Tensor::from_vec([2, 2], vec![1.0_f32, 2.0, 3.0, 4.0]).unwrap();
        let row = whole.slice_rows(1..2).unwrap();
        assert_eq!(*row.values::<f32>().unwrap(), [3.0, 4.0]);
        assert_eq!(
            row.bytes().unwrap().as_ptr(),
            whole.bytes().unwrap()[8..].as_ptr()
        );
    }

    #[test]
    fn rows_of_another_width_are_refused() {
        let narrow = Tensor::from_vec([1, 2], vec![0_u8; 2]).unwrap();
        let wide = Tensor::from_vec([1, 3], vec![0_u8; 3]).unwrap();
        assert!(Tensor::concat_rows(&[narrow, wide]).is_err());
        assert!(Tensor::concat_rows(&[]).is_err());
    }
}
