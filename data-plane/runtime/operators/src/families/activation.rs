//! Activations as ONNX defines them, for the operators of their names and for recurrent ones.

use crate::number::Real;

pub(crate) fn affine<T: Real>(x: T, alpha: T, beta: T) -> T {
    alpha * x + beta
}

pub(crate) fn celu<T: Real>(x: T, alpha: T) -> T {
    let zero = T::zero();
    x.max(zero) + zero.min(alpha * (x / alpha).exp_m1())
}

pub(crate) fn elu<T: Real>(x: T, alpha: T) -> T {
    if x < T::zero() { alpha * x.exp_m1() } else { x }
}

pub(crate) fn gelu<T: Real>(x: T) -> T {
    let half = T::of(0.5);
    half * x * (T::one() + (x * T::of(std::f64::consts::FRAC_1_SQRT_2)).erf())
}

pub(crate) fn gelu_tanh<T: Real>(x: T) -> T {
    let scale = T::of((2.0 / std::f64::consts::PI).sqrt());
    let inner = scale * (x + T::of(0.044_715) * x * x * x);
    T::of(0.5) * x * (T::one() + inner.tanh())
}

pub(crate) fn hard_sigmoid<T: Real>(x: T, alpha: T, beta: T) -> T {
    kept(alpha * x + beta, T::zero(), T::one())
}

pub(crate) fn hard_swish<T: Real>(x: T) -> T {
    x * hard_sigmoid(x, T::one() / T::of(6.0), T::of(0.5))
}

pub(crate) fn leaky_relu<T: Real>(x: T, alpha: T) -> T {
    if x < T::zero() { alpha * x } else { x }
}

pub(crate) fn mish<T: Real>(x: T) -> T {
    x * softplus(x).tanh()
}

pub(crate) fn relu<T: Real>(x: T) -> T {
    if x < T::zero() { T::zero() } else { x }
}

pub(crate) fn scaled_tanh<T: Real>(x: T, alpha: T, beta: T) -> T {
    alpha * (beta * x).tanh()
}

pub(crate) fn selu<T: Real>(x: T, alpha: T, gamma: T) -> T {
    gamma * elu(x, alpha)
}

/// Without overflow on either side.
pub(crate) fn sigmoid<T: Real>(x: T) -> T {
    let small = (-x.abs()).exp();
    let low = small / (T::one() + small);
    if x < T::zero() { low } else { T::one() - low }
}

/// `ln(1 + exp(x))`, without overflow.
pub(crate) fn softplus<T: Real>(x: T) -> T {
    let above = if x > T::zero() { x } else { T::zero() };
    if x.is_nan() {
        x
    } else {
        above + (-x.abs()).exp().ln_1p()
    }
}

pub(crate) fn softsign<T: Real>(x: T) -> T {
    x / (T::one() + x.abs())
}

pub(crate) fn swish<T: Real>(x: T, alpha: T) -> T {
    x * sigmoid(alpha * x)
}

pub(crate) fn thresholded_relu<T: Real>(x: T, alpha: T) -> T {
    if x > alpha { x } else { T::zero() }
}

/// Within both bounds; not-a-number stays.
pub(crate) fn kept<T: Real>(x: T, low: T, high: T) -> T {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overflows_far_out() {
        assert_eq!(sigmoid(1000.0_f32), 1.0);
        assert_eq!(sigmoid(-1000.0_f32), 0.0);
        assert_eq!(softplus(1000.0_f32), 1000.0);
        assert_eq!(softplus(-1000.0_f32), 0.0);
        assert_eq!(mish(1000.0_f64), 1000.0);
    }

    #[test]
    fn not_a_number_passes_through() {
        let nan = f64::NAN;
        let made = [
            sigmoid(nan),
            relu(nan),
            softplus(nan),
            elu(nan, 1.0),
            gelu(nan),
        ];
        assert!(made.iter().all(|x| x.is_nan()), "{made:?}");
        assert!(hard_swish(nan).is_nan() && hard_sigmoid(nan, 0.2, 0.5).is_nan());
    }

    #[test]
    fn known_values() {
        assert!((gelu(1.0_f64) - 0.841_344_746_068_543).abs() < 1e-15);
        assert!((gelu_tanh(1.0_f64) - 0.841_191_990_607_477).abs() < 1e-12);
        assert!((sigmoid(1.0_f64) - 0.731_058_578_630_005).abs() < 1e-15);
        assert!((celu(-1.0_f64, 2.0) - 2.0 * (-0.5_f64).exp_m1()).abs() < 1e-15);
        assert_eq!(hard_swish(3.0_f64), 3.0);
        assert_eq!(thresholded_relu(1.0_f32, 1.0), 0.0);
    }
}
