//! Patterns in the nodes of a loop's body.

use std::collections::HashMap;

use hari_core::Tensor;

use super::super::loops::Turn;
use crate::emit::{Builder, Id, OnnxNode};
use crate::layout;

/// A part of the last axis of a value.
pub(super) struct Part {
    pub(super) source: Id,
    pub(super) start: i64,
    pub(super) size: i64,
}

/// A sum of products and constants.
#[derive(Default)]
pub(super) struct Sum {
    /// The row that comes in, and what it is multiplied with.
    pub(super) input: Option<(Id, Tensor)>,
    /// What the state is multiplied with.
    pub(super) recurrent: Option<Tensor>,
    pub(super) bias: Vec<Tensor>,
}

/// The nodes of a body by what they make.
pub(super) struct Body<'b> {
    builder: &'b Builder,
    made: HashMap<Id, (&'b OnnxNode, usize)>,
}

impl<'b> Body<'b> {
    pub(super) fn of(builder: &'b Builder, turn: &'b Turn) -> Self {
        let outputs = |node: &'b OnnxNode| {
            let outputs = node.outputs.iter().enumerate();
            outputs.map(move |(at, &id)| (id, (node, at)))
        };
        let made = turn.nodes.iter().flat_map(outputs).collect();
        Self { builder, made }
    }

    pub(super) fn node(&self, id: Id, op: &str) -> Option<&'b OnnxNode> {
        let (node, _) = self.made.get(&id)?;
        (node.op == op).then_some(*node)
    }

    pub(super) fn unary(&self, id: Id, op: &str) -> Option<Id> {
        *self.node(id, op)?.inputs.first()?
    }

    pub(super) fn pair(&self, id: Id, op: &str) -> Option<(Id, Id)> {
        match *self.node(id, op)?.inputs.as_slice() {
            [Some(a), Some(b)] => Some((a, b)),
            _ => None,
        }
    }

    /// What is found in the operands of an operator that may stand in either order.
    pub(super) fn both<T>(
        &self,
        id: Id,
        op: &str,
        find: impl Fn(Id, Id) -> Option<T>,
    ) -> Option<T> {
        let (a, b) = self.pair(id, op)?;
        find(a, b).or_else(|| find(b, a))
    }

    pub(super) fn floats(&self, id: Id) -> Option<&'b Tensor> {
        self.builder.constant_floats(id)
    }

    pub(super) fn is_one(&self, id: Id) -> bool {
        let values = self.floats(id).and_then(|one| one.to_vec::<f32>().ok());
        values.is_some_and(|values| values == [1.0])
    }

    /// The value and the place that a part was taken from.
    pub(super) fn part(&self, id: Id) -> Option<Part> {
        let &(node, at) = self.made.get(&id)?;
        let source = (*node.inputs.first()?)?;
        let last = self.builder.rank(source).ok()?.checked_sub(1)? as i64;
        let size = self.builder.shape(id)?.last()?.known()?;
        let numbers = |at: usize| {
            let input = (*node.inputs.get(at)?)?;
            self.builder.numbers(input, "place").ok()
        };
        let start = match node.op {
            "Split" => {
                let axis = layout::int(node, "axis");
                let before = numbers(1)?
                    .iter()
                    .take(at)
                    .try_fold(0_i64, |a, &b| a.checked_add(b));
                before.filter(|_| axis == Some(last))?
            }
            "Slice" => {
                let plain = numbers(3)? == [last] && numbers(4)? == [1];
                let start = *numbers(1)?.first().filter(|&&start| start >= 0)?;
                Some(start).filter(|_| plain)?
            }
            _ => return None,
        };
        Some(Part {
            source,
            start,
            size,
        })
    }

    /// The value that all these are equal parts of, its columns in the order of the parts, and how
    /// many each part has.
    pub(super) fn parts(&self, ids: &[Id]) -> Option<(Id, Vec<i64>, usize)> {
        let first = self.part(*ids.first()?)?;
        let mut columns = Vec::new();
        for &id in ids {
            let part = self.part(id)?;
            if part.source != first.source || part.size != first.size {
                return None;
            }
            columns.extend(part.start..part.start.checked_add(part.size)?);
        }
        Some((first.source, columns, usize::try_from(first.size).ok()?))
    }

    /// The products and constants that a value is the sum of; none if it is of anything else.
    pub(super) fn sum(&self, id: Id, state: Id) -> Option<Sum> {
        let mut sum = Sum::default();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if let Some((a, b)) = self.pair(id, "Add") {
                open.extend([a, b]);
            } else if let Some((row, matrix)) = self.pair(id, "MatMul") {
                let matrix = self.floats(matrix)?.clone();
                let taken = match row == state {
                    true => sum.recurrent.replace(matrix).is_some(),
                    false => sum.input.replace((row, matrix)).is_some(),
                };
                if taken {
                    return None;
                }
            } else {
                sum.bias.push(self.floats(id)?.clone());
            }
        }
        Some(sum)
    }

    /// The sum of constants for each column; zeros if there is none.
    pub(super) fn bias(&self, terms: &[Tensor], columns: &[i64]) -> Option<Vec<f32>> {
        let mut total = vec![0.0; columns.len()];
        for term in terms {
            if term.shape().iter().rev().skip(1).any(|&size| size != 1) {
                return None;
            }
            let values = term.to_vec::<f32>().ok()?;
            for (total, &column) in total.iter_mut().zip(columns) {
                let at = usize::try_from(column).ok()?;
                *total += match *values.as_slice() {
                    [one] => one,
                    ref values => *values.get(at)?,
                };
            }
        }
        Some(total)
    }

    /// Whether the list has this value alone.
    pub(super) fn is_list_of(&self, list: Id, value: Id) -> bool {
        let axes = |node: &OnnxNode| self.builder.numbers((*node.inputs.get(1)?)?, "axes").ok();
        let node = self.node(list, "Unsqueeze");
        let of_value = node.is_some_and(|node| node.inputs.first() == Some(&Some(value)));
        of_value && node.and_then(axes).is_some_and(|axes| axes == [0])
    }

    /// The value from outside whose row a counter picks.
    pub(super) fn row(&self, id: Id, counters: &[Id]) -> Option<Id> {
        let node = self.node(id, "Gather")?;
        let (rows, index) = self.pair(id, "Gather")?;
        let first = layout::int(node, "axis").unwrap_or(0) == 0;
        let outside = !self.made.contains_key(&rows);
        (first && outside && counters.contains(&index)).then_some(rows)
    }
}
