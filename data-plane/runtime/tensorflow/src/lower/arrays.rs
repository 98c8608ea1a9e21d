//! Arrays of tensors of TensorFlow 1 (`TensorArray*V3`).
//!
//! There an operation is given the handle of an array and a number, the flow, which only says what
//! comes after what. Here the flow stands for the list of the array's elements, and the handle for
//! nothing.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::{self, DataType};
use crate::emit::{Content, Id, List, can_hold};
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("TensorArrayV3", |c| {
        let (length, dtype) = (c.first()?, c.node.attrs.dtype("dtype")?);
        if !can_hold(dtype) {
            let name = dtype::name(dtype);
            return Err(Refusal::new(format!(
                "the elements of its array are {name}"
            )));
        }
        let shape = c.node.attrs.shape("element_shape").ok();
        let element = shape.and_then(|shape| c.builder.symbols.shape(shape));
        let list = List {
            dtype,
            element,
            content: Content::Zeros(length),
        };
        let handle = c.builder.list_handle(list);
        Ok(vec![handle, handle])
    }),
    lowered("TensorArrayReadV3", |c| read(c, 1)),
    lowered("TensorArrayGatherV3", |c| read(c, 1)),
    lowered("TensorArrayWriteV3", |c| {
        let (list, index, item) = (flow(c, 3)?, c.input(1)?, c.input(2)?);
        Ok(vec![c.builder.list_set(&list, (index, item), true)?])
    }),
    lowered("TensorArrayScatterV3", |c| {
        let (list, indices, rows) = (flow(c, 3)?, c.input(1)?, c.input(2)?);
        if is_all(c, &list, indices) {
            return Ok(vec![c.builder.list_of(rows)]);
        }
        Ok(vec![c.builder.list_scatter_into(&list, (indices, rows))?])
    }),
    lowered("TensorArraySizeV3", |c| {
        let list = flow(c, 1)?;
        Ok(vec![c.builder.list_length(&list, DataType::DtInt32)?])
    }),
    lowered("TensorArrayConcatV3", |c| {
        let list = flow(c, 1)?;
        let (joined, lengths) = c.builder.list_concat(&list)?;
        Ok(vec![joined, lengths])
    }),
    lowered("TensorArrayCloseV3", |_| Ok(Vec::new())),
];

fn flow(c: &Context<'_>, index: usize) -> Result<List, Refusal> {
    c.builder.list(c.input(index)?)
}

/// One element, or those at a vector of indices.
fn read(c: &mut Context<'_>, index: usize) -> Lowered {
    let (indices, list) = (c.input(index)?, flow(c, 2)?);
    if is_all(c, &list, indices) {
        return Ok(vec![c.builder.stacked(&list)?]);
    }
    Ok(vec![c.builder.list_get(&list, indices)?])
}

/// Whether the indices are those of all elements, one after the other.
fn is_all(c: &Context<'_>, list: &List, indices: Id) -> bool {
    let numbers = c.builder.numbers(indices, "indices").unwrap_or_default();
    let length = c.builder.known_length(list).and_then(Dim::known);
    let in_order = numbers
        .iter()
        .enumerate()
        .all(|(at, &number)| number == at as i64);
    let rank = c.builder.shape(indices).map(<[_]>::len);
    rank == Some(1) && in_order && length == Some(numbers.len() as i64)
}
