//! The two widths of numbers that trees compare and sum.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul};

/// What LightGBM takes for zero: everything up to here (`kZeroThreshold`).
const ZERO: f32 = 1e-35;

/// A number to compare and to sum with: `f32` or `f64`, and nothing else.
pub trait Real:
    sealed::Sealed
    + Copy
    + Debug
    + Default
    + PartialOrd
    + AddAssign
    + Add<Output = Self>
    + Mul<Output = Self>
{
    /// Carries the number of a set where a threshold would stand.
    fn pack(number: u32) -> Self;
    /// The number that was packed.
    fn unpack(self) -> u32;
    /// NaN.
    fn missing() -> Self;
    /// Whether it is NaN.
    fn is_missing(self) -> bool;
    /// Whether it is so small that it counts as zero.
    fn is_zero(self) -> bool;
    /// The category it stands for: cut to a whole number; none if that is below zero.
    fn category(self, fraction_is_zero: bool) -> Option<usize>;
}

mod sealed {
    /// Keeps [`super::Real`] to the two widths.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Real for f32 {
    fn pack(number: u32) -> Self {
        Self::from_bits(number)
    }
    fn unpack(self) -> u32 {
        self.to_bits()
    }
    fn missing() -> Self {
        Self::NAN
    }
    fn is_missing(self) -> bool {
        self.is_nan()
    }
    fn is_zero(self) -> bool {
        self.abs() <= ZERO
    }
    fn category(self, fraction_is_zero: bool) -> Option<usize> {
        f64::from(self).category(fraction_is_zero)
    }
}

impl Real for f64 {
    fn pack(number: u32) -> Self {
        Self::from_bits(u64::from(number))
    }
    fn unpack(self) -> u32 {
        (self.to_bits() & u64::from(u32::MAX)) as u32
    }
    fn missing() -> Self {
        Self::NAN
    }
    fn is_missing(self) -> bool {
        self.is_nan()
    }
    fn is_zero(self) -> bool {
        self.abs() <= Self::from(ZERO)
    }
    fn category(self, fraction_is_zero: bool) -> Option<usize> {
        let lowest = if fraction_is_zero {
            self > -1.0
        } else {
            self >= 0.0
        };
        lowest.then_some(self as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_set_survives() {
        for number in [0, 1, 77, 0x7FC0_0001, u32::MAX] {
            assert_eq!(f32::pack(number).unpack(), number);
            assert_eq!(f64::pack(number).unpack(), number);
        }
    }

    #[test]
    fn categories_are_cut() {
        assert_eq!(3.9_f32.category(false), Some(3));
        assert_eq!((-0.5_f32).category(false), None);
        assert_eq!((-0.0_f32).category(false), Some(0));
        assert_eq!((-0.5_f64).category(true), Some(0));
        assert_eq!((-1.0_f64).category(true), None);
        assert_eq!(f64::NAN.category(true), None);
    }

    #[test]
    fn zero_has_a_width() {
        assert!(1e-35_f32.is_zero() && (-1e-36_f32).is_zero());
        assert!(f64::from(1e-35_f32).is_zero() && 1e-35_f64.is_zero());
        assert!(!1.000_000_1e-35_f64.is_zero() && !f64::NAN.is_zero());
    }
}
