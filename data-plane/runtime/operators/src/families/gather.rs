//! Elements taken from where indices say: `Gather`, `GatherElements`, `GatherND`, `Compress`.

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::Inputs;
use crate::array::ints;
use crate::cell::{gathered, taken};
use crate::compile::{Entry, Node};
use crate::rule::{Built, Rule, moved};
use crate::size::{axis, index};
use crate::view::View;

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("Compress", 9, compress),
    Entry::onnx("Gather", 1, gather),
    Entry::onnx("GatherElements", 11, gather_elements),
    Entry::onnx("GatherND", 11, gather_nd),
];

fn gather(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int_or("axis", 0)?;
    moved(Rule::Like(0), move |inputs| {
        let (tensor, indices) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let at = axis(at, tensor.shape().len())?;
        let size = tensor.shape()[at];
        let places = ints(indices)?;
        let places = places.iter().map(|&place| index(place, size).map(Some));
        let places: Vec<_> = places.collect::<Result<_>>()?;
        let mut shape = tensor.shape().to_vec();
        shape.splice(at..=at, indices.shape().iter().copied());
        taken(tensor, at, &places, None)?.reshape(shape)
    })
}

/// One index for every element of the output, along one axis.
fn gather_elements(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int_or("axis", 0)?;
    moved(Rule::Like(0), move |inputs| {
        let (tensor, indices) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let at = axis(at, tensor.shape().len())?;
        let places = element_places(tensor, indices, at)?;
        let shape = indices.shape().to_vec();
        gathered(tensor, shape, 1, &mut places.into_iter().map(Some), None)
    })
}

/// Where in `tensor` each index points to: its own coordinates, but for `axis`.
pub(super) fn element_places(tensor: &Tensor, indices: &Tensor, axis: usize) -> Result<Vec<usize>> {
    let (shape, wanted) = (tensor.shape(), indices.shape());
    let fits = |at: usize| at == axis || wanted[at] <= shape[at];
    if wanted.len() != shape.len() || !(0..shape.len()).all(fits) {
        return Err(Error::invalid(format!(
            "indices of shape {wanted:?} do not lie in shape {shape:?}"
        )));
    }
    let mut view = View::of(shape);
    for (at, &size) in wanted.iter().enumerate() {
        view = match at == axis {
            true => view.held(at, size),
            false => view.cut(at, 0, 1, size),
        };
    }
    let step: usize = shape.iter().skip(axis + 1).product();
    let indices = ints(indices)?;
    let places = view.offsets().zip(&indices);
    places
        .map(|(base, &place)| Ok(base + step * index(place, shape[axis])?))
        .collect()
}

fn gather_nd(node: &mut Node<'_>) -> Built {
    let batch = node.attributes.int_or("batch_dims", 0)?;
    let batch =
        usize::try_from(batch).map_err(|_| Error::model("attribute `batch_dims` is negative"))?;
    moved(Rule::Like(0), move |inputs| {
        let (tensor, indices) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let slices = Slices::new(tensor, indices, batch)?;
        let mut shape = slices.outer.clone();
        shape.extend(&tensor.shape()[batch + slices.depth..]);
        let starts = slices.starts(tensor, indices)?;
        gathered(
            tensor,
            shape,
            slices.block,
            &mut starts.into_iter().map(Some),
            None,
        )
    })
}

/// What the last axis of indices points to: slices of a tensor.
pub(super) struct Slices {
    /// The dimensions of the indices without the last one.
    pub(super) outer: Vec<usize>,
    /// How many axes an index names.
    depth: usize,
    /// Elements in a slice.
    pub(super) block: usize,
    /// Axes in front that indices and tensor share.
    batch: usize,
}

impl Slices {
    pub(super) fn new(tensor: &Tensor, indices: &Tensor, batch: usize) -> Result<Self> {
        let shape = tensor.shape();
        let Some((&depth, outer)) = indices.shape().split_last() else {
            return Err(Error::invalid("the indices are a scalar"));
        };
        let fits = batch <= outer.len()
            && batch
                .checked_add(depth)
                .is_some_and(|end| end <= shape.len())
            && outer.iter().zip(shape).take(batch).all(|(a, b)| a == b);
        if !fits {
            return Err(Error::invalid(format!(
                "indices of shape {:?} do not lie in shape {shape:?}, {batch} axes in common",
                indices.shape()
            )));
        }
        Ok(Self {
            outer: outer.to_vec(),
            depth,
            block: shape.iter().skip(batch + depth).product(),
            batch,
        })
    }

    /// Where each slice begins.
    pub(super) fn starts(&self, tensor: &Tensor, indices: &Tensor) -> Result<Vec<usize>> {
        let count: usize = self.outer.iter().product();
        let batches: usize = self.outer.iter().take(self.batch).product();
        let per_batch = count.checked_div(batches).unwrap_or(0);
        let dims = &tensor.shape()[self.batch..self.batch + self.depth];
        let indices = ints(indices)?;
        let start = |at: usize| {
            let mut start = at.checked_div(per_batch).unwrap_or(0);
            let list = &indices[at * self.depth..(at + 1) * self.depth];
            for (&dim, &place) in dims.iter().zip(list) {
                start = start * dim + index(place, dim)?;
            }
            Ok(start * self.block)
        };
        (0..count).map(start).collect()
    }
}

fn compress(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int("axis")?;
    moved(Rule::Like(0), move |inputs| compressed(inputs, at))
}

fn compressed(inputs: Inputs<'_>, at: Option<i64>) -> Result<Tensor> {
    let tensor = inputs.tensor(0)?;
    let kept = inputs.tensor(1)?.to_vec::<u8>()?;
    let (tensor, at) = match at {
        Some(at) => (tensor.clone(), axis(at, tensor.shape().len())?),
        None => (tensor.clone().reshape([tensor.len()])?, 0),
    };
    if kept.len() > tensor.shape()[at] {
        return Err(Error::invalid(format!(
            "{} conditions for {} elements",
            kept.len(),
            tensor.shape()[at]
        )));
    }
    let places: Vec<_> = (0..kept.len())
        .filter(|&at| kept[at] != 0)
        .map(Some)
        .collect();
    taken(&tensor, at, &places, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, strings};

    #[test]
    fn indices_may_count_from_the_end_and_not_leave_the_axis() {
        let x = strings(&["a", "b", "c"]);
        let made = first("Gather", 13, &[], &[x.clone(), longs(&[1, 2], &[-1, 0])]).unwrap();
        assert_eq!(made.shape(), [1, 2]);
        assert_eq!(made.strings().unwrap(), ["c", "a"]);
        let error = first("Gather", 13, &[], &[x, longs(&[], &[3])]).unwrap_err();
        assert_eq!(error.message(), "index 3 is outside of 3 elements");
    }

    #[test]
    fn columns_are_gathered() {
        let x = longs(&[2, 3], &[0, 1, 2, 3, 4, 5]);
        let columns = [("axis", Attr::Int(1))];
        let made = first("Gather", 13, &columns, &[x.clone(), longs(&[2], &[2, 0])]).unwrap();
        assert_eq!(made, longs(&[2, 2], &[2, 0, 5, 3]));
        let made = first("Gather", 13, &columns, &[x, longs(&[], &[1])]).unwrap();
        assert_eq!(made, longs(&[2], &[1, 4]));
    }

    #[test]
    fn each_element_has_an_index() {
        let x = longs(&[2, 2], &[1, 2, 3, 4]);
        let at = longs(&[2, 2], &[0, 0, 1, 0]);
        let columns = [("axis", Attr::Int(1))];
        let made = first("GatherElements", 13, &columns, &[x.clone(), at]).unwrap();
        assert_eq!(made, longs(&[2, 2], &[1, 1, 4, 3]));
        let wide = longs(&[3, 1], &[0, 0, 0]);
        assert!(first("GatherElements", 13, &columns, &[x, wide]).is_err());
    }

    #[test]
    fn slices_are_found_in_their_batch() {
        let x = longs(&[2, 2, 2], &[0, 1, 2, 3, 4, 5, 6, 7]);
        let at = longs(&[2, 1], &[1, 0]);
        let made = first("GatherND", 13, &[], &[x.clone(), at.clone()]).unwrap();
        assert_eq!(made, longs(&[2, 2, 2], &[4, 5, 6, 7, 0, 1, 2, 3]));
        let batch = [("batch_dims", Attr::Int(1))];
        let made = first("GatherND", 13, &batch, &[x.clone(), at]).unwrap();
        assert_eq!(made, longs(&[2, 2], &[2, 3, 4, 5]));
        let deep = longs(&[1, 4], &[0, 0, 0, 0]);
        assert!(first("GatherND", 13, &[], &[x, deep]).is_err());
    }

    #[test]
    fn conditions_may_be_fewer_than_elements() {
        let x = longs(&[2, 2], &[1, 2, 3, 4]);
        let test = Tensor::from_bools([3], &[false, true, true]).unwrap();
        let made = first("Compress", 11, &[], &[x.clone(), test.clone()]).unwrap();
        assert_eq!(made, longs(&[2], &[2, 3]));
        let rows = [("axis", Attr::Int(0))];
        assert!(first("Compress", 11, &rows, &[x, test]).is_err());
    }
}
