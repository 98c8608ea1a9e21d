//! Operators that are gone when the model is loaded: constants, variables, hand-overs.

use super::{Context, Lowered, Operator, folded, lowered};
use crate::constant;
use crate::dtype::DataType;
use crate::refusal::Refusal;

pub(super) static OPERATORS: &[Operator] = &[
    folded("Const", |c| {
        let proto = c.node.attrs.tensor("value")?;
        let tensor = constant::decode(proto)?;
        if proto.tensor_content.is_empty() {
            return Ok(vec![c.builder.computed(tensor)?]);
        }
        Ok(vec![c.builder.constant(tensor)])
    }),
    folded("VarHandleOp", variable),
    folded("HashTable", variable),
    folded("HashTableV2", variable),
    folded("MutableDenseHashTable", variable),
    folded("MutableDenseHashTableV2", variable),
    folded("MutableHashTable", variable),
    folded("MutableHashTableV2", variable),
    folded("VariableV2", variable),
    folded("Variable", variable),
    folded("ReadVariableOp", |c| c.pass(0)),
    folded("Identity", |c| c.pass(0)),
    folded("IdentityN", |c| Ok(c.inputs.clone())),
    folded("StopGradient", |c| c.pass(0)),
    folded("PreventGradient", |c| c.pass(0)),
    folded("Snapshot", |c| c.pass(0)),
    folded("CheckNumerics", |c| c.pass(0)),
    folded("EnsureShape", shaped),
    folded("VarIsInitializedOp", |c| {
        Ok(vec![c.builder.integers(DataType::DtBool, &[], &[1])?])
    }),
    folded("VariableShape", |c| {
        let to = c.node.attrs.dtype("out_type").unwrap_or(DataType::DtInt32);
        let x = c.first()?;
        Ok(vec![c.builder.shape_of(x, to)?])
    }),
    folded("PlaceholderWithDefault", |c| c.pass(0)),
    folded("Placeholder", |_| {
        Err(Refusal::new("it is not an input of the signature"))
    }),
    folded("NoOp", |_| Ok(Vec::new())),
    lowered("Cast", |c| {
        let (x, to) = (c.first()?, c.node.attrs.dtype("DstT")?);
        Ok(vec![c.builder.cast(x, to)?])
    }),
];

/// The input; with the shape that the operation wants, if its own rank is not known.
fn shaped(c: &mut Context<'_>) -> Lowered {
    let x = c.first()?;
    let wanted = c.node.attrs.shape("shape")?;
    match c.builder.symbols.shape(wanted) {
        Some(dims) if c.builder.shape(x).is_none() => {
            let kind = (c.builder.dtype(x), Some(dims));
            Ok(vec![c.builder.node("Identity", &[x], Vec::new(), kind)])
        }
        _ => c.pass(0),
    }
}

fn variable(c: &mut Context<'_>) -> Lowered {
    let value = c.weights.get(&c.node.name).copied();
    Ok(vec![
        value.ok_or_else(|| Refusal::new("its value was not read"))?,
    ])
}
