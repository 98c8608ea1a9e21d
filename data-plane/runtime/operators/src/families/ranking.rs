//! Lines along one axis: which element is the largest, running sums, softmax.

use hari_core::DataType;
use hari_error::Error;

use crate::array::{along, int};
use crate::compile::{Entry, Node};
use crate::number::{FLOATS, NUMBERS, Number, Real, by_number, by_real};
use crate::rule::{Built, Rule, computed, computed_many};
use crate::size::{axis, sizes};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("ArgMax", 1, |node| arg(node, true)),
    Entry::onnx("ArgMin", 1, |node| arg(node, false)),
    Entry::onnx("CumProd", 26, |node| running(node, true)),
    Entry::onnx("CumSum", 11, |node| running(node, false)),
    Entry::onnx("Hardmax", 1, |node| softened(node, Soft::Hard)),
    Entry::onnx("LogSoftmax", 1, |node| softened(node, Soft::Log)),
    Entry::onnx("Softmax", 1, |node| softened(node, Soft::Plain)),
    Entry::onnx("TopK", 1, top_k),
];

fn arg(node: &mut Node<'_>, largest: bool) -> Built {
    let at = node.attributes.int_or("axis", 0)?;
    let keep = node.attributes.flag("keepdims", true)?;
    let last = node.attributes.flag("select_last_index", false)?;
    computed(NUMBERS, Rule::Is(DataType::Int64), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let at = axis(at, tensor.shape().len())?;
        if tensor.shape()[at] == 0 {
            return Err(Error::invalid(format!(
                "axis {at} has no elements to choose from"
            )));
        }
        let made = by_number!(tensor.dtype(), T => along(tensor, at, 1, |line: &[T], made| {
            made.push(chosen(line, largest, last) as i64);
        }))?;
        if keep {
            return Ok(made);
        }
        let mut shape = made.shape().to_vec();
        shape.remove(at);
        made.reshape(shape)
    })
}

fn chosen<T: Number>(line: &[T], largest: bool, last: bool) -> usize {
    let mut best = 0;
    for (at, value) in line.iter().enumerate() {
        let order = value.order(&line[best]);
        let order = if largest { order } else { order.reverse() };
        if order.is_gt() || (last && order.is_eq()) {
            best = at;
        }
    }
    best
}

/// Sums, or products, of all elements up to each.
fn running(node: &mut Node<'_>, product: bool) -> Built {
    let exclusive = node.attributes.flag("exclusive", false)?;
    let reverse = node.attributes.flag("reverse", false)?;
    computed(NUMBERS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let at = axis(int(inputs.tensor(1)?)?, tensor.shape().len())?;
        let length = tensor.shape()[at];
        by_number!(tensor.dtype(), T => along(tensor, at, length, |line: &[T], made| {
            let first = made.len();
            let mut sum = if product { T::ONE } else { T::default() };
            for step in 0..length {
                let value = line[if reverse { length - 1 - step } else { step }];
                let next = if product { sum.times(value) } else { sum.plus(value) };
                made.push(if exclusive { sum } else { next });
                sum = next;
            }
            if reverse {
                made[first..].reverse();
            }
        }))
    })
}

#[derive(Clone, Copy)]
enum Soft {
    Plain,
    Log,
    /// One at the largest element, else zero.
    Hard,
}

/// Along one axis from version 13 on; before, along all axes from one on.
fn softened(node: &mut Node<'_>, soft: Soft) -> Built {
    let old = node.version < 13;
    let at = node.attributes.int_or("axis", if old { 1 } else { -1 })?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let shape = tensor.shape();
        let (lines, at) = if old {
            let at = if at == shape.len() as i64 {
                shape.len()
            } else {
                axis(at, shape.len())?
            };
            let (rows, columns) = shape.split_at(at);
            let flat = [rows.iter().product(), columns.iter().product::<usize>()];
            (tensor.clone().reshape(flat)?, 1)
        } else {
            (tensor.clone(), axis(at, shape.len())?)
        };
        let length = lines.shape()[at];
        let made = by_real!(tensor.dtype(), T => along(&lines, at, length, |line: &[T], made| {
            soft.line(line, made);
        }))?;
        made.reshape(shape)
    })
}

impl Soft {
    fn line<T: Real>(self, line: &[T], made: &mut Vec<T>) {
        let most = line
            .iter()
            .copied()
            .fold(T::LOWEST, |most, value| value.larger(most));
        let exponentials = line.iter().map(|&value| (value - most).exp());
        match self {
            Self::Plain => {
                let first = made.len();
                made.extend(exponentials);
                let sum = T::total(&made[first..]);
                made[first..]
                    .iter_mut()
                    .for_each(|value| *value = *value / sum);
            }
            Self::Log => {
                let sum = T::total(&exponentials.collect::<Vec<_>>()).ln();
                made.extend(line.iter().map(|&value| value - most - sum));
            }
            Self::Hard => {
                let best = chosen(line, true, false);
                made.extend(
                    (0..line.len()).map(|at| if at == best { T::one() } else { T::zero() }),
                );
            }
        }
    }
}

/// Equal elements keep their order. The number is an attribute before version 10.
fn top_k(node: &mut Node<'_>) -> Built {
    let fixed = node.attributes.int("k")?;
    let at = node.attributes.int_or("axis", -1)?;
    let largest = node.attributes.flag("largest", true)?;
    let rules = vec![Rule::Like(0), Rule::Is(DataType::Int64)];
    computed_many(NUMBERS, rules, move |inputs| {
        let tensor = inputs.tensor(0)?;
        let at = axis(at, tensor.shape().len())?;
        let count = match fixed {
            Some(count) => count,
            None => int(inputs.tensor(1)?)?,
        };
        let count = sizes(&[count])?[0];
        if count > tensor.shape()[at] {
            return Err(Error::invalid(format!(
                "the {count} largest of {} elements are asked for",
                tensor.shape()[at]
            )));
        }
        by_number!(tensor.dtype(), T => {
            let values = along(tensor, at, count, |line: &[T], made| {
                made.extend(best(line, count, largest).iter().map(|&at| line[at]));
            })?;
            let places = along(tensor, at, count, |line: &[T], made: &mut Vec<i64>| {
                made.extend(best(line, count, largest).iter().map(|&at| at as i64));
            })?;
            Ok(vec![values.into(), places.into()])
        })
    })
}

fn best<T: Number>(line: &[T], count: usize, largest: bool) -> Vec<usize> {
    let mut places: Vec<usize> = (0..line.len()).collect();
    places.sort_by(|&a, &b| {
        let order = line[a].order(&line[b]);
        if largest { order.reverse() } else { order }
    });
    places.truncate(count);
    places
}

#[cfg(test)]
mod tests {
    use crate::testing::{Attr, first, longs, run, singles};

    #[test]
    fn ties_go_to_the_first_or_to_the_last() {
        let x = longs(&[1, 3], &[i64::MAX, 2, i64::MAX]);
        let flat = [("axis", Attr::Int(1)), ("keepdims", Attr::Int(0))];
        assert_eq!(
            first("ArgMax", 13, &flat, std::slice::from_ref(&x)).unwrap(),
            longs(&[1], &[0])
        );
        let last = [("axis", Attr::Int(1)), ("select_last_index", Attr::Int(1))];
        assert_eq!(
            first("ArgMax", 13, &last, std::slice::from_ref(&x)).unwrap(),
            longs(&[1, 1], &[2])
        );
        assert_eq!(first("ArgMin", 13, &flat, &[x]).unwrap(), longs(&[1], &[1]));
        assert!(first("ArgMax", 13, &[], &[longs(&[0], &[])]).is_err());
    }

    #[test]
    fn running_sums_in_both_directions() {
        let x = longs(&[3], &[1, 2, 3]);
        let sum = |attributes: &[(&str, Attr)]| {
            let inputs = [x.clone(), longs(&[], &[0])];
            first("CumSum", 14, attributes, &inputs)
                .unwrap()
                .to_vec::<i64>()
                .unwrap()
        };
        assert_eq!(sum(&[]), [1, 3, 6]);
        assert_eq!(sum(&[("exclusive", Attr::Int(1))]), [0, 1, 3]);
        let both = [("exclusive", Attr::Int(1)), ("reverse", Attr::Int(1))];
        assert_eq!(sum(&both), [5, 3, 0]);
    }

    #[test]
    fn softmax_before_version_13_covers_all_later_axes() {
        let x = singles(&[1, 2, 2], &[0.0; 4]);
        let old = first("Softmax", 11, &[], std::slice::from_ref(&x)).unwrap();
        assert_eq!(old, singles(&[1, 2, 2], &[0.25; 4]));
        let new = first("Softmax", 13, &[], std::slice::from_ref(&x)).unwrap();
        assert_eq!(new, singles(&[1, 2, 2], &[0.5; 4]));
        let log = first("LogSoftmax", 13, &[], &[singles(&[2], &[1000.0, 0.0])]).unwrap();
        assert_eq!(log, singles(&[2], &[0.0, -1000.0]));
        let hard = first("Hardmax", 13, &[], &[singles(&[3], &[1.0, 3.0, 3.0])]).unwrap();
        assert_eq!(hard, singles(&[3], &[0.0, 1.0, 0.0]));
    }

    #[test]
    fn the_largest_come_in_order() {
        let x = longs(&[4], &[3, 9, 9, 1]);
        let made = run("TopK", 11, &[], &[x.clone(), longs(&[1], &[3])]).unwrap();
        assert_eq!(made[0].tensor().unwrap(), &longs(&[3], &[9, 9, 3]));
        assert_eq!(made[1].tensor().unwrap(), &longs(&[3], &[1, 2, 0]));
        let smallest = [("largest", Attr::Int(0))];
        let made = run("TopK", 11, &smallest, &[x.clone(), longs(&[1], &[1])]).unwrap();
        assert_eq!(made[0].tensor().unwrap(), &longs(&[1], &[1]));
        assert!(run("TopK", 11, &[], &[x, longs(&[1], &[5])]).is_err());
    }
}
