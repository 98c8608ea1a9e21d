//! A tensor that was saved in parts, put together.

use hari_core::Tensor;
use hari_error::{Error, Result};
use hari_proto::tensorflow::{BundleEntryProto, TensorSliceProto};

use super::{Bundle, fixed_shape, ordered};
use crate::dtype;

fn misfit() -> Error {
    Error::model("its saved slices do not fit its shape")
}

/// Where a slice lies: the first index and the number of indices in each dimension.
struct Region {
    start: Vec<usize>,
    size: Vec<usize>,
}

impl Region {
    fn of(slice: &TensorSliceProto, shape: &[usize]) -> Result<Self> {
        if slice.extent.len() != shape.len() {
            return Err(misfit());
        }
        let mut region = Self {
            start: Vec::new(),
            size: Vec::new(),
        };
        for (extent, &whole) in slice.extent.iter().zip(shape) {
            let start = usize::try_from(extent.start).map_err(|_| misfit())?;
            let size = match ordered::length(extent) {
                -1 => whole.checked_sub(start),
                length => usize::try_from(length).ok(),
            };
            let fits = size.filter(|size| start.checked_add(*size).is_some_and(|end| end <= whole));
            region.start.push(start);
            region.size.push(fits.ok_or_else(misfit)?);
        }
        Ok(region)
    }
}

/// Reads all slices of the entry and copies each to its region. Together they must have exactly as
/// many elements as the tensor; reading stops at the first one that is too many.
pub(super) fn read(bundle: &Bundle, key: &str, entry: &BundleEntryProto) -> Result<Tensor> {
    let shape = fixed_shape(entry.shape.as_ref())?;
    let mut parts = Vec::with_capacity(entry.slices.len());
    let mut left = shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
        .ok_or_else(misfit)?;
    for slice in &entry.slices {
        let region = Region::of(slice, &shape)?;
        let elements: usize = region.size.iter().product();
        left = left.checked_sub(elements).ok_or_else(misfit)?;
        let part = bundle.read_whole(bundle.entry(&ordered::slice_key(key, slice))?)?;
        if part.shape() != region.size {
            return Err(misfit());
        }
        parts.push((region, part));
    }
    assemble(shape, entry, &parts)
}

fn assemble(
    shape: Vec<usize>,
    entry: &BundleEntryProto,
    parts: &[(Region, Tensor)],
) -> Result<Tensor> {
    let element = dtype::element(dtype::from_number(entry.dtype)).ok_or_else(misfit)?;
    let width = element.size().ok_or_else(misfit)?;
    let total: usize = parts.iter().map(|(_, part)| part.byte_len()).sum();
    let expected = shape
        .iter()
        .try_fold(width, |product, &size| product.checked_mul(size));
    if expected != Some(total) {
        return Err(misfit());
    }
    let mut whole = vec![0_u8; total];
    for (region, part) in parts {
        let bytes = part
            .bytes()
            .filter(|_| part.dtype() == element)
            .ok_or_else(misfit)?;
        copy_region(&mut whole, &shape, region, bytes, width)?;
    }
    Tensor::from_bytes(element, shape, whole)
}

/// Copies row by row, a row being the indices of the last dimension.
fn copy_region(
    whole: &mut [u8],
    shape: &[usize],
    region: &Region,
    part: &[u8],
    width: usize,
) -> Result<()> {
    let row = region.size.last().map_or(width, |&size| size * width);
    if row == 0 {
        return Ok(());
    }
    let mut index = region.start.clone();
    for chunk in part.chunks(row) {
        let at = index
            .iter()
            .zip(shape)
            .fold(0, |at, (&index, &size)| at * size + index)
            * width;
        let target = at.checked_add(row).and_then(|end| whole.get_mut(at..end));
        target.ok_or_else(misfit)?.copy_from_slice(chunk);
        advance(&mut index, region);
    }
    Ok(())
}

/// Moves to the next row: the dimension before the last counts up first.
fn advance(index: &mut [usize], region: &Region) {
    let dims = index
        .iter_mut()
        .zip(region.start.iter().zip(&region.size))
        .rev()
        .skip(1);
    for (index, (&start, &size)) in dims {
        *index += 1;
        if *index < start + size {
            return;
        }
        *index = start;
    }
}
