//! Axes reduced to one number each: sums, products, extremes, norms.

use hari_core::{DataType, Tensor};
use hari_error::Result;

use crate::array::Given;
use crate::compile::{Entry, Node};
use crate::convert::convert;
use crate::number::{NUMBERS, Number, by_number};
use crate::rule::{Built, Rule, computed};
use crate::size::axes;
use crate::view::View;

macro_rules! reductions {
    ($($name:literal $f:ident;)*) => {
        &[$(Entry::onnx($name, 1, |node| {
            let reduction = Reduction::of(node)?;
            computed(NUMBERS, Rule::Like(0), move |inputs| {
                let tensor = inputs.tensor(0)?;
                let axes = reduction.axes.read(inputs)?;
                by_number!(tensor.dtype(), T => reduction.run(tensor, axes, $f::<T>))
            })
        }),)*
        Entry::onnx("ReduceMax", 1, |node| extreme(node, true)),
        Entry::onnx("ReduceMin", 1, |node| extreme(node, false))]
    };
}

pub(crate) const TABLE: &[Entry] = reductions! {
    "ReduceL1" l1;
    "ReduceL2" l2;
    "ReduceLogSum" log_sum;
    "ReduceLogSumExp" log_sum_exp;
    "ReduceMean" mean;
    "ReduceProd" product;
    "ReduceSum" sum;
    "ReduceSumSquare" sum_square;
};

/// Numbers and, for extremes, truth values.
const ORDERED: &[DataType] = &[
    DataType::Bool,
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

/// Which axes go. They are an attribute in older versions and an input later.
struct Reduction {
    axes: Given,
    keep: bool,
    /// Without axes nothing is reduced, else everything.
    nothing: bool,
}

impl Reduction {
    fn of(node: &Node<'_>) -> Result<Self> {
        Ok(Self {
            axes: Given::of(node.attributes, "axes", 1)?,
            keep: node.attributes.flag("keepdims", true)?,
            nothing: node.attributes.flag("noop_with_empty_axes", false)?,
        })
    }

    fn run<T: Number>(
        &self,
        tensor: &Tensor,
        given: Option<Vec<i64>>,
        one: impl Fn(&[T]) -> T,
    ) -> Result<Tensor> {
        let rank = tensor.shape().len();
        let gone = match given.filter(|axes| !axes.is_empty()) {
            Some(given) => axes(&given, rank)?,
            None if self.nothing => Vec::new(),
            None => (0..rank).collect(),
        };
        let made = reduced(tensor, &gone, one)?;
        if self.keep {
            return Ok(made);
        }
        let left = (0..rank).filter(|axis| !gone.contains(axis));
        let left: Vec<usize> = left.map(|axis| tensor.shape()[axis]).collect();
        made.reshape(left)
    }
}

/// Each line along `gone` made one number; the axes stay with size one.
pub(crate) fn reduced<T: Number>(
    tensor: &Tensor,
    gone: &[usize],
    one: impl Fn(&[T]) -> T,
) -> Result<Tensor> {
    let shape = tensor.shape();
    let left = (0..shape.len()).filter(|axis| !gone.contains(axis));
    let order: Vec<usize> = left.chain(gone.iter().copied()).collect();
    let lines = View::of(shape).permuted(&order).copy(tensor)?;
    let size: usize = gone.iter().map(|&axis| shape[axis]).product();
    let mut kept = shape.to_vec();
    gone.iter().for_each(|&axis| kept[axis] = 1);
    let count = crate::size::count(&kept, tensor.dtype())?;
    let made = match size {
        0 => vec![one(&[]); count],
        _ => lines.values::<T>()?.chunks(size).map(one).collect(),
    };
    Tensor::from_vec(kept, made)
}

/// The largest or the smallest; of nothing, the lowest or highest number there is.
fn extreme(node: &mut Node<'_>, largest: bool) -> Built {
    let reduction = Reduction::of(node)?;
    computed(ORDERED, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let axes = reduction.axes.read(inputs)?;
        if tensor.dtype() == DataType::Bool {
            let one = |values: &[u8]| {
                let wanted = u8::from(largest);
                if values.contains(&wanted) {
                    wanted
                } else {
                    1 - wanted
                }
            };
            let wide = convert(tensor, DataType::Uint8)?;
            return convert(&reduction.run(&wide, axes, one)?, DataType::Bool);
        }
        by_number!(tensor.dtype(), T => reduction.run(tensor, axes, |values: &[T]| {
            let values = values.iter().copied();
            if largest {
                values.fold(T::LOWEST, |most, value| value.larger(most))
            } else {
                values.fold(T::HIGHEST, |least, value| value.smaller(least))
            }
        }))
    })
}

fn sum<T: Number>(values: &[T]) -> T {
    T::total(values)
}

fn product<T: Number>(values: &[T]) -> T {
    values.iter().fold(T::ONE, |made, &value| made.times(value))
}

fn mean<T: Number>(values: &[T]) -> T {
    if T::DTYPE.is_float() {
        let sum: f64 = values.iter().map(|value| value.double()).sum();
        return T::near(sum / values.len() as f64);
    }
    T::total(values).over(T::near(values.len() as f64))
}

fn magnitude<T: Number>(value: T) -> T {
    if value < T::default() {
        T::default().minus(value)
    } else {
        value
    }
}

fn l1<T: Number>(values: &[T]) -> T {
    T::total(
        &values
            .iter()
            .map(|&value| magnitude(value))
            .collect::<Vec<_>>(),
    )
}

fn l2<T: Number>(values: &[T]) -> T {
    let squares = values.iter().map(|value| value.double() * value.double());
    T::near(squares.sum::<f64>().sqrt())
}

fn sum_square<T: Number>(values: &[T]) -> T {
    T::total(
        &values
            .iter()
            .map(|&value| value.times(value))
            .collect::<Vec<_>>(),
    )
}

fn log_sum<T: Number>(values: &[T]) -> T {
    T::near(T::total(values).double().ln())
}

/// Without overflow: the largest is taken out first.
fn log_sum_exp<T: Number>(values: &[T]) -> T {
    let values = values.iter().map(|value| value.double());
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if most.is_infinite() {
        return T::near(most);
    }
    T::near(most + values.map(|value| (value - most).exp()).sum::<f64>().ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, singles};

    #[test]
    fn axes_are_attributes_or_inputs() {
        let x = singles(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let old = [("axes", Attr::Ints(vec![-1])), ("keepdims", Attr::Int(0))];
        let made = first("ReduceSum", 11, &old, std::slice::from_ref(&x)).unwrap();
        assert_eq!(made, singles(&[2], &[3.0, 7.0]));
        let made = first("ReduceSum", 13, &[], &[x.clone(), longs(&[1], &[0])]).unwrap();
        assert_eq!(made, singles(&[1, 2], &[4.0, 6.0]));
        let made = first("ReduceMean", 18, &[], std::slice::from_ref(&x)).unwrap();
        assert_eq!(made, singles(&[1, 1], &[2.5]));
        let noop = [("noop_with_empty_axes", Attr::Int(1))];
        let made = first("ReduceSum", 13, &noop, &[x.clone(), longs(&[0], &[])]).unwrap();
        assert_eq!(made, x);
    }

    #[test]
    fn nothing_has_the_neutral_element() {
        let none = singles(&[2, 0], &[]);
        let of = |name| {
            let axes = [none.clone(), longs(&[1], &[1])];
            first(name, 20, &[], &axes)
                .unwrap()
                .to_vec::<f32>()
                .unwrap()
        };
        assert_eq!(of("ReduceSum"), [0.0, 0.0]);
        assert_eq!(of("ReduceProd"), [1.0, 1.0]);
        assert_eq!(of("ReduceMax"), [f32::NEG_INFINITY; 2]);
        assert_eq!(of("ReduceLogSumExp"), [f32::NEG_INFINITY; 2]);
        assert!(of("ReduceMean").iter().all(|mean| mean.is_nan()));
    }

    #[test]
    fn wide_integers_are_exact() {
        let x = longs(&[2], &[1 << 60, 1]);
        let of = |name| first(name, 18, &[], std::slice::from_ref(&x)).unwrap();
        assert_eq!(of("ReduceSum"), longs(&[1], &[(1 << 60) + 1]));
        assert_eq!(of("ReduceMax"), longs(&[1], &[1 << 60]));
        assert_eq!(of("ReduceMean"), longs(&[1], &[1 << 59]));
    }

    #[test]
    fn truth_has_extremes() {
        let x = Tensor::from_bools([2, 2], &[true, false, true, true]).unwrap();
        let of = |name| first(name, 20, &[], &[x.clone(), longs(&[1], &[1])]).unwrap();
        assert_eq!(of("ReduceMax").to_vec::<u8>().unwrap(), [1, 1]);
        assert_eq!(of("ReduceMin").to_vec::<u8>().unwrap(), [0, 1]);
    }

    #[test]
    fn large_exponents_do_not_overflow() {
        let x = singles(&[2], &[1000.0, 1000.0]);
        let made = first("ReduceLogSumExp", 18, &[], &[x]).unwrap();
        assert_eq!(made, singles(&[1], &[1000.0 + std::f32::consts::LN_2]));
        let made = first("ReduceL2", 18, &[], &[singles(&[2], &[3.0, -4.0])]).unwrap();
        assert_eq!(made, singles(&[1], &[5.0]));
    }
}
