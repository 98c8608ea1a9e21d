//! Any number of inputs, broadcast to one shape: `Max`, `Min`, `Sum`, `Mean`.

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::Inputs;
use crate::array::{expanded, pair, zip};
use crate::compile::Entry;
use crate::number::{NUMBERS, Number, by_number};
use crate::rule::{Rule, computed};

macro_rules! variadic {
    ($($name:literal $f:ident;)*) => {
        &[$(Entry::onnx($name, 1, |_| {
            computed(NUMBERS, Rule::Like(0), |inputs| {
                by_number!(inputs.tensor(0)?.dtype(), T => fold(inputs, T::$f))
            })
        }),)*
        Entry::onnx("Mean", 1, |_| computed(NUMBERS, Rule::Like(0), mean))]
    };
}

pub(crate) const TABLE: &[Entry] = variadic! {
    "Max" larger;
    "Min" smaller;
    "Sum" plus;
};

fn fold<T: Number>(inputs: Inputs<'_>, one: fn(T, T) -> T) -> Result<Tensor> {
    let (first, rest) = inputs
        .0
        .split_first()
        .ok_or_else(|| Error::model("at least one input is expected"))?;
    let first = first
        .as_ref()
        .ok_or_else(|| Error::model("input 0 is missing"))?;
    let mut made = first.tensor()?.clone();
    for next in rest.iter().flatten() {
        let (shape, a, b) = pair(&made, next.tensor()?)?;
        made = Tensor::from_vec(shape, zip(&a.values::<T>()?, &b.values::<T>()?, one))?;
    }
    let shape = made.shape().to_vec();
    expanded(&made, &shape)
}

fn mean(inputs: Inputs<'_>) -> Result<Tensor> {
    by_number!(inputs.tensor(0)?.dtype(), T => {
        let sum = fold(inputs, T::plus)?;
        let count = T::near(inputs.0.iter().flatten().count() as f64);
        crate::array::map(&sum, |x: T| x.over(count))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{first, longs, singles};

    #[test]
    fn all_inputs_are_broadcast() {
        let inputs = [singles(&[2, 1], &[1.0, 4.0]), singles(&[2], &[2.0, 3.0])];
        let made = first("Max", 13, &[], &inputs).unwrap();
        assert_eq!(made, singles(&[2, 2], &[2.0, 3.0, 4.0, 4.0]));
        let made = first("Mean", 13, &[], &inputs).unwrap();
        assert_eq!(made, singles(&[2, 2], &[1.5, 2.0, 3.0, 3.5]));
    }

    #[test]
    fn large_integers_are_compared_exactly() {
        let (low, high) = (i64::MAX - 1, i64::MAX);
        let inputs = [longs(&[1], &[low]), longs(&[1], &[high])];
        assert_eq!(
            first("Max", 13, &[], &inputs).unwrap(),
            longs(&[1], &[high])
        );
        assert_eq!(first("Min", 13, &[], &inputs).unwrap(), longs(&[1], &[low]));
    }

    #[test]
    fn types_are_not_mixed() {
        let inputs = [singles(&[1], &[1.0]), longs(&[1], &[1])];
        let error = first("Sum", 13, &[], &inputs).unwrap_err();
        assert_eq!(
            error.message(),
            "expected FP32, as the first input, found INT64"
        );
    }
}
