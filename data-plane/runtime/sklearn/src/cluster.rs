//! `sklearn.cluster`: the clusters that new rows belong to.

mod agglomeration;
mod bisecting;
mod centers;

use crate::registry::Entry;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.cluster._affinity_propagation.AffinityPropagation",
        centers::affinity_propagation,
    ),
    (
        "sklearn.cluster._agglomerative.FeatureAgglomeration",
        agglomeration::FeatureAgglomeration::read,
    ),
    ("sklearn.cluster._birch.Birch", centers::birch),
    (
        "sklearn.cluster._bisect_k_means.BisectingKMeans",
        bisecting::BisectingKMeans::read,
    ),
    ("sklearn.cluster._kmeans.KMeans", centers::k_means),
    ("sklearn.cluster._kmeans.MiniBatchKMeans", centers::k_means),
    ("sklearn.cluster._mean_shift.MeanShift", centers::mean_shift),
];
