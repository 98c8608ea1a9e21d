//! `sklearn.decomposition`: rows as sums of fewer parts.

mod equations;
mod kernel;
mod linear;

use crate::registry::Entry;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.decomposition._factor_analysis.FactorAnalysis",
        linear::factor_analysis,
    ),
    ("sklearn.decomposition._fastica.FastICA", linear::fast_ica),
    (
        "sklearn.decomposition._incremental_pca.IncrementalPCA",
        linear::incremental_pca,
    ),
    (
        "sklearn.decomposition._kernel_pca.KernelPCA",
        kernel::KernelPca::read,
    ),
    ("sklearn.decomposition._pca.PCA", linear::pca),
    (
        "sklearn.decomposition._sparse_pca.MiniBatchSparsePCA",
        linear::sparse_pca,
    ),
    (
        "sklearn.decomposition._sparse_pca.SparsePCA",
        linear::sparse_pca,
    ),
    (
        "sklearn.decomposition._truncated_svd.TruncatedSVD",
        linear::truncated_svd,
    ),
];
