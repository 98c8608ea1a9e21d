//! Where a key stands in a list of keys.

use std::collections::HashMap;

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

/// The first place of every key. Integers of all widths are alike, and so are floats; there is one
/// not-a-number and one zero.
#[derive(Debug)]
pub(crate) enum Index {
    Integers(HashMap<u64, usize>),
    Floats(HashMap<u64, usize>),
    Strings(HashMap<Bytes, usize>),
}

impl Index {
    /// Of the elements of `keys`, in order.
    pub(crate) fn of(keys: &Tensor) -> Result<Self> {
        if keys.dtype() == DataType::Bytes {
            return Ok(Self::Strings(first(keys.strings()?.iter().cloned())));
        }
        let places = first(numbers(keys)?.into_iter());
        Ok(if keys.dtype().is_float() {
            Self::Floats(places)
        } else {
            Self::Integers(places)
        })
    }

    /// Whether keys of this type can be looked up.
    pub(crate) fn takes(&self, dtype: DataType) -> bool {
        match self {
            Self::Integers(_) => dtype.is_integer() || dtype == DataType::Bool,
            Self::Floats(_) => dtype.is_float(),
            Self::Strings(_) => dtype == DataType::Bytes,
        }
    }

    /// The place of every element of `keys`, `missing` for those that are not there.
    pub(crate) fn find(&self, keys: &Tensor, missing: usize) -> Result<Vec<usize>> {
        match self {
            _ if !self.takes(keys.dtype()) => Err(Error::invalid(format!(
                "expected keys of {}, found {}",
                self.kind(),
                keys.dtype()
            ))),
            Self::Strings(places) => {
                let keys = keys.strings()?.iter();
                Ok(keys
                    .map(|key| places.get(key).copied().unwrap_or(missing))
                    .collect())
            }
            Self::Integers(places) | Self::Floats(places) => {
                let keys = numbers(keys)?.into_iter();
                Ok(keys
                    .map(|key| places.get(&key).copied().unwrap_or(missing))
                    .collect())
            }
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Integers(_) => "an integer type",
            Self::Floats(_) => "a floating-point type",
            Self::Strings(_) => "BYTES",
        }
    }
}

fn first<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, usize> {
    let mut places = HashMap::with_capacity(keys.size_hint().0);
    for (place, key) in keys.enumerate() {
        places.entry(key).or_insert(place);
    }
    places
}

/// Numbers as bits that are equal where the numbers are.
fn numbers(keys: &Tensor) -> Result<Vec<u64>> {
    match keys.dtype() {
        DataType::Int64 => Ok(keys.values::<i64>()?.iter().map(|&k| k as u64).collect()),
        DataType::Uint64 => keys.to_vec(),
        dtype if dtype.is_float() => Ok(keys.to_f64()?.iter().map(|&k| bits(k)).collect()),
        _ => {
            let wide = keys.cast(DataType::Int64)?;
            numbers(&wide)
        }
    }
}

fn bits(value: f64) -> u64 {
    if value.is_nan() {
        f64::NAN.to_bits()
    } else {
        // Zero has two signs and is one key.
        (value + 0.0).to_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_keys_is_found() {
        let keys = Tensor::from_vec([4], vec![0.0_f32, f32::NAN, -0.0, 2.5]).unwrap();
        let index = Index::of(&keys).unwrap();
        let asked = Tensor::from_vec([4], vec![f64::NAN, -0.0, 2.5, 3.0]).unwrap();
        assert_eq!(index.find(&asked, 9).unwrap(), [1, 0, 3, 9]);
    }

    #[test]
    fn widths_of_integers_are_alike_and_strings_are_not_numbers() {
        let index = Index::of(&Tensor::from_vec([2], vec![-1_i64, 7]).unwrap()).unwrap();
        let narrow = Tensor::from_vec([2], vec![7_i32, -1]).unwrap();
        assert_eq!(index.find(&narrow, 5).unwrap(), [1, 0]);
        let error = index
            .find(&Tensor::from_strings([1], vec!["7".into()]).unwrap(), 0)
            .unwrap_err();
        assert_eq!(
            error.message(),
            "expected keys of an integer type, found BYTES"
        );
    }
}
