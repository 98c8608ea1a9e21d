//! Elements that are moved and never computed with: a few types stand for all by their size.

use std::borrow::Cow;

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

/// An element to be moved.
pub(crate) trait Cell: Clone + Default + PartialEq + Send + Sync + 'static {
    /// The elements of a tensor whose type has this size.
    fn read(tensor: &Tensor) -> Result<Cow<'_, [Self]>>;

    /// A tensor of `dtype`, which has this size.
    fn make(dtype: DataType, shape: Vec<usize>, cells: Vec<Self>) -> Result<Tensor>;
}

/// Keeps a vector alive behind `Bytes`, so that its elements are not copied.
struct Owned<T>(Vec<T>);

impl<T: bytemuck::NoUninit> AsRef<[u8]> for Owned<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

macro_rules! fixed {
    ($($rust:ty),*) => {
        $(impl Cell for $rust {
            fn read(tensor: &Tensor) -> Result<Cow<'_, [Self]>> {
                let bytes = tensor
                    .bytes()
                    .filter(|_| tensor.dtype().size() == Some(size_of::<Self>()))
                    .ok_or_else(|| Error::internal("elements read with a wrong size"))?;
                Ok(match bytemuck::try_cast_slice(bytes) {
                    Ok(cells) => Cow::Borrowed(cells),
                    Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(bytes)),
                })
            }

            fn make(dtype: DataType, shape: Vec<usize>, cells: Vec<Self>) -> Result<Tensor> {
                Tensor::from_bytes(dtype, shape, Bytes::from_owner(Owned(cells)))
            }
        })*
    };
}

fixed!(u8, u16, u32, u64);

impl Cell for Bytes {
    fn read(tensor: &Tensor) -> Result<Cow<'_, [Self]>> {
        tensor.strings().map(Cow::Borrowed)
    }

    fn make(_: DataType, shape: Vec<usize>, cells: Vec<Self>) -> Result<Tensor> {
        Tensor::from_strings(shape, cells)
    }
}

/// Runs the body with `$T` as the cell of an element type.
macro_rules! by_cell {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype.size() {
            Some(1) => {
                type $T = u8;
                $body
            }
            Some(2) => {
                type $T = u16;
                $body
            }
            Some(4) => {
                type $T = u32;
                $body
            }
            Some(_) => {
                type $T = u64;
                $body
            }
            None => {
                type $T = bytes::Bytes;
                $body
            }
        }
    };
}

pub(crate) use by_cell;

/// Blocks of `block` elements each that lie at `starts`, one after the other, as a tensor of
/// `shape`. Where there is no start, the block repeats the one element of `fill`, or zero.
pub(crate) fn gathered(
    tensor: &Tensor,
    shape: Vec<usize>,
    block: usize,
    starts: &mut dyn Iterator<Item = Option<usize>>,
    fill_with: Option<&Tensor>,
) -> Result<Tensor> {
    let dtype = tensor.dtype();
    let count = crate::size::count(&shape, dtype)?;
    by_cell!(dtype, T => {
        let value = fill::<T>(dtype, fill_with)?;
        T::make(dtype, shape, blocks(&T::read(tensor)?, (count, block), starts, &value))
    })
}

fn blocks<T: Cell>(
    cells: &[T],
    (count, block): (usize, usize),
    starts: &mut dyn Iterator<Item = Option<usize>>,
    fill: &T,
) -> Vec<T> {
    let mut made = Vec::with_capacity(count);
    for start in starts {
        match start {
            Some(start) => made.extend_from_slice(&cells[start..start + block]),
            None => made.resize(made.len() + block, fill.clone()),
        }
    }
    made
}

/// The tensor with other indices along `axis`, each taken from `places`; `fill` where there is no
/// place.
pub(crate) fn taken(
    tensor: &Tensor,
    axis: usize,
    places: &[Option<usize>],
    fill_with: Option<&Tensor>,
) -> Result<Tensor> {
    let mut shape = tensor.shape().to_vec();
    let size = std::mem::replace(&mut shape[axis], places.len());
    let block: usize = tensor.shape().iter().skip(axis + 1).product();
    let outer: usize = tensor.shape().iter().take(axis).product();
    let outer = if shape.contains(&0) { 0 } else { outer };
    let mut starts = (0..outer).flat_map(|row| {
        let start = move |place: &usize| (row * size + place) * block;
        places.iter().map(move |place| place.as_ref().map(start))
    });
    gathered(tensor, shape, block, &mut starts, fill_with)
}

/// A tensor that repeats the one element of `value`; zeros or empty strings without one.
pub(crate) fn filled(dtype: DataType, shape: Vec<usize>, value: Option<&Tensor>) -> Result<Tensor> {
    let count = crate::size::count(&shape, dtype)?;
    by_cell!(dtype, T => {
        let value = fill::<T>(dtype, value)?;
        T::make(dtype, shape, vec![value; count])
    })
}

/// The one element of `value`, zero or the empty string without it.
pub(crate) fn fill<T: Cell>(dtype: DataType, value: Option<&Tensor>) -> Result<T> {
    let Some(value) = value else {
        return Ok(T::default());
    };
    if value.dtype() != dtype || value.len() != 1 {
        return Err(Error::invalid(format!(
            "expected one element of {dtype}, found {} {:?}",
            value.dtype(),
            value.shape()
        )));
    }
    Ok(T::read(value)?.first().cloned().unwrap_or_default())
}

/// Every element type as it is expected, or an error that names both.
pub(crate) fn alike(tensors: &[&Tensor]) -> Result<()> {
    let Some((first, rest)) = tensors.split_first() else {
        return Ok(());
    };
    match rest.iter().find(|other| other.dtype() != first.dtype()) {
        None => Ok(()),
        Some(other) => Err(Error::invalid(format!(
            "expected {}, as the first input, found {}",
            first.dtype(),
            other.dtype()
        ))),
    }
}
