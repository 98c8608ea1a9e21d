//! Probabilities of classes from those of pairs.
//!
//! Wu, Lin and Weng, "Probability Estimates for Multi-class Classification by Pairwise Coupling"
//! (2004), the second method, with the steps and the precision of libsvm.

use crate::table::Matrix;

/// A pair's probability is at least this far from 0 and 1.
const MARGIN: f64 = 1e-7;

/// The probability of the first of two classes, by Platt's sigmoid.
pub(super) fn of_pair(decision: f64, slope: f64, offset: f64) -> f64 {
    let at = decision * slope + offset;
    let chance = if at >= 0.0 {
        (-at).exp() / (1.0 + (-at).exp())
    } else {
        1.0 / (1.0 + at.exp())
    };
    // A slope that is NaN leaves NaN, where `clamp` would too.
    chance.clamp(MARGIN, 1.0 - MARGIN)
}

/// `pairs[i][j]` is the probability of class `i` rather than `j`; the probability of each class
/// goes to `found`.
pub(super) fn couple(pairs: &Matrix, found: &mut [f64]) {
    let classes = found.len();
    let quadratic = quadratic(pairs);
    let precision = 0.005 / classes as f64;
    found.fill(1.0 / classes as f64);
    let mut products = vec![0.0; classes];
    for _ in 0..classes.max(100) {
        let mut total = 0.0;
        for (class, product) in products.iter_mut().enumerate() {
            let row = quadratic.row(class);
            *product = row.iter().zip(&*found).map(|(q, p)| q * p).sum();
            total += found.get(class).copied().unwrap_or_default() * *product;
        }
        let error = |product: &f64| (product - total).abs();
        let largest = products.iter().map(error).fold(0.0, f64::max);
        if largest < precision {
            break;
        }
        for class in 0..classes {
            step(
                quadratic.row(class),
                class,
                found,
                &mut products,
                &mut total,
            );
        }
    }
}

/// The matrix whose quadratic form is least at the probabilities.
fn quadratic(pairs: &Matrix) -> Matrix {
    let classes = pairs.rows;
    let pair = |a: usize, b: usize| pairs.row(a).get(b).copied().unwrap_or_default();
    let mut found = Matrix::zeros(classes, classes);
    for a in 0..classes {
        for (b, to) in found.row_mut(a).iter_mut().enumerate() {
            *to = if a == b {
                let others = (0..classes).filter(|&other| other != a);
                others.map(|other| pair(other, a) * pair(other, a)).sum()
            } else {
                -pair(b, a) * pair(a, b)
            };
        }
    }
    found
}

/// Moves one class's probability to where the form is least, and scales all to a sum of 1.
fn step(row: &[f64], class: usize, found: &mut [f64], products: &mut [f64], total: &mut f64) {
    let diagonal = row.get(class).copied().unwrap_or_default();
    let product = products.get(class).copied().unwrap_or_default();
    let moved = (*total - product) / diagonal;
    if let Some(chance) = found.get_mut(class) {
        *chance += moved;
    }
    let scale = 1.0 + moved;
    *total = (*total + moved * (moved * diagonal + 2.0 * product)) / scale / scale;
    for ((chance, product), weight) in found.iter_mut().zip(products).zip(row) {
        *product = (*product + moved * weight) / scale;
        *chance /= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_that_agree_give_the_classes_they_come_from() {
        let classes = [0.5, 0.3, 0.2];
        let mut pairs = Matrix::zeros(3, 3);
        for (i, a) in classes.iter().enumerate() {
            for (to, b) in pairs.row_mut(i).iter_mut().zip(classes) {
                *to = a / (a + b);
            }
        }
        let mut found = [0.0; 3];
        couple(&pairs, &mut found);
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for (found, expected) in found.iter().zip(classes) {
            assert!((found - expected).abs() < 0.01, "{found} {expected}");
        }
    }

    #[test]
    fn what_makes_no_sense_ends_too() {
        for value in [f64::NAN, 0.0, f64::INFINITY] {
            let pairs = Matrix::new(2, 2, vec![value; 4]);
            couple(&pairs, &mut [0.0; 2]);
        }
        couple(&Matrix::default(), &mut []);
        assert_eq!(of_pair(1e300, 1e300, 0.0), MARGIN);
        assert_eq!(of_pair(-1e300, 1e300, 0.0), 1.0 - MARGIN);
    }
}
