//! The Python package that a worker runs, written out of the binary.

use std::path::Path;
use std::{fs, io};

/// Path and content of each file.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/package.rs"));

/// Writes the package below `folder`.
///
/// # Errors
/// What the disk says.
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    for (name, content) in FILES {
        let file = folder.join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_runs_is_written_as_it_is_in_the_tree() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../sdk/python/hari/worker.py");
        let written = fs::read(folder.path().join("hari/worker.py")).unwrap();
        assert_eq!(written, fs::read(source).unwrap());
        assert!(folder.path().join("hari/__init__.py").is_file());
    }
}
