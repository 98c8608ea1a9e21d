//! Special functions of mathematics.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

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
    let step = 1.0 / 8.0;
    let term = |t: f64| {
        let (falling, rising) = (-x * t.cosh(), (order * t).abs());
        0.5 * ((falling + rising).exp() + (falling - rising).exp())
    };
    let mut sum = 0.5 * term(0.0);
    for at in 1..1024 {
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

/// The share of a standard normal distribution that is below `x`.
pub(crate) fn normal(x: f64) -> f64 {
    let scaled = x * FRAC_1_SQRT_2;
    if scaled.abs() < FRAC_1_SQRT_2 {
        return 0.5 + 0.5 * erf(scaled);
    }
    let tail = 0.5 * libm::erfc(scaled.abs());
    if scaled > 0.0 { 1.0 - tail } else { tail }
}

/// The other way round: below which number the share is.
///
/// By rational functions, as `ndtri` of Moshier's Cephes library has them.
pub(crate) fn normal_quantile(share: f64) -> f64 {
    const NEAR: f64 = 0.135_335_283_236_612_7;
    if share.is_nan() || !(0.0..=1.0).contains(&share) {
        return f64::NAN;
    }
    if share == 0.0 || share == 1.0 {
        return if share == 0.0 {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }
    let (tail, sign) = match share > 1.0 - NEAR {
        true => (1.0 - share, 1.0),
        false => (share, -1.0),
    };
    if tail > NEAR {
        let y = tail - 0.5;
        let square = y * y;
        let ratio = square * polynomial(square, &CENTRE_P) / monic(square, &CENTRE_Q);
        return (y + y * ratio) * (2.0 * PI).sqrt();
    }
    let x = (-2.0 * tail.ln()).sqrt();
    let (first, inverse) = (x - x.ln() / x, 1.0 / x);
    let second = match x < 8.0 {
        true => inverse * polynomial(inverse, &NEAR_P) / monic(inverse, &NEAR_Q),
        false => inverse * polynomial(inverse, &FAR_P) / monic(inverse, &FAR_Q),
    };
    sign * (first - second)
}

const CENTRE_P: [f64; 5] = [
    -5.996_335_010_141_079e1,
    9.800_107_541_859_997e1,
    -5.667_628_574_690_703e1,
    1.393_126_093_872_795_7e1,
    -1.239_165_838_673_812_6,
];
const CENTRE_Q: [f64; 8] = [
    1.954_488_583_381_417_6,
    4.676_279_128_988_815,
    8.636_024_213_908_906e1,
    -2.254_626_878_541_193_7e2,
    2.002_602_123_800_606_5e2,
    -8.203_722_561_683_334e1,
    1.590_562_251_262_117e1,
    -1.183_316_211_213_3,
];
const NEAR_P: [f64; 9] = [
    4.055_448_923_059_625,
    3.152_510_945_998_938_6e1,
    5.716_281_922_464_213e1,
    4.408_050_738_932_008e1,
    1.468_495_619_288_580_2e1,
    2.186_633_068_507_902_5,
    -1.402_560_791_713_545e-1,
    -3.504_246_268_278_482e-2,
    -8.574_567_851_546_854e-4,
];
const NEAR_Q: [f64; 8] = [
    1.577_998_832_564_667_6e1,
    4.539_076_351_288_792e1,
    4.131_720_382_546_72e1,
    1.504_253_856_929_075e1,
    2.504_649_462_083_094,
    -1.421_829_228_547_877_9e-1,
    -3.808_064_076_915_783e-2,
    -9.332_594_808_954_574e-4,
];
const FAR_P: [f64; 9] = [
    3.237_748_917_769_460_4,
    6.915_228_890_689_842,
    3.938_810_252_924_744_5,
    1.333_034_608_158_075_5,
    2.014_853_895_491_790_9e-1,
    1.237_166_348_178_200_3e-2,
    3.015_815_535_082_354_3e-4,
    2.658_069_746_867_375_6e-6,
    6.239_745_391_849_833e-9,
];
const FAR_Q: [f64; 8] = [
    6.024_270_393_647_42,
    3.679_835_638_561_608_7,
    1.377_020_994_890_813_2,
    2.162_369_935_944_966_4e-1,
    1.342_040_060_885_431_8e-2,
    3.280_144_646_821_277_4e-4,
    2.892_478_647_453_807e-6,
    6.790_194_080_099_813e-9,
];

/// A polynomial with the coefficient of the highest power first.
fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().fold(0.0, |sum, one| sum * x + one)
}

/// The same, with 1 before the first coefficient.
fn monic(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().fold(1.0, |sum, one| sum * x + one)
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

    #[test]
    fn the_normal_distribution_is_scipys() {
        for (share, x) in [
            (1e-300, -37.0470962993612),
            (1e-7, -5.1993375821928165),
            (0.1353, -1.10168187367228),
            (0.2, -0.8416212335729142),
            (0.4999, -0.0002506628300880075),
            (0.9, 1.2815515655446004),
            (1.0 - 1e-12, 7.0344869100478356),
        ] {
            near(normal_quantile(share), x);
        }
        // Far out, a bit of the exponent's argument is worth a hundred of the share.
        let (found, expected) = (normal(-30.0), 4.906713927147908e-198);
        assert!((found / expected - 1.0).abs() < 1e-13, "{found}");
        for (x, share) in [
            (-0.5, 0.3085375387259869),
            (0.1, 0.539827837277029),
            (2.2, 0.9860965524865014),
        ] {
            near(normal(x), share);
        }
        assert!(normal_quantile(1.1).is_nan() && normal_quantile(f64::NAN).is_nan());
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
    }
}
