//! Graphs inside nodes: `If`, `Loop`, `SequenceMap`, and what `Scan` shares with them.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use hari_proto::onnx::ValueInfoProto;
use hari_proto::onnx::tensor_shape_proto::dimension;
use hari_proto::onnx::type_proto;

use crate::array::{int, truth};
use crate::cell::filled;
use crate::compile::{Entry, Node};
use crate::constant::data_type;
use crate::rule::Built;
use crate::{Body, Inputs, Operator, Type, Value};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("If", 1, |node| {
        Ok(Box::new(If {
            yes: Inner::of(node, "then_branch")?,
            no: Inner::of(node, "else_branch")?,
        }))
    }),
    Entry::onnx("Loop", 1, |node| {
        Ok(Box::new(Loop {
            carried: node.inputs.saturating_sub(2),
            body: Inner::of(node, "body")?,
        }))
    }),
    Entry::onnx("SequenceMap", 17, sequence_map),
];

/// More bytes than this are not gathered from the runs of a body.
const MAX_BYTES: usize = 1 << 30;

/// A graph inside a node, and where the values of outer graphs that it uses stand among the
/// inputs of the node.
pub(super) struct Inner {
    body: Box<dyn Body>,
    captures: Vec<usize>,
    /// The outputs as the graph declares them.
    outputs: Vec<ValueInfoProto>,
}

impl Inner {
    pub(super) fn of(node: &mut Node<'_>, name: &str) -> Result<Self> {
        let graph = node.attributes.graph(name)?;
        let body = node.bodies.body(graph)?;
        let mut captures = Vec::new();
        for name in body.captures() {
            let known = node.captures.iter().position(|known| known == name);
            let at = known.unwrap_or(node.captures.len());
            if known.is_none() {
                node.captures.push(name.clone());
            }
            captures.push(node.inputs + at);
        }
        Ok(Self {
            body,
            captures,
            outputs: graph.output.clone(),
        })
    }

    /// Runs the graph on its own inputs.
    pub(super) fn run(&self, inputs: Inputs<'_>, mut own: Vec<Value>) -> Result<Vec<Value>> {
        for &at in &self.captures {
            own.push(inputs.value(at)?.clone());
        }
        self.body.run(own)
    }

    /// The type of an output, as the body infers it or as the graph declares it.
    pub(super) fn output(&self, at: usize) -> Option<Type> {
        let inferred = self.body.types().get(at).cloned().flatten();
        inferred.or_else(|| self.declared(at).map(|(dtype, _)| Type::Tensor(dtype)))
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// The element type and the dimensions that the graph declares; an open one is zero.
    fn declared(&self, at: usize) -> Option<(DataType, Vec<usize>)> {
        let declared = self.outputs.get(at)?.r#type.as_ref()?.value.as_ref()?;
        let type_proto::Value::TensorType(tensor) = declared else {
            return None;
        };
        let shape = tensor.shape.as_ref();
        let dims = shape.map(|shape| shape.dim.as_slice()).unwrap_or_default();
        let size = |value: &Option<dimension::Value>| match value {
            Some(dimension::Value::DimValue(size)) => usize::try_from(*size).unwrap_or(0),
            _ => 0,
        };
        let dims = dims.iter().map(|dim| size(&dim.value)).collect();
        Some((data_type(tensor.elem_type())?, dims))
    }

    /// What gathers output `at` when the body has not run once.
    pub(super) fn nothing(&self, at: usize) -> Result<Tensor> {
        let (declared, dims) = self.declared(at).unwrap_or((DataType::Fp32, Vec::new()));
        let dtype = match self.output(at) {
            Some(Type::Tensor(dtype)) => dtype,
            _ => declared,
        };
        filled(dtype, [&[0], dims.as_slice()].concat(), None)
    }
}

/// Outputs of the runs of a body, to be stacked.
pub(super) struct Stack {
    parts: Vec<Tensor>,
    bytes: usize,
}

impl Stack {
    pub(super) fn new() -> Self {
        Self {
            parts: Vec::new(),
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, value: Value) -> Result<()> {
        let tensor = value.into_tensor()?;
        self.bytes = self.bytes.saturating_add(tensor.byte_len() + 8);
        if self.bytes > MAX_BYTES {
            return Err(Error::too_large(
                "a loop gathers more than fits into one tensor",
            ));
        }
        let shape = [&[1], tensor.shape()].concat();
        self.parts.push(tensor.reshape(shape)?);
        Ok(())
    }

    /// All of them along a new first axis, in order or in the opposite one.
    pub(super) fn stacked(mut self, reverse: bool) -> Result<Option<Tensor>> {
        if self.parts.is_empty() {
            return Ok(None);
        }
        if reverse {
            self.parts.reverse();
        }
        Tensor::concat_rows(&self.parts).map(Some)
    }
}

struct If {
    yes: Inner,
    no: Inner,
}

impl Operator for If {
    fn types(&self, _: &[Option<Type>]) -> Result<Vec<Option<Type>>> {
        let both = |at| match (self.yes.output(at), self.no.output(at)) {
            (Some(yes), Some(no)) if yes != no => None,
            (yes, no) => yes.or(no),
        };
        Ok((0..self.yes.outputs()).map(both).collect())
    }

    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        let branch = if truth(inputs.tensor(0)?)? {
            &self.yes
        } else {
            &self.no
        };
        branch.run(inputs, Vec::new())
    }
}

/// Runs its body while the condition holds, at most as often as the first input says.
struct Loop {
    /// Values handed from one run to the next.
    carried: usize,
    body: Inner,
}

impl Loop {
    fn scans(&self) -> usize {
        self.body.outputs().saturating_sub(1 + self.carried)
    }
}

impl Operator for Loop {
    fn types(&self, inputs: &[Option<Type>]) -> Result<Vec<Option<Type>>> {
        let carried = |at: usize| {
            let given = inputs.get(2 + at).cloned().flatten();
            given.or_else(|| self.body.output(1 + at))
        };
        let scanned = |at: usize| self.body.output(1 + self.carried + at);
        let carried = (0..self.carried).map(carried);
        Ok(carried.chain((0..self.scans()).map(scanned)).collect())
    }

    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        let most = inputs.optional(0)?.map(int).transpose()?;
        let mut going = inputs.optional(1)?.map(truth).transpose()?.unwrap_or(true);
        let carried = (0..self.carried).map(|at| inputs.value(2 + at).cloned());
        let mut carried: Vec<Value> = carried.collect::<Result<_>>()?;
        let mut stacks: Vec<Stack> = (0..self.scans()).map(|_| Stack::new()).collect();
        let mut turn = 0_i64;
        while going && most.is_none_or(|most| turn < most) {
            let mut own = vec![
                Tensor::from_vec([], vec![turn])?.into(),
                Tensor::from_bools([], &[going])?.into(),
            ];
            own.append(&mut carried);
            let mut made = self.body.run(inputs, own)?.into_iter();
            let missing = || Error::model("the body of a loop has no condition");
            going = truth(made.next().ok_or_else(missing)?.tensor()?)?;
            carried.extend(made.by_ref().take(self.carried));
            for (stack, value) in stacks.iter_mut().zip(made) {
                stack.push(value)?;
            }
            turn += 1;
        }
        for (at, stack) in stacks.into_iter().enumerate() {
            let made = stack
                .stacked(false)?
                .map_or_else(|| self.body.nothing(1 + self.carried + at), Ok);
            carried.push(made?.into());
        }
        Ok(carried)
    }
}

/// Runs its body for every place of the first sequence. Other sequences advance beside it, tensors
/// are the same each time.
struct SequenceMap {
    inputs: usize,
    body: Inner,
}

fn sequence_map(node: &mut Node<'_>) -> Built {
    Ok(Box::new(SequenceMap {
        inputs: node.inputs,
        body: Inner::of(node, "body")?,
    }))
}

impl Operator for SequenceMap {
    fn types(&self, _: &[Option<Type>]) -> Result<Vec<Option<Type>>> {
        let of = |at| {
            self.body
                .output(at)
                .map(|inner| Type::Sequence(Box::new(inner)))
        };
        Ok((0..self.body.outputs()).map(of).collect())
    }

    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        let mut made = vec![Vec::new(); self.body.outputs()];
        for place in 0..inputs.value(0)?.sequence()?.len() {
            let own = (0..self.inputs).map(|at| match inputs.value(at)? {
                Value::Sequence(values) => values.get(place).cloned().ok_or_else(|| {
                    Error::invalid(format!("input {at} is shorter than the first sequence"))
                }),
                other => Ok(other.clone()),
            });
            let results = self.body.run(inputs, own.collect::<Result<_>>()?)?;
            for (list, value) in made.iter_mut().zip(results) {
                list.push(value);
            }
        }
        Ok(made.into_iter().map(Value::Sequence).collect())
    }
}
