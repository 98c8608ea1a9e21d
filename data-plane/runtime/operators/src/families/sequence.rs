//! Sequences and optional values: made, read, taken apart.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use hari_proto::onnx::TypeProto;
use hari_proto::onnx::type_proto;

use super::join::{joined, pieces};
use crate::array::{int, ints};
use crate::compile::{Entry, Node};
use crate::constant::data_type;
use crate::rule::{Built, Rule, moved, moved_many};
use crate::size::{axis, index, sizes};
use crate::{Inputs, Type, Value};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("ConcatFromSequence", 11, concat),
    Entry::onnx("Optional", 15, optional),
    Entry::onnx("OptionalGetElement", 15, |_| {
        moved_many(vec![Rule::By(inside)], |inputs| {
            Ok(vec![element(inputs.value(0)?)?])
        })
    }),
    Entry::onnx("OptionalHasElement", 15, |_| {
        moved(Rule::Is(DataType::Bool), |inputs| {
            let there = !matches!(inputs.get(0), None | Some(Value::Optional(None)));
            Tensor::from_bools([], &[there])
        })
    }),
    Entry::onnx("SequenceAt", 11, |_| {
        moved_many(vec![Rule::By(inside)], |inputs| {
            let values = inputs.value(0)?.sequence()?;
            let at = index(int(inputs.tensor(1)?)?, values.len())?;
            Ok(vec![values[at].clone()])
        })
    }),
    Entry::onnx("SequenceConstruct", 11, |_| {
        moved_many(vec![Rule::By(sequence_of)], |inputs| {
            let values = inputs.0.iter().flatten().cloned().collect();
            Ok(vec![Value::Sequence(values)])
        })
    }),
    Entry::onnx("SequenceEmpty", 11, empty),
    Entry::onnx("SequenceErase", 11, |_| {
        moved_many(vec![Rule::Like(0)], |inputs| {
            let mut values = inputs.value(0)?.sequence()?.to_vec();
            let at = place(inputs, 1)?;
            values.remove(index(at.unwrap_or(-1), values.len())?);
            Ok(vec![Value::Sequence(values)])
        })
    }),
    Entry::onnx("SequenceInsert", 11, |_| {
        moved_many(vec![Rule::By(inserted)], |inputs| {
            let mut values = inputs.value(0)?.sequence()?.to_vec();
            let at = match place(inputs, 2)? {
                Some(at) if at == values.len() as i64 => values.len(),
                Some(at) => index(at, values.len())?,
                None => values.len(),
            };
            values.insert(at, inputs.value(1)?.clone());
            Ok(vec![Value::Sequence(values)])
        })
    }),
    Entry::onnx("SequenceLength", 11, |_| {
        moved(Rule::Is(DataType::Int64), |inputs| {
            let values = inputs.value(0)?.sequence()?;
            Tensor::from_vec([], vec![values.len() as i64])
        })
    }),
    Entry::onnx("SplitToSequence", 11, split),
];

/// The place that an optional input names.
fn place(inputs: Inputs<'_>, at: usize) -> Result<Option<i64>> {
    inputs.optional(at)?.map(int).transpose()
}

/// What a sequence holds, or an optional value.
fn inside(inputs: &[Option<Type>]) -> Option<Type> {
    match inputs.first()?.as_ref()? {
        Type::Sequence(inner) | Type::Optional(inner) => Some((**inner).clone()),
        other => Some(other.clone()),
    }
}

fn sequence_of(inputs: &[Option<Type>]) -> Option<Type> {
    let first = inputs.iter().flatten().next()?;
    Some(Type::Sequence(Box::new(first.clone())))
}

fn inserted(inputs: &[Option<Type>]) -> Option<Type> {
    let whole = inputs.first().cloned().flatten();
    whole.or_else(|| sequence_of(inputs.get(1..)?))
}

fn empty(node: &mut Node<'_>) -> Built {
    let elem = node.attributes.int_or("dtype", 1)?;
    let dtype = i32::try_from(elem)
        .ok()
        .and_then(data_type)
        .ok_or_else(|| {
            Error::model(format!(
                "attribute `dtype`: no tensor has element type {elem}"
            ))
        })?;
    let kind = Type::Sequence(Box::new(Type::Tensor(dtype)));
    moved_many(vec![Rule::Known(Some(kind))], |_| {
        Ok(vec![Value::Sequence(Vec::new())])
    })
}

/// Without sizes every index becomes a piece, which loses the axis if `keepdims` is zero. One
/// number is the size of all pieces, the last of which may be smaller.
fn split(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int_or("axis", 0)?;
    let keep = node.attributes.flag("keepdims", true)?;
    moved_many(vec![Rule::By(sequence_of)], move |inputs| {
        let tensor = inputs.tensor(0)?;
        let at = axis(at, tensor.shape().len())?;
        let size = tensor.shape()[at];
        let lengths = match inputs.optional(1)? {
            None => vec![1; size],
            Some(one) if one.shape().is_empty() => chunks(size, int(one)?)?,
            Some(list) => sizes(&ints(list)?)?,
        };
        let single = inputs.optional(1)?.is_none() && !keep;
        let pieces = pieces(tensor, at, &lengths)?.into_iter().map(|piece| {
            let mut shape = piece.shape().to_vec();
            if single {
                shape.remove(at);
            }
            piece.reshape(shape).map(Value::from)
        });
        Ok(vec![Value::Sequence(pieces.collect::<Result<_>>()?)])
    })
}

fn chunks(size: usize, length: i64) -> Result<Vec<usize>> {
    let length = usize::try_from(length).ok().filter(|&length| length > 0);
    let length = length.ok_or_else(|| Error::invalid("pieces have a size of at least one"))?;
    Ok((0..size)
        .step_by(length)
        .map(|start| length.min(size - start))
        .collect())
}

fn concat(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int("axis")?;
    let at = at.ok_or_else(|| Error::model("attribute `axis` is missing"))?;
    let new = node.attributes.flag("new_axis", false)?;
    moved_many(vec![Rule::By(inside)], move |inputs| {
        let tensors = inputs.value(0)?.sequence()?.iter().map(Value::tensor);
        let mut tensors: Vec<Tensor> = tensors
            .map(Result::<&Tensor>::cloned)
            .collect::<Result<_>>()?;
        let rank = tensors.first().map_or(0, |first| first.shape().len());
        let at = axis(at, rank + usize::from(new))?;
        if new {
            let widened = tensors.into_iter().map(|tensor| {
                let mut shape = tensor.shape().to_vec();
                shape.insert(at.min(shape.len()), 1);
                tensor.reshape(shape)
            });
            tensors = widened.collect::<Result<_>>()?;
        }
        Ok(vec![
            joined(&tensors.iter().collect::<Vec<_>>(), at)?.into(),
        ])
    })
}

/// A value that is there, or one of the type of the attribute that is not.
fn optional(node: &mut Node<'_>) -> Built {
    let absent = node.attributes.type_of("type")?.and_then(known);
    let rule = match absent {
        Some(kind) => Rule::Known(Some(Type::Optional(Box::new(kind)))),
        None => Rule::By(|inputs| {
            let inner = inputs.first().cloned().flatten()?;
            Some(Type::Optional(Box::new(inner)))
        }),
    };
    moved_many(vec![rule], |inputs| {
        let value = inputs.get(0).cloned().map(Box::new);
        Ok(vec![Value::Optional(value)])
    })
}

fn element(value: &Value) -> Result<Value> {
    match value {
        Value::Optional(Some(inner)) => Ok((**inner).clone()),
        Value::Optional(None) => Err(Error::invalid("the optional value is not there")),
        other => Ok(other.clone()),
    }
}

/// The type that a file writes, none if no value has it.
fn known(kind: &TypeProto) -> Option<Type> {
    match kind.value.as_ref()? {
        type_proto::Value::TensorType(tensor) => data_type(tensor.elem_type()).map(Type::Tensor),
        type_proto::Value::SequenceType(inner) => {
            let inner = known(inner.elem_type.as_deref()?)?;
            Some(Type::Sequence(Box::new(inner)))
        }
        type_proto::Value::OptionalType(inner) => {
            let inner = known(inner.elem_type.as_deref()?)?;
            Some(Type::Optional(Box::new(inner)))
        }
        _ => None,
    }
}
