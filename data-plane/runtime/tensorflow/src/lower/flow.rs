//! Choices, loops, and the graphs inside them.

mod choices;
mod counted;
mod loops;
mod recurrent;

use super::{Context, Lowered, Operator, Task, lower, lowered};
use crate::dtype::{self, DataType};
use crate::emit::{Builder, Id};
use crate::graph::{Edge, Flat};
use crate::refusal::{Refusal, Refusals};
use crate::shape::Dim;

/// Graphs inside graphs, at most this deep.
const MAX_DEPTH: usize = 24;
/// Values of all attempts together, at most this many.
const MAX_VALUES: usize = 1 << 20;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("If", choices::choice),
    lowered("StatelessIf", choices::choice),
    lowered("Case", choices::case),
    lowered("StatelessCase", choices::case),
    lowered("While", loops::lower),
    lowered("StatelessWhile", loops::lower),
];

/// Type and shape of a value.
type Kind = (DataType, Option<Vec<Dim>>);

impl Context<'_> {
    /// Lowers a graph inside this operation, to its fetches and these edges.
    fn inside(&mut self, flat: &Flat<'_>, feeds: &[Id], also: &[Edge]) -> Lowered {
        if self.depth >= MAX_DEPTH || self.builder.made() > MAX_VALUES {
            return Err(Refusal::new("loops and choices lie too deep in each other"));
        }
        if feeds.len() != flat.feeds() {
            return Err(Refusal::new("its inputs are not those of the function"));
        }
        let fetches: Vec<_> = flat.fetches.iter().chain(also).copied().collect();
        let task = Task {
            graph: &flat.graph,
            feeds,
            fetches: &fetches,
            weights: self.weights,
            depth: self.depth + 1,
        };
        let mut refusals = Refusals::default();
        let values = lower(self.builder, &task, &mut refusals);
        let refused = values.iter().any(|&value| self.builder.is_refused(value));
        self.refusals.extend(refusals);
        if refused {
            return Err(Refusal::inherited());
        }
        Ok(values)
    }

    /// A scalar boolean, as TensorFlow reads one from any scalar.
    fn truth(&mut self, id: Id) -> Result<Id, Refusal> {
        let scalar = match self.builder.sizes(id)?.as_slice() {
            [] => id,
            [1] => self.builder.squeeze(id, &[0])?,
            _ => return Err(Refusal::new("its condition is not a scalar")),
        };
        match self.builder.dtype(scalar) {
            DataType::DtBool => Ok(scalar),
            DataType::DtString => Err(Refusal::new("its condition is a string")),
            _ => self.builder.cast(scalar, DataType::DtBool),
        }
    }
}

/// The tensor that a value is, or that holds the elements of the list that it stands for.
fn tensor(builder: &mut Builder, id: Id) -> Result<Id, Refusal> {
    match builder.find_list(id).cloned() {
        Some(list) => builder.stacked(&list),
        None => Ok(id),
    }
}

/// What both values are: a size that differs, or that is made inside, may be any.
fn common(builder: &mut Builder, (a, b): (Id, Id), before: u32) -> Result<Kind, Refusal> {
    let (dtype, other) = (builder.dtype(a), builder.dtype(b));
    if dtype != other {
        let (dtype, other) = (dtype::name(dtype), dtype::name(other));
        return Err(Refusal::new(format!("a result is {dtype} or {other}")));
    }
    let shapes = (builder.shape(a), builder.shape(b));
    let (Some(a), Some(b)) = shapes else {
        return Ok((dtype, None));
    };
    let (a, b) = (a.to_vec(), b.to_vec());
    if a.len() != b.len() {
        return Ok((dtype, None));
    }
    let both = a
        .into_iter()
        .zip(b)
        .map(|(a, b)| match a == b && !a.is_after(before) {
            true => a,
            false => builder.symbols.fresh(),
        });
    Ok((dtype, Some(both.collect())))
}

#[cfg(test)]
mod tests;
