//! Shapes with sizes that are not known until a request comes.

use hari_error::Result;
use hari_proto::tensorflow::TensorShapeProto;

use crate::refusal::Refusal;

/// The largest size that is followed. No tensor has more, and sums and products of sizes up to this
/// do not overflow.
pub(crate) const MAX_SIZE: i64 = 1 << 40;

/// A size, or an integer of a shape computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dim {
    Known(i64),
    /// Not known; the same number is the same size.
    Symbol(u32),
}

impl Dim {
    /// The number, if it is known.
    pub(crate) fn known(self) -> Option<i64> {
        match self {
            Self::Known(number) => Some(number),
            Self::Symbol(_) => None,
        }
    }

    /// Whether it is a symbol that was made after [`Symbols::mark`] gave this number.
    pub(crate) fn is_after(self, mark: u32) -> bool {
        matches!(self, Self::Symbol(symbol) if symbol > mark)
    }
}

/// All numbers, if all are known.
pub(crate) fn all_known(dims: &[Dim]) -> Option<Vec<i64>> {
    dims.iter().map(|dim| dim.known()).collect()
}

/// Known sizes.
pub(crate) fn known(sizes: &[i64]) -> Vec<Dim> {
    sizes.iter().copied().map(Dim::Known).collect()
}

/// Makes symbols that were not there before.
#[derive(Debug, Default)]
pub(crate) struct Symbols(u32);

impl Symbols {
    pub(crate) fn fresh(&mut self) -> Dim {
        self.0 += 1;
        Dim::Symbol(self.0)
    }

    /// A number by which symbols that were made so far are told from those that are made later.
    pub(crate) fn mark(&self) -> u32 {
        self.0
    }

    /// The shape of a TensorFlow message, a fresh symbol for each -1; none for an unknown rank.
    pub(crate) fn shape(&mut self, shape: &TensorShapeProto) -> Option<Vec<Dim>> {
        if shape.unknown_rank {
            return None;
        }
        let dim = |dim: &hari_proto::tensorflow::tensor_shape_proto::Dim| match dim.size {
            size @ 0..=MAX_SIZE => Dim::Known(size),
            _ => self.fresh(),
        };
        Some(shape.dim.iter().map(dim).collect())
    }

    /// The shape that two shapes broadcast to.
    ///
    /// # Errors
    /// If they do not.
    pub(crate) fn broadcast(&mut self, a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, Refusal> {
        let rank = a.len().max(b.len());
        let padded = |dims: &[Dim], index: usize| {
            let missing = rank - dims.len();
            index
                .checked_sub(missing)
                .and_then(|at| dims.get(at))
                .copied()
                .unwrap_or(Dim::Known(1))
        };
        (0..rank)
            .map(|index| match (padded(a, index), padded(b, index)) {
                (one, Dim::Known(1)) | (Dim::Known(1), one) => Ok(one),
                (one, other) if one == other => Ok(one),
                (Dim::Symbol(_), size @ Dim::Known(_)) | (size @ Dim::Known(_), Dim::Symbol(_)) => {
                    Ok(size)
                }
                (Dim::Symbol(_), Dim::Symbol(_)) => Ok(self.fresh()),
                _ => Err(Refusal::new(format!(
                    "shapes {a:?} and {b:?} do not go together"
                ))),
            })
            .collect()
    }

    /// `f` of two numbers; a fresh symbol if either is not known.
    pub(crate) fn apply(&mut self, a: Dim, b: Dim, f: impl Fn(i64, i64) -> Option<i64>) -> Dim {
        let result = a.known().zip(b.known()).and_then(|(a, b)| f(a, b));
        let result = result.filter(|result| result.unsigned_abs() <= MAX_SIZE.unsigned_abs());
        result.map_or_else(|| self.fresh(), Dim::Known)
    }

    /// The product of all sizes. One unknown size stays itself if the others are 1.
    pub(crate) fn product(&mut self, dims: &[Dim]) -> Dim {
        let mut product = Dim::Known(1);
        for &dim in dims {
            product = match (product, dim) {
                (Dim::Known(1), other) | (other, Dim::Known(1)) => other,
                (a, b) => self.apply(a, b, i64::checked_mul),
            };
        }
        product
    }
}

/// The axis counted from the front.
///
/// # Errors
/// If there is no such axis.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, Refusal> {
    let signed = rank as i64;
    let counted = if axis < 0 {
        axis.checked_add(signed)
    } else {
        Some(axis)
    };
    counted
        .filter(|axis| (0..signed).contains(axis))
        .and_then(|axis| usize::try_from(axis).ok())
        .ok_or_else(|| Refusal::new(format!("axis {axis} of a tensor of rank {rank}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_broadcast_as_in_numpy() {
        let mut symbols = Symbols::default();
        let batch = symbols.fresh();
        let rows = [batch, Dim::Known(3)];
        assert_eq!(symbols.broadcast(&rows, &known(&[3])).unwrap(), rows);
        assert_eq!(
            symbols.broadcast(&rows, &known(&[5, 1])).unwrap(),
            known(&[5, 3])
        );
        assert_eq!(symbols.broadcast(&rows, &rows).unwrap(), rows);
        assert!(symbols.broadcast(&rows, &known(&[4])).is_err());
        let other = symbols.fresh();
        let both = symbols.broadcast(&[batch], &[other]).unwrap();
        assert!(both != [batch] && both != [other]);
    }

    #[test]
    fn products_keep_a_single_unknown() {
        let mut symbols = Symbols::default();
        let batch = symbols.fresh();
        assert_eq!(symbols.product(&[Dim::Known(1), batch]), batch);
        assert_eq!(symbols.product(&known(&[2, 3])), Dim::Known(6));
        assert_eq!(symbols.product(&known(&[MAX_SIZE, 3])).known(), None);
    }

    #[test]
    fn axes_count_from_both_ends() {
        assert_eq!(axis(-1, 4).unwrap(), 3);
        assert_eq!(axis(0, 1).unwrap(), 0);
        assert!(axis(1, 1).is_err() && axis(-2, 1).is_err() && axis(i64::MIN, 3).is_err());
    }
}
