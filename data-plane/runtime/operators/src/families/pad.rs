//! `Pad`: elements added at both ends of axes, or taken away.

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::Inputs;
use crate::array::{Given, ints};
use crate::cell::taken;
use crate::compile::{Entry, Node};
use crate::convert::of_doubles;
use crate::rule::{Built, Rule, moved};
use crate::size;

pub(crate) const TABLE: &[Entry] = &[Entry::onnx("Pad", 1, pad)];

/// What is put at the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Constant,
    /// The elements inside, mirrored at the outermost one, which is not repeated.
    Reflect,
    /// The outermost element.
    Edge,
    /// The elements from the other end.
    Wrap,
}

impl Mode {
    fn of(name: &str) -> Result<Self> {
        match name {
            "constant" => Ok(Self::Constant),
            "reflect" => Ok(Self::Reflect),
            "edge" => Ok(Self::Edge),
            "wrap" => Ok(Self::Wrap),
            other => Err(Error::model(format!(
                "attribute `mode`: expected constant, reflect, edge or wrap, found `{other}`"
            ))),
        }
    }

    /// The index inside `size` elements that stands at `at`, which may lie outside.
    fn place(self, at: i64, size: i64) -> Option<usize> {
        let inside = match self {
            Self::Constant => Some(at).filter(|at| (0..size).contains(at)),
            _ if size == 0 => None,
            Self::Edge => Some(at.clamp(0, size - 1)),
            Self::Wrap => Some(at.rem_euclid(size)),
            Self::Reflect if size == 1 => Some(0),
            Self::Reflect => {
                let at = at.rem_euclid(2 * (size - 1));
                Some(at.min(2 * (size - 1) - at))
            }
        };
        inside.map(|at| at as usize)
    }
}

fn pad(node: &mut Node<'_>) -> Built {
    let name = if node.version < 2 { "paddings" } else { "pads" };
    let pads = Given::of(node.attributes, name, 1)?;
    let value = f64::from(node.attributes.float_or("value", 0.0)?);
    let mode = Mode::of(node.attributes.text("mode")?.unwrap_or("constant"))?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let fill = match inputs.optional(2)? {
            Some(fill) => Some(fill.clone()),
            None if value == 0.0 => None,
            None => Some(of_doubles(&[], tensor.dtype(), vec![value])?),
        };
        let rank = tensor.shape().len();
        let axes = axes(inputs, rank)?;
        let pads = pads.need(inputs)?;
        if pads.len() != 2 * axes.len() {
            return Err(Error::invalid(format!(
                "expected {} pads, found {}",
                2 * axes.len(),
                pads.len()
            )));
        }
        let (before, after) = pads.split_at(axes.len());
        let mut made = tensor.clone();
        for ((&axis, &before), &after) in axes.iter().zip(before).zip(after) {
            made = padded(&made, mode, (axis, before, after), fill.as_ref())?;
        }
        Ok(made)
    })
}

fn axes(inputs: Inputs<'_>, rank: usize) -> Result<Vec<usize>> {
    match inputs.optional(3)? {
        Some(axes) => size::axes(&ints(axes)?, rank),
        None => Ok((0..rank).collect()),
    }
}

fn padded(
    tensor: &Tensor,
    mode: Mode,
    (axis, before, after): (usize, i64, i64),
    fill: Option<&Tensor>,
) -> Result<Tensor> {
    if (before, after) == (0, 0) {
        return Ok(tensor.clone());
    }
    let mut shape = tensor.shape().to_vec();
    let size = shape[axis] as i64;
    let sum = before
        .checked_add(after)
        .and_then(|sum| sum.checked_add(size));
    let length = sum
        .and_then(|sum| usize::try_from(sum).ok())
        .ok_or_else(|| {
            Error::invalid(format!(
                "pads {before} and {after} do not fit {size} elements of axis {axis}"
            ))
        })?;
    shape[axis] = length;
    size::count(&shape, tensor.dtype())?;
    let places = (0..length as i64).map(|at| mode.place(at - before, size));
    let places: Vec<_> = places.collect();
    if mode != Mode::Constant && size == 0 && length > 0 {
        return Err(Error::invalid(format!("axis {axis} has nothing to repeat")));
    }
    taken(tensor, axis, &places, fill)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Attr, first, longs, run, singles, strings};

    fn padded_by(mode: &'static str, pads: [i64; 2]) -> Vec<i64> {
        let inputs = [longs(&[3], &[1, 2, 3]), longs(&[2], &pads)];
        let made = first("Pad", 19, &[("mode", Attr::Text(mode))], &inputs);
        made.unwrap().to_vec().unwrap()
    }

    #[test]
    fn the_ends_are_filled_by_the_mode() {
        assert_eq!(padded_by("constant", [1, 2]), [0, 1, 2, 3, 0, 0]);
        assert_eq!(padded_by("reflect", [2, 3]), [3, 2, 1, 2, 3, 2, 1, 2]);
        assert_eq!(padded_by("edge", [2, 1]), [1, 1, 1, 2, 3, 3]);
        assert_eq!(padded_by("wrap", [1, 2]), [3, 1, 2, 3, 1, 2]);
        assert_eq!(padded_by("constant", [-1, 1]), [2, 3, 0]);
    }

    #[test]
    fn the_value_is_an_attribute_or_an_input() {
        let old = [
            ("pads", Attr::Ints(vec![0, 1])),
            ("value", Attr::Float(9.0)),
        ];
        let made = first("Pad", 2, &old, &[singles(&[1], &[1.0])]).unwrap();
        assert_eq!(made, singles(&[2], &[1.0, 9.0]));
        let inputs = [strings(&["a"]), longs(&[2], &[0, 1]), strings(&["z"])];
        assert_eq!(
            first("Pad", 19, &[], &inputs).unwrap(),
            strings(&["a", "z"])
        );
    }

    #[test]
    fn some_axes_alone() {
        let x = longs(&[1, 1], &[5]);
        let inputs = [
            x,
            longs(&[2], &[1, 0]),
            longs(&[], &[7]),
            longs(&[1], &[-1]),
        ];
        assert_eq!(
            first("Pad", 19, &[], &inputs).unwrap(),
            longs(&[1, 2], &[7, 5])
        );
    }

    #[test]
    fn impossible_pads_are_refused() {
        let x = longs(&[1], &[5]);
        for pads in [[-1, -1], [i64::MAX, i64::MAX], [1 << 40, 0]] {
            assert!(run("Pad", 19, &[], &[x.clone(), longs(&[2], &pads)]).is_err());
        }
        assert!(run("Pad", 19, &[], &[x, longs(&[1], &[1])]).is_err());
    }
}
