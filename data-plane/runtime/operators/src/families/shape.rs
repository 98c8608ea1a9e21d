//! Shapes: asked for, changed, repeated, axes in another order.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::Inputs;
use crate::array::{Given, expanded, int, ints};
use crate::compile::{Entry, Node};
use crate::rule::{Built, Rule, moved};
use crate::size::{axes, axis, sizes};
use crate::view::{View, common};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("Expand", 8, |_| moved(Rule::Like(0), expand)),
    Entry::onnx("Flatten", 1, flatten),
    Entry::onnx("Reshape", 1, reshape),
    Entry::onnx("Shape", 1, shape),
    Entry::onnx("Size", 1, |_| {
        moved(Rule::Is(DataType::Int64), |inputs| {
            Tensor::from_vec([], vec![inputs.tensor(0)?.len() as i64])
        })
    }),
    Entry::onnx("Squeeze", 1, squeeze),
    Entry::onnx("Tile", 1, tile),
    Entry::onnx("Transpose", 1, transpose),
    Entry::onnx("Unsqueeze", 1, unsqueeze),
];

fn shape(node: &mut Node<'_>) -> Built {
    let start = node.attributes.int_or("start", 0)?;
    let end = node.attributes.int("end")?;
    moved(Rule::Is(DataType::Int64), move |inputs| {
        let shape = inputs.tensor(0)?.shape();
        let rank = shape.len() as i64;
        let held = |at: i64| {
            let at = if at < 0 { at.saturating_add(rank) } else { at };
            at.clamp(0, rank) as usize
        };
        let (start, end) = (held(start), held(end.unwrap_or(rank)));
        let dims = shape.get(start..end.max(start)).unwrap_or_default();
        let dims: Vec<i64> = dims.iter().map(|&dim| dim as i64).collect();
        Tensor::from_vec([dims.len()], dims)
    })
}

fn reshape(node: &mut Node<'_>) -> Built {
    let given = Given::of(node.attributes, "shape", 1)?;
    let keep_zeros = node.attributes.flag("allowzero", false)?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let shape = reshaped(tensor, &given.need(inputs)?, keep_zeros)?;
        tensor.clone().reshape(shape)
    })
}

/// The shape that is meant: zero copies a dimension, minus one is what is left.
fn reshaped(tensor: &Tensor, wanted: &[i64], keep_zeros: bool) -> Result<Vec<usize>> {
    let mut open = None;
    let mut shape = Vec::with_capacity(wanted.len());
    for (at, &dim) in wanted.iter().enumerate() {
        shape.push(match dim {
            -1 if open.is_none() => {
                open = Some(at);
                1
            }
            0 if !keep_zeros => *tensor.shape().get(at).ok_or_else(|| {
                Error::invalid(format!(
                    "dimension {at} of the new shape copies one that {:?} does not have",
                    tensor.shape()
                ))
            })?,
            _ => usize::try_from(dim).map_err(|_| {
                Error::invalid(format!("{wanted:?} is no shape to give to a tensor"))
            })?,
        });
    }
    if let Some(open) = open {
        let known = shape
            .iter()
            .try_fold(1_usize, |all, &dim| all.checked_mul(dim));
        let known = known.filter(|&known| known > 0 && tensor.len().is_multiple_of(known));
        let known = known.ok_or_else(|| {
            Error::invalid(format!(
                "{} elements cannot have shape {wanted:?}",
                tensor.len()
            ))
        })?;
        shape[open] = tensor.len() / known;
    }
    Ok(shape)
}

fn flatten(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int_or("axis", 1)?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let rank = tensor.shape().len();
        let at = if at == rank as i64 {
            rank
        } else {
            axis(at, rank)?
        };
        let (rows, columns) = tensor.shape().split_at(at);
        tensor
            .clone()
            .reshape([rows.iter().product(), columns.iter().product::<usize>()])
    })
}

fn squeeze(node: &mut Node<'_>) -> Built {
    let given = Given::of(node.attributes, "axes", 1)?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let shape = tensor.shape();
        let gone = match given.read(inputs)? {
            Some(list) => axes(&list, shape.len())?,
            None => (0..shape.len()).filter(|&at| shape[at] == 1).collect(),
        };
        if let Some(&at) = gone.iter().find(|&&at| shape[at] != 1) {
            return Err(Error::invalid(format!(
                "axis {at} of shape {shape:?} cannot be squeezed: its size is not 1"
            )));
        }
        let left = shape
            .iter()
            .enumerate()
            .filter(|(at, _)| !gone.contains(at));
        let left: Vec<usize> = left.map(|(_, &dim)| dim).collect();
        tensor.clone().reshape(left)
    })
}

fn unsqueeze(node: &mut Node<'_>) -> Built {
    let given = Given::of(node.attributes, "axes", 1)?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let list = given.need(inputs)?;
        let rank = tensor.shape().len() + list.len();
        let new = axes(&list, rank)?;
        let mut old = tensor.shape().iter().copied();
        let shape: Vec<usize> = (0..rank)
            .map(|at| {
                if new.contains(&at) {
                    1
                } else {
                    old.next().unwrap_or(1)
                }
            })
            .collect();
        tensor.clone().reshape(shape)
    })
}

fn transpose(node: &mut Node<'_>) -> Built {
    let order = node.attributes.ints("perm")?.map(<[i64]>::to_vec);
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let rank = tensor.shape().len();
        let order = match &order {
            Some(order) if order.len() != rank => {
                return Err(Error::model(format!(
                    "attribute `perm`: expected {rank} axes, found {}",
                    order.len()
                )));
            }
            Some(order) => axes(order, rank)?,
            None => (0..rank).rev().collect(),
        };
        View::of(tensor.shape()).permuted(&order).copy(tensor)
    })
}

fn expand(inputs: Inputs<'_>) -> Result<Tensor> {
    let tensor = inputs.tensor(0)?;
    let wanted = sizes(&ints(inputs.tensor(1)?)?)?;
    let shape = common([tensor.shape(), wanted.as_slice()].into_iter())?;
    expanded(tensor, &shape)
}

/// Before version 6 one axis is repeated, later all of them.
fn tile(node: &mut Node<'_>) -> Built {
    let old = node.version < 6;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let rank = tensor.shape().len();
        let times = if old {
            let mut times = vec![1; rank];
            times[axis(int(inputs.tensor(2)?)?, rank)?] = int(inputs.tensor(1)?)?;
            times
        } else {
            ints(inputs.tensor(1)?)?
        };
        if times.len() != rank {
            return Err(Error::invalid(format!(
                "expected {rank} counts to repeat, found {}",
                times.len()
            )));
        }
        tiled(tensor, &sizes(&times)?)
    })
}

/// The tensor repeated along every axis.
fn tiled(tensor: &Tensor, times: &[usize]) -> Result<Tensor> {
    let mut view = View::of(tensor.shape());
    for (at, &times) in times.iter().enumerate() {
        view = view.repeated(2 * at, times);
    }
    let pairs = tensor.shape().iter().zip(times);
    let shape: Vec<usize> = pairs
        .map(|(&dim, &times)| dim.saturating_mul(times))
        .collect();
    view.copy(tensor)?.reshape(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, singles, strings};

    fn shaped(wanted: &[i64], keep_zeros: bool) -> Result<Vec<usize>> {
        let tensor = Tensor::from_vec([2, 3, 4], vec![0_u8; 24]).unwrap();
        reshaped(&tensor, wanted, keep_zeros)
    }

    #[test]
    fn open_and_copied_dimensions_are_found() {
        assert_eq!(shaped(&[0, -1], false).unwrap(), [2, 12]);
        assert_eq!(shaped(&[-1], false).unwrap(), [24]);
        assert_eq!(shaped(&[0, 5], true).unwrap(), [0, 5]);
        for bad in [
            &[-1, -1][..],
            &[5, -1],
            &[2, 3, 4, 0],
            &[-2, 12],
            &[0, 0, 0, 0],
        ] {
            assert!(shaped(bad, false).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn part_of_a_shape() {
        let x = singles(&[2, 3], &[0.0; 6]);
        let last = [("start", Attr::Int(-1))];
        assert_eq!(
            first("Shape", 15, &last, std::slice::from_ref(&x)).unwrap(),
            longs(&[1], &[3])
        );
        let none = [("start", Attr::Int(2)), ("end", Attr::Int(1))];
        assert_eq!(
            first("Shape", 15, &none, std::slice::from_ref(&x)).unwrap(),
            longs(&[0], &[])
        );
        assert_eq!(first("Size", 13, &[], &[x]).unwrap(), longs(&[], &[6]));
    }

    #[test]
    fn axes_are_attributes_or_inputs() {
        let x = singles(&[1, 2, 1], &[1.0, 2.0]);
        let old = [("axes", Attr::Ints(vec![0]))];
        assert_eq!(
            first("Squeeze", 11, &old, std::slice::from_ref(&x))
                .unwrap()
                .shape(),
            [2, 1]
        );
        let made = first("Squeeze", 13, &[], &[x.clone(), longs(&[1], &[-1])]).unwrap();
        assert_eq!(made.shape(), [1, 2]);
        assert_eq!(
            first("Squeeze", 13, &[], std::slice::from_ref(&x))
                .unwrap()
                .shape(),
            [2]
        );
        let made = first("Unsqueeze", 13, &[], &[x.clone(), longs(&[2], &[0, -1])]).unwrap();
        assert_eq!(made.shape(), [1, 1, 2, 1, 1]);
        let error = first("Squeeze", 13, &[], &[x, longs(&[1], &[1])]).unwrap_err();
        assert!(error.message().contains("its size is not 1"), "{error}");
    }

    #[test]
    fn strings_are_moved_as_numbers_are() {
        let x = strings(&["a", "b"]);
        let made = first("Tile", 13, &[], &[x.clone(), longs(&[1], &[2])]).unwrap();
        assert_eq!(made, strings(&["a", "b", "a", "b"]));
        let made = first("Expand", 13, &[], &[x, longs(&[2], &[2, 1])]).unwrap();
        assert_eq!(made.shape(), [2, 2]);
        assert_eq!(made.strings().unwrap()[2], "a");
    }

    #[test]
    fn what_would_fill_the_memory_is_refused() {
        let x = singles(&[1], &[1.0]);
        let huge = longs(&[2], &[1 << 40, 1 << 40]);
        assert!(first("Expand", 13, &[], &[x.clone(), huge]).is_err());
        assert!(first("Tile", 13, &[], &[x, longs(&[1], &[i64::MAX])]).is_err());
    }

    #[test]
    fn axes_change_places() {
        let x = longs(&[1, 2, 3], &[0, 1, 2, 3, 4, 5]);
        let perm = [("perm", Attr::Ints(vec![2, 0, 1]))];
        let made = first("Transpose", 13, &perm, std::slice::from_ref(&x)).unwrap();
        assert_eq!(made, longs(&[3, 1, 2], &[0, 3, 1, 4, 2, 5]));
        assert_eq!(
            first("Transpose", 13, &[], std::slice::from_ref(&x))
                .unwrap()
                .shape(),
            [3, 2, 1]
        );
        let twice = [("perm", Attr::Ints(vec![0, 0, 1]))];
        assert!(first("Transpose", 13, &twice, std::slice::from_ref(&x)).is_err());
        let all = [("axis", Attr::Int(3))];
        assert_eq!(first("Flatten", 13, &all, &[x]).unwrap().shape(), [6, 1]);
    }
}
