//! `.hari-fetched.json` in a folder that a call of ours filled: what we put there.

use std::fs;
use std::path::Path;

use hari_error::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::place::unwritable;
use crate::tree::walk;

/// The name of the file that [`crate::copy_to`] puts beside a model, to know it again.
pub const NAME: &str = ".hari-fetched.json";

/// What a call of ours put into a folder.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Without credentials.
    uri: String,
    digest: Option<String>,
    /// Files and folders, relative to the folder.
    paths: Vec<String>,
}

impl Manifest {
    /// Of the model in the folder `made`.
    pub(super) fn of(made: &Path, uri: &str, digest: Option<String>) -> Result<Self> {
        let found = walk(made)?;
        let paths = found
            .iter()
            .map(|found| found.path.to_string_lossy().into_owned());
        Ok(Self {
            uri: uri.to_owned(),
            digest,
            paths: paths.collect(),
        })
    }

    /// The one in the folder; none if no call of ours filled it.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(dir.join(NAME)).ok()?).ok()
    }

    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::internal("a manifest").with_source(error))?;
        fs::write(dir.join(NAME), text).map_err(unwritable)
    }

    /// Whether a call of ours put this there.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let path = path.to_string_lossy();
        self.paths.iter().any(|ours| *ours == path)
    }
}
