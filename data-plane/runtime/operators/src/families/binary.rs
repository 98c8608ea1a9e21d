//! Two numbers in, one out: arithmetic, comparison, logic and bits, with broadcasting.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::activation::swish;
use crate::Inputs;
use crate::array::{aligned, pair, zip};
use crate::cell::Cell;
use crate::compile::{Entry, Node};
use crate::convert::convert;
use crate::number::{FLOATS, INTEGERS, NUMBERS, Number, by_integer, by_number, by_real, unfit};
use crate::rule::{Built, Rule, computed, moved};

/// Both inputs as numbers of one type, through one function.
macro_rules! arithmetic {
    ($($name:literal $since:literal $f:expr;)*) => {
        &[$(Entry::onnx($name, $since, |node| {
                let sides = Sides::of(node)?;
                computed(NUMBERS, Rule::Like(0), move |inputs| {
                    let (shape, a, b) = sides.read(inputs)?;
                    by_number!(a.dtype(), T => {
                        Tensor::from_vec(shape, zip(&a.values::<T>()?, &b.values::<T>()?, $f))
                    })
                })
        })),*]
    };
}

/// Both inputs as numbers of one type; true or false.
macro_rules! comparisons {
    ($($name:literal $since:literal $f:expr;)*) => {
        &[$(Entry::onnx($name, $since, |node| {
                let sides = Sides::of(node)?;
                computed(NUMBERS, Rule::Is(DataType::Bool), move |inputs| {
                    let (shape, a, b) = sides.read(inputs)?;
                    by_number!(a.dtype(), T => {
                        let made: Vec<bool> = zip(&a.values::<T>()?, &b.values::<T>()?, $f);
                        Tensor::from_bools(shape, &made)
                    })
                })
        })),*]
    };
}

/// Both inputs as booleans (`&[Bool]`) or as integers.
macro_rules! bits {
    ($($name:literal $since:literal $takes:expr, $f:expr;)*) => {
        &[$(Entry::onnx($name, $since, |node| {
                let sides = Sides::of(node)?;
                computed($takes, Rule::Like(0), move |inputs| {
                    let (shape, a, b) = sides.read(inputs)?;
                    bitwise(shape, &a, &b, $f)
                })
        })),*]
    };
}

const BOOL: &[DataType] = &[DataType::Bool];

pub(crate) const ARITHMETIC: &[Entry] = arithmetic! {
    "Add" 1 T::plus;
    "Sub" 1 T::minus;
    "Mul" 1 T::times;
};

pub(crate) const COMPARISONS: &[Entry] = comparisons! {
    "Less" 1 |a: T, b: T| a < b;
    "LessOrEqual" 1 |a: T, b: T| a <= b;
    "Greater" 1 |a: T, b: T| a > b;
    "GreaterOrEqual" 1 |a: T, b: T| a >= b;
};

pub(crate) const BITS: &[Entry] = bits! {
    "And" 1 BOOL, |a: u64, b: u64| a & b;
    "Or" 1 BOOL, |a: u64, b: u64| a | b;
    "Xor" 1 BOOL, |a: u64, b: u64| a ^ b;
    "BitwiseAnd" 18 INTEGERS, |a: u64, b: u64| a & b;
    "BitwiseOr" 18 INTEGERS, |a: u64, b: u64| a | b;
    "BitwiseXor" 18 INTEGERS, |a: u64, b: u64| a ^ b;
};

pub(crate) const OTHERS: &[Entry] = &[
    Entry::onnx("Div", 1, div),
    Entry::onnx("Mod", 10, modulo),
    Entry::onnx("Pow", 1, pow),
    Entry::onnx("Equal", 1, equal),
    Entry::onnx("BitShift", 11, shift),
    Entry::onnx("PRelu", 1, prelu),
    Entry::onnx("SwiGLU", 28, swiglu),
];

/// How the second input is laid beside the first: from the back, or, before version 7, from an
/// axis that an attribute names.
#[derive(Clone, Copy)]
struct Sides {
    axis: Option<i64>,
}

impl Sides {
    fn of(node: &Node<'_>) -> Result<Self> {
        let old = node.version < 7 && node.attributes.flag("broadcast", false)?;
        let axis = if old {
            node.attributes.int("axis")?
        } else {
            None
        };
        Ok(Self { axis })
    }

    fn read(self, inputs: Inputs<'_>) -> Result<(Vec<usize>, Tensor, Tensor)> {
        let (a, b) = (inputs.tensor(0)?, inputs.tensor(1)?);
        pair(a, &self.laid(a, b)?)
    }

    fn laid(self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        let Some(axis) = self.axis else {
            return Ok(b.clone());
        };
        let axis = crate::size::axis(axis, a.shape().len())?;
        let mut shape = b.shape().to_vec();
        let missing = a.shape().len().saturating_sub(axis + shape.len());
        shape.extend(std::iter::repeat_n(1, missing));
        b.clone().reshape(shape)
    }
}

/// Cells whose bits are combined.
trait Bits: Cell + Copy {
    fn combine(self, other: Self, with: fn(u64, u64) -> u64) -> Self;
}

macro_rules! cells {
    ($($rust:ty),*) => {
        $(impl Bits for $rust {
            fn combine(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
                with(self.into(), other.into()) as Self
            }
        })*
    };
}

cells!(u8, u16, u32, u64);

fn div(node: &mut Node<'_>) -> Built {
    let sides = Sides::of(node)?;
    computed(NUMBERS, Rule::Like(0), move |inputs| {
        let (shape, a, b) = sides.read(inputs)?;
        nonzero(&b)?;
        by_number!(a.dtype(), T => {
            Tensor::from_vec(shape, zip(&a.values::<T>()?, &b.values::<T>()?, T::over))
        })
    })
}

/// With `fmod` the sign is the dividend's, else the divisor's.
fn modulo(node: &mut Node<'_>) -> Built {
    let sides = Sides::of(node)?;
    let fmod = node.attributes.flag("fmod", false)?;
    computed(NUMBERS, Rule::Like(0), move |inputs| {
        let (shape, a, b) = sides.read(inputs)?;
        nonzero(&b)?;
        by_number!(a.dtype(), T => {
            let one = if fmod { T::remainder } else { T::modulo };
            Tensor::from_vec(shape, zip(&a.values::<T>()?, &b.values::<T>()?, one))
        })
    })
}

/// Integers are not divided by zero.
fn nonzero(divisors: &Tensor) -> Result<()> {
    if divisors.dtype().is_float() {
        return Ok(());
    }
    by_integer!(divisors.dtype(), T => match divisors.values::<T>()?.contains(&0) {
        true => Err(Error::invalid("division of an integer by zero")),
        false => Ok(()),
    })
}

/// The type is the base's; the exponent has any. An integer to the power of an integer is exact,
/// and wraps around.
fn pow(node: &mut Node<'_>) -> Built {
    let sides = Sides::of(node)?;
    computed(NUMBERS, Rule::Like(0), move |inputs| {
        let (base, exponent) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let (shape, made) = aligned(&[base, &sides.laid(base, exponent)?])?;
        let [base, exponent] = made.as_slice() else {
            return Err(Error::internal("two tensors were aligned"));
        };
        if base.dtype().is_integer() && exponent.dtype().is_integer() {
            let exponent = convert(exponent, DataType::Int64)?;
            return by_integer!(base.dtype(), T => Tensor::from_vec(
                shape,
                zip(&base.values::<T>()?, &exponent.values::<i64>()?, power),
            ));
        }
        if base.dtype().is_float() && exponent.dtype() == base.dtype() {
            return by_real!(base.dtype(), T => Tensor::from_vec(
                shape,
                zip(&base.values::<T>()?, &exponent.values::<T>()?, T::powf),
            ));
        }
        let exponent = exponent.to_f64()?;
        by_number!(base.dtype(), T => Tensor::from_vec(
            shape,
            zip(&base.values::<T>()?, &exponent, |x: T, y| T::near(x.double().powf(y))),
        ))
    })
}

fn power<T: Number>(base: T, exponent: i64) -> T {
    let Ok(mut left) = u64::try_from(exponent) else {
        return T::near(base.double().powf(exponent as f64));
    };
    let (mut made, mut square) = (T::ONE, base);
    while left > 0 {
        if left & 1 == 1 {
            made = made.times(square);
        }
        square = square.times(square);
        left >>= 1;
    }
    made
}

/// Any elements of one type. Not-a-number equals nothing; the two zeros are equal.
fn equal(node: &mut Node<'_>) -> Built {
    let sides = Sides::of(node)?;
    moved(Rule::Is(DataType::Bool), move |inputs| {
        let (shape, a, b) = sides.read(inputs)?;
        if a.dtype() == DataType::Bytes {
            return equal_strings(shape, &a, &b);
        }
        let made: Vec<bool> = match a.dtype() {
            DataType::Bool => zip(&a.values::<u8>()?, &b.values::<u8>()?, |a, b| a == b),
            dtype if dtype.is_float() => zip(&a.to_f64()?, &b.to_f64()?, |a, b| a == b),
            dtype => by_integer!(dtype, T => {
                Ok(zip(&a.values::<T>()?, &b.values::<T>()?, |a, b| a == b))
            })?,
        };
        Tensor::from_bools(shape, &made)
    })
}

fn equal_strings(shape: Vec<usize>, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    fn all(tensor: &Tensor) -> Result<Vec<&[u8]>> {
        Ok(tensor.strings()?.iter().map(AsRef::as_ref).collect())
    }
    Tensor::from_bools(shape, &zip(&all(a)?, &all(b)?, |a, b| a == b))
}

fn bitwise(shape: Vec<usize>, a: &Tensor, b: &Tensor, with: fn(u64, u64) -> u64) -> Result<Tensor> {
    fn of<T: Bits>(
        shape: Vec<usize>,
        a: &Tensor,
        b: &Tensor,
        with: fn(u64, u64) -> u64,
    ) -> Result<Tensor> {
        let made = zip(&T::read(a)?, &T::read(b)?, |a, b| a.combine(b, with));
        T::make(a.dtype(), shape, made)
    }
    match a.dtype().size() {
        Some(1) => of::<u8>(shape, a, b, with),
        Some(2) => of::<u16>(shape, a, b, with),
        Some(4) => of::<u32>(shape, a, b, with),
        Some(_) => of::<u64>(shape, a, b, with),
        None => Err(unfit(a.dtype())),
    }
}

fn shift(node: &mut Node<'_>) -> Built {
    let left = match node.attributes.text("direction")? {
        Some("LEFT") => true,
        Some("RIGHT") => false,
        other => {
            return Err(Error::model(format!(
                "attribute `direction`: expected LEFT or RIGHT, found {other:?}"
            )));
        }
    };
    computed(INTEGERS, Rule::Like(0), move |inputs| {
        let (shape, a, b) = pair(inputs.tensor(0)?, inputs.tensor(1)?)?;
        by_integer!(a.dtype(), T => {
            let one = |a: T, by: T| {
                let by = if by < T::default() { u32::MAX } else { u32::near(by.double()) };
                let sign = if a < T::default() { !0 } else { 0 };
                if left {
                    a.checked_shl(by).unwrap_or(0)
                } else {
                    a.checked_shr(by).unwrap_or(sign)
                }
            };
            Tensor::from_vec(shape, zip(&a.values::<T>()?, &b.values::<T>()?, one))
        })
    })
}

/// The second input, weighted by the first one's swish.
fn swiglu(node: &mut Node<'_>) -> Built {
    let alpha = node.attributes.float_or("alpha", 1.0)?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let (shape, a, b) = pair(inputs.tensor(0)?, inputs.tensor(1)?)?;
        by_real!(a.dtype(), T => {
            let one = |a: T, b: T| swish(a, T::near(alpha.into())) * b;
            Tensor::from_vec(shape, zip(&a.values::<T>()?, &b.values::<T>()?, one))
        })
    })
}

/// The slope repeats to the shape of the first input alone.
fn prelu(node: &mut Node<'_>) -> Built {
    let old = node.version < 7;
    computed(NUMBERS, Rule::Like(0), move |inputs| {
        let (x, slope) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let channels = old && slope.shape().len() == 1 && x.shape().len() > 1 && slope.len() > 1;
        let sides = Sides {
            axis: channels.then_some(1),
        };
        let (shape, x, slope) = pair(x, &sides.laid(x, slope)?)?;
        by_number!(x.dtype(), T => {
            let one = |x: T, slope: T| if x < T::default() { x.times(slope) } else { x };
            Tensor::from_vec(shape, zip(&x.values::<T>()?, &slope.values::<T>()?, one))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, singles, strings};

    fn bools(values: &[bool]) -> Tensor {
        Tensor::from_bools([values.len()], values).unwrap()
    }

    #[test]
    fn wide_integers_are_exact() {
        let (a, b) = (longs(&[1], &[1 << 40]), longs(&[2], &[3, -1]));
        let made = first("Mul", 14, &[], &[a.clone(), b.clone()]).unwrap();
        assert_eq!(made, longs(&[2], &[3 << 40, -(1 << 40)]));
        let made = first("Div", 14, &[], &[longs(&[2], &[-7, 7]), longs(&[], &[2])]);
        assert_eq!(made.unwrap(), longs(&[2], &[-3, 3]));
        let made = first("Pow", 15, &[], &[longs(&[1], &[3]), longs(&[1], &[39])]);
        assert_eq!(made.unwrap(), longs(&[1], &[3_i64.pow(39)]));
        assert_eq!(first("Greater", 13, &[], &[a, b]).unwrap().shape(), [2]);
    }

    #[test]
    fn an_integer_is_not_divided_by_zero() {
        let inputs = [longs(&[1], &[1]), longs(&[1], &[0])];
        assert!(first("Div", 14, &[], &inputs).is_err());
        assert!(first("Mod", 13, &[], &inputs).is_err());
        let inputs = [singles(&[1], &[1.0]), singles(&[1], &[0.0])];
        let made = first("Div", 14, &[], &inputs).unwrap();
        assert_eq!(made, singles(&[1], &[f32::INFINITY]));
    }

    #[test]
    fn before_version_7_an_axis_says_where_the_second_input_lies() {
        let x = singles(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let bias = singles(&[2], &[10.0, 20.0]);
        let old = [("broadcast", Attr::Int(1)), ("axis", Attr::Int(0))];
        let made = first("Add", 6, &old, &[x.clone(), bias.clone()]).unwrap();
        assert_eq!(made, singles(&[2, 2], &[11.0, 12.0, 23.0, 24.0]));
        let made = first("Add", 7, &[], &[x, bias]).unwrap();
        assert_eq!(made, singles(&[2, 2], &[11.0, 22.0, 13.0, 24.0]));
    }

    #[test]
    fn equality_knows_strings_and_zeros() {
        let made = first("Equal", 19, &[], &[strings(&["a", "b"]), strings(&["b"])]);
        assert_eq!(made.unwrap(), bools(&[false, true]));
        let made = first(
            "Equal",
            19,
            &[],
            &[
                singles(&[2], &[0.0, f32::NAN]),
                singles(&[2], &[-0.0, f32::NAN]),
            ],
        );
        assert_eq!(made.unwrap(), bools(&[true, false]));
    }

    #[test]
    fn bits_move_out_at_the_end() {
        let inputs = [
            Tensor::from_vec([3], vec![1_u8, 200, 3]).unwrap(),
            Tensor::from_vec([3], vec![1_u8, 1, 8]).unwrap(),
        ];
        let left = [("direction", Attr::Text("LEFT"))];
        let made = first("BitShift", 11, &left, &inputs).unwrap();
        assert_eq!(made.to_vec::<u8>().unwrap(), [2, 144, 0]);
        assert!(first("BitShift", 11, &[], &inputs).is_err());
        let made = first(
            "Xor",
            7,
            &[],
            &[bools(&[true, false]), bools(&[true, true])],
        );
        assert_eq!(made.unwrap(), bools(&[false, true]));
        let made = first(
            "BitwiseAnd",
            18,
            &[],
            &[longs(&[1], &[-1]), longs(&[1], &[6])],
        );
        assert_eq!(made.unwrap(), longs(&[1], &[6]));
    }

    #[test]
    fn the_base_decides_the_type_of_a_power() {
        let made = first(
            "Pow",
            15,
            &[],
            &[longs(&[2], &[4, 2]), singles(&[2], &[0.5, -1.0])],
        );
        assert_eq!(made.unwrap(), longs(&[2], &[2, 0]));
        let made = first("Pow", 15, &[], &[singles(&[1], &[2.0]), longs(&[1], &[-1])]);
        assert_eq!(made.unwrap(), singles(&[1], &[0.5]));
    }
}
