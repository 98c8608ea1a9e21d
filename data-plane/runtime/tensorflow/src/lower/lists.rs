//! Lists of tensors (`TensorList*`), held as their elements stacked.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::{self, DataType};
use crate::emit::{Content, Id, List, can_hold, element_shape};
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("TensorListFromTensor", |c| {
        let x = c.first()?;
        Ok(vec![c.builder.list_of(x)])
    }),
    lowered("TensorListReserve", |c| {
        let (shape, length) = c.pair()?;
        reserve(c, shape, length)
    }),
    lowered("EmptyTensorList", |c| {
        let shape = c.first()?;
        let length = c.builder.integers(DataType::DtInt32, &[], &[0])?;
        reserve(c, shape, length)
    }),
    lowered("TensorListGetItem", |c| {
        let (list, index, shape) = (list(c, 0)?, c.input(1)?, c.input(2)?);
        let list = shaped(c, &list, shape);
        let item = c.builder.list_get(&list, index)?;
        refined(c, item, shape, 0);
        Ok(vec![item])
    }),
    lowered("TensorListSetItem", |c| {
        let (list, index, item) = (list(c, 0)?, c.input(1)?, c.input(2)?);
        let grows = c.node.attrs.bool("resize_if_index_out_of_bounds");
        let grows = grows.unwrap_or(false);
        Ok(vec![c.builder.list_set(&list, (index, item), grows)?])
    }),
    lowered("TensorListStack", |c| {
        let (list, shape) = (list(c, 0)?, c.input(1)?);
        let list = shaped(c, &list, shape);
        let stacked = c.builder.stacked(&list)?;
        refined(c, stacked, shape, 1);
        Ok(vec![stacked])
    }),
    lowered("TensorListLength", |c| {
        let list = list(c, 0)?;
        Ok(vec![c.builder.list_length(&list, DataType::DtInt32)?])
    }),
    lowered("TensorListResize", |c| {
        let (list, length) = (list(c, 0)?, c.input(1)?);
        Ok(vec![c.builder.list_resize(&list, length)?])
    }),
    lowered("TensorListPushBack", |c| {
        let (list, item) = (list(c, 0)?, c.input(1)?);
        Ok(vec![c.builder.list_push(&list, item)?])
    }),
    lowered("TensorListPopBack", |c| {
        let (list, shape) = (list(c, 0)?, c.input(1)?);
        let list = shaped(c, &list, shape);
        let (rest, item) = c.builder.list_pop(&list)?;
        Ok(vec![rest, item])
    }),
    lowered("TensorListGather", |c| {
        let (list, indices, shape) = (list(c, 0)?, c.input(1)?, c.input(2)?);
        let list = shaped(c, &list, shape);
        let rows = c.builder.list_get(&list, indices)?;
        refined(c, rows, shape, 1);
        Ok(vec![rows])
    }),
    lowered("TensorListScatter", |c| {
        let (rows, indices) = c.pair()?;
        Ok(vec![c.builder.list_scatter((indices, rows), None)?])
    }),
    lowered("TensorListScatterV2", |c| {
        let (rows, indices, count) = (c.first()?, c.input(1)?, c.input(3)?);
        let unknown = c
            .builder
            .number(count, "count")
            .is_ok_and(|count| count < 0);
        let count = Some(count).filter(|_| !unknown);
        Ok(vec![c.builder.list_scatter((indices, rows), count)?])
    }),
    lowered("TensorListScatterIntoExistingList", |c| {
        let (list, rows, indices) = (list(c, 0)?, c.input(1)?, c.input(2)?);
        Ok(vec![c.builder.list_scatter_into(&list, (indices, rows))?])
    }),
    lowered("TensorListConcat", concat),
    lowered("TensorListConcatV2", concat),
    lowered("TensorListConcatLists", |c| {
        let (first, second) = (list(c, 0)?, list(c, 1)?);
        let parts = [c.builder.stacked(&first)?, c.builder.stacked(&second)?];
        let all = c.builder.concat(&parts, 0)?;
        Ok(vec![c.builder.list_of(all)])
    }),
    lowered("TensorListSplit", split),
    lowered("TensorListElementShape", |c| {
        let list = list(c, 0)?;
        let stacked = c.builder.stacked(&list)?;
        let dtype = c
            .node
            .attrs
            .dtype("shape_type")
            .unwrap_or(DataType::DtInt32);
        let sizes = c.builder.shape_of(stacked, dtype)?;
        let rest = crate::emit::Range {
            axis: 0,
            start: 1,
            end: crate::emit::END,
            step: 1,
        };
        Ok(vec![c.builder.slice(sizes, &[rest])?])
    }),
];

fn list(c: &Context<'_>, index: usize) -> Result<List, Refusal> {
    c.builder.list(c.input(index)?)
}

/// A new list of so many elements of a shape that a value says.
fn reserve(c: &mut Context<'_>, shape: Id, length: Id) -> Lowered {
    let dtype = c.node.attrs.dtype("element_dtype")?;
    if !can_hold(dtype) {
        let name = dtype::name(dtype);
        return Err(Refusal::new(format!("the elements of its list are {name}")));
    }
    let list = List {
        dtype,
        element: element_shape(c.builder, shape),
        content: Content::Zeros(length),
    };
    Ok(vec![c.builder.list_handle(list)])
}

/// The list with what a value says of the shape of its elements, if that was not known.
fn shaped(c: &mut Context<'_>, list: &List, shape: Id) -> List {
    let element = list.element.clone();
    List {
        element: element.or_else(|| element_shape(c.builder, shape)),
        ..list.clone()
    }
}

/// Notes what a value says of the shape of elements, in a tensor that has so many axes before.
fn refined(c: &mut Context<'_>, id: Id, shape: Id, axes: usize) {
    let element = element_shape(c.builder, shape);
    let own = c.builder.shape(id).and_then(|dims| dims.get(..axes));
    let sizes = own.map(<[Dim]>::to_vec).zip(element);
    let sizes = sizes.map(|(own, element)| [own, element].concat());
    c.builder.refine(id, sizes.as_deref());
}

fn concat(c: &mut Context<'_>) -> Lowered {
    let list = list(c, 0)?;
    let (joined, lengths) = c.builder.list_concat(&list)?;
    Ok(vec![joined, lengths])
}

/// Elements that are parts of a tensor, all of one length.
fn split(c: &mut Context<'_>) -> Lowered {
    let (x, lengths) = (c.first()?, c.numbers(2, "lengths")?);
    let [first, ..] = *lengths.as_slice() else {
        return Err(Refusal::new("it splits into no elements"));
    };
    if lengths.iter().any(|&length| length != first) {
        return Err(Refusal::new("it splits into elements of different lengths"));
    }
    let rest = c.builder.dims(x)?.get(1..).unwrap_or_default().to_vec();
    let dims = [Dim::Known(lengths.len() as i64), Dim::Known(first)];
    let rows = c.builder.reshape_to(x, &[dims.to_vec(), rest].concat())?;
    Ok(vec![c.builder.list_of(rows)])
}
