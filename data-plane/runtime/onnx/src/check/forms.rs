//! Element types that an operator of the engine takes: others fail when it runs, so they are kept
//! from it. Read off the engine's source, version 0.27.

use hari_core::DataType;
use hari_operators::Type;

/// What the first input of an operator may hold in the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Whatever the engine holds.
    All,
    /// FP32 and 32-bit integers.
    Numbers,
    /// 32-bit integers, which booleans are there.
    Integers,
    /// FP32.
    Floats,
    /// Nothing: it looks at bits, which the engine has others of.
    Nothing,
}

fn takes(operator: &str) -> Takes {
    match operator {
        "BitCast" => Takes::Nothing,
        "Cast" | "CastLike" | "Identity" | "Reshape" | "Transpose" | "Squeeze" | "Unsqueeze"
        | "Flatten" | "Expand" | "Slice" | "Gather" | "GatherElements" | "GatherND" | "Split"
        | "Shape" | "Size" | "Trilu" | "Pad" | "Scatter" | "ScatterElements" | "ScatterND"
        | "EyeLike" | "If" | "Loop" | "DequantizeLinear" | "MatMulInteger" | "ConvInteger" => {
            Takes::All
        }
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Pow" | "Equal" | "Greater" | "GreaterOrEqual"
        | "Less" | "LessOrEqual" | "Where" | "Neg" | "Abs" | "Clip" | "Min" | "Max" | "Sum"
        | "Concat" | "Tile" | "ArgMax" | "ArgMin" | "CumSum" | "NonZero" | "ReduceL1"
        | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceSum" | "ReduceSumSquare" | "TopK"
        | "Range" | "Sign" => Takes::Numbers,
        "OneHot" | "Not" | "And" | "Or" | "Xor" | "ConstantOfShape" => Takes::Integers,
        _ => Takes::Floats,
    }
}

/// Why the engine would fail on inputs of these types, if it would.
pub(crate) fn problem(operator: &str, inputs: &[Option<&Type>]) -> Option<String> {
    let dtype = |at: usize| match inputs.get(at).copied().flatten() {
        Some(Type::Tensor(dtype)) => Some(*dtype),
        _ => None,
    };
    let data = dtype(usize::from(operator == "Where"))?;
    if !taken(operator, data) {
        return Some(format!(
            "is given {data}, which the engine's {operator} does not take"
        ));
    }
    if operator == "OneHot" && dtype(1).is_some_and(DataType::is_float) {
        return Some(
            "is given a depth that is no integer, which the engine does not take".to_owned(),
        );
    }
    let exponent = dtype(1).filter(|_| operator == "Pow")?;
    let mixed = exponent.is_float() != data.is_float();
    mixed.then(|| format!("raises {data} to {exponent}, which the engine does not"))
}

fn taken(operator: &str, dtype: DataType) -> bool {
    use DataType::{Bool, Fp16, Fp32, Fp64, Int32, Int64};
    match takes(operator) {
        // Over nothing at all, the engine's are those of integers.
        _ if dtype == Bool && matches!(operator, "ReduceMax" | "ReduceMin") => false,
        Takes::All => true,
        Takes::Nothing => false,
        Takes::Numbers => matches!(dtype, Fp32 | Fp16 | Fp64 | Int32 | Int64 | Bool),
        Takes::Integers => matches!(dtype, Int32 | Int64 | Bool),
        Takes::Floats => matches!(dtype, Fp32 | Fp16 | Fp64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_integers_are_moved_and_not_computed_with() {
        let small = Type::Tensor(DataType::Uint8);
        assert_eq!(problem("Gather", &[Some(&small)]), None);
        let why = problem("Add", &[Some(&small)]).unwrap();
        assert_eq!(why, "is given UINT8, which the engine's Add does not take");
        assert_eq!(problem("Add", &[None]), None);
    }

    #[test]
    fn an_activation_is_for_floats() {
        let refused = |operator: &str, dtypes: &[DataType]| {
            let kinds: Vec<Type> = dtypes.iter().map(|&dtype| Type::Tensor(dtype)).collect();
            problem(operator, &kinds.iter().map(Some).collect::<Vec<_>>()).is_some()
        };
        assert!(refused("Relu", &[DataType::Int64]) && !refused("Relu", &[DataType::Fp16]));
        assert!(!refused("Not", &[DataType::Bool]) && refused("BitCast", &[DataType::Bool]));
        assert!(refused("Pow", &[DataType::Fp32, DataType::Int64]));
        assert!(!refused("Pow", &[DataType::Fp32, DataType::Fp32]));
        assert!(
            refused("ReduceMax", &[DataType::Bool]) && !refused("ReduceMax", &[DataType::Int32])
        );
        assert!(refused("Where", &[DataType::Bool, DataType::Int8]));
    }
}
