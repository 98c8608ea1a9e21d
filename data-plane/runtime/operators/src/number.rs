//! Arithmetic on the numbers that tensors hold, and the choice of a Rust type by element type.

use std::cmp::Ordering;

use hari_core::{DataType, Element};
use hari_error::Error;

/// The types of floating-point numbers.
pub(crate) const FLOATS: &[DataType] = &[
    DataType::Fp16,
    DataType::Bf16,
    DataType::Fp32,
    DataType::Fp64,
];

/// The types of integers.
pub(crate) const INTEGERS: &[DataType] = &[
    DataType::Uint8,
    DataType::Uint16,
    DataType::Uint32,
    DataType::Uint64,
    DataType::Int8,
    DataType::Int16,
    DataType::Int32,
    DataType::Int64,
];

/// The types of numbers.
pub(crate) const NUMBERS: &[DataType] = &[
    DataType::Uint8,
    DataType::Uint16,
    DataType::Uint32,
    DataType::Uint64,
    DataType::Int8,
    DataType::Int16,
    DataType::Int32,
    DataType::Int64,
    DataType::Fp16,
    DataType::Bf16,
    DataType::Fp32,
    DataType::Fp64,
];

/// A number to compute with. Integers wrap around; FP16 and BF16 are computed as FP32.
pub(crate) trait Number: Element + PartialOrd + Default {
    const ONE: Self;
    /// Not above any other.
    const LOWEST: Self;
    /// Not below any other.
    const HIGHEST: Self;

    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// The quotient, cut towards zero for integers, where a divisor of zero gives zero.
    fn over(self, other: Self) -> Self;
    /// What is left of a division, with the sign of the divisor.
    fn modulo(self, other: Self) -> Self;
    /// What is left of a division, with the sign of the dividend.
    fn remainder(self, other: Self) -> Self;
    fn double(self) -> f64;
    /// The nearest number of this type, at its limits beyond them.
    fn near(value: f64) -> Self;
    /// A total order; not-a-number stands above all.
    fn order(&self, other: &Self) -> Ordering;

    /// The sum; singles are added in double precision.
    fn total(values: &[Self]) -> Self;

    /// The larger, not-a-number if either is.
    fn larger(self, other: Self) -> Self {
        if self > other || self.is_odd_one() {
            self
        } else {
            other
        }
    }

    /// The smaller, not-a-number if either is.
    fn smaller(self, other: Self) -> Self {
        if self < other || self.is_odd_one() {
            self
        } else {
            other
        }
    }

    /// Whether it is not a number.
    #[expect(clippy::eq_op, reason = "not-a-number differs from itself")]
    fn is_odd_one(self) -> bool {
        self != self
    }
}

macro_rules! integers {
    ($($rust:ty),*) => {
        $(impl Number for $rust {
            const ONE: Self = 1;
            const LOWEST: Self = Self::MIN;
            const HIGHEST: Self = Self::MAX;

            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            fn over(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_div(other) }
            }
            fn modulo(self, other: Self) -> Self {
                let left = self.remainder(other);
                let opposite = (left > 0 && other < Self::default()) || (left < Self::default() && other > 0);
                if opposite { left.wrapping_add(other) } else { left }
            }
            fn remainder(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_rem(other) }
            }
            fn double(self) -> f64 {
                num_traits::AsPrimitive::as_(self)
            }
            fn near(value: f64) -> Self {
                value as Self
            }
            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
            fn total(values: &[Self]) -> Self {
                values.iter().fold(0, |sum, &value| sum.wrapping_add(value))
            }
        })*
    };
}

macro_rules! floats {
    ($($rust:ty),*) => {
        $(impl Number for $rust {
            const ONE: Self = 1.0;
            const LOWEST: Self = Self::NEG_INFINITY;
            const HIGHEST: Self = Self::INFINITY;

            fn plus(self, other: Self) -> Self {
                self + other
            }
            fn minus(self, other: Self) -> Self {
                self - other
            }
            fn times(self, other: Self) -> Self {
                self * other
            }
            fn over(self, other: Self) -> Self {
                self / other
            }
            fn modulo(self, other: Self) -> Self {
                let left = self % other;
                if left != 0.0 && (left < 0.0) != (other < 0.0) { left + other } else { left }
            }
            fn remainder(self, other: Self) -> Self {
                self % other
            }
            fn double(self) -> f64 {
                self.into()
            }
            fn near(value: f64) -> Self {
                value as Self
            }
            fn order(&self, other: &Self) -> Ordering {
                let nan = || self.is_nan().cmp(&other.is_nan());
                self.partial_cmp(other).unwrap_or_else(nan)
            }
            fn total(values: &[Self]) -> Self {
                values.iter().map(|&value| f64::from(value)).sum::<f64>() as Self
            }
        })*
    };
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);
floats!(f32, f64);

/// A floating-point number to compute with.
pub(crate) trait Real: Number + num_traits::Float + ndarray::LinalgScalar {
    /// The error function.
    fn erf(self) -> Self;
    /// The nearest whole number, the even one of two.
    fn half_even(self) -> Self;
    /// The constant in this precision.
    fn of(value: f64) -> Self {
        Self::near(value)
    }
}

impl Real for f32 {
    fn erf(self) -> Self {
        libm::erff(self)
    }
    fn half_even(self) -> Self {
        self.round_ties_even()
    }
}

impl Real for f64 {
    fn erf(self) -> Self {
        libm::erf(self)
    }
    fn half_even(self) -> Self {
        self.round_ties_even()
    }
}

/// The error for elements that an operator does not compute with.
pub(crate) fn unfit(dtype: DataType) -> Error {
    Error::model(format!("elements of type {dtype} are not taken here"))
}

/// Runs the body with `$T` as the Rust type of one of the element types that are listed.
macro_rules! by_one_of {
    ($dtype:expr, $T:ident => $body:expr, $($of:ident: $rust:ty),*) => {
        match $dtype {
            $(hari_core::DataType::$of => {
                type $T = $rust;
                $body
            })*
            other => Err($crate::number::unfit(other)),
        }
    };
}

/// Runs the body with `$T` as the Rust type of a number.
macro_rules! by_number {
    ($dtype:expr, $T:ident => $body:expr) => {
        $crate::number::by_one_of!(
            $dtype, $T => $body,
            Uint8: u8, Uint16: u16, Uint32: u32, Uint64: u64,
            Int8: i8, Int16: i16, Int32: i32, Int64: i64, Fp32: f32, Fp64: f64
        )
    };
}

/// Runs the body with `$T` as the Rust type of an integer.
macro_rules! by_integer {
    ($dtype:expr, $T:ident => $body:expr) => {
        $crate::number::by_one_of!(
            $dtype, $T => $body,
            Uint8: u8, Uint16: u16, Uint32: u32, Uint64: u64,
            Int8: i8, Int16: i16, Int32: i32, Int64: i64
        )
    };
}

/// Runs the body with `$T` as the Rust type of a floating-point number.
macro_rules! by_real {
    ($dtype:expr, $T:ident => $body:expr) => {
        $crate::number::by_one_of!($dtype, $T => $body, Fp32: f32, Fp64: f64)
    };
}

pub(crate) use {by_integer, by_number, by_one_of, by_real};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_remainders_differ_in_their_signs() {
        assert_eq!((-4_i32).modulo(3), 2);
        assert_eq!(4_i32.modulo(-3), -2);
        assert_eq!((-4_i32).remainder(3), -1);
        assert_eq!((-4.5_f64).modulo(3.0), 1.5);
        assert_eq!((-4.5_f64).remainder(3.0), -1.5);
        assert_eq!(7_u8.modulo(4), 3);
    }

    #[test]
    fn no_division_of_integers_panics() {
        assert_eq!(i64::MIN.over(-1), i64::MIN);
        assert_eq!(i64::MIN.modulo(-1), 0);
        assert_eq!(5_u8.over(0), 0);
        assert_eq!(5_i8.modulo(0), 0);
    }

    #[test]
    fn not_a_number_is_kept_and_sorted_last() {
        assert!(f32::NAN.larger(1.0).is_nan() && 1.0_f32.larger(f32::NAN).is_nan());
        assert!(f32::NAN.smaller(1.0).is_nan() && 1.0_f32.smaller(f32::NAN).is_nan());
        assert_eq!(f64::NAN.order(&f64::INFINITY), Ordering::Greater);
        assert_eq!(f64::NAN.order(&f64::NAN), Ordering::Equal);
    }
}
