//! `sklearn.decomposition`: rows as sums of fewer parts.

mod equations;
mod kernel;
mod linear;
mod nonnegative;
mod topics;

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::matrix;
use crate::registry::Entry;
use crate::table::Matrix;

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

/// No file has more components where something is computed for each pair of them.
const MAX_COMPONENTS: usize = 8192;

/// `components_`, where something is computed for each pair of them.
///
/// # Errors
/// `Model` for more than are allowed.
fn paired_components(cursor: &Cursor<'_>) -> Result<Matrix> {
    let found = matrix(cursor, "components_")?;
    match found.rows <= MAX_COMPONENTS {
        true => Ok(found),
        false => Err(cursor.refuse(format_args!(
            "it has {} components: expected at most {MAX_COMPONENTS}",
            found.rows
        ))),
    }
}

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
