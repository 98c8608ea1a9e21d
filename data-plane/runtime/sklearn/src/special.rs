//! Special functions of mathematics.

use std::f64::consts::PI;

/// The derivative of the log of the gamma function, for what is above 0.
///
/// Abramowitz and Stegun, "Handbook of Mathematical Functions", 6.3.5 and 6.3.18.
pub(crate) fn digamma(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let (mut x, mut below) = (x, 0.0);
    while x < 12.0 {
        below += 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    const TERMS: [f64; 8] = [
        1.0 / 12.0,
        -1.0 / 120.0,
        1.0 / 252.0,
        -1.0 / 240.0,
        1.0 / 132.0,
        -691.0 / 32760.0,
        1.0 / 12.0,
        -3617.0 / 8160.0,
    ];
    let series = TERMS
        .iter()
        .rev()
        .fold(0.0, |sum, term| (sum + term) * square);
    x.ln() - 0.5 / x - series - below
}

/// The modified Bessel function of the second kind, of any order from 0, for what is above 0.
///
/// By the trapezoidal rule on `K = integral of exp(-x cosh t) cosh(order t) dt` from 0 up, which
/// converges faster than any power: Trefethen and Weideman, "The Exponentially Convergent
/// Trapezoidal Rule".
pub(crate) fn bessel_k(order: f64, x: f64) -> f64 {
    if x.is_nan() || order.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return f64::INFINITY;
    }
    let step = 1.0 / 64.0;
    let term = |t: f64| {
        let (falling, rising) = (-x * t.cosh(), (order * t).abs());
        0.5 * ((falling + rising).exp() + (falling - rising).exp())
    };
    let mut sum = 0.5 * term(0.0);
    for at in 1..4096 {
        let t = f64::from(at) * step;
        let more = term(t);
        sum += more;
        if more <= sum * 1e-18 && x * t.sinh() > order {
            break;
        }
    }
    sum * step
}

/// The gamma function.
pub(crate) fn gamma(x: f64) -> f64 {
    libm::tgamma(x)
}

/// The error function.
pub(crate) fn erf(x: f64) -> f64 {
    libm::erf(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        let deviation = (found - expected).abs() / expected.abs();
        assert!(deviation < 2e-15, "{found}, expected {expected}");
    }

    #[test]
    fn digamma_is_what_tables_say() {
        near(digamma(1.0), -0.577_215_664_901_532_9);
        near(digamma(0.5), -0.577_215_664_901_532_9 - 2.0 * 2f64.ln());
        near(digamma(10.0), 2.251_752_589_066_721);
        assert!(digamma(0.0).is_nan() && digamma(-1.5).is_nan());
    }

    #[test]
    fn bessel_functions_of_half_orders_are_elementary() {
        for x in [0.01, 0.5, 1.0, 3.0, 20.0] {
            let half = (PI / (2.0 * x)).sqrt() * (-x).exp();
            near(bessel_k(0.5, x), half);
            near(bessel_k(1.5, x), half * (1.0 + 1.0 / x));
            near(bessel_k(2.5, x), half * (1.0 + 3.0 / x + 3.0 / (x * x)));
        }
        assert_eq!(bessel_k(0.8, 0.0), f64::INFINITY);
        assert_eq!(bessel_k(0.8, 1e6), 0.0);
    }
}
