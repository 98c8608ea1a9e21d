//! `Unique`: each element, or each slice along an axis, once.

use std::cmp::Ordering;

use hari_core::{DataType, Tensor};
use hari_error::Result;

use crate::Value;
use crate::cell::taken;
use crate::compile::{Entry, Node};
use crate::number::{Number, by_number};
use crate::rule::{Built, Rule, moved_many};
use crate::size::axis;
use crate::view::View;

pub(crate) const TABLE: &[Entry] = &[Entry::onnx("Unique", 11, unique)];

/// Outputs: the unique ones; where each occurs first; for each element its place among them; how
/// often each occurs.
fn unique(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int("axis")?;
    let sorted = node.attributes.flag("sorted", true)?;
    let mut rules = vec![Rule::Is(DataType::Int64); 4];
    rules[0] = Rule::Like(0);
    moved_many(rules, move |inputs| {
        let tensor = inputs.tensor(0)?;
        let (tensor, at) = match at {
            Some(at) => (tensor.clone(), axis(at, tensor.shape().len())?),
            None => (tensor.clone().reshape([tensor.len()])?, 0),
        };
        let groups = Groups::of(&tensor, at, sorted)?;
        let places: Vec<_> = groups.first.iter().copied().map(Some).collect();
        let list = |values: &[usize]| {
            let values: Vec<i64> = values.iter().map(|&value| value as i64).collect();
            Tensor::from_vec([values.len()], values).map(Value::from)
        };
        Ok(vec![
            taken(&tensor, at, &places, None)?.into(),
            list(&groups.first)?,
            list(&groups.member)?,
            list(&groups.count)?,
        ])
    })
}

/// Equal slices.
struct Groups {
    /// The first slice of each group.
    first: Vec<usize>,
    /// The group of each slice.
    member: Vec<usize>,
    /// Slices in each group.
    count: Vec<usize>,
}

impl Groups {
    fn of(tensor: &Tensor, axis: usize, sorted: bool) -> Result<Self> {
        let slices = View::of(tensor.shape()).moved(axis, 0).copy(tensor)?;
        let rows = tensor.shape()[axis];
        if tensor.dtype() == DataType::Bytes {
            let strings = slices.strings()?;
            return Ok(Self::by(rows, strings, sorted, Ord::cmp));
        }
        let wide = match tensor.dtype() {
            DataType::Bool => crate::convert::convert(&slices, DataType::Uint8)?,
            DataType::Fp16 | DataType::Bf16 => crate::convert::convert(&slices, DataType::Fp32)?,
            _ => slices,
        };
        by_number!(wide.dtype(), T => Ok(Self::by(rows, &wide.values::<T>()?, sorted, T::order)))
    }

    fn by<T>(rows: usize, values: &[T], sorted: bool, order: fn(&T, &T) -> Ordering) -> Self {
        let width = values.len().checked_div(rows).unwrap_or(0);
        let row = |at: usize| &values[at * width..(at + 1) * width];
        let compare = |&a: &usize, &b: &usize| {
            let pairs = row(a).iter().zip(row(b));
            pairs
                .map(|(a, b)| order(a, b))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        };
        let mut by_value: Vec<usize> = (0..rows).collect();
        by_value.sort_by(compare);
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for at in by_value {
            match groups.last_mut() {
                Some(group) if compare(&group[0], &at).is_eq() => group.push(at),
                _ => groups.push(vec![at]),
            }
        }
        if !sorted {
            groups.sort_by_key(|group| group[0]);
        }
        let mut member = vec![0; rows];
        for (number, group) in groups.iter().enumerate() {
            group.iter().for_each(|&at| member[at] = number);
        }
        Self {
            first: groups.iter().map(|group| group[0]).collect(),
            member,
            count: groups.iter().map(Vec::len).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Attr, longs, run, singles, strings};

    #[test]
    fn strings_in_order_or_as_they_come() {
        let x = strings(&["b", "a", "b"]);
        let made = run("Unique", 11, &[], std::slice::from_ref(&x)).unwrap();
        assert_eq!(made[0].tensor().unwrap(), &strings(&["a", "b"]));
        assert_eq!(made[1].tensor().unwrap(), &longs(&[2], &[1, 0]));
        let made = run("Unique", 11, &[("sorted", Attr::Int(0))], &[x]).unwrap();
        assert_eq!(made[0].tensor().unwrap(), &strings(&["b", "a"]));
        assert_eq!(made[2].tensor().unwrap(), &longs(&[3], &[0, 1, 0]));
        assert_eq!(made[3].tensor().unwrap(), &longs(&[2], &[2, 1]));
    }

    #[test]
    fn slices_along_an_axis() {
        let x = singles(&[2, 3], &[1.0, 0.0, 1.0, 2.0, 0.0, 2.0]);
        let made = run("Unique", 11, &[("axis", Attr::Int(1))], &[x]).unwrap();
        assert_eq!(
            made[0].tensor().unwrap(),
            &singles(&[2, 2], &[0.0, 1.0, 0.0, 2.0])
        );
        assert_eq!(made[3].tensor().unwrap(), &longs(&[2], &[1, 2]));
    }

    #[test]
    fn nothing_is_unique_in_nothing() {
        let made = run("Unique", 11, &[], &[longs(&[0], &[])]).unwrap();
        assert!(made.iter().all(|made| made.tensor().unwrap().is_empty()));
    }
}
