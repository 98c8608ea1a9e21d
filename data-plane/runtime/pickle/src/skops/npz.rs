//! Sparse matrices as scipy saves them: a zip of `.npy` files.

use bytes::Bytes;
use hari_error::{Error, Result};

use super::archive::Archive;
use crate::array::Array;
use crate::limits::Limits;
use crate::npy;

/// The parts of a sparse matrix that is compressed by row or column.
pub(super) struct Parts {
    /// `csr`, `csc` or `bsr`.
    pub(super) format: String,
    /// Rows and columns.
    pub(super) shape: Vec<i64>,
    /// Attributes by name.
    pub(super) arrays: [(&'static str, Array); 3],
}

/// Reads an `.npz` file of scipy.
///
/// # Errors
///
/// No such file; a format that is not compressed by row or column.
pub(super) fn read(file: &Bytes, limits: &Limits) -> Result<Parts> {
    let archive = Archive::open(file, limits).map_err(|error| error.context("an `.npz` file"))?;
    let array = |name: &str| {
        let found = archive
            .file(&format!("{name}.npy"))
            .and_then(|file| npy::read(&file));
        found.map_err(|error| error.context(format!("`{name}` of an `.npz` file")))
    };
    let format = array("format")?
        .texts()
        .and_then(|texts| texts.values.into_iter().next());
    let format = format.filter(|format| matches!(format.as_str(), "csr" | "csc" | "bsr"));
    let format = format.ok_or_else(|| {
        Error::model(
            "a sparse matrix is not compressed by row or column: convert it with `tocsr()`",
        )
    })?;
    let shape = array("shape")?.integers().map(|shape| shape.values);
    Ok(Parts {
        format,
        shape: shape.ok_or_else(|| Error::model("the shape of a sparse matrix is no integers"))?,
        arrays: [
            ("data", array("data")?),
            ("indices", array("indices")?),
            ("indptr", array("indptr")?),
        ],
    })
}

/// Memory that [`read`] takes beyond the file.
pub(super) fn cost(file: &Bytes, limits: &Limits) -> u64 {
    Archive::open(file, limits).map_or(0, |archive| archive.expanded())
}
