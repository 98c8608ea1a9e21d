//! Elements moved within a tensor: blocks to depth and back, triangles, reversed sequences.

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::Inputs;
use crate::array::{int, ints};
use crate::cell::{gathered, taken};
use crate::compile::{Entry, Node};
use crate::rule::{Built, Rule, moved};
use crate::size::{axis, sizes};
use crate::view::View;

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("CenterCropPad", 18, center_crop_pad),
    Entry::onnx("DepthToSpace", 1, depth_to_space),
    Entry::onnx("ReverseSequence", 10, reverse_sequence),
    Entry::onnx("SpaceToDepth", 1, space_to_depth),
    Entry::onnx("Trilu", 14, trilu),
];

fn block_size(node: &Node<'_>) -> Result<usize> {
    let size = node.attributes.int("blocksize")?.unwrap_or(0);
    usize::try_from(size)
        .ok()
        .filter(|&size| size > 0)
        .ok_or_else(|| Error::model(format!("attribute `blocksize` is {size}, not positive")))
}

/// Whether the channels of a block stand beside each other, not the blocks of a channel.
fn column_first(node: &Node<'_>) -> Result<bool> {
    match node.attributes.text("mode")?.unwrap_or("DCR") {
        "DCR" => Ok(false),
        "CRD" => Ok(true),
        other => Err(Error::model(format!(
            "attribute `mode`: expected DCR or CRD, found `{other}`"
        ))),
    }
}

/// The four dimensions of pictures.
fn pictures(tensor: &Tensor) -> Result<[usize; 4]> {
    tensor.shape().try_into().map_err(|_| {
        Error::invalid(format!(
            "expected 4 dimensions, found shape {:?}",
            tensor.shape()
        ))
    })
}

fn divided(size: usize, by: usize) -> Result<usize> {
    let whole = size.checked_div(by).filter(|part| part * by == size);
    whole.ok_or_else(|| Error::invalid(format!("{size} cannot be divided by {by}")))
}

/// Reads the elements as `shape`, puts the axes in `order`, and reads the result as `to`.
fn rearranged(tensor: &Tensor, shape: &[usize], order: &[usize], to: [usize; 4]) -> Result<Tensor> {
    View::of(shape).permuted(order).copy(tensor)?.reshape(to)
}

fn depth_to_space(node: &mut Node<'_>) -> Built {
    let block = block_size(node)?;
    let column_first = column_first(node)?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let [n, c, h, w] = pictures(tensor)?;
        let depth = divided(c, block.saturating_mul(block))?;
        let to = [n, depth, h * block, w * block];
        if column_first {
            let shape = [n, depth, block, block, h, w];
            return rearranged(tensor, &shape, &[0, 1, 4, 2, 5, 3], to);
        }
        let shape = [n, block, block, depth, h, w];
        rearranged(tensor, &shape, &[0, 3, 4, 1, 5, 2], to)
    })
}

fn space_to_depth(node: &mut Node<'_>) -> Built {
    let block = block_size(node)?;
    let column_first = column_first(node)?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let [n, c, h, w] = pictures(tensor)?;
        let (rows, columns) = (divided(h, block)?, divided(w, block)?);
        let shape = [n, c, rows, block, columns, block];
        let to = [n, c * block * block, rows, columns];
        let order = if column_first {
            [0, 1, 3, 5, 2, 4]
        } else {
            [0, 3, 5, 1, 2, 4]
        };
        rearranged(tensor, &shape, &order, to)
    })
}

/// The elements on one side of a diagonal; the others are zero.
fn trilu(node: &mut Node<'_>) -> Built {
    let upper = node.attributes.flag("upper", true)?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let diagonal = inputs.optional(1)?.map(int).transpose()?.unwrap_or(0);
        let &[.., rows, columns] = tensor.shape() else {
            return Err(Error::invalid("expected a matrix, found fewer dimensions"));
        };
        let mut places = (0..tensor.len()).map(|at| {
            let (row, column) = ((at / columns % rows) as i64, (at % columns) as i64);
            let edge = row.saturating_add(diagonal);
            let kept = if upper {
                column >= edge
            } else {
                column <= edge
            };
            kept.then_some(at)
        });
        gathered(tensor, tensor.shape().to_vec(), 1, &mut places, None)
    })
}

/// The first elements of each sequence in the opposite order, as many as its length says.
fn reverse_sequence(node: &mut Node<'_>) -> Built {
    let batch = node.attributes.int_or("batch_axis", 1)?;
    let time = node.attributes.int_or("time_axis", 0)?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let rank = tensor.shape().len();
        reversed(inputs, axis(batch, rank)?, axis(time, rank)?)
    })
}

fn reversed(inputs: Inputs<'_>, batch: usize, time: usize) -> Result<Tensor> {
    let tensor = inputs.tensor(0)?;
    let shape = tensor.shape();
    let lengths = sizes(&ints(inputs.tensor(1)?)?)?;
    let fits = |&length: &usize| length <= shape[time];
    if batch == time || lengths.len() != shape[batch] || !lengths.iter().all(fits) {
        return Err(Error::invalid(format!(
            "lengths {lengths:?} do not fit shape {shape:?} with batch axis {batch} and time axis \
             {time}"
        )));
    }
    let step = |axis: usize| shape.iter().skip(axis + 1).product::<usize>();
    let (rows, steps) = (step(batch), step(time));
    let mut places = (0..tensor.len()).map(|at| {
        let (row, now) = (at / rows % shape[batch], at / steps % shape[time]);
        let length = lengths[row];
        let other = if now < length { length - 1 - now } else { now };
        Some(at - now * steps + other * steps)
    });
    gathered(tensor, shape.to_vec(), 1, &mut places, None)
}

/// Each axis cut or filled with zeros on both sides to the size that is wanted.
fn center_crop_pad(node: &mut Node<'_>) -> Built {
    let wanted = node.attributes.ints("axes")?.map(<[i64]>::to_vec);
    moved(Rule::Like(0), move |inputs| {
        let mut made = inputs.tensor(0)?.clone();
        let rank = made.shape().len();
        let to = sizes(&ints(inputs.tensor(1)?)?)?;
        let axes = match &wanted {
            Some(axes) => crate::size::axes(axes, rank)?,
            None => (0..rank).collect(),
        };
        if axes.len() != to.len() {
            return Err(Error::invalid(format!(
                "{} sizes for {} axes",
                to.len(),
                axes.len()
            )));
        }
        for (&axis, &size) in axes.iter().zip(&to) {
            made = centred(&made, axis, size)?;
        }
        Ok(made)
    })
}

fn centred(tensor: &Tensor, axis: usize, size: usize) -> Result<Tensor> {
    let mut shape = tensor.shape().to_vec();
    let found = std::mem::replace(&mut shape[axis], size);
    crate::size::count(&shape, tensor.dtype())?;
    let (before, skipped) = (
        size.saturating_sub(found) / 2,
        found.saturating_sub(size) / 2,
    );
    let place = |at: usize| (at + skipped).checked_sub(before).filter(|&at| at < found);
    let places: Vec<_> = (0..size).map(place).collect();
    taken(tensor, axis, &places, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs};

    fn counted(shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>() as i64;
        longs(shape, &(0..count).collect::<Vec<_>>())
    }

    #[test]
    fn depth_and_space_undo_each_other() {
        let block = [("blocksize", Attr::Int(2))];
        let x = counted(&[1, 8, 2, 3]);
        let space = first("DepthToSpace", 13, &block, std::slice::from_ref(&x)).unwrap();
        assert_eq!(space.shape(), [1, 2, 4, 6]);
        assert_eq!(first("SpaceToDepth", 13, &block, &[space]).unwrap(), x);
        assert!(first("DepthToSpace", 13, &block, &[counted(&[1, 6, 1, 1])]).is_err());
        assert!(first("DepthToSpace", 13, &[], &[x]).is_err());
    }

    #[test]
    fn triangles() {
        let x = counted(&[2, 3]);
        let upper = first("Trilu", 14, &[], std::slice::from_ref(&x)).unwrap();
        assert_eq!(upper, longs(&[2, 3], &[0, 1, 2, 0, 4, 5]));
        let lower = [("upper", Attr::Int(0))];
        let made = first("Trilu", 14, &lower, &[x, longs(&[], &[-1])]).unwrap();
        assert_eq!(made, longs(&[2, 3], &[0, 0, 0, 3, 0, 0]));
    }

    #[test]
    fn sequences_are_reversed_as_far_as_they_go() {
        let x = counted(&[3, 2]);
        let made = first(
            "ReverseSequence",
            10,
            &[],
            &[x.clone(), longs(&[2], &[3, 1])],
        )
        .unwrap();
        assert_eq!(made, longs(&[3, 2], &[4, 1, 2, 3, 0, 5]));
        assert!(first("ReverseSequence", 10, &[], &[x, longs(&[2], &[4, 1])]).is_err());
    }

    #[test]
    fn the_centre_stays() {
        let x = counted(&[4]);
        let to = |size| first("CenterCropPad", 18, &[], &[x.clone(), longs(&[1], &[size])]);
        assert_eq!(to(2).unwrap(), longs(&[2], &[1, 2]));
        assert_eq!(
            to(7).unwrap(),
            longs(&[7], &[0, 0, 1, 2, 3, 0, 0])
                .slice_rows(0..7)
                .unwrap()
        );
        assert!(to(-1).is_err());
    }
}
