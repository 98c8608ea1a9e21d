//! Operators that change the shape and not the elements.

use hari_core::Tensor;

use super::{Attr, Builder, Id, to_usize};
use crate::dtype::DataType;
use crate::refusal::Refusal;
use crate::shape::{self, Dim};

impl Builder {
    /// The sizes of a value as a vector of integers.
    ///
    /// # Errors
    /// Never for the types that shapes have.
    pub(crate) fn shape_of(&mut self, x: Id, dtype: DataType) -> Result<Id, Refusal> {
        let dims = self.value(x).shape.clone();
        let length = match &dims {
            Some(dims) => Dim::Known(dims.len() as i64),
            None => self.symbols.fresh(),
        };
        let kind = (DataType::DtInt64, Some(vec![length]));
        let id = self.node("Shape", &[x], Vec::new(), kind);
        let id = self.settle(id, dims)?;
        self.cast(id, dtype)
    }

    /// The elements under the shape that an integer vector gives, where -1 is whatever is left.
    ///
    /// # Errors
    /// If the target is not a vector.
    pub(crate) fn reshape(&mut self, x: Id, target: Id) -> Result<Id, Refusal> {
        match self.content(target) {
            Some(content) => {
                let dims = self.resolve_rest(x, &content);
                match self.target(x, &dims)? {
                    Some(constant) => Ok(self.reshape_node(x, constant, Some(dims))?),
                    None => self.reshape_at_runtime(x, target, Some(dims)),
                }
            }
            None => {
                let rank = self.shape(target).and_then(|dims| dims.first()?.known());
                let rank = rank
                    .and_then(|rank| usize::try_from(rank).ok())
                    .filter(|&rank| rank <= 64);
                let dims = rank.map(|rank| (0..rank).map(|_| self.symbols.fresh()).collect());
                self.reshape_at_runtime(x, target, dims)
            }
        }
    }

    /// The elements under this shape, of which at most one size may be unknown and new.
    ///
    /// # Errors
    /// If the shape cannot be written as an ONNX target.
    pub(crate) fn reshape_to(&mut self, x: Id, dims: &[Dim]) -> Result<Id, Refusal> {
        let target = self
            .target(x, dims)?
            .ok_or_else(|| Refusal::new("several sizes of its result are not known"))?;
        self.reshape_node(x, target, Some(dims.to_vec()))
    }

    fn reshape_at_runtime(
        &mut self,
        x: Id,
        target: Id,
        dims: Option<Vec<Dim>>,
    ) -> Result<Id, Refusal> {
        let target = self.cast(target, DataType::DtInt64)?;
        self.reshape_node(x, target, dims)
    }

    fn reshape_node(&mut self, x: Id, target: Id, dims: Option<Vec<Dim>>) -> Result<Id, Refusal> {
        if dims.is_some() && self.value(x).shape == dims {
            return Ok(x);
        }
        let sizes = dims
            .as_deref()
            .and_then(shape::all_known)
            .and_then(|sizes| to_usize(&sizes));
        if let Some((constant, sizes)) = self.value(x).constant.clone().zip(sizes) {
            return Ok(self.constant(constant.reshape(sizes)?));
        }
        let zeros = self
            .numbers(target, "shape")
            .is_ok_and(|target| self.has_real_zero(x, &target));
        let attrs = if zeros {
            vec![("allowzero", Attr::Int(1))]
        } else {
            Vec::new()
        };
        let content = self.content(x);
        let id = self.node("Reshape", &[x, target], attrs, (self.dtype(x), dims));
        self.settle(id, content)
    }

    /// Whether a zero in the target means an empty dimension and not one to copy.
    fn has_real_zero(&self, x: Id, target: &[i64]) -> bool {
        let kept = |index: usize| {
            self.shape(x)
                .and_then(|dims| dims.get(index))
                .is_some_and(|dim| dim.known().is_none())
        };
        target
            .iter()
            .enumerate()
            .any(|(index, &size)| size == 0 && !kept(index))
    }

    /// A constant target for these sizes: unknown sizes that stay in place are 0, one other is -1.
    fn target(&mut self, x: Id, dims: &[Dim]) -> Result<Option<Id>, Refusal> {
        let unknown = dims.iter().filter(|dim| dim.known().is_none()).count();
        let empty = dims.contains(&Dim::Known(0));
        let mut rest = 0;
        let mut target = Vec::with_capacity(dims.len());
        for (index, dim) in dims.iter().enumerate() {
            let in_place = self.shape(x).and_then(|own| own.get(index)) == Some(dim);
            target.push(match dim {
                Dim::Known(size) => *size,
                Dim::Symbol(_) if unknown > 1 && in_place => 0,
                Dim::Symbol(_) => {
                    rest += 1;
                    -1
                }
            });
        }
        if rest > 1 || (empty && unknown > 0) {
            return Ok(None);
        }
        self.int64s(&target).map(Some)
    }

    /// Replaces a -1 by what is left of the elements.
    fn resolve_rest(&mut self, x: Id, target: &[Dim]) -> Vec<Dim> {
        let Some(at) = target.iter().position(|&dim| dim == Dim::Known(-1)) else {
            return target.to_vec();
        };
        let mut others = target.to_vec();
        others.remove(at);
        let own = self.value(x).shape.clone();
        let rest = own
            .and_then(|own| quotient(&own, &others))
            .unwrap_or_else(|| self.symbols.fresh());
        others.insert(at, rest);
        others
    }

    /// The dimensions in another order.
    ///
    /// # Errors
    /// If the order is not one of the value's rank.
    pub(crate) fn transpose(&mut self, x: Id, order: &[usize]) -> Result<Id, Refusal> {
        let mut axes = order.to_vec();
        axes.sort_unstable();
        let complete = axes
            .iter()
            .enumerate()
            .all(|(axis, &listed)| axis == listed);
        if !complete || self.shape(x).is_some_and(|dims| dims.len() != order.len()) {
            return Err(Refusal::new(format!("order {order:?} of dimensions")));
        }
        if axes == order {
            return Ok(x);
        }
        let constant = self.value(x).constant.clone();
        if let Some(constant) = constant.filter(|constant| constant.bytes().is_some()) {
            return self.transposed_constant(&constant, order);
        }
        let dims = self.shape(x).and_then(|dims| {
            let moved = order.iter().map(|&axis| dims.get(axis).copied());
            moved.collect::<Option<Vec<_>>>()
        });
        let order = order.iter().map(|&axis| axis as i64).collect();
        let attrs = vec![("perm", Attr::Ints(order))];
        Ok(self.node("Transpose", &[x], attrs, (self.dtype(x), dims)))
    }

    /// New dimensions of size 1 at these axes of the result.
    ///
    /// # Errors
    /// If an axis is out of range.
    pub(crate) fn unsqueeze(&mut self, x: Id, axes: &[i64]) -> Result<Id, Refusal> {
        let mut dims = self.dims(x)?;
        let rank = dims.len() + axes.len();
        let mut places = Vec::new();
        for &axis in axes {
            places.push(shape::axis(axis, rank)?);
        }
        places.sort_unstable();
        for &place in &places {
            dims.insert(place.min(dims.len()), Dim::Known(1));
        }
        let places: Vec<_> = places.iter().map(|&place| place as i64).collect();
        self.same_elements("Unsqueeze", x, &places, dims)
    }

    /// Removes dimensions of size 1: these, or all that are known to be 1 if none is given.
    ///
    /// # Errors
    /// If an axis is out of range or its size is not 1.
    pub(crate) fn squeeze(&mut self, x: Id, axes: &[i64]) -> Result<Id, Refusal> {
        let dims = self.dims(x)?;
        let ones = || (0..dims.len()).filter(|&axis| dims.get(axis) == Some(&Dim::Known(1)));
        if axes.is_empty() && dims.iter().any(|dim| dim.known().is_none()) {
            return Err(Refusal::new("which sizes are 1 is not known"));
        }
        let axes: Result<Vec<_>, _> = axes
            .iter()
            .map(|&axis| shape::axis(axis, dims.len()))
            .collect();
        let axes = match axes?.as_slice() {
            [] => ones().collect(),
            given => given.to_vec(),
        };
        let kept = dims
            .iter()
            .enumerate()
            .filter(|(axis, _)| !axes.contains(axis));
        let kept: Vec<_> = kept.map(|(_, &dim)| dim).collect();
        if axes.iter().any(|&axis| {
            dims.get(axis)
                .and_then(|dim| dim.known())
                .is_some_and(|n| n != 1)
        }) {
            return Err(Refusal::new("a dimension to be removed is not of size 1"));
        }
        let axes: Vec<_> = axes.iter().map(|&axis| axis as i64).collect();
        self.same_elements("Squeeze", x, &axes, kept)
    }

    fn same_elements(
        &mut self,
        op: &'static str,
        x: Id,
        axes: &[i64],
        dims: Vec<Dim>,
    ) -> Result<Id, Refusal> {
        if axes.is_empty() {
            return Ok(x);
        }
        let sizes = shape::all_known(&dims).and_then(|sizes| to_usize(&sizes));
        if let Some((constant, sizes)) = self.value(x).constant.clone().zip(sizes) {
            return Ok(self.constant(Tensor::reshape(constant, sizes)?));
        }
        let content = self.content(x);
        let axes = self.int64s(axes)?;
        let id = self.node(op, &[x, axes], Vec::new(), (self.dtype(x), Some(dims)));
        self.settle(id, content)
    }

    /// The shape that an integer vector gives, as far as it is known.
    pub(crate) fn dims_of_shape(&mut self, target: Id) -> Option<Vec<Dim>> {
        if let Some(content) = self.content(target) {
            return Some(content);
        }
        let rank = self.shape(target).and_then(|dims| dims.first()?.known());
        let rank = rank.and_then(|rank| usize::try_from(rank).ok())?;
        (rank <= 64).then(|| (0..rank).map(|_| self.symbols.fresh()).collect())
    }

    /// The elements repeated along dimensions of size 1 until they have the shape that an integer
    /// vector gives.
    ///
    /// # Errors
    /// If the shapes do not go together.
    pub(crate) fn expand(&mut self, x: Id, target: Id) -> Result<Id, Refusal> {
        let wanted = self.dims_of_shape(target);
        let dims = match (self.value(x).shape.clone(), wanted) {
            (Some(own), Some(target)) => Some(self.symbols.broadcast(&own, &target)?),
            _ => None,
        };
        if dims.is_some() && self.value(x).shape == dims {
            return Ok(x);
        }
        let target = self.cast(target, DataType::DtInt64)?;
        let content = self.content(x).filter(|content| content.len() == 1);
        let id = self.node(
            "Expand",
            &[x, target],
            Vec::new(),
            (self.dtype(x), dims.clone()),
        );
        let count = dims
            .as_deref()
            .and_then(shape::all_known)
            .and_then(|sizes| sizes.into_iter().try_fold(1, i64::checked_mul));
        let content = content.zip(count.and_then(|count| usize::try_from(count).ok()));
        let repeated = content.filter(|&(_, count)| count <= super::MAX_CONTENT);
        self.settle(id, repeated.map(|(one, count)| one.repeat(count)))
    }
}

/// What is left of the product of `all` after that of `others`, if it is a number or one symbol.
fn quotient(all: &[Dim], others: &[Dim]) -> Option<Dim> {
    let mut symbols: Vec<Dim> = all
        .iter()
        .copied()
        .filter(|dim| dim.known().is_none())
        .collect();
    for dim in others.iter().filter(|dim| dim.known().is_none()) {
        let at = symbols.iter().position(|symbol| symbol == dim)?;
        symbols.remove(at);
    }
    let product = |dims: &[Dim]| {
        let mut numbers = dims.iter().filter_map(|dim| dim.known());
        numbers.try_fold(1_i64, i64::checked_mul)
    };
    let (all, others) = (product(all)?, product(others)?);
    let whole = all.checked_rem(others)? == 0;
    match (symbols.as_slice(), all.checked_div(others)?) {
        ([], number) if whole => Some(Dim::Known(number)),
        ([symbol], 1) if whole => Some(*symbol),
        _ => None,
    }
}
