//! From one numeric element type to another, refusing what would change a value silently.

use half::{bf16, f16};
use hari_error::{Error, Result};

use super::Tensor;
use crate::{DataType, Element};

impl Tensor {
    /// The same numbers in another numeric type. Floats are rounded to the nearest; integers are
    /// made from floats only where the value is whole and fits. Booleans become 0 and 1.
    ///
    /// # Errors
    /// If a value does not fit, or if either type is not numeric.
    pub fn cast(&self, to: DataType) -> Result<Self> {
        if self.dtype() == to {
            return Ok(self.clone());
        }
        if to.is_float() || (self.dtype().is_float() && to.is_integer()) {
            return self.cast_by_f64(to);
        }
        if to.is_integer() {
            return self.cast_integers(to);
        }
        Err(self.cannot(to))
    }

    /// The elements as double precision numbers.
    ///
    /// # Errors
    /// If they are byte strings.
    pub fn to_f64(&self) -> Result<Vec<f64>> {
        match self.dtype() {
            DataType::Bool | DataType::Uint8 => self.map(|v: u8| f64::from(v)),
            DataType::Uint16 => self.map(|v: u16| f64::from(v)),
            DataType::Uint32 => self.map(|v: u32| f64::from(v)),
            DataType::Uint64 => self.map(|v: u64| v as f64),
            DataType::Int8 => self.map(|v: i8| f64::from(v)),
            DataType::Int16 => self.map(|v: i16| f64::from(v)),
            DataType::Int32 => self.map(|v: i32| f64::from(v)),
            DataType::Int64 => self.map(|v: i64| v as f64),
            DataType::Fp16 => self.map(|v: f16| v.to_f64()),
            DataType::Bf16 => self.map(|v: bf16| v.to_f64()),
            DataType::Fp32 => self.map(|v: f32| f64::from(v)),
            DataType::Fp64 => self.to_vec(),
            DataType::Bytes => Err(self.cannot(DataType::Fp64)),
        }
    }

    fn cast_by_f64(&self, to: DataType) -> Result<Self> {
        let values = self.to_f64()?;
        match to {
            DataType::Fp32 => self.round(&values, |v| v as f32, f32::is_finite),
            DataType::Fp64 => Self::from_vec(self.shape().to_vec(), values),
            DataType::Fp16 => self.round(&values, f16::from_f64, f16::is_finite),
            DataType::Bf16 => self.round(&values, bf16::from_f64, bf16::is_finite),
            _ => self.narrow(to, values.into_iter().map(whole)),
        }
    }

    /// Rounds to the nearest; a finite number does not become infinite.
    fn round<T: Element>(
        &self,
        values: &[f64],
        nearest: impl Fn(f64) -> T,
        finite: impl Fn(T) -> bool,
    ) -> Result<Self> {
        let rounded: Vec<T> = values.iter().map(|&value| nearest(value)).collect();
        let beyond = |(value, rounded): (&f64, &T)| value.is_finite() && !finite(*rounded);
        match values.iter().zip(&rounded).position(beyond) {
            None => Self::from_vec(self.shape().to_vec(), rounded),
            Some(at) => Err(Error::invalid(format!(
                "element {at}: {:e} is beyond the range of {}",
                values.get(at).copied().unwrap_or_default(),
                T::DTYPE
            ))),
        }
    }

    fn cast_integers(&self, to: DataType) -> Result<Self> {
        let values: Vec<Option<i128>> = match self.dtype() {
            DataType::Bool | DataType::Uint8 => self.map(|v: u8| Some(v.into()))?,
            DataType::Uint16 => self.map(|v: u16| Some(v.into()))?,
            DataType::Uint32 => self.map(|v: u32| Some(v.into()))?,
            DataType::Uint64 => self.map(|v: u64| Some(v.into()))?,
            DataType::Int8 => self.map(|v: i8| Some(v.into()))?,
            DataType::Int16 => self.map(|v: i16| Some(v.into()))?,
            DataType::Int32 => self.map(|v: i32| Some(v.into()))?,
            DataType::Int64 => self.map(|v: i64| Some(v.into()))?,
            _ => return Err(self.cannot(to)),
        };
        self.narrow(to, values.into_iter())
    }

    fn narrow(&self, to: DataType, values: impl Iterator<Item = Option<i128>>) -> Result<Self> {
        match to {
            DataType::Uint8 => self.collect::<u8>(values),
            DataType::Uint16 => self.collect::<u16>(values),
            DataType::Uint32 => self.collect::<u32>(values),
            DataType::Uint64 => self.collect::<u64>(values),
            DataType::Int8 => self.collect::<i8>(values),
            DataType::Int16 => self.collect::<i16>(values),
            DataType::Int32 => self.collect::<i32>(values),
            DataType::Int64 => self.collect::<i64>(values),
            _ => Err(self.cannot(to)),
        }
    }

    fn collect<T: Element + TryFrom<i128>>(
        &self,
        values: impl Iterator<Item = Option<i128>>,
    ) -> Result<Self> {
        let values = values.map(|value| value.and_then(|v| T::try_from(v).ok()));
        let values: Option<Vec<T>> = values.collect();
        let values = values.ok_or_else(|| {
            Error::invalid(format!(
                "a {} value does not fit {} exactly",
                self.dtype(),
                T::DTYPE
            ))
        })?;
        Self::from_vec(self.shape().to_vec(), values)
    }

    fn map<T: Element, U>(&self, f: impl Fn(T) -> U) -> Result<Vec<U>> {
        Ok(self.values::<T>()?.iter().map(|&value| f(value)).collect())
    }

    fn cannot(&self, to: DataType) -> Error {
        Error::invalid(format!("expected {to}, found {}", self.dtype()))
    }
}

/// The whole number that `value` is, if it is one and a 64-bit integer can hold it.
fn whole(value: f64) -> Option<i128> {
    let fits = value >= i64::MIN as f64 && value <= u64::MAX as f64;
    (fits && value.fract() == 0.0).then_some(value as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_become_singles() {
        let tensor = Tensor::from_vec([2], vec![0.1_f64, 2.0]).unwrap();
        assert_eq!(
            *tensor
                .cast(DataType::Fp32)
                .unwrap()
                .values::<f32>()
                .unwrap(),
            [0.1, 2.0]
        );
    }

    #[test]
    fn a_number_beyond_the_range_is_refused_and_infinity_is_kept() {
        let large = Tensor::from_vec([2], vec![1.0, 1e300]).unwrap();
        let error = large.cast(DataType::Fp32).unwrap_err();
        assert!(
            error.message().starts_with("element 1: 1e300 is beyond"),
            "{error}"
        );
        assert!(
            Tensor::from_vec([1], vec![1e5_f64])
                .unwrap()
                .cast(DataType::Fp16)
                .is_err()
        );
        let infinite = Tensor::from_vec([1], vec![f64::INFINITY]).unwrap();
        let single = infinite.cast(DataType::Fp32).unwrap();
        assert_eq!(single.to_vec::<f32>().unwrap(), [f32::INFINITY]);
    }

    #[test]
    fn whole_doubles_become_integers_and_others_are_refused() {
        let whole = Tensor::from_vec([2], vec![3.0_f64, -1.0]).unwrap();
        assert_eq!(
            *whole
                .cast(DataType::Int32)
                .unwrap()
                .values::<i32>()
                .unwrap(),
            [3, -1]
        );
        for bad in [0.5, f64::NAN, 1e30, -1.0] {
            let tensor = Tensor::from_vec([1], vec![bad]).unwrap();
            assert!(tensor.cast(DataType::Uint8).is_err(), "{bad}");
        }
    }

    #[test]
    fn large_integers_keep_every_bit() {
        let tensor = Tensor::from_vec([1], vec![i64::MAX]).unwrap();
        assert_eq!(
            *tensor
                .cast(DataType::Uint64)
                .unwrap()
                .values::<u64>()
                .unwrap(),
            [i64::MAX as u64]
        );
        assert!(tensor.cast(DataType::Int32).is_err());
    }

    #[test]
    fn strings_do_not_become_numbers() {
        let tensor = Tensor::from_strings([1], vec!["1".into()]).unwrap();
        assert!(tensor.cast(DataType::Fp32).is_err());
        assert!(tensor.cast(DataType::Int64).is_err());
    }
}
