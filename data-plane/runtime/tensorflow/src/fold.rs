//! Arithmetic on what is known when the model is loaded: integers of shapes, constant weights.

use hari_core::Tensor;

use crate::shape::{Dim, Symbols};

/// The most elements that a folded constant may have.
const MAX_ELEMENTS: usize = 1 << 20;

/// The integer result of an ONNX operator on two numbers; none if there is none.
pub(crate) fn integer(op: &str, a: i64, b: i64) -> Option<i64> {
    match op {
        "Add" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        "Div" => a.checked_div(b),
        "Mod" => {
            let rest = a.checked_rem(b)?;
            Some(if rest != 0 && (rest < 0) != (b < 0) {
                rest + b
            } else {
                rest
            })
        }
        "Max" => Some(a.max(b)),
        "Min" => Some(a.min(b)),
        "Less" => Some((a < b).into()),
        "LessOrEqual" => Some((a <= b).into()),
        "Greater" => Some((a > b).into()),
        "GreaterOrEqual" => Some((a >= b).into()),
        "Equal" => Some((a == b).into()),
        _ => None,
    }
}

/// The result of an operator on two vectors of numbers, one of which may be a single number.
pub(crate) fn integers(op: &str, a: &[Dim], b: &[Dim], symbols: &mut Symbols) -> Option<Vec<Dim>> {
    let count = match (a.len(), b.len()) {
        (a, b) if a == b => a,
        (1, count) | (count, 1) => count,
        _ => return None,
    };
    // The result of an operator that is not folded is not known at all.
    integer(op, 1, 1)?;
    let at =
        |dims: &[Dim], index: usize| dims.get(if dims.len() == 1 { 0 } else { index }).copied();
    (0..count)
        .map(|index| Some(number(op, at(a, index)?, at(b, index)?, symbols)))
        .collect()
}

fn number(op: &str, a: Dim, b: Dim, symbols: &mut Symbols) -> Dim {
    match (op, a, b) {
        ("Mul", Dim::Known(1), other) | ("Mul" | "Div", other, Dim::Known(1)) => other,
        ("Add", Dim::Known(0), other) | ("Add" | "Sub", other, Dim::Known(0)) => other,
        ("Max" | "Min", a, b) if a == b => a,
        // A size is never below zero, and never less than -1 in a target shape.
        ("Max", Dim::Known(low), size @ Dim::Symbol(_))
        | ("Max", size @ Dim::Symbol(_), Dim::Known(low))
            if low <= 0 =>
        {
            size
        }
        _ => symbols.apply(a, b, |a, b| integer(op, a, b)),
    }
}

/// The result of an operator on two float constants, broadcast.
pub(crate) fn floats(op: &str, a: &Tensor, b: &Tensor) -> Option<Tensor> {
    let f: fn(f32, f32) -> f32 = match op {
        "Add" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        "Div" => |a, b| a / b,
        "Max" => f32::max,
        "Min" => f32::min,
        _ => return None,
    };
    let shape = broadcast(a.shape(), b.shape())?;
    let count = shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))?;
    if count > MAX_ELEMENTS {
        return None;
    }
    let (left, right) = (a.values::<f32>().ok()?, b.values::<f32>().ok()?);
    let (from_left, from_right) = (indices(a.shape(), &shape), indices(b.shape(), &shape));
    let pairs = from_left.iter().zip(&from_right);
    let values: Option<Vec<f32>> = pairs
        .map(|(&i, &j)| Some(f(*left.get(i)?, *right.get(j)?)))
        .collect();
    Tensor::from_vec(shape, values?).ok()
}

/// The result of an operator on one float constant.
pub(crate) fn float(op: &str, x: &Tensor) -> Option<Tensor> {
    let f: fn(f32) -> f32 = match op {
        "Sqrt" => f32::sqrt,
        "Reciprocal" => |x| 1.0 / x,
        "Neg" => |x| -x,
        "Abs" => f32::abs,
        _ => return None,
    };
    if x.len() > MAX_ELEMENTS {
        return None;
    }
    let values = x
        .values::<f32>()
        .ok()?
        .iter()
        .map(|&value| f(value))
        .collect();
    Tensor::from_vec(x.shape(), values).ok()
}

fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], axis: usize| {
        (axis + shape.len())
            .checked_sub(rank)
            .and_then(|axis| shape.get(axis))
            .copied()
            .unwrap_or(1)
    };
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (size, 1) | (1, size) => Some(size),
            (a, b) => (a == b).then_some(a),
        })
        .collect()
}

/// For each element of `to`, the index of the element of `from` that is broadcast there.
fn indices(from: &[usize], to: &[usize]) -> Vec<usize> {
    let mut indices = vec![0];
    let missing = to.len() - from.len();
    for (axis, &size) in to.iter().enumerate() {
        let own = axis
            .checked_sub(missing)
            .and_then(|axis| from.get(axis))
            .copied()
            .unwrap_or(1);
        let step = usize::from(own > 1);
        indices = indices
            .iter()
            .flat_map(|&index| (0..size).map(move |at| index * own + at * step))
            .collect();
    }
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_survives_what_does_not_change_it() {
        let mut symbols = Symbols::default();
        let batch = symbols.fresh();
        let one = [Dim::Known(1)];
        assert_eq!(
            integers("Mul", &[batch], &one, &mut symbols).unwrap(),
            [batch]
        );
        assert_eq!(
            integers("Add", &[Dim::Known(0)], &[batch], &mut symbols).unwrap(),
            [batch]
        );
        assert_ne!(
            integers("Add", &one, &[batch], &mut symbols).unwrap(),
            [batch]
        );
        assert_eq!(integers("Xor", &one, &one, &mut symbols), None);
        assert_eq!(
            integers("Add", &[batch, batch], &[batch; 3], &mut symbols),
            None
        );
    }

    #[test]
    fn integers_follow_the_floor_for_mod_and_the_truncation_for_div() {
        assert_eq!(integer("Mod", -7, 3), Some(2));
        assert_eq!(integer("Mod", 7, -3), Some(-2));
        assert_eq!(integer("Div", -7, 3), Some(-2));
        assert_eq!(integer("Div", 1, 0), None);
        assert_eq!(integer("Mul", i64::MAX, 2), None);
    }

    #[test]
    fn constants_are_broadcast() {
        let column = Tensor::from_vec([2, 1], vec![10.0_f32, 20.0]).unwrap();
        let row = Tensor::from_vec([3], vec![1.0_f32, 2.0, 3.0]).unwrap();
        let sum = floats("Add", &column, &row).unwrap();
        assert_eq!(sum.shape(), [2, 3]);
        assert_eq!(
            *sum.values::<f32>().unwrap(),
            [11.0, 12.0, 13.0, 21.0, 22.0, 23.0]
        );
        let wrong = Tensor::from_vec([2], vec![1.0_f32, 2.0]).unwrap();
        assert!(floats("Add", &wrong, &row).is_none());
        let root = float("Sqrt", &Tensor::from_vec([1], vec![9.0_f32]).unwrap()).unwrap();
        assert_eq!(*root.values::<f32>().unwrap(), [3.0]);
    }
}
