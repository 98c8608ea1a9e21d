//! `sklearn.metrics`: distances and kernels of pairs of rows.

pub(crate) mod distance;
pub(crate) mod pairwise;
