//! `sklearn.multiclass`: classifiers of two classes for several.

use crate::registry::Entry;
use crate::svm::pairs_of;
use crate::table::Matrix;

mod codes;
mod constant;
mod pairs;
mod rest;
mod team;

use codes::OutputCode;
use constant::Constant;
use pairs::OneVsOne;
use rest::OneVsRest;

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.multiclass.OneVsOneClassifier", OneVsOne::read),
    ("sklearn.multiclass.OneVsRestClassifier", OneVsRest::read),
    ("sklearn.multiclass.OutputCodeClassifier", OutputCode::read),
    ("sklearn.multiclass._ConstantPredictor", Constant::read),
];

/// Votes of pairs with what their confidences add, so that no class is even with another:
/// `[rows, classes]` of `[rows, pairs]`. A prediction of 1 is the second class of a pair.
pub(crate) fn one_versus_rest(
    predictions: &Matrix,
    confidences: &Matrix,
    classes: usize,
) -> Matrix {
    let mut found = Matrix::zeros(confidences.rows, classes);
    let mut sums = vec![0.0; classes];
    for row in 0..confidences.rows {
        sums.fill(0.0);
        let votes = found.row_mut(row);
        let decided = predictions.row(row).iter().zip(confidences.row(row));
        for ((first, second), (&prediction, &confidence)) in pairs_of(classes).zip(decided) {
            add(&mut sums, first, -confidence);
            add(&mut sums, second, confidence);
            if prediction == 0.0 {
                add(votes, first, 1.0);
            } else if prediction == 1.0 {
                add(votes, second, 1.0);
            }
        }
        for (vote, sum) in votes.iter_mut().zip(&sums) {
            *vote += sum / (3.0 * (sum.abs() + 1.0));
        }
    }
    found
}

fn add(to: &mut [f64], at: usize, value: f64) {
    if let Some(to) = to.get_mut(at) {
        *to += value;
    }
}
