//! How large INT64 values can get: the engine computes them in 32 bits. INT32 values are followed
//! too, because INT64 ones are made of them.
//!
//! A value that surely fits 32 bits may be computed there; any other is computed by our own
//! operators. Sizes of tensors, positions in them and products of sizes are taken to fit: a tensor
//! of 2³¹ elements is beyond every limit of the server.

use hari_core::DataType;
use hari_operators::Type;
use hari_proto::onnx::{NodeProto, TensorProto};

use crate::scope::Known;
use crate::{element, tensors};

/// How large the elements of an INT64 or INT32 value can get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Between these two, both included.
    Within(i64, i64),
    /// Sizes, positions, and what is made of them.
    Size,
    /// Anything.
    Any,
}

/// What becomes of an INT64 input beyond 32 bits, where the operator allows for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wide {
    /// It is out of range for the operator too, so refusing it is right.
    Refused,
    /// It is out of range, and so is the largest 32-bit value.
    Index,
    /// It means "no bound", and the largest 32-bit value means the same, or it means nothing.
    Saturated,
}

impl Extent {
    /// What 32 bits hold.
    pub(crate) const NARROW: Self = Self::Within(i32::MIN as i64, i32::MAX as i64);

    /// Whether 32 bits hold it.
    pub(crate) fn fits(self) -> bool {
        match self {
            Self::Within(low, high) => i32::try_from(low).is_ok() && i32::try_from(high).is_ok(),
            Self::Size => true,
            Self::Any => false,
        }
    }

    /// Of a constant's elements, INT64 or INT32; of any other nothing is said.
    pub(crate) fn of_constant(tensor: &TensorProto) -> Self {
        match element::data_type(tensor.data_type()) {
            Some(DataType::Int64) => Self::of(tensors::int64s(tensor).iter().copied()),
            Some(DataType::Int32) => match &tensor.raw_data {
                Some(raw) => {
                    let values = raw.as_chunks().0.iter();
                    Self::of(values.map(|&le| i32::from_le_bytes(le).into()))
                }
                None => Self::of(tensor.int32_data.iter().map(|&value| value.into())),
            },
            _ => Self::Any,
        }
    }

    fn of(values: impl Iterator<Item = i64>) -> Self {
        let ends = values.fold(None, |ends, value| match ends {
            None => Some((value, value)),
            Some((low, high)) => Some((value.min(low), value.max(high))),
        });
        let (low, high) = ends.unwrap_or_default();
        Self::Within(low, high)
    }

    /// Of the outputs of `node`, integers each, computed from these inputs.
    pub(crate) fn of_node(node: &NodeProto, inputs: &[Option<&Known<'_>>]) -> Self {
        let at = |at: usize| extent(inputs.get(at).copied().flatten());
        let over = |all: &[usize]| {
            all.iter()
                .map(|&one| at(one))
                .fold(None, join)
                .unwrap_or(Self::Any)
        };
        if !matches!(node.domain(), "" | "ai.onnx") {
            return Self::Any;
        }
        match node.op_type() {
            "Shape" | "Size" | "NonZero" | "ArgMax" | "ArgMin" | "SequenceLength" => Self::Size,
            "TopK" | "MaxPool" | "Unique" | "NonMaxSuppression" => Self::Size,
            "Identity" | "Reshape" | "Squeeze" | "Unsqueeze" | "Transpose" | "Flatten"
            | "Slice" | "Gather" | "GatherND" | "GatherElements" | "Expand" | "Tile" | "Split"
            | "ReduceMax" | "ReduceMin" | "Cast" | "CastLike" => at(0),
            "Concat" | "Min" | "Max" => over(&(0..inputs.len()).collect::<Vec<_>>()),
            "Where" => over(&[1, 2]),
            "ScatterND" | "ScatterElements" | "Scatter" if text(node, "reduction").is_none() => {
                over(&[0, 2])
            }
            "Range" => over(&[0, 1]),
            "Pad" | "Trilu" | "Compress" => zero(at(0)),
            "ConstantOfShape" => filled(node),
            "CumSum" | "ReduceSum" | "ReduceProd" => total(at(0)),
            "Add" => arithmetic(at(0), at(1), i64::checked_add),
            "Sub" => arithmetic(at(0), at(1), i64::checked_sub),
            "Mul" => arithmetic(at(0), at(1), i64::checked_mul),
            "Div" => magnitude(at(0)),
            "Mod" => magnitude(at(1)),
            "Neg" | "Abs" => magnitude(at(0)),
            _ => Self::Any,
        }
    }
}

/// Whether `operator` takes an INT64 beyond 32 bits as input `at`, and what becomes of it.
pub(crate) fn wide(operator: &str, at: usize) -> Option<Wide> {
    match (operator, at) {
        ("Slice", 1 | 2) | ("Loop" | "Shape" | "Size", 0) => Some(Wide::Saturated),
        ("Gather" | "GatherND" | "GatherElements" | "ScatterND" | "ScatterElements", 1) => {
            Some(Wide::Index)
        }
        ("Reshape" | "Expand" | "Tile" | "Squeeze" | "Unsqueeze" | "TopK" | "Pad" | "Split", 1)
        | ("Slice", 3 | 4)
        | ("ConstantOfShape", 0)
        | ("ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "CumSum", 1) => {
            Some(Wide::Refused)
        }
        _ => None,
    }
}

/// Of a value of any type, where it becomes INT64.
fn extent(value: Option<&Known<'_>>) -> Extent {
    match value.map(|value| (value.kind.as_ref(), value.extent)) {
        Some((Some(Type::Tensor(dtype)), extent)) => match dtype {
            DataType::Int64 => extent,
            DataType::Bool => Extent::Within(0, 1),
            DataType::Int8 => Extent::Within(i8::MIN.into(), i8::MAX.into()),
            DataType::Uint8 => Extent::Within(0, u8::MAX.into()),
            DataType::Int16 => Extent::Within(i16::MIN.into(), i16::MAX.into()),
            DataType::Uint16 => Extent::Within(0, u16::MAX.into()),
            // What does not fit has wrapped around.
            DataType::Int32 if extent.fits() => extent,
            DataType::Int32 => Extent::NARROW,
            _ => Extent::Any,
        },
        _ => Extent::Any,
    }
}

/// What holds the values of both.
fn join(left: Option<Extent>, right: Extent) -> Option<Extent> {
    Some(match (left, right) {
        (None, right) => right,
        (Some(Extent::Within(low, high)), Extent::Within(other_low, other_high)) => {
            Extent::Within(low.min(other_low), high.max(other_high))
        }
        (Some(left), right) if left.fits() && right.fits() => Extent::Size,
        _ => Extent::Any,
    })
}

fn zero(extent: Extent) -> Extent {
    join(Some(Extent::Within(0, 0)), extent).unwrap_or(Extent::Any)
}

/// Sums and products over a number of elements that is not known.
fn total(extent: Extent) -> Extent {
    match extent {
        Extent::Size | Extent::Within(0, 0 | 1) => Extent::Size,
        _ => Extent::Any,
    }
}

fn arithmetic(left: Extent, right: Extent, of: fn(i64, i64) -> Option<i64>) -> Extent {
    use Extent::{Any, Size, Within};
    match (left, right) {
        (Within(a, b), Within(c, d)) => {
            let corners = [of(a, c), of(a, d), of(b, c), of(b, d)];
            let corners: Option<Vec<i64>> = corners.into_iter().collect();
            match corners.and_then(|all| Some((*all.iter().min()?, *all.iter().max()?))) {
                Some((low, high)) => Within(low, high),
                None => Any,
            }
        }
        (Size, Size) => Size,
        (Size, Within(low, high)) | (Within(low, high), Size) if small(low) && small(high) => Size,
        _ => Any,
    }
}

/// What a size is still a size after being added to or multiplied by.
fn small(value: i64) -> bool {
    i16::try_from(value).is_ok()
}

/// Both signs of the largest absolute value.
fn magnitude(extent: Extent) -> Extent {
    match extent {
        Extent::Within(low, high) => {
            let most = low.unsigned_abs().max(high.unsigned_abs());
            i64::try_from(most).map_or(Extent::Any, |most| Extent::Within(-most, most))
        }
        other => other,
    }
}

fn filled(node: &NodeProto) -> Extent {
    let mut attributes = node.attribute.iter();
    match attributes.find_map(|attribute| attribute.t.as_ref()) {
        Some(value) => Extent::of_constant(value),
        None => Extent::Within(0, 0),
    }
}

fn text<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [u8]> {
    let mut attributes = node.attribute.iter();
    let found = attributes.find(|attribute| attribute.name() == name)?;
    Some(found.s()).filter(|text| *text != b"none")
}

#[cfg(test)]
mod tests {
    use super::Extent::{Any, Size, Within};
    use super::*;
    use crate::fixture::{int64s, node};

    fn of(operator: &str, inputs: &[Extent]) -> Extent {
        let known: Vec<Known<'_>> = inputs
            .iter()
            .map(|&extent| Known {
                kind: Some(Type::Tensor(DataType::Int64)),
                extent,
                constant: None,
            })
            .collect();
        let inputs: Vec<_> = known.iter().map(Some).collect();
        Extent::of_node(&node(operator, &[], &[]), &inputs)
    }

    #[test]
    fn arithmetic_widens_until_it_no_longer_fits() {
        assert_eq!(of("Add", &[Within(0, 5), Within(-3, 4)]), Within(-3, 9));
        assert_eq!(of("Mul", &[Within(-2, 5), Within(-3, 4)]), Within(-15, 20));
        assert!(!of("Add", &[Extent::NARROW, Within(0, 1)]).fits());
        assert!(!of("Mul", &[Extent::NARROW, Extent::NARROW]).fits());
        assert_eq!(of("Mul", &[Within(i64::MIN, 0), Within(-1, 0)]), Any);
        assert!(!of("Neg", &[Extent::NARROW]).fits());
        assert_eq!(of("Mod", &[Any, Within(10, 10)]), Within(-10, 10));
        assert_eq!(of("Pow", &[Within(0, 2), Within(0, 2)]), Any);
    }

    #[test]
    fn what_is_made_of_sizes_is_a_size() {
        assert_eq!(of("Shape", &[Any]), Size);
        assert_eq!(of("Mul", &[Size, Size]), Size);
        assert_eq!(of("Add", &[Size, Within(-1, 1)]), Size);
        assert_eq!(of("Mul", &[Size, Within(0, 1 << 20)]), Any);
        assert_eq!(of("Concat", &[Size, Within(-1, -1), Size]), Size);
        assert_eq!(of("Concat", &[Size, Any]), Any);
        assert_eq!(of("CumSum", &[Within(0, 1)]), Size);
        assert_eq!(of("CumSum", &[Within(0, 2)]), Any);
    }

    #[test]
    fn movement_keeps_the_extent_and_an_unknown_operator_none() {
        assert_eq!(of("Reshape", &[Within(2, 3), Size]), Within(2, 3));
        assert_eq!(
            of("Where", &[Any, Within(2, 3), Within(7, 8)]),
            Within(2, 8)
        );
        assert_eq!(of("Pad", &[Within(2, 3)]), Within(0, 3));
        assert_eq!(of("Frobnicate", &[Within(0, 0)]), Any);
    }

    #[test]
    fn places_counted_in_32_bits_are_sizes() {
        let narrow = |extent| Known {
            kind: Some(Type::Tensor(DataType::Int32)),
            extent,
            constant: None,
        };
        let cast = |extent| Extent::of_node(&node("Cast", &[], &[]), &[Some(&narrow(extent))]);
        assert_eq!((cast(Size), cast(Any)), (Size, Extent::NARROW));
    }

    #[test]
    fn a_constant_is_as_large_as_its_elements() {
        assert_eq!(Extent::of_constant(&int64s("w", &[7, -3])), Within(-3, 7));
        assert_eq!(Extent::of_constant(&int64s("w", &[])), Within(0, 0));
    }
}
