//! Tests of the flat form: what is refused when it is built, and walks against a plain one.

use proptest::prelude::*;

use super::*;

const LESS: Rule = Rule::BELOW;

fn split(feature: usize, threshold: f32, left: usize, right: usize) -> Draft<f32> {
    Draft::Split(Branch {
        feature,
        test: Test::Below(threshold),
        missing_left: false,
        zero_missing: false,
        left,
        right,
    })
}

fn leaf(value: f32) -> Draft<f32> {
    Draft::Leaf(Leaf::Value(value))
}

fn refused(drafts: Vec<Draft<f32>>) -> String {
    let error = Builder::new(LESS, 2, 1).tree(drafts, 0).unwrap_err();
    error.message().to_owned()
}

#[test]
fn nodes_are_small() {
    assert_eq!(size_of::<Node<f32>>(), 12);
    assert_eq!(size_of::<Node<f64>>(), 16);
}

#[test]
fn what_cannot_be_walked_is_refused() {
    assert_eq!(
        refused(vec![split(0, 0.0, 1, 0), leaf(1.0)]),
        "node 0 has two parents"
    );
    assert_eq!(
        refused(vec![split(0, 0.0, 1, 1), leaf(1.0)]),
        "node 1 has two parents"
    );
    assert_eq!(
        refused(vec![split(0, 0.0, 1, 9), leaf(1.0)]),
        "node 9 does not exist: there are 2"
    );
    assert_eq!(
        refused(vec![split(2, 0.0, 1, 2), leaf(1.0), leaf(1.0)]),
        "it tests feature 2, but there are 2"
    );
    assert_eq!(refused(Vec::new()), "node 0 does not exist: there are 0");
    let error = Builder::new(LESS, 1, 1)
        .tree(vec![leaf(0.0)], 1)
        .unwrap_err();
    assert_eq!(error.message(), "it adds to output 1, but there are 1");
}

#[test]
fn a_chain_has_its_limit() {
    let chain = |length: usize| {
        let links = (0..length).flat_map(|at| [split(0, 0.0, 2 * at + 1, 2 * at + 2), leaf(1.0)]);
        links.chain([leaf(2.0)]).collect::<Vec<_>>()
    };
    assert!(Builder::new(LESS, 1, 1).tree(chain(10_000), 0).is_ok());
    assert!(refused(chain(10_001)).contains("deeper than 10000"));
}

#[test]
fn walks_of_a_deep_tree_end_where_each_row_does() {
    let link = |at: usize| {
        [
            split(0, at as f32 + 0.5, 2 * at + 1, 2 * at + 2),
            leaf(at as f32),
        ]
    };
    let chain: Vec<_> = (0..40).flat_map(link).chain([leaf(40.0)]).collect();
    let mut rows: Vec<_> = (0_u8..45).map(f32::from).collect();
    let mut expected: Vec<_> = rows.iter().map(|row| row.min(40.0)).collect();
    for rule in [Rule::BELOW, Rule::AT_MOST] {
        let mut builder = Builder::new(rule, 1, 1);
        builder.tree(chain.clone(), 0).unwrap();
        let deep = builder.finish();
        for (at, row, end) in [(3, 3.0, 3.0), (3, f32::NAN, 40.0), (44, f32::NAN, 40.0)] {
            (rows[at], expected[at]) = (row, end);
            let mut sums = vec![0.0; rows.len()];
            deep.add(&rows, &mut sums);
            assert_eq!(sums, expected);
        }
    }
}

#[test]
fn vectors_have_a_value_for_each_target() {
    let mut builder = Builder::new(LESS, 1, 2);
    let vector = |values: &[f32]| Draft::Leaf(Leaf::Vector(values.to_vec()));
    builder
        .tree(
            vec![
                split(0, 0.0, 1, 2),
                vector(&[1.0, 2.0]),
                vector(&[3.0, 4.0]),
            ],
            0,
        )
        .unwrap();
    assert!(builder.tree(vec![vector(&[1.0])], 0).is_err());
    let ensemble = builder.finish();
    let mut sums = [10.0, 20.0, 10.0, 20.0];
    ensemble.add(&[-1.0, 1.0], &mut sums);
    assert_eq!(sums, [11.0, 22.0, 13.0, 24.0]);
    assert_eq!(ensemble.leaves(&[-1.0, 1.0, f32::NAN], 3), [1, 2, 2]);
}

#[test]
fn leaves_are_told_by_their_place() {
    let linear = Leaf::Linear(
        Linear {
            constant: 1.0,
            terms: vec![(0, 2.0)],
        },
        -1.0,
    );
    let first = vec![
        split(0, 0.0, 3, 1),
        leaf(5.0),
        leaf(6.0),
        Draft::Leaf(linear),
    ];
    let mut builder = Builder::new(LESS, 1, 1);
    builder.tree(first, 0).unwrap();
    builder.tree(vec![leaf(0.0)], 0).unwrap();
    let ensemble = builder.finish();
    assert_eq!(ensemble.leaves(&[-1.0, 1.0], 2), [3, 0, 1, 0]);
    assert_eq!(ensemble.leaves(&[], 0), [0_u32; 0]);
    let mut sums = [0.0; 2];
    ensemble.add(&[-1.0, 1.0], &mut sums);
    assert_eq!(sums, [-1.0, 5.0]);
}

#[test]
fn categories_outside_the_set_go_right() {
    let set = category_set([1, 40].into_iter(), &mut 10).unwrap();
    let by_category = Draft::Split(Branch {
        feature: 0,
        test: Test::In(set),
        missing_left: true,
        zero_missing: false,
        left: 1,
        right: 2,
    });
    let mut builder = Builder::new(LESS, 1, 1);
    builder
        .tree(vec![by_category, leaf(1.0), leaf(2.0)], 0)
        .unwrap();
    let ensemble = builder.finish();
    let rows = [
        1.0,
        1.9,
        40.0,
        0.0,
        64.0,
        -1.0,
        -0.5,
        1e30,
        f32::INFINITY,
        f32::NAN,
    ];
    let mut sums = [0.0; 10];
    ensemble.add(&rows, &mut sums);
    assert_eq!(sums, [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0]);
}

#[test]
fn a_category_cannot_claim_memory() {
    assert!(category_set([u32::MAX].into_iter(), &mut usize::MAX.clone()).is_err());
    let mut budget = 4;
    assert!(category_set([100].into_iter(), &mut budget).is_ok());
    assert_eq!(budget, 0);
    assert!(category_set([0].into_iter(), &mut budget).is_err());
}

#[test]
fn no_trees_and_no_features_are_well() {
    let ensemble = Builder::<f64>::new(LESS, 0, 1).finish();
    let mut sums = [1.0; 3];
    ensemble.add(&[], &mut sums);
    assert_eq!(sums, [1.0; 3]);
    let mut builder = Builder::new(LESS, 0, 1);
    builder.tree(vec![leaf(0.5)], 0).unwrap();
    let mut sums = [1.0; 9];
    builder.finish().add(&[], &mut sums);
    assert_eq!(sums, [1.5; 9]);
}

/// The plain walk: one node after the other, one row after the other.
fn plain(drafts: &[Draft<f32>], row: &[f32], or_equal: bool) -> f32 {
    let mut at = 0;
    loop {
        match &drafts[at] {
            Draft::Leaf(Leaf::Value(value)) => return *value,
            Draft::Leaf(_) => unreachable!("leaves have one value here"),
            Draft::Split(branch) => {
                let value = row[branch.feature];
                let Test::Below(threshold) = branch.test else {
                    unreachable!("splits are numeric here")
                };
                let missing = value.is_nan() || branch.zero_missing && value.abs() <= 1e-35;
                let left = match (missing, or_equal) {
                    (true, _) => branch.missing_left,
                    (false, true) => value <= threshold,
                    (false, false) => value < threshold,
                };
                at = if left { branch.left } else { branch.right };
            }
        }
    }
}

/// A tree that is full down to `depth`, in which splits come from `bits`.
fn full(depth: u32, seed: u64, zeros: bool) -> Vec<Draft<f32>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let inner = (1_usize << depth) - 1;
    let mut drafts = Vec::new();
    for at in 0..inner {
        drafts.push(Draft::Split(Branch {
            feature: random.usize(..3),
            test: Test::Below(random.i32(-2..3) as f32),
            missing_left: random.bool(),
            zero_missing: zeros && random.bool(),
            left: 2 * at + 1,
            right: 2 * at + 2,
        }));
    }
    drafts.extend((0..=inner).map(|_| leaf(random.f32())));
    drafts
}

fn value() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => (-3_i8..4).prop_map(f32::from),
        1 => Just(f32::NAN),
        1 => Just(f32::INFINITY),
        1 => Just(f32::NEG_INFINITY),
        1 => Just(-0.0),
        1 => any::<f32>(),
    ]
}

proptest! {
    #[test]
    fn walks_equal_the_plain_one(
        trees in prop::collection::vec((0_u32..6, any::<u64>()), 0..20),
        rows in prop::collection::vec(value(), 0..300),
        or_equal: bool,
        zeros: bool,
    ) {
        let count = rows.len() / 3;
        let rule = Rule { or_equal, fraction_is_zero: false };
        let mut builder = Builder::new(rule, 3, 1);
        let trees: Vec<_> = trees.into_iter().map(|(depth, seed)| full(depth, seed, zeros)).collect();
        for tree in &trees {
            builder.tree(tree.clone(), 0).unwrap();
        }
        let mut sums = vec![0.5; count];
        builder.finish().add(&rows[..count * 3], &mut sums);
        for (row, sum) in rows.chunks_exact(3).zip(sums) {
            let expected = trees.iter().fold(0.5_f32, |sum, tree| sum + plain(tree, row, or_equal));
            prop_assert_eq!(sum.to_bits(), expected.to_bits());
        }
    }
}
