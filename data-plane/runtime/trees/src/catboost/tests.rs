//! Tests of the parts of a CatBoost model: trees against a plain walk, counters, hashes.

use proptest::prelude::*;

use super::counter::{Counter, Table, combined};
use super::parts::{Counts, CtrFeature, Kind, Projection, Shape, Step};
use super::trees::Split;
use super::*;

fn split(feature: u32, border: f32) -> Split {
    Split { feature, border }
}

proptest! {
    /// Levels of splits and rows of any number: a symmetric tree and the same tree spelt out node
    /// by node say what a walk by hand says.
    #[test]
    fn symmetric_trees_equal_a_plain_walk(
        levels in prop::collection::vec(0_usize..6, 0..5),
        targets in 1_usize..4,
        rows in prop::collection::vec(prop_oneof![(-2_i8..3).prop_map(f32::from), any::<f32>()], 0..90),
    ) {
        let splits: Vec<_> = (0..6).map(|at| split(at % 3, at as f32 - 2.5)).collect();
        let leaves: Vec<_> = (0..targets << levels.len()).map(|at| at as f64 * 0.5).collect();
        let shape = Shape::Symmetric(vec![levels.clone()], leaves.clone());
        let free = Shape::Free(vec![spelt_out(&levels, &leaves, targets)]);
        let symmetric = Trees::new(shape, &splits, (3, targets)).unwrap();
        let free = Trees::new(free, &splits, (3, targets)).unwrap();
        let count = rows.len() / 3;
        let rows = &rows[..count * 3];
        let mut sums = vec![0.25; count * targets];
        let mut others = sums.clone();
        symmetric.add(rows, 3, &mut sums);
        free.add(rows, 3, &mut others);
        prop_assert_eq!(&sums, &others);
        for (row, sums) in rows.chunks_exact(3).zip(sums.chunks_exact(targets)) {
            let bits = levels.iter().enumerate().map(|(level, &at)| {
                let split = splits[at];
                usize::from(row[split.feature as usize] > split.border) << level
            });
            let leaf: usize = bits.sum();
            for (target, sum) in sums.iter().enumerate() {
                prop_assert_eq!(*sum, 0.25 + leaves[leaf * targets + target]);
            }
        }
    }
}

/// The same tree with a node for each path: the last level is asked first.
fn spelt_out(levels: &[usize], leaves: &[f64], targets: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for (depth, &split) in levels.iter().rev().enumerate() {
        let first = (1 << (depth + 1)) - 1;
        for at in 0..1 << depth {
            steps.push(Step::Split(split, first + 2 * at, first + 2 * at + 1));
        }
    }
    steps.extend(
        leaves
            .chunks(targets)
            .map(|values| Step::Leaf(values.to_vec())),
    );
    steps
}

fn counter(kind: Kind, target_border: i64) -> Counter {
    Counter::of(&CtrFeature {
        projection: Projection::default(),
        kind,
        table: String::new(),
        target_border,
        prior: [1.0, 2.0],
        shift: 0.5,
        scale: 10.0,
        borders: Vec::new(),
    })
}

fn table(kind: Kind, classes: usize) -> Table {
    let counts = Counts {
        places: vec![(77, 1), (5, 0)],
        counts: vec![1, 2, 3, 4, 5, 6],
        means: vec![(0.5, 2), (6.0, 4)],
        classes,
        denominator: 8,
    };
    Table::new(counts, kind).unwrap()
}

#[test]
fn counters_make_shares_of_counts() {
    let value =
        |kind, border, classes, hash| counter(kind, border).value(&table(kind, classes), hash);
    let share = |good: f32, all: f32| ((good + 1.0) / (all + 2.0) + 0.5) * 10.0;
    assert_eq!(value(Kind::Borders, 0, 3, 5), share(5.0, 6.0));
    assert_eq!(value(Kind::Borders, 1, 3, 77), share(6.0, 15.0));
    assert_eq!(value(Kind::Borders, 1, 2, 77), share(4.0, 7.0));
    assert_eq!(value(Kind::Buckets, 1, 3, 5), share(2.0, 6.0));
    assert_eq!(value(Kind::Buckets, 9, 3, 5), share(0.0, 6.0));
    assert_eq!(value(Kind::Counter, 0, 1, 77), share(2.0, 8.0));
    assert_eq!(value(Kind::Mean, 0, 1, 77), share(6.0, 4.0));
    for (kind, all) in [
        (Kind::Borders, 0.0),
        (Kind::Buckets, 0.0),
        (Kind::Mean, 0.0),
        (Kind::Counter, 8.0),
    ] {
        assert_eq!(value(kind, 0, 2, 6), share(0.0, all), "{kind:?}");
    }
}

#[test]
fn counts_that_do_not_exist_are_refused() {
    let counts = |place, classes| Counts {
        places: vec![(1, place)],
        counts: vec![0; 6],
        classes,
        ..Counts::default()
    };
    assert!(Table::new(counts(2, 2), Kind::Borders).is_ok());
    let error = Table::new(counts(3, 2), Kind::Borders).unwrap_err();
    assert_eq!(error.message(), "count 3 does not exist: there are 3");
    assert!(Table::new(counts(0, 0), Kind::Buckets).is_err());
    assert!(Table::new(counts(0, 1), Kind::Mean).is_err());
    assert!(Table::new(counts(0, usize::MAX), Kind::Borders).is_err());
}

#[test]
fn the_order_of_a_combination_matters() {
    let one = combined(combined(0, 1), 2);
    assert_ne!(one, combined(combined(0, 2), 1));
    assert_eq!(combined(0, 0), 0);
}
