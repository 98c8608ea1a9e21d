//! Random numbers of the distributions that routers need.

use std::f64::consts::TAU;

use fastrand::Rng;

/// One draw of Beta(`alpha`, `beta`); both are at least 1.
pub(super) fn beta(alpha: f64, beta: f64, rng: &mut Rng) -> f64 {
    let (x, y) = (gamma(alpha, rng), gamma(beta, rng));
    x / (x + y)
}

/// One draw of Gamma(`shape`, 1), shape at least 1 (Marsaglia and Tsang, 2000).
fn gamma(shape: f64, rng: &mut Rng) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        let u = 1.0 - rng.f64();
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// One draw of the standard normal distribution (Box and Muller).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (TAU * rng.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_mean_and_the_variance_of_their_distribution() {
        let mut rng = Rng::with_seed(3);
        for (a, b) in [(1.0, 1.0), (3.0, 1.0), (2.0, 8.0), (400.0, 100.0)] {
            let draws: Vec<f64> = (0..20_000).map(|_| beta(a, b, &mut rng)).collect();
            let count = draws.len() as f64;
            let mean = draws.iter().sum::<f64>() / count;
            let squares = draws.iter().map(|draw| (draw - mean).powi(2));
            let variance = squares.sum::<f64>() / count;
            let expected = a * b / ((a + b) * (a + b) * (a + b + 1.0));
            assert!((mean - a / (a + b)).abs() < 0.01, "{a} {b}: {mean}");
            assert!(
                (variance / expected - 1.0).abs() < 0.05,
                "{a} {b}: {variance}"
            );
            assert!(draws.iter().all(|draw| (0.0..=1.0).contains(draw)));
        }
    }
}
