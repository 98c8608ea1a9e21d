//! Ragged rows, sparse tensors and segments, with the meaning of TensorFlow's operators.

mod bincount;
mod cross;
mod dense;
mod range;
mod segment;
mod sparse;

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::kernel::integers;
use super::text::own;
use crate::compile::Entry;
use crate::size;

pub(crate) const TABLE: &[Entry] = &[
    own("Bincount", bincount::dense),
    own("RaggedBincount", bincount::ragged),
    own("RaggedGather", range::gather),
    own("RaggedRange", range::range),
    own("RaggedTensorToSparse", dense::to_sparse),
    own("RaggedTensorToTensor", dense::to_tensor),
    own("SegmentMax", segment::max),
    own("SegmentMean", segment::mean),
    own("SegmentMin", segment::min),
    own("SegmentProd", segment::prod),
    own("SegmentSum", segment::sum),
    own("SparseBincount", bincount::sparse),
    own("SparseCrossHashed", cross::hashed),
    own("SparseFillEmptyRows", sparse::fill_empty_rows),
    own("SparseReduceSum", sparse::reduce_sum),
    own("SparseReshape", sparse::reshape),
    own("SparseSegmentMean", segment::sparse_mean),
    own("SparseSegmentSqrtN", segment::sparse_sqrt),
    own("SparseSegmentSum", segment::sparse_sum),
    own("SparseTensorDenseMatMul", sparse::matmul),
    own("SparseToDense", sparse::to_dense),
    own("UnsortedSegmentMax", segment::unsorted_max),
    own("UnsortedSegmentMin", segment::unsorted_min),
    own("UnsortedSegmentProd", segment::unsorted_prod),
    own("UnsortedSegmentSum", segment::unsorted_sum),
    own("Where", sparse::where_true),
];

/// Where each row starts, and where the last one ends: ascending, from zero to `count`.
fn splits(tensor: &Tensor, count: usize) -> Result<Vec<usize>> {
    let splits = size::sizes(&integers(tensor)?)?;
    let whole = splits.first() == Some(&0) && splits.last() == Some(&count);
    if whole && splits.is_sorted() {
        return Ok(splits);
    }
    Err(Error::invalid(format!(
        "expected splits that ascend from 0 to {count}"
    )))
}

/// A matrix of indices as rows; a vector is a matrix of one column.
fn places(tensor: &Tensor) -> Result<(usize, Vec<usize>)> {
    let rank = match *tensor.shape() {
        [] | [_] => 1,
        [_, rank] => rank,
        ref other => {
            return Err(Error::invalid(format!(
                "expected indices [n, rank], found shape {other:?}"
            )));
        }
    };
    Ok((rank, size::sizes(&integers(tensor)?)?))
}

/// The place in a dense tensor of `shape` of an index into it.
fn flat(index: &[usize], shape: &[usize]) -> Result<usize> {
    let inside = index.len() == shape.len() && index.iter().zip(shape).all(|(at, size)| at < size);
    let place = index
        .iter()
        .zip(shape)
        .try_fold(0_usize, |at, (index, size)| {
            at.checked_mul(*size)?.checked_add(*index)
        });
    place
        .filter(|_| inside)
        .ok_or_else(|| Error::invalid(format!("index {index:?} is outside of shape {shape:?}")))
}

/// The index into a tensor of `shape` of a place in it.
fn unflat(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (at, &size) in index.iter_mut().zip(shape).rev() {
        *at = place.checked_rem(size).unwrap_or(0);
        place = place.checked_div(size).unwrap_or(0);
    }
    index
}

/// A vector of INT64.
fn longs(shape: Vec<usize>, values: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    let values = values.into_iter().map(|value| value as i64).collect();
    Tensor::from_vec::<i64>(shape, values)
}

/// Numbers as doubles, put back into the type they came from.
fn back(shape: Vec<usize>, values: Vec<f64>, dtype: DataType) -> Result<Tensor> {
    match dtype {
        DataType::Fp32 => {
            Tensor::from_vec(shape, values.iter().map(|&v| v as f32).collect::<Vec<_>>())
        }
        _ => Tensor::from_vec(shape, values)?.cast(dtype),
    }
}
