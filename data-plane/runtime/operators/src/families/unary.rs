//! One number in, one number out: functions of any number and functions of floating-point numbers.

use hari_core::DataType;

use super::activation;
use crate::array::{map, test};
use crate::compile::Entry;
use crate::number::{FLOATS, INTEGERS, NUMBERS, Number, Real, by_integer, by_number, by_real};
use crate::rule::{Rule, computed};

/// Functions of floating-point numbers with up to three attributes, each with its default.
macro_rules! reals {
    ($($name:literal ($($p:ident = $default:expr),*) $f:expr;)*) => {
        &[$(Entry::onnx($name, 1, |node| {
                let _ = &node;
                $(let $p = node.attributes.float_or(stringify!($p), $default)?;)*
                computed(FLOATS, Rule::Like(0), move |inputs| {
                    let tensor = inputs.tensor(0)?;
                    by_real!(tensor.dtype(), T => {
                        $(let $p = T::near($p.into());)*
                        map(tensor, |x: T| $f(x, $($p),*))
                    })
                })
        })),*]
    };
}

/// Functions of any number.
macro_rules! numbers {
    ($($name:literal $takes:ident $by:ident $f:expr;)*) => {
        &[$(Entry::onnx($name, 1, |_| {
                computed($takes, Rule::Like(0), |inputs| {
                    let tensor = inputs.tensor(0)?;
                    $by!(tensor.dtype(), T => map(tensor, $f))
                })
        })),*]
    };
}

pub(crate) const REALS: &[Entry] = reals! {
    "Acos" () num_traits::Float::acos;
    "Acosh" () num_traits::Float::acosh;
    "Asin" () num_traits::Float::asin;
    "Asinh" () num_traits::Float::asinh;
    "Atan" () num_traits::Float::atan;
    "Atanh" () num_traits::Float::atanh;
    "Ceil" () num_traits::Float::ceil;
    "Cos" () num_traits::Float::cos;
    "Cosh" () num_traits::Float::cosh;
    "Erf" () Real::erf;
    "Exp" () num_traits::Float::exp;
    "Floor" () num_traits::Float::floor;
    "Log" () num_traits::Float::ln;
    "Reciprocal" () num_traits::Float::recip;
    "Round" () Real::half_even;
    "Sin" () num_traits::Float::sin;
    "Sinh" () num_traits::Float::sinh;
    "Sqrt" () num_traits::Float::sqrt;
    "Tan" () num_traits::Float::tan;
    "Tanh" () num_traits::Float::tanh;
    "Affine" (alpha = 1.0, beta = 0.0) activation::affine;
    "Celu" (alpha = 1.0) activation::celu;
    "Elu" (alpha = 1.0) activation::elu;
    "HardSigmoid" (alpha = 0.2, beta = 0.5) activation::hard_sigmoid;
    "HardSwish" () activation::hard_swish;
    "LeakyRelu" (alpha = 0.01) activation::leaky_relu;
    "Mish" () activation::mish;
    "ScaledTanh" (alpha = 1.0, beta = 1.0) activation::scaled_tanh;
    "Selu" (alpha = 1.673_263_2, gamma = 1.050_701) activation::selu;
    "Sigmoid" () activation::sigmoid;
    "Softplus" () activation::softplus;
    "Softsign" () activation::softsign;
    "Swish" (alpha = 1.0) activation::swish;
    "ThresholdedRelu" (alpha = 1.0) activation::thresholded_relu;
};

pub(crate) const NUMERIC: &[Entry] = numbers! {
    "Abs" NUMBERS by_number |x: T| if x < T::default() { T::default().minus(x) } else { x };
    "Neg" NUMBERS by_number |x: T| T::default().minus(x);
    "Relu" NUMBERS by_number |x: T| if x < T::default() { T::default() } else { x };
    "Sign" NUMBERS by_number sign::<T>;
    "BitwiseNot" INTEGERS by_integer |x: T| !x;
};

pub(crate) const OTHERS: &[Entry] = &[
    Entry {
        domain: "",
        name: "Gelu",
        since: 1,
        build: |node| {
            let approximate = node.attributes.text("approximate")?;
            let tanh = approximate.is_some_and(|how| how == "tanh");
            computed(FLOATS, Rule::Like(0), move |inputs| {
                let tensor = inputs.tensor(0)?;
                by_real!(tensor.dtype(), T => {
                    let one = if tanh { activation::gelu_tanh::<T> } else { activation::gelu };
                    map(tensor, one)
                })
            })
        },
    },
    Entry {
        domain: "",
        name: "Shrink",
        since: 1,
        build: |node| {
            let bias = node.attributes.float_or("bias", 0.0)?;
            let lambda = node.attributes.float_or("lambd", 0.5)?;
            computed(NUMBERS, Rule::Like(0), move |inputs| {
                let tensor = inputs.tensor(0)?;
                by_number!(tensor.dtype(), T => {
                    map(tensor, |x: T| shrink(x, bias.into(), lambda.into()))
                })
            })
        },
    },
    Entry {
        domain: "",
        name: "IsNaN",
        since: 1,
        build: |_| {
            computed(FLOATS, Rule::Is(DataType::Bool), |inputs| {
                let tensor = inputs.tensor(0)?;
                by_real!(tensor.dtype(), T => test(tensor, |x: T| x.is_nan()))
            })
        },
    },
    Entry {
        domain: "",
        name: "IsInf",
        since: 1,
        build: |node| {
            let below = node.attributes.flag("detect_negative", true)?;
            let above = node.attributes.flag("detect_positive", true)?;
            computed(FLOATS, Rule::Is(DataType::Bool), move |inputs| {
                let tensor = inputs.tensor(0)?;
                by_real!(tensor.dtype(), T => test(tensor, |x: T| {
                    x.is_infinite() && if x < 0.0 { below } else { above }
                }))
            })
        },
    },
    Entry {
        domain: "",
        name: "Not",
        since: 1,
        build: |_| {
            computed(&[DataType::Bool], Rule::Is(DataType::Bool), |inputs| {
                test(inputs.tensor(0)?, |x: u8| x == 0)
            })
        },
    },
];

fn sign<T: Number>(x: T) -> T {
    let zero = T::default();
    if x > zero {
        T::ONE
    } else if x < zero {
        zero.minus(T::ONE)
    } else {
        x
    }
}

fn shrink<T: Number>(x: T, bias: f64, lambda: f64) -> T {
    let value = x.double();
    if value < -lambda {
        T::near(value + bias)
    } else if value > lambda {
        T::near(value - bias)
    } else {
        T::default()
    }
}

#[cfg(test)]
mod tests {
    use hari_core::Tensor;
    use hari_error::Result;

    use crate::testing::{Attr, run};

    fn floats(name: &str, attributes: &[(&str, Attr)], values: &[f32]) -> Vec<f32> {
        let tensor = Tensor::from_vec([values.len()], values.to_vec()).unwrap();
        run(name, 21, attributes, &[tensor]).unwrap()[0]
            .tensor()
            .unwrap()
            .to_vec()
            .unwrap()
    }

    #[test]
    fn halves_are_rounded_to_the_even_number() {
        let made = floats("Round", &[], &[0.5, 1.5, 2.5, -0.5, -1.5, 2.4]);
        assert_eq!(made, [0.0, 2.0, 2.0, 0.0, -2.0, 2.0]);
    }

    #[test]
    fn attributes_have_the_defaults_of_onnx() {
        assert_eq!(floats("LeakyRelu", &[], &[-1.0, 2.0]), [-0.01, 2.0]);
        let steeper = [("alpha", Attr::Float(0.5))];
        assert_eq!(floats("LeakyRelu", &steeper, &[-1.0, 2.0]), [-0.5, 2.0]);
        assert_eq!(floats("HardSigmoid", &[], &[0.0, 9.0]), [0.5, 1.0]);
    }

    #[test]
    fn integers_of_64_bits_are_exact() -> Result<()> {
        let tensor = Tensor::from_vec([2], vec![-(1_i64 << 62) - 1, 7])?;
        let made = run("Abs", 13, &[], &[tensor])?;
        let made = made[0].tensor()?.to_vec::<i64>()?;
        assert_eq!(made, [(1 << 62) + 1, 7]);
        Ok(())
    }

    #[test]
    fn infinities_are_told_by_their_sign() -> Result<()> {
        let tensor = Tensor::from_vec([3], vec![f64::INFINITY, f64::NEG_INFINITY, 0.0])?;
        let attributes = [("detect_negative", Attr::Int(0))];
        let made = run("IsInf", 20, &attributes, &[tensor])?;
        assert_eq!(made[0].tensor()?.to_vec::<u8>()?, [1, 0, 0]);
        Ok(())
    }

    #[test]
    fn what_has_no_such_elements_is_refused() {
        let strings = Tensor::from_strings([1], vec!["a".into()]).unwrap();
        assert!(run("Exp", 13, &[], &[strings]).is_err());
    }
}
