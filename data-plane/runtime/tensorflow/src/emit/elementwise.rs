//! Operators that work element by element, casts, and choices between elements.

use hari_core::DataType as Element;

use super::{Attr, Builder, Id, OnnxAttrs};
use crate::dtype::{self, DataType};
use crate::fold;
use crate::refusal::Refusal;

impl Builder {
    /// An operator on one value that keeps type and shape.
    pub(crate) fn unary(&mut self, op: &'static str, x: Id) -> Id {
        self.unary_with(op, x, Vec::new())
    }

    /// The same with attributes.
    pub(crate) fn unary_with(&mut self, op: &'static str, x: Id, attrs: OnnxAttrs) -> Id {
        if let Some(folded) = self.constant_floats(x).and_then(|x| fold::float(op, x))
            && let Ok(folded) = self.computed(folded)
        {
            return folded;
        }
        let kind = (self.dtype(x), self.value(x).shape.clone());
        self.node(op, &[x], attrs, kind)
    }

    /// An arithmetic operator on two values of one type, broadcast.
    ///
    /// # Errors
    /// If the types differ or the shapes do not go together.
    pub(crate) fn binary(&mut self, op: &'static str, a: Id, b: Id) -> Result<Id, Refusal> {
        if let Some((left, right)) = self.constant_floats(a).zip(self.constant_floats(b))
            && let Some(folded) = fold::floats(op, left, right)
        {
            return self.computed(folded);
        }
        let dtype = self.dtype(a);
        let id = self.pair(op, (a, b), dtype)?;
        if dtype::is_narrow(dtype) {
            return self.wrap(id, dtype);
        }
        self.fold_pair(op, (a, b), id)
    }

    /// A comparison of two values of one type, broadcast; the result is boolean.
    ///
    /// # Errors
    /// As [`Builder::binary`].
    pub(crate) fn compare(&mut self, op: &'static str, a: Id, b: Id) -> Result<Id, Refusal> {
        let id = self.pair(op, (a, b), DataType::DtBool)?;
        self.fold_pair(op, (a, b), id)
    }

    fn pair(
        &mut self,
        op: &'static str,
        (a, b): (Id, Id),
        result: DataType,
    ) -> Result<Id, Refusal> {
        let (left, right) = (self.dtype(a), self.dtype(b));
        if left != right {
            let (left, right) = (dtype::name(left), dtype::name(right));
            return Err(Refusal::new(format!("its inputs are {left} and {right}")));
        }
        let shape = match (self.value(a).shape.clone(), self.value(b).shape.clone()) {
            (Some(a), Some(b)) => Some(self.symbols.broadcast(&a, &b)?),
            _ => None,
        };
        let attrs = if op == "Mod" {
            vec![("fmod", Attr::Int(0))]
        } else {
            Vec::new()
        };
        Ok(self.node(op, &[a, b], attrs, (result, shape)))
    }

    fn fold_pair(&mut self, op: &str, (a, b): (Id, Id), id: Id) -> Result<Id, Refusal> {
        if !dtype::is_integer(self.dtype(a)) {
            return Ok(id);
        }
        let vectors = [a, b]
            .iter()
            .all(|&id| self.shape(id).is_some_and(|shape| shape.len() <= 1));
        let content = self.content(a).zip(self.content(b)).filter(|_| vectors);
        let folded = content.and_then(|(a, b)| fold::integers(op, &a, &b, &mut self.symbols));
        self.settle(id, folded)
    }

    /// Brings the result of arithmetic in 32 bits back into a narrow type, as its overflow would.
    ///
    /// # Errors
    /// Never for integers.
    pub(crate) fn wrap(&mut self, x: Id, dtype: DataType) -> Result<Id, Refusal> {
        let (low, count) = match dtype {
            DataType::DtUint8 => (0, 1 << 8),
            DataType::DtInt8 => (-(1 << 7), 1 << 8),
            DataType::DtUint16 => (0, 1 << 16),
            DataType::DtInt16 => (-(1 << 15), 1 << 16),
            _ => return Ok(x),
        };
        let kind = (dtype, self.value(x).shape.clone());
        let low = self.integers(DataType::DtInt32, &[], &[low])?;
        let count = self.integers(DataType::DtInt32, &[], &[count])?;
        let shifted = self.node("Sub", &[x, low], Vec::new(), kind.clone());
        let attrs = vec![("fmod", Attr::Int(0))];
        let rest = self.node("Mod", &[shifted, count], attrs, kind.clone());
        Ok(self.node("Add", &[rest, low], Vec::new(), kind))
    }

    /// The value in another type, as TensorFlow converts: towards zero, and non-zero is true.
    ///
    /// # Errors
    /// If the graph cannot hold one of the types.
    pub(crate) fn cast(&mut self, x: Id, to: DataType) -> Result<Id, Refusal> {
        let from = self.dtype(x);
        if from == to {
            return Ok(x);
        }
        if let Some(folded) = self.cast_constant(x, to) {
            return self.computed(folded);
        }
        let held = dtype::held_as(to)
            .ok_or_else(|| Refusal::new(format!("it casts to {}", dtype::name(to))))?;
        if to == DataType::DtBool {
            let zero = self.scalar(from, 0.0)?;
            let equal = self.compare("Equal", x, zero)?;
            return Ok(self.unary("Not", equal));
        }
        let shape = self.value(x).shape.clone();
        let attrs = vec![("to", Attr::Int(i64::from(i32::from(held))))];
        let cast = self.node("Cast", &[x], attrs, (to, shape));
        if dtype::is_narrow(to) {
            return self.wrap(cast, to);
        }
        let content = if dtype::is_integer(from) {
            self.content(x)
        } else {
            None
        };
        self.settle(cast, content)
    }

    /// A constant cast while loading: to float, or between integers where every number fits.
    fn cast_constant(&self, x: Id, to: DataType) -> Option<hari_core::Tensor> {
        let constant = self.value(x).constant.as_ref()?;
        let from_integer = constant.dtype().is_integer() || constant.dtype() == Element::Bool;
        let exact = from_integer && dtype::is_integer(to);
        let element = dtype::element(to).filter(|_| to == DataType::DtFloat || exact)?;
        constant.cast(element).ok()
    }

    /// Elements of `a` where the condition is true, else of `b`, broadcast.
    ///
    /// # Errors
    /// If the shapes do not go together.
    pub(crate) fn choose(&mut self, condition: Id, a: Id, b: Id) -> Result<Id, Refusal> {
        if let Some([first, rest @ ..]) = self.content(condition).as_deref()
            && let Some(chosen) = first.known().filter(|_| rest.is_empty())
            && self.shape(a).is_some()
            && self.shape(a) == self.shape(b)
        {
            return Ok(if chosen != 0 { a } else { b });
        }
        let shapes = [condition, a, b].map(|id| self.value(id).shape.clone());
        let shape = match shapes {
            [Some(condition), Some(a), Some(b)] => {
                let both = self.symbols.broadcast(&a, &b)?;
                Some(self.symbols.broadcast(&condition, &both)?)
            }
            _ => None,
        };
        if self.dtype(a) == DataType::DtBool {
            // Not every engine chooses between truths.
            let first = self.binary("And", condition, a)?;
            let other = self.unary("Not", condition);
            let second = self.binary("And", other, b)?;
            return self.binary("Or", first, second);
        }
        Ok(self.node(
            "Where",
            &[condition, a, b],
            Vec::new(),
            (self.dtype(a), shape),
        ))
    }
}
