//! Moves transposes behind the operations that read them.

use std::collections::HashMap;

use super::{int, order};
use crate::constant;
use crate::emit::{Attr, Builder, Id, OnnxNode};
use crate::shape::{self, Dim};

/// A value that is another one with its dimensions in this order.
#[derive(Clone)]
struct Moved {
    source: Id,
    order: Vec<usize>,
}

/// Rewrites the nodes and gives the values that have become others.
pub(super) fn transposes(builder: &mut Builder) -> HashMap<Id, Id> {
    let nodes = std::mem::take(&mut builder.nodes);
    let mut sink = Sink {
        builder,
        moved: HashMap::new(),
        aliases: HashMap::new(),
    };
    for mut node in nodes {
        node.replace_reads(&|id| sink.aliases.get(&id).copied().unwrap_or(id));
        if sink.absorb(&node).is_none() {
            sink.builder.nodes.push(node);
        }
    }
    sink.aliases
}

struct Sink<'b> {
    builder: &'b mut Builder,
    moved: HashMap<Id, Moved>,
    aliases: HashMap<Id, Id>,
}

/// What happens to the dimensions of a node's result.
enum Result {
    /// They are those of the moved input, in the same order.
    Same,
    /// They are in another order now.
    Other(Vec<usize>),
}

impl Sink<'_> {
    /// Emits the node in another form; none if it has to stay as it is.
    fn absorb(&mut self, node: &OnnxNode) -> Option<()> {
        match node.op {
            "Transpose" => self.transpose(node),
            "Relu" | "LeakyRelu" | "Elu" | "Softplus" | "Softsign" | "Tanh" | "Sigmoid" | "Abs"
            | "Neg" | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Erf" | "Floor" | "Ceil"
            | "Round" | "Sin" | "Cos" | "Not" | "Cast" | "Clip" | "Identity" => {
                let moved = self.first(node)?;
                self.rewrite(
                    node,
                    &moved,
                    Result::Same,
                    (node.inputs.clone(), node.attrs.clone()),
                )
            }
            "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Pow" | "Mod" | "And" | "Or"
            | "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "Where" => {
                self.broadcast(node)
            }
            "Concat" => self.concat(node),
            "Pad" => self.pad(node),
            "Split" | "Gather" => self.along_axis(node),
            "Slice" => self.slice(node),
            "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL2" => {
                self.reduce(node)
            }
            "Squeeze" => self.squeeze(node),
            "Unsqueeze" => self.unsqueeze(node),
            _ => None,
        }
    }

    fn moved(&self, node: &OnnxNode, index: usize) -> Option<Moved> {
        self.moved.get(&(*node.inputs.get(index)?)?).cloned()
    }

    fn first(&self, node: &OnnxNode) -> Option<Moved> {
        self.moved(node, 0)
    }

    /// Numbers of a constant input.
    fn numbers(&self, node: &OnnxNode, index: usize) -> Option<Vec<i64>> {
        self.builder
            .numbers((*node.inputs.get(index)?)?, "axes")
            .ok()
    }

    fn transpose(&mut self, node: &OnnxNode) -> Option<()> {
        let (input, output) = ((*node.inputs.first()?)?, *node.outputs.first()?);
        let own = order::of(node)?;
        let (source, order) = match self.moved.get(&input) {
            Some(moved) => (moved.source, order::then(&moved.order, &own)?),
            None => (input, own),
        };
        if order::is_identity(&order) {
            self.aliases.insert(output, source);
        } else {
            self.emit_transpose(source, &order, output);
        }
        Some(())
    }

    fn emit_transpose(&mut self, source: Id, order: &[usize], output: Id) {
        self.builder.nodes.push(OnnxNode {
            op: "Transpose",
            inputs: vec![Some(source)],
            outputs: vec![output],
            attrs: vec![order::attr(order)],
        });
        self.moved.insert(
            output,
            Moved {
                source,
                order: order.to_vec(),
            },
        );
    }

    /// Emits the node on the source of its first input, if that is the moved one, and a transpose
    /// behind each result, which is left out later if nothing needs it.
    fn rewrite(
        &mut self,
        node: &OnnxNode,
        moved: &Moved,
        result: Result,
        (mut inputs, attrs): (Vec<Option<Id>>, Vec<(&'static str, Attr)>),
    ) -> Option<()> {
        if let Some(slot) = inputs.first_mut()
            && slot.is_some_and(|input| self.moved.contains_key(&input))
        {
            *slot = Some(moved.source);
        }
        let order = match result {
            Result::Same => moved.order.clone(),
            Result::Other(order) => order,
        };
        let kinds: Option<Vec<_>> = node
            .outputs
            .iter()
            .map(|&output| self.kind(output, &order))
            .collect();
        let made = self
            .builder
            .node_with_outputs(node.op, inputs, attrs, kinds?);
        for (&output, made) in node.outputs.iter().zip(made) {
            if order::is_identity(&order) {
                self.aliases.insert(output, made);
            } else {
                self.emit_transpose(made, &order, output);
            }
        }
        Some(())
    }

    /// Type and shape of what a result is before the transpose.
    fn kind(
        &self,
        output: Id,
        order: &[usize],
    ) -> Option<(crate::dtype::DataType, Option<Vec<Dim>>)> {
        let dims = self.builder.shape(output)?;
        Some((
            self.builder.dtype(output),
            Some(order::to_source(order, dims)?),
        ))
    }

    /// All inputs are moved in the same way, or constants, which are moved here.
    fn broadcast(&mut self, node: &OnnxNode) -> Option<()> {
        let mut moved = node
            .inputs
            .iter()
            .flatten()
            .filter_map(|input| self.moved.get(input));
        let first = moved.next()?.clone();
        if moved.any(|other| other.order != first.order) {
            return None;
        }
        let rank = first.order.len();
        if self.builder.shape(*node.outputs.first()?)?.len() != rank {
            return None;
        }
        let inputs: Option<Vec<_>> = node
            .inputs
            .iter()
            .map(|input| self.operand((*input)?, &first.order).map(Some))
            .collect();
        let order = Result::Other(first.order.clone());
        self.rewrite(node, &first, order, (inputs?, node.attrs.clone()))
    }

    /// An input of an operator that broadcasts, in the order of the source.
    fn operand(&mut self, input: Id, order: &[usize]) -> Option<Id> {
        if let Some(moved) = self.moved.get(&input) {
            return Some(moved.source);
        }
        let tensor = self.builder.value(input).constant.clone()?;
        if tensor.len() == 1 && tensor.shape().len() <= order.len() {
            return Some(input);
        }
        let missing = order.len().checked_sub(tensor.shape().len())?;
        let shape: Vec<_> = vec![1; missing]
            .into_iter()
            .chain(tensor.shape().iter().copied())
            .collect();
        let tensor = tensor.reshape(shape).ok()?;
        let tensor = constant::transpose(&tensor, &order::inverse(order)).ok()?;
        Some(self.builder.constant(tensor))
    }

    fn concat(&mut self, node: &OnnxNode) -> Option<()> {
        let all: Option<Vec<_>> = (0..node.inputs.len())
            .map(|index| self.moved(node, index))
            .collect();
        let all = all?;
        let first = all.first()?;
        if all.iter().any(|other| other.order != first.order) {
            return None;
        }
        let attrs = vec![("axis", Attr::Int(self.axis(node, &first.order)?))];
        let inputs = all.iter().map(|moved| Some(moved.source)).collect();
        self.rewrite(node, first, Result::Same, (inputs, attrs))
    }

    /// The node's axis, as the source counts it.
    fn axis(&self, node: &OnnxNode, order: &[usize]) -> Option<i64> {
        let axis = shape::axis(int(node, "axis")?, order.len()).ok()?;
        order.get(axis).map(|&axis| axis as i64)
    }

    fn along_axis(&mut self, node: &OnnxNode) -> Option<()> {
        let moved = self.first(node)?;
        if node.op == "Gather" && self.builder.shape((*node.inputs.get(1)?)?)?.len() != 1 {
            return None;
        }
        let attrs = vec![("axis", Attr::Int(self.axis(node, &moved.order)?))];
        self.rewrite(node, &moved, Result::Same, (node.inputs.clone(), attrs))
    }

    fn pad(&mut self, node: &OnnxNode) -> Option<()> {
        let moved = self.first(node)?;
        let pads = self.numbers(node, 1)?;
        let (before, after) = pads.split_at_checked(moved.order.len())?;
        let pads = [
            order::to_source(&moved.order, before)?,
            order::to_source(&moved.order, after)?,
        ];
        let mut inputs = node.inputs.clone();
        *inputs.get_mut(1)? = Some(self.builder.int64s(&pads.concat()).ok()?);
        self.rewrite(node, &moved, Result::Same, (inputs, node.attrs.clone()))
    }

    fn slice(&mut self, node: &OnnxNode) -> Option<()> {
        let moved = self.first(node)?;
        let mut inputs = node.inputs.clone();
        let (axes, _) = self.axes(node, 3, &moved.order)?;
        *inputs.get_mut(3)? = Some(self.builder.int64s(&axes).ok()?);
        self.rewrite(node, &moved, Result::Same, (inputs, node.attrs.clone()))
    }

    /// The axes that an input lists, as the source counts them and as the result does.
    fn axes(
        &self,
        node: &OnnxNode,
        index: usize,
        order: &[usize],
    ) -> Option<(Vec<i64>, Vec<usize>)> {
        let axes: Option<Vec<usize>> = self
            .numbers(node, index)?
            .iter()
            .map(|&axis| shape::axis(axis, order.len()).ok())
            .collect();
        let axes = axes?;
        let source: Option<Vec<i64>> = axes
            .iter()
            .map(|&axis| order.get(axis).map(|&axis| axis as i64))
            .collect();
        Some((source?, axes))
    }

    fn reduce(&mut self, node: &OnnxNode) -> Option<()> {
        let moved = self.first(node)?;
        let (axes, gone) = self.axes(node, 1, &moved.order)?;
        let result = match int(node, "keepdims") {
            Some(0) => Result::Other(order::without(&moved.order, &gone)),
            _ => Result::Same,
        };
        let mut inputs = node.inputs.clone();
        *inputs.get_mut(1)? = Some(self.builder.int64s(&axes).ok()?);
        self.rewrite(node, &moved, result, (inputs, node.attrs.clone()))
    }

    fn squeeze(&mut self, node: &OnnxNode) -> Option<()> {
        let moved = self.first(node)?;
        let (axes, gone) = self.axes(node, 1, &moved.order)?;
        let result = Result::Other(order::without(&moved.order, &gone));
        let mut inputs = node.inputs.clone();
        *inputs.get_mut(1)? = Some(self.builder.int64s(&axes).ok()?);
        self.rewrite(node, &moved, result, (inputs, node.attrs.clone()))
    }

    /// One new dimension, put in the source before the one that follows it in the result.
    fn unsqueeze(&mut self, node: &OnnxNode) -> Option<()> {
        let moved = self.first(node)?;
        let [axis] = *self.numbers(node, 1)?.as_slice() else {
            return None;
        };
        let axis = usize::try_from(axis).ok()?;
        let place = moved.order.get(axis).copied().unwrap_or(moved.order.len());
        let mut order: Vec<_> = moved
            .order
            .iter()
            .map(|&from| if from >= place { from + 1 } else { from })
            .collect();
        order.insert(axis.min(order.len()), place);
        let mut inputs = node.inputs.clone();
        *inputs.get_mut(1)? = Some(self.builder.int64s(&[place as i64]).ok()?);
        self.rewrite(
            node,
            &moved,
            Result::Other(order),
            (inputs, node.attrs.clone()),
        )
    }
}
