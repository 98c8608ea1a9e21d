//! The folder of a SavedModel, made for one call.

use std::fs;
use std::io;
use std::path::Path;

use hari_error::Result;
use hari_tensorflow::{Inspection, inspect};

/// The parts of a SavedModel.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    /// `saved_model.pb`.
    pub(crate) graph: &'a [u8],
    /// `variables.index`.
    pub(crate) index: &'a [u8],
    /// The only shard.
    pub(crate) shard: &'a [u8],
}

impl Parts<'_> {
    /// Reads the SavedModel from a folder of its own, which is gone afterwards.
    pub(crate) fn inspect(self) -> Result<Inspection> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        self.write(folder.path())
            .expect("a temporary folder can be written");
        inspect(folder.path())
    }

    fn write(self, folder: &Path) -> io::Result<()> {
        fs::write(folder.join("saved_model.pb"), self.graph)?;
        let variables = folder.join("variables");
        fs::create_dir(&variables)?;
        fs::write(variables.join("variables.index"), self.index)?;
        fs::write(variables.join("variables.data-00000-of-00001"), self.shard)
    }
}
