//! The table itself.

use super::*;

#[test]
fn every_operator_has_one_row() {
    let names: Vec<_> = coverage().into_iter().map(|(name, _)| name).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    assert!(names.len() > 100);
}
