//! Elements put where indices say: `ScatterElements`, `ScatterND`, `TensorScatter`.

use hari_core::Tensor;
use hari_error::{Error, Result};

use super::gather::{Slices, element_places};
use crate::Inputs;
use crate::array::ints;
use crate::attributes::Attributes;
use crate::cell::{Cell, alike, by_cell};
use crate::compile::{Entry, Node};
use crate::convert::convert;
use crate::number::{Number, by_number};
use crate::rule::{Built, Rule, moved};
use crate::size::axis;
use crate::view::View;

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("Scatter", 9, scatter_elements),
    Entry::onnx("ScatterElements", 11, scatter_elements),
    Entry::onnx("ScatterND", 11, scatter_nd),
    Entry::onnx("TensorScatter", 24, tensor_scatter),
];

/// What becomes of an element when another is put on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reduction {
    Replace,
    Add,
    Multiply,
    Largest,
    Smallest,
}

impl Reduction {
    fn of(attributes: Attributes<'_>) -> Result<Self> {
        match attributes.text("reduction")?.unwrap_or("none") {
            "none" => Ok(Self::Replace),
            "add" => Ok(Self::Add),
            "mul" => Ok(Self::Multiply),
            "max" => Ok(Self::Largest),
            "min" => Ok(Self::Smallest),
            other => Err(Error::model(format!(
                "attribute `reduction`: expected none, add, mul, max or min, found `{other}`"
            ))),
        }
    }

    fn function<T: Number>(self) -> fn(T, T) -> T {
        match self {
            Self::Replace => |_, new| new,
            Self::Add => T::plus,
            Self::Multiply => T::times,
            Self::Largest => T::larger,
            Self::Smallest => T::smaller,
        }
    }

    /// Puts each block of `updates` on the block of `tensor` that begins at its start.
    fn put(self, tensor: &Tensor, updates: &Tensor, block: usize, at: &[usize]) -> Result<Tensor> {
        alike(&[tensor, updates])?;
        if updates.len() != at.len() * block {
            return Err(Error::invalid(format!(
                "expected {} updates, found {}",
                at.len() * block,
                updates.len()
            )));
        }
        if self == Self::Replace {
            return replaced(tensor, updates, block, at);
        }
        if tensor.dtype().size() == Some(2) && tensor.dtype().is_float() {
            return self.halves(tensor, updates, block, at);
        }
        by_number!(tensor.dtype(), T => {
            let one = self.function::<T>();
            let mut made = tensor.to_vec::<T>()?;
            let new = updates.values::<T>()?;
            for (&start, new) in at.iter().zip(new.chunks(block.max(1))) {
                for (old, &new) in made[start..].iter_mut().zip(new) {
                    *old = one(*old, new);
                }
            }
            Tensor::from_vec(tensor.shape(), made)
        })
    }

    /// FP16 and BF16, computed in FP32.
    fn halves(
        self,
        tensor: &Tensor,
        updates: &Tensor,
        block: usize,
        at: &[usize],
    ) -> Result<Tensor> {
        let wide = |tensor| convert(tensor, hari_core::DataType::Fp32);
        let made = self.put(&wide(tensor)?, &wide(updates)?, block, at)?;
        convert(&made, tensor.dtype())
    }
}

pub(super) fn replaced(
    tensor: &Tensor,
    updates: &Tensor,
    block: usize,
    at: &[usize],
) -> Result<Tensor> {
    by_cell!(tensor.dtype(), T => {
        let mut made = T::read(tensor)?.into_owned();
        let new = T::read(updates)?;
        for (&start, new) in at.iter().zip(new.chunks(block.max(1))) {
            made[start..start + new.len()].clone_from_slice(new);
        }
        T::make(tensor.dtype(), tensor.shape().to_vec(), made)
    })
}

fn scatter_elements(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int_or("axis", 0)?;
    let reduction = Reduction::of(node.attributes)?;
    moved(Rule::Like(0), move |inputs| {
        let (tensor, indices) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let at = axis(at, tensor.shape().len())?;
        let places = element_places(tensor, indices, at)?;
        reduction.put(tensor, inputs.tensor(2)?, 1, &places)
    })
}

fn scatter_nd(node: &mut Node<'_>) -> Built {
    let reduction = Reduction::of(node.attributes)?;
    moved(Rule::Like(0), move |inputs| {
        let (tensor, indices) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let slices = Slices::new(tensor, indices, 0)?;
        let starts = slices.starts(tensor, indices)?;
        reduction.put(tensor, inputs.tensor(2)?, slices.block, &starts)
    })
}

/// Writes the newest entries of a cache, from an index on that each row of the batch has.
fn tensor_scatter(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int_or("axis", -2)?;
    let circular = match node.attributes.text("mode")?.unwrap_or("linear") {
        "linear" => false,
        "circular" => true,
        other => {
            return Err(Error::model(format!(
                "attribute `mode`: expected linear or circular, found `{other}`"
            )));
        }
    };
    moved(Rule::Like(0), move |inputs| {
        let (cache, updates) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let at = axis(at, cache.shape().len())?;
        let places = cache_places(inputs, at, circular)?;
        Reduction::Replace.put(cache, updates, 1, &places)
    })
}

fn cache_places(inputs: Inputs<'_>, axis: usize, circular: bool) -> Result<Vec<usize>> {
    let (cache, updates) = (inputs.tensor(0)?, inputs.tensor(1)?);
    let (shape, new) = (cache.shape(), updates.shape());
    let fits = |at: usize| at == axis || new[at] == shape[at];
    if axis == 0 || new.len() != shape.len() || !(0..shape.len()).all(fits) {
        return Err(Error::invalid(format!(
            "updates of shape {new:?} do not lie along axis {axis} of shape {shape:?}"
        )));
    }
    let batch = shape[0];
    let first = match inputs.optional(2)? {
        Some(indices) => ints(indices)?,
        None => vec![0; batch],
    };
    let (size, step) = (shape[axis], shape.iter().skip(axis + 1).product::<usize>());
    let per_batch = updates.len().checked_div(batch).unwrap_or(0);
    let view = View::of(shape).held(axis, new[axis]);
    let place = |(at, base): (usize, usize)| {
        let inside = (at / step) % new[axis];
        let first = first.get(at / per_batch).copied().unwrap_or(0);
        let index = usize::try_from(first)
            .unwrap_or(usize::MAX)
            .saturating_add(inside);
        let index = if circular { index % size } else { index };
        if index < size {
            return Ok(base + index * step);
        }
        Err(Error::invalid(format!(
            "index {index} is outside of {size} entries"
        )))
    };
    view.offsets().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Attr, first, longs, singles, strings};

    #[test]
    fn strings_are_replaced() {
        let inputs = [
            strings(&["a", "b", "c"]),
            longs(&[1], &[-1]),
            strings(&["z"]),
        ];
        let made = first("ScatterElements", 18, &[], &inputs).unwrap();
        assert_eq!(made, strings(&["a", "b", "z"]));
    }

    #[test]
    fn an_element_hit_twice_is_reduced_twice() {
        let add = [("reduction", Attr::Text("add"))];
        let inputs = [
            longs(&[2], &[1, 1]),
            longs(&[2], &[0, 0]),
            longs(&[2], &[1 << 40, 2]),
        ];
        let made = first("ScatterElements", 18, &add, &inputs).unwrap();
        assert_eq!(made, longs(&[2], &[(1 << 40) + 3, 1]));
        let max = [("reduction", Attr::Text("max"))];
        let made = first("ScatterElements", 18, &max, &inputs).unwrap();
        assert_eq!(made, longs(&[2], &[1 << 40, 1]));
        let wrong = [("reduction", Attr::Text("mean"))];
        assert!(first("ScatterElements", 18, &wrong, &inputs).is_err());
    }

    #[test]
    fn slices_are_put_whole() {
        let x = singles(&[3, 2], &[0.0; 6]);
        let inputs = [x, longs(&[1, 1], &[1]), singles(&[1, 2], &[5.0, 6.0])];
        let made = first("ScatterND", 18, &[], &inputs).unwrap();
        assert_eq!(made, singles(&[3, 2], &[0.0, 0.0, 5.0, 6.0, 0.0, 0.0]));
        let short = [inputs[0].clone(), inputs[1].clone(), singles(&[1], &[5.0])];
        assert!(first("ScatterND", 18, &[], &short).is_err());
    }

    #[test]
    fn a_circular_cache_begins_again() {
        let cache = singles(&[1, 3, 1], &[1.0, 2.0, 3.0]);
        let inputs = [cache, singles(&[1, 2, 1], &[8.0, 9.0]), longs(&[1], &[2])];
        let circular = [("mode", Attr::Text("circular"))];
        let made = first("TensorScatter", 24, &circular, &inputs).unwrap();
        assert_eq!(made, singles(&[1, 3, 1], &[9.0, 2.0, 8.0]));
        assert!(first("TensorScatter", 24, &[], &inputs).is_err());
    }
}
