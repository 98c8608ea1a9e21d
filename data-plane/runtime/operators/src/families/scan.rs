//! `Scan`: a body run over the slices of its inputs, with states handed on.

use hari_core::Tensor;
use hari_error::{Error, Result};

use super::flow::{Inner, Stack};
use crate::array::ints;
use crate::compile::{Entry, Node};
use crate::rule::Built;
use crate::size::axis;
use crate::view::View;
use crate::{Inputs, Operator, Type, Value};

pub(crate) const TABLE: &[Entry] = &[Entry::onnx("Scan", 8, scan)];

struct Scan {
    /// Inputs before the states: one in version 8, the lengths of the sequences.
    skipped: usize,
    states: usize,
    scanned: usize,
    body: Inner,
    axes: [Vec<i64>; 2],
    reverse: [Vec<i64>; 2],
}

fn scan(node: &mut Node<'_>) -> Built {
    let attributes = node.attributes;
    let scanned = attributes.int("num_scan_inputs")?.unwrap_or(0);
    let skipped = usize::from(node.version < 9);
    let given = node.inputs.saturating_sub(skipped);
    let scanned = usize::try_from(scanned)
        .ok()
        .filter(|count| (1..=given).contains(count));
    let scanned = scanned.ok_or_else(|| {
        Error::model(format!(
            "attribute `num_scan_inputs` does not fit {given} inputs"
        ))
    })?;
    let list = |name| Ok::<_, Error>(attributes.ints(name)?.unwrap_or_default().to_vec());
    let before = if skipped == 1 {
        "directions"
    } else {
        "scan_input_directions"
    };
    let (axes, reverse) = (
        [list("scan_input_axes")?, list("scan_output_axes")?],
        [list(before)?, list("scan_output_directions")?],
    );
    Ok(Box::new(Scan {
        skipped,
        states: given - scanned,
        scanned,
        body: Inner::of(node, "body")?,
        axes,
        reverse,
    }))
}

impl Operator for Scan {
    fn types(&self, inputs: &[Option<Type>]) -> Result<Vec<Option<Type>>> {
        let of = |at| {
            let state = at < self.states;
            let given = inputs.get(self.skipped + at).cloned().flatten();
            given.filter(|_| state).or_else(|| self.body.output(at))
        };
        Ok((0..self.body.outputs()).map(of).collect())
    }

    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        let given = (0..self.states + self.scanned).map(|at| inputs.value(self.skipped + at));
        let given: Vec<Value> = given.map(Result::<&Value>::cloned).collect::<Result<_>>()?;
        if self.skipped == 0 {
            return self.sequence(inputs, given, None);
        }
        self.batch(inputs, &given)
    }
}

impl Scan {
    /// Version 8: every value has the batch as its first axis, each row runs alone.
    fn batch(&self, inputs: Inputs<'_>, given: &[Value]) -> Result<Vec<Value>> {
        let lengths = inputs.optional(0)?.map(ints).transpose()?;
        let first = given.first().map(Value::tensor).transpose()?;
        let rows = first.map_or(0, Tensor::rows);
        let mut stacks: Vec<Stack> = (0..self.body.outputs()).map(|_| Stack::new()).collect();
        for row in 0..rows {
            let own = given.iter().map(|value| slice(value.tensor()?, 0, row));
            let length = lengths
                .as_ref()
                .and_then(|lengths| lengths.get(row).copied());
            let made = self.sequence(inputs, own.collect::<Result<_>>()?, length)?;
            for (stack, value) in stacks.iter_mut().zip(made) {
                stack.push(value)?;
            }
        }
        let empty = |at| self.body.nothing(at);
        let made = stacks.into_iter().enumerate().map(|(at, stack)| {
            let made = stack.stacked(false)?.map_or_else(|| empty(at), Ok)?;
            Ok(made.into())
        });
        made.collect()
    }

    /// One pass over the scanned inputs, which follow the states in `given`.
    fn sequence(
        &self,
        inputs: Inputs<'_>,
        mut given: Vec<Value>,
        length: Option<i64>,
    ) -> Result<Vec<Value>> {
        let scanned = given.split_off(self.states.min(given.len()));
        let mut states = given;
        let scanned = scanned.into_iter().enumerate().map(|(at, value)| {
            let tensor = value.into_tensor()?;
            let along = axis(of(&self.axes[0], at), tensor.shape().len())?;
            Ok((tensor, along, of(&self.reverse[0], at) == 1))
        });
        let scanned: Vec<(Tensor, usize, bool)> = scanned.collect::<Result<_>>()?;
        let steps = common_length(&scanned)?;
        let steps = length.map_or(steps, |length| steps.min(length.max(0) as usize));
        let results = self.body.outputs().saturating_sub(self.states);
        let mut stacks: Vec<Stack> = (0..results).map(|_| Stack::new()).collect();
        for step in 0..steps {
            let mut own = std::mem::take(&mut states);
            for (tensor, along, reverse) in &scanned {
                let at = if *reverse { steps - 1 - step } else { step };
                own.push(slice(tensor, *along, at)?);
            }
            let mut made = self.body.run(inputs, own)?.into_iter();
            states.extend(made.by_ref().take(self.states));
            for (stack, value) in stacks.iter_mut().zip(made) {
                stack.push(value)?;
            }
        }
        for (at, stack) in stacks.into_iter().enumerate() {
            states.push(self.laid(stack, at)?.into());
        }
        Ok(states)
    }

    /// What a scan gathers, with the new axis where it is wanted.
    fn laid(&self, stack: Stack, at: usize) -> Result<Tensor> {
        let Some(made) = stack.stacked(of(&self.reverse[1], at) == 1)? else {
            return self.body.nothing(self.states + at);
        };
        let to = axis(of(&self.axes[1], at), made.shape().len())?;
        View::of(made.shape()).moved(0, to).copy(&made)
    }
}

/// The number for an input or output; lists may be left out.
fn of(list: &[i64], at: usize) -> i64 {
    list.get(at).copied().unwrap_or(0)
}

fn common_length(scanned: &[(Tensor, usize, bool)]) -> Result<usize> {
    let mut lengths = scanned
        .iter()
        .map(|(tensor, along, _)| tensor.shape()[*along]);
    let first = lengths.next().unwrap_or(0);
    match lengths.find(|&length| length != first) {
        None => Ok(first),
        Some(other) => Err(Error::invalid(format!(
            "inputs of {first} and of {other} steps are scanned together"
        ))),
    }
}

/// The elements at one index of an axis, without that axis.
fn slice(tensor: &Tensor, axis: usize, at: usize) -> Result<Value> {
    let mut shape = tensor.shape().to_vec();
    if axis >= shape.len() || at >= shape[axis] {
        return Err(Error::invalid(format!(
            "shape {shape:?} has no index {at} on axis {axis}"
        )));
    }
    shape.remove(axis);
    let made = View::of(tensor.shape()).cut(axis, at, 1, 1).copy(tensor)?;
    Ok(made.reshape(shape)?.into())
}
