//! What a model consists of, as both forms of file say it.

use std::collections::HashMap;

/// A numeric column.
#[derive(Clone, Debug, Default)]
pub(super) struct FloatFeature {
    /// Its number among numeric columns.
    pub(super) index: i64,
    /// Its number among all columns.
    pub(super) flat: i64,
    pub(super) name: String,
    /// Whether NaN is above all borders rather than below.
    pub(super) missing_high: bool,
    pub(super) borders: Vec<f32>,
}

/// A column of categories.
#[derive(Clone, Debug, Default)]
pub(super) struct CatFeature {
    /// Its number among columns of categories.
    pub(super) index: i64,
    /// Its number among all columns.
    pub(super) flat: i64,
    pub(super) name: String,
    /// Hashes that splits ask for by themselves.
    pub(super) exact: Vec<i32>,
}

/// What a counter counts by: columns of categories, and answers to questions.
#[derive(Clone, Debug, Default)]
pub(super) struct Projection {
    pub(super) categories: Vec<i64>,
    /// Numeric columns and what they may be above.
    pub(super) above: Vec<(i64, f32)>,
    /// Columns of categories and the hash that they may equal.
    pub(super) equal: Vec<(i64, i32)>,
}

/// What is made of counts (`ECtrType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The share of targets above a border.
    Borders,
    /// The share of targets between two borders.
    Buckets,
    /// The mean of targets.
    Mean,
    /// How often a category was seen, of all.
    Counter,
}

impl Kind {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Borders" => Self::Borders,
            "Buckets" => Self::Buckets,
            "BinarizedTargetMeanValue" | "FloatTargetMeanValue" => Self::Mean,
            "Counter" | "FeatureFreq" => Self::Counter,
            _ => return None,
        })
    }

    pub(super) fn numbered(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Borders,
            1 => Self::Buckets,
            2 | 3 => Self::Mean,
            4 | 5 => Self::Counter,
            _ => return None,
        })
    }
}

/// A number that is made of counts, with the borders that it is compared to.
#[derive(Clone, Debug)]
pub(super) struct CtrFeature {
    pub(super) projection: Projection,
    pub(super) kind: Kind,
    /// What its counts are found by.
    pub(super) table: String,
    pub(super) target_border: i64,
    pub(super) prior: [f32; 2],
    pub(super) shift: f32,
    pub(super) scale: f32,
    pub(super) borders: Vec<f32>,
}

/// Counts of what training has seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Hashes of what was seen, each with its place in `counts` or `means`.
    pub(super) places: Vec<(u64, u32)>,
    /// Integers, `classes` at each place.
    pub(super) counts: Vec<i32>,
    /// A sum and a count at each place.
    pub(super) means: Vec<(f32, i32)>,
    pub(super) classes: usize,
    pub(super) denominator: i32,
}

/// A node of a tree that is not symmetric.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Which split, and the nodes of those below and above the border.
    Split(usize, usize, usize),
    Leaf(Vec<f64>),
}

/// Trees as a file has them.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Splits of each tree, one for each level, and leaves of all trees.
    Symmetric(Vec<Vec<usize>>, Vec<f64>),
    /// Nodes of each tree, the root first.
    Free(Vec<Vec<Step>>),
}

/// Everything.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) floats: Vec<FloatFeature>,
    pub(super) categories: Vec<CatFeature>,
    pub(super) counters: Vec<CtrFeature>,
    pub(super) tables: HashMap<String, Counts>,
    pub(super) shape: Shape,
    /// Sums of a row.
    pub(super) targets: usize,
    pub(super) scale: f64,
    pub(super) bias: Vec<f64>,
    /// Names of what is here and not understood, `text column 3` say.
    pub(super) foreign: Vec<String>,
    pub(super) about: About,
}

/// What a model says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub(super) version: String,
    pub(super) loss: String,
    /// Labels of the classes, in the order of columns of probabilities.
    pub(super) classes: Vec<Label>,
    /// The label of each sum, where training has not seen all of them; empty if in order.
    pub(super) seen: Vec<usize>,
    /// From which probability on the second of two classes is taken, if not from half.
    pub(super) threshold: Option<f64>,
}

/// A label as it was in training.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Label {
    Int(i64),
    Float(f64),
    Text(String),
}
