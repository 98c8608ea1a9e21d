//! TensorFlow's lists of tensors, held as one tensor: the elements stacked along a new first axis.
//!
//! A list that nothing was written to holds zeros, whose shape may become known with the first
//! element. Where a size of the elements is neither known nor to be had from another value, the
//! zeros have size 1 there and are expanded when an element comes.

use super::{Attr, Builder, END, Id, Range};
use crate::dtype::{self, DataType};
use crate::refusal::Refusal;
use crate::shape::Dim;

/// A list of tensors of one type and shape.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) dtype: DataType,
    /// The shape of the elements; none if the rank is not known.
    pub(crate) element: Option<Vec<Dim>>,
    pub(crate) content: Content,
}

/// The elements of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    /// Nothing was written; this many, a scalar integer.
    Zeros(Id),
    /// One tensor.
    Stacked(Id),
}

impl Builder {
    /// Stands for a list, which no ONNX value is.
    pub(crate) fn list_handle(&mut self, list: List) -> Id {
        let id = self.push(DataType::DtVariant, Some(Vec::new()));
        if let Some(value) = self.value_mut(id) {
            value.list = Some(list);
        }
        id
    }

    /// The list of a tensor's rows.
    pub(crate) fn list_of(&mut self, stacked: Id) -> Id {
        let element = self.shape(stacked).and_then(|dims| dims.get(1..));
        let list = List {
            dtype: self.dtype(stacked),
            element: element.map(<[Dim]>::to_vec),
            content: Content::Stacked(stacked),
        };
        self.list_handle(list)
    }

    /// The list that a handle stands for.
    pub(crate) fn find_list(&self, handle: Id) -> Option<&List> {
        self.value(handle).list.as_ref()
    }

    /// The list that a handle stands for.
    ///
    /// # Errors
    /// If it stands for something else.
    pub(crate) fn list(&self, handle: Id) -> Result<List, Refusal> {
        let list = self.find_list(handle).cloned();
        list.ok_or_else(|| Refusal::new("it reads what is not a list of tensors"))
    }

    /// The number of elements, as a scalar.
    pub(crate) fn list_length(&mut self, list: &List, dtype: DataType) -> Result<Id, Refusal> {
        match list.content {
            Content::Zeros(length) => self.cast(length, dtype),
            Content::Stacked(stacked) => {
                let sizes = self.shape_of(stacked, dtype)?;
                let first = self.integers(DataType::DtInt64, &[], &[0])?;
                self.gather(sizes, first, 0)
            }
        }
    }

    /// The number of elements, as far as it is known while loading.
    pub(crate) fn known_length(&self, list: &List) -> Option<Dim> {
        match list.content {
            Content::Zeros(length) => self.content(length)?.first().copied(),
            Content::Stacked(stacked) => self.shape(stacked)?.first().copied(),
        }
    }

    /// All elements as one tensor.
    ///
    /// # Errors
    /// If nothing was written and the rank of the elements is not known.
    pub(crate) fn stacked(&mut self, list: &List) -> Result<Id, Refusal> {
        let length = match list.content {
            Content::Stacked(stacked) => return Ok(stacked),
            Content::Zeros(length) => length,
        };
        let element = list
            .element
            .as_ref()
            .ok_or_else(|| Refusal::new("the rank of the elements of a list is not known"))?;
        let rest = self.sizes_at_runtime(element)?;
        let length = self.as_vector(length)?;
        let target = self.concat(&[length, rest], 0)?;
        self.zeros(list.dtype, target)
    }

    /// Zeros, or empty strings, of the shape that a vector of 64-bit integers gives.
    fn zeros(&mut self, dtype: DataType, target: Id) -> Result<Id, Refusal> {
        let zero = match dtype {
            DataType::DtString => {
                let empty = hari_core::Tensor::from_strings([], vec![bytes::Bytes::new()])?;
                self.constant(empty)
            }
            DataType::DtBool => self.integers(dtype, &[], &[0])?,
            _ => self.scalar(dtype, 0.0)?,
        };
        self.expand(zero, target)
    }

    /// A vector of one number from a scalar.
    fn as_vector(&mut self, number: Id) -> Result<Id, Refusal> {
        let number = self.cast(number, DataType::DtInt64)?;
        self.reshape_to(number, &[Dim::Known(1)])
    }

    /// A vector of sizes. One that is not known is taken from a value that has it, or is 1.
    fn sizes_at_runtime(&mut self, dims: &[Dim]) -> Result<Id, Refusal> {
        if dims.is_empty() {
            return self.int64s(&[]);
        }
        let mut parts = Vec::new();
        for &dim in dims {
            parts.push(match (dim, self.holder(dim)) {
                (Dim::Known(size), _) => self.int64s(&[size])?,
                (Dim::Symbol(_), Some((holder, axis))) => {
                    let sizes = self.shape_of(holder, DataType::DtInt64)?;
                    let place = Range {
                        axis: 0,
                        start: axis as i64,
                        end: axis as i64 + 1,
                        step: 1,
                    };
                    self.slice(sizes, &[place])?
                }
                (Dim::Symbol(_), None) => self.int64s(&[1])?,
            });
        }
        self.concat(&parts, 0)
    }

    /// A value that can be read here and has this size, and the axis.
    fn holder(&self, dim: Dim) -> Option<(Id, usize)> {
        let made = self.nodes.iter().flat_map(|node| &node.outputs);
        let place = |&id: &Id| {
            let at = self.shape(id)?.iter().position(|&own| own == dim)?;
            Some((id, at))
        };
        let symbol = Some(dim).filter(|dim| dim.known().is_none());
        symbol.and_then(|_| self.inputs.iter().chain(made).find_map(place))
    }

    /// The element at an index; zeros if nothing was written.
    pub(crate) fn list_get(&mut self, list: &List, index: Id) -> Result<Id, Refusal> {
        let stacked = self.stacked(list)?;
        self.gather(stacked, index, 0)
    }

    /// The list with another element at an index, and longer if it was too short and `grows`.
    pub(crate) fn list_set(
        &mut self,
        list: &List,
        (index, item): (Id, Id),
        grows: bool,
    ) -> Result<Id, Refusal> {
        let place = self.content(index).and_then(|at| at.first()?.known());
        let length = self.known_length(list).and_then(Dim::known);
        let row = self.unsqueeze(item, &[0])?;
        if (place, length) == (Some(0), Some(1)) {
            return Ok(self.list_of(row));
        }
        let mut base = self.base(list, item)?;
        if grows {
            let one = self.integers(self.dtype(index), &[], &[1])?;
            let least = self.binary("Add", index, one)?;
            base = self.at_least(base, least)?;
        }
        let index = self.cast(index, DataType::DtInt64)?;
        let index = self.reshape_to(index, &[Dim::Known(1), Dim::Known(1)])?;
        let set = self.scatter(base, index, row);
        Ok(self.list_of(set))
    }

    fn scatter(&mut self, base: Id, indices: Id, rows: Id) -> Id {
        let kind = (self.dtype(base), self.value(base).shape.clone());
        self.node("ScatterND", &[base, indices, rows], Vec::new(), kind)
    }

    /// All elements as one tensor into which such an element fits.
    fn base(&mut self, list: &List, item: Id) -> Result<Id, Refusal> {
        let dims = self.dims(item)?;
        let known = List {
            element: Some(
                list.element
                    .clone()
                    .map_or(dims.clone(), |own| merge(&own, &dims)),
            ),
            ..list.clone()
        };
        let stacked = self.stacked(&known)?;
        if self.shape(stacked).and_then(|own| own.get(1..)) == Some(&dims) {
            return Ok(stacked);
        }
        let one = self.int64s(&[1])?;
        let sizes = self.shape_of(item, DataType::DtInt64)?;
        let target = self.concat(&[one, sizes], 0)?;
        self.expand(stacked, target)
    }

    /// Rows of zeros added until there are so many.
    fn at_least(&mut self, stacked: Id, count: Id) -> Result<Id, Refusal> {
        let count = self.as_vector(count)?;
        let rank = self.rank(stacked)? as i64;
        let sizes = self.shape_of(stacked, DataType::DtInt64)?;
        let first = Range {
            axis: 0,
            start: 0,
            end: 1,
            step: 1,
        };
        let own = self.slice(sizes, &[first])?;
        let missing = self.binary("Sub", count, own)?;
        let none = self.int64s(&[0])?;
        let missing = self.binary("Max", missing, none)?;
        if self
            .numbers(missing, "length")
            .is_ok_and(|missing| missing == [0])
        {
            return Ok(stacked);
        }
        let before = self.int64s(&vec![0; usize::try_from(rank).unwrap_or(0)])?;
        let after = self.int64s(&vec![0; usize::try_from(rank - 1).unwrap_or(0)])?;
        let pads = self.concat(&[before, missing, after], 0)?;
        let mut dims = self.dims(stacked)?;
        if let Some(length) = dims.first_mut() {
            *length = self.symbols.fresh();
        }
        let attrs = vec![("mode", Attr::Text("constant".to_owned()))];
        Ok(self.node(
            "Pad",
            &[stacked, pads],
            attrs,
            (self.dtype(stacked), Some(dims)),
        ))
    }

    /// The list with zeros added until there are so many elements.
    pub(crate) fn list_at_least(&mut self, list: &List, count: Id) -> Result<Id, Refusal> {
        let stacked = self.stacked(list)?;
        let longer = self.at_least(stacked, count)?;
        let length = self
            .content(count)
            .and_then(|length| length.first().copied());
        if longer != stacked {
            self.refine_first(longer, length);
        }
        Ok(self.list_of(longer))
    }

    /// The list with this many elements: cut, or longer by zeros.
    pub(crate) fn list_resize(&mut self, list: &List, length: Id) -> Result<Id, Refusal> {
        let stacked = match list.content {
            Content::Zeros(_) => {
                let content = Content::Zeros(length);
                let list = List {
                    content,
                    ..list.clone()
                };
                return Ok(self.list_handle(list));
            }
            Content::Stacked(stacked) => stacked,
        };
        let longer = self.at_least(stacked, length)?;
        let (start, end) = (self.int64s(&[0])?, self.as_vector(length)?);
        let cut = self.slice_at_runtime(longer, (start, end), 1)?;
        let length = self
            .content(length)
            .and_then(|length| length.first().copied());
        self.refine_first(cut, length);
        Ok(self.list_of(cut))
    }

    /// Notes the first size of a value, where it was not known.
    fn refine_first(&mut self, id: Id, size: Option<Dim>) {
        let dims = self.value_mut(id).and_then(|value| value.shape.as_mut());
        let first = dims.and_then(|dims| dims.first_mut());
        if let Some((first, size)) = first.zip(size).filter(|(own, _)| own.known().is_none()) {
            *first = size;
        }
    }

    /// Notes sizes of the elements of a stacked list that are known from elsewhere.
    pub(crate) fn refine_rows(&mut self, stacked: Id, sizes: Option<&[Dim]>) {
        let first = self.shape(stacked).and_then(|dims| dims.first().copied());
        let rows: Option<Vec<Dim>> = first
            .zip(sizes)
            .map(|(first, sizes)| [first].into_iter().chain(sizes.iter().copied()).collect());
        self.refine(stacked, rows.as_deref());
    }

    /// Notes sizes of a value that are known from elsewhere.
    pub(crate) fn refine(&mut self, id: Id, sizes: Option<&[Dim]>) {
        let Some((value, sizes)) = self.value_mut(id).zip(sizes) else {
            return;
        };
        let known = |&size: &Dim| size.known().is_some_and(|size| size >= 0);
        for (own, size) in value.shape.iter_mut().flatten().zip(sizes) {
            if own.known().is_none() && known(size) {
                *own = *size;
            }
        }
    }

    /// The list with one more element at its end.
    pub(crate) fn list_push(&mut self, list: &List, item: Id) -> Result<Id, Refusal> {
        let row = self.unsqueeze(item, &[0])?;
        if self.known_length(list) == Some(Dim::Known(0)) {
            return Ok(self.list_of(row));
        }
        let base = self.base(list, item)?;
        let all = self.concat(&[base, row], 0)?;
        Ok(self.list_of(all))
    }

    /// The list without its last element, and that element.
    pub(crate) fn list_pop(&mut self, list: &List) -> Result<(Id, Id), Refusal> {
        let stacked = self.stacked(list)?;
        let last = self.integers(DataType::DtInt64, &[], &[-1])?;
        let item = self.gather(stacked, last, 0)?;
        let all_but_last = Range {
            axis: 0,
            start: 0,
            end: -1,
            step: 1,
        };
        let rest = self.slice(stacked, &[all_but_last])?;
        Ok((self.list_of(rest), item))
    }

    /// A list of so many elements, zeros but for those at the indices; as many as the greatest index
    /// needs if no number is given.
    pub(crate) fn list_scatter(
        &mut self,
        (indices, rows): (Id, Id),
        count: Option<Id>,
    ) -> Result<Id, Refusal> {
        let indices = self.cast(indices, DataType::DtInt64)?;
        let count = match count {
            Some(count) => count,
            None => {
                let greatest = self.reduce("ReduceMax", indices, &[0], false)?;
                let one = self.integers(DataType::DtInt64, &[], &[1])?;
                self.binary("Add", greatest, one)?
            }
        };
        let element = self.dims(rows)?.get(1..).unwrap_or_default().to_vec();
        let list = List {
            dtype: self.dtype(rows),
            element: Some(element),
            content: Content::Zeros(count),
        };
        self.list_scatter_into(&list, (indices, rows))
    }

    /// The list with other elements at the indices.
    pub(crate) fn list_scatter_into(
        &mut self,
        list: &List,
        (indices, rows): (Id, Id),
    ) -> Result<Id, Refusal> {
        let indices = self.cast(indices, DataType::DtInt64)?;
        let zero = self.integers(DataType::DtInt64, &[], &[0])?;
        let row = self.gather(rows, zero, 0)?;
        let base = self.base(list, row)?;
        let indices = self.unsqueeze(indices, &[1])?;
        let set = self.scatter(base, indices, rows);
        Ok(self.list_of(set))
    }

    /// The elements one after the other along their own first axis, and how long each is.
    pub(crate) fn list_concat(&mut self, list: &List) -> Result<(Id, Id), Refusal> {
        let stacked = self.stacked(list)?;
        if self.rank(stacked)? < 2 {
            return Err(Refusal::new("the elements of its list are scalars"));
        }
        let sizes = self.shape_of(stacked, DataType::DtInt64)?;
        let part = |start: i64, end: i64| Range {
            axis: 0,
            start,
            end,
            step: 1,
        };
        let (count, length) = (
            self.slice(sizes, &[part(0, 1)])?,
            self.slice(sizes, &[part(1, 2)])?,
        );
        let (all, rest) = (self.int64s(&[-1])?, self.slice(sizes, &[part(2, END)])?);
        let target = self.concat(&[all, rest], 0)?;
        let joined = self.reshape(stacked, target)?;
        Ok((joined, self.expand(length, count)?))
    }
}

/// Both shapes in one: what either knows.
fn merge(a: &[Dim], b: &[Dim]) -> Vec<Dim> {
    if a.len() != b.len() {
        return b.to_vec();
    }
    let pick = |(&a, &b): (&Dim, &Dim)| match (a, b) {
        (Dim::Known(size), _) if size >= 0 => a,
        _ => b,
    };
    a.iter().zip(b).map(pick).collect()
}

/// The shape of elements that a value says: a vector of sizes, -1 where one is not known, or -1
/// alone for nothing.
pub(crate) fn element_shape(builder: &mut Builder, id: Id) -> Option<Vec<Dim>> {
    if builder.shape(id)?.is_empty() {
        return None;
    }
    let content = builder.content(id)?;
    let mut size = |dim| match dim {
        Dim::Known(size) if size < 0 => builder.symbols.fresh(),
        known => known,
    };
    Some(content.into_iter().map(&mut size).collect())
}

/// Whether a list can hold elements of this type.
pub(crate) fn can_hold(dtype: DataType) -> bool {
    dtype::held_as(dtype).is_some()
}

#[cfg(test)]
mod tests;
