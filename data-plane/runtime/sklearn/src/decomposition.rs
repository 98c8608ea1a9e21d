//! `sklearn.decomposition`: rows as sums of fewer parts.

mod equations;
mod kernel;
mod linear;
mod nonnegative;
mod topics;

use hari_error::Result;
use hari_pickle::Cursor;

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
    (
        "sklearn.decomposition._lda.LatentDirichletAllocation",
        topics::LatentDirichlet::read,
    ),
    (
        "sklearn.decomposition._nmf.MiniBatchNMF",
        nonnegative::mini_batch,
    ),
    ("sklearn.decomposition._nmf.NMF", nonnegative::nmf),
];

/// No file makes a request iterate more often.
const MAX_ROUNDS: usize = 10_000;

/// How often a solver iterates at most.
///
/// # Errors
/// `Model` for more than is allowed.
fn most_rounds(cursor: &Cursor<'_>, rounds: usize) -> Result<usize> {
    match rounds <= MAX_ROUNDS {
        true => Ok(rounds),
        false => Err(cursor.refuse(format_args!(
            "it iterates up to {rounds} times: expected at most {MAX_ROUNDS}"
        ))),
    }
}
