//! From TensorFlow's operators to ONNX's: one table entry for each operator.
//!
//! Each file below has a table of operators of one kind. An operator without an entry, or one
//! whose attributes have no lowering, is noted and the walk goes on, so that all are reported.

mod activation;
mod arrays;
mod bits;
mod convolution;
mod dilation;
mod fill;
mod flow;
mod identity;
mod image;
mod indexing;
mod join;
mod linear;
mod lists;
mod math;
mod matrix;
mod normalisation;
mod padding;
mod pooling;
mod quantise;
mod ragged;
mod reduce;
mod resample;
mod resize;
mod scatter;
mod segment;
mod select;
mod shape;
mod space;
mod strided;
mod table;
mod text;
mod volume;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::coverage::Treatment;
use crate::dtype::{self, DataType};
use crate::emit::{Builder, Id};
use crate::graph::{Edge, FEED, Graph, Node, is_table, is_variable};
use crate::refusal::{Refusal, Refusals};

use dilation::Dilations;

/// The outputs of an operation, or why it has no lowering.
pub(crate) type Lowered = Result<Vec<Id>, Refusal>;

/// A row of the table.
pub(crate) struct Operator {
    name: &'static str,
    treatment: Treatment,
    lower: fn(&mut Context<'_>) -> Lowered,
}

const fn lowered(name: &'static str, lower: fn(&mut Context<'_>) -> Lowered) -> Operator {
    Operator {
        name,
        treatment: Treatment::Lowered,
        lower,
    }
}

const fn folded(name: &'static str, lower: fn(&mut Context<'_>) -> Lowered) -> Operator {
    Operator {
        name,
        treatment: Treatment::Folded,
        lower,
    }
}

static TABLES: &[&[Operator]] = &[
    activation::OPERATORS,
    bits::OPERATORS,
    arrays::OPERATORS,
    convolution::OPERATORS,
    fill::OPERATORS,
    flow::OPERATORS,
    identity::OPERATORS,
    image::OPERATORS,
    indexing::OPERATORS,
    join::OPERATORS,
    linear::OPERATORS,
    lists::OPERATORS,
    math::OPERATORS,
    matrix::OPERATORS,
    normalisation::OPERATORS,
    padding::OPERATORS,
    pooling::OPERATORS,
    quantise::OPERATORS,
    ragged::OPERATORS,
    reduce::OPERATORS,
    resample::OPERATORS,
    resize::OPERATORS,
    scatter::OPERATORS,
    segment::OPERATORS,
    select::OPERATORS,
    shape::OPERATORS,
    space::OPERATORS,
    strided::OPERATORS,
    table::OPERATORS,
    text::OPERATORS,
    volume::OPERATORS,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Operator>> = LazyLock::new(|| {
    operators()
        .map(|operator| (operator.name, operator))
        .collect()
});

fn operators() -> impl Iterator<Item = &'static Operator> {
    TABLES.iter().copied().flatten()
}

/// Every operator that has a lowering, and what becomes of it.
pub(crate) fn treatments() -> impl Iterator<Item = (&'static str, Treatment)> {
    operators().map(|operator| (operator.name, operator.treatment))
}

/// One operation, while it is lowered.
pub(crate) struct Context<'a> {
    pub(crate) builder: &'a mut Builder,
    pub(crate) node: &'a Node<'a>,
    inputs: Vec<Id>,
    weights: &'a HashMap<String, Id>,
    dilations: &'a mut Dilations,
    refusals: &'a mut Refusals,
    /// How many graphs this one lies in.
    depth: usize,
}

impl Context<'_> {
    /// Input number `index`.
    fn input(&self, index: usize) -> Result<Id, Refusal> {
        let input = self.inputs.get(index).copied();
        input.ok_or_else(|| Refusal::new(format!("it has no input {index}")))
    }

    fn first(&self) -> Result<Id, Refusal> {
        self.input(0)
    }

    fn pair(&self) -> Result<(Id, Id), Refusal> {
        Ok((self.input(0)?, self.input(1)?))
    }

    /// All numbers of an integer input; `what` names it.
    fn numbers(&self, index: usize, what: &str) -> Result<Vec<i64>, Refusal> {
        self.builder.numbers(self.input(index)?, what)
    }

    fn dtype(&self, index: usize) -> Result<DataType, Refusal> {
        Ok(self.builder.dtype(self.input(index)?))
    }

    /// Refuses elements that are no tensor's. Constants are looked at when the graph is written,
    /// since most of them fold away; a handle is of use to the operators of its kind alone.
    fn check_types(&self, outputs: &[Id]) -> Result<(), Refusal> {
        for &id in self.inputs.iter().chain(outputs) {
            let value = self.builder.value(id);
            let handle = matches!(value.dtype, DataType::DtResource | DataType::DtVariant);
            if value.constant.is_none() && !handle && dtype::held_as(value.dtype).is_none() {
                let name = dtype::name(value.dtype);
                return Err(Refusal::new(format!(
                    "its elements are {name}, which is not served"
                )));
            }
        }
        Ok(())
    }

    /// A value handed on as it is.
    fn pass(&self, index: usize) -> Lowered {
        Ok(vec![self.input(index)?])
    }

    /// A scalar of the type of the first input.
    fn like(&mut self, number: f64) -> Result<Id, Refusal> {
        let dtype = self.dtype(0)?;
        self.builder.scalar(dtype, number)
    }

    /// An ONNX operator on the first input that keeps type and shape.
    fn unary(&mut self, op: &'static str) -> Lowered {
        let x = self.first()?;
        Ok(vec![self.builder.unary(op, x)])
    }

    /// An ONNX operator on both inputs, broadcast.
    fn binary(&mut self, op: &'static str) -> Lowered {
        let (a, b) = self.pair()?;
        Ok(vec![self.builder.binary(op, a, b)?])
    }
}

/// A graph with its inputs made and its variables read.
pub(crate) struct Task<'a> {
    pub(crate) graph: &'a Graph<'a>,
    /// Values of the feeds, in their order; they are the first nodes of the graph.
    pub(crate) feeds: &'a [Id],
    pub(crate) fetches: &'a [Edge],
    /// Values of variables by the name of their node.
    pub(crate) weights: &'a HashMap<String, Id>,
    /// How many graphs this one lies in.
    pub(crate) depth: usize,
}

/// Lowers a graph and gives the values of its fetches. What cannot be lowered is added to
/// `refusals`; then the values are of no use.
pub(crate) fn lower(builder: &mut Builder, task: &Task<'_>, refusals: &mut Refusals) -> Vec<Id> {
    let mut values: Vec<Vec<Id>> = Vec::with_capacity(task.graph.nodes.len());
    let mut dilations = Dilations::default();
    for (index, node) in task.graph.nodes.iter().enumerate() {
        let feed = task.feeds.get(index).filter(|_| node.op == FEED);
        let outputs = if let Some(&feed) = feed {
            vec![feed]
        } else {
            let edges = node.inputs.iter();
            let inputs = edges.map(|&edge| value(builder, &values, edge)).collect();
            let weights = task.weights;
            let context = Context {
                builder,
                node,
                inputs,
                weights,
                dilations: &mut dilations,
                refusals,
                depth: task.depth,
            };
            lower_node(context)
        };
        values.push(outputs);
    }
    let fetches = task.fetches.iter();
    fetches.map(|&edge| value(builder, &values, edge)).collect()
}

fn value(builder: &mut Builder, values: &[Vec<Id>], edge: Edge) -> Id {
    let outputs = values.get(edge.node);
    let found = outputs
        .and_then(|outputs| outputs.get(edge.output))
        .copied();
    found.unwrap_or_else(|| builder.refused())
}

/// The outputs of one operation; stand-ins if it is refused.
fn lower_node(mut context: Context<'_>) -> Vec<Id> {
    let (op, outputs) = (context.node.op, context.node.outputs);
    let refused_input = context
        .inputs
        .iter()
        .any(|&input| context.builder.is_refused(input));
    let result = match BY_NAME.get(op) {
        None => {
            context.refusals.unknown(op);
            Err(Refusal::inherited())
        }
        Some(_) if refused_input => Err(Refusal::inherited()),
        Some(operator) => (operator.lower)(&mut context).and_then(|outputs| {
            if operator.treatment == Treatment::Lowered {
                context.check_types(&outputs)?;
            }
            Ok(outputs)
        }),
    };
    result.unwrap_or_else(|refusal| {
        context.refusals.refused(op, &refusal);
        (0..outputs).map(|_| context.builder.refused()).collect()
    })
}

/// The nodes that stand for variables and lookup tables.
pub(crate) fn state<'g, 'a>(graph: &'g Graph<'a>) -> Vec<&'g Node<'a>> {
    let mut found = Vec::new();
    graph.each(&mut |node| {
        if is_variable(node.op) || is_table(node.op) {
            found.push(node);
        }
    });
    found
}

/// Whether channels are the last dimension or the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channels {
    Last,
    First,
}

impl Channels {
    fn of(node: &Node<'_>) -> Result<Self, Refusal> {
        match node.attrs.text("data_format").unwrap_or("NHWC") {
            "NHWC" | "NDHWC" => Ok(Self::Last),
            "NCHW" | "NCDHW" => Ok(Self::First),
            other => Err(Refusal::new(format!("data format {other}"))),
        }
    }

    /// One number for each spatial dimension of a list with one for each dimension.
    fn spatial<T: Copy>(self, all: &[T]) -> Vec<T> {
        match (self, all) {
            (Self::Last, [_, spatial @ .., _]) | (Self::First, [_, _, spatial @ ..]) => {
                spatial.to_vec()
            }
            _ => Vec::new(),
        }
    }

    /// The value with channels second.
    fn second(self, builder: &mut Builder, x: Id) -> Result<Id, Refusal> {
        let rank = builder.rank(x)?;
        if self == Self::First || rank < 3 {
            return Ok(x);
        }
        let order: Vec<_> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
        builder.transpose(x, &order)
    }

    /// A value with channels second, back where the operation has them.
    fn restored(self, builder: &mut Builder, x: Id) -> Result<Id, Refusal> {
        let rank = builder.rank(x)?;
        if self == Self::First || rank < 3 {
            return Ok(x);
        }
        let order: Vec<_> = [0].into_iter().chain(2..rank).chain([1]).collect();
        builder.transpose(x, &order)
    }
}

#[cfg(test)]
mod tests;
