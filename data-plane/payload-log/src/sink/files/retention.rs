//! Old files go, so that a disk does not fill.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::target::FileTarget;

/// What the names of all our files begin with.
pub(super) const PREFIX: &str = "payloads-";

/// Removes the oldest closed files until the others are within the bounds. The newest one stays.
pub(super) fn keep(target: &FileTarget) -> io::Result<()> {
    let mut files = closed(target)?;
    // Names begin with the time.
    files.sort_by(|a, b| b.0.cmp(&a.0));
    let (mut bytes, mut count) = (0_u64, 0);
    for (path, length) in files {
        bytes = bytes.saturating_add(length);
        count += 1;
        let within = bytes <= target.keep_bytes && count <= target.keep_files;
        if count > 1 && !within {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn closed(target: &FileTarget) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(&target.folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours =
            name.starts_with(PREFIX) && (name.ends_with(".jsonl") || name.ends_with(".parquet"));
        if ours && entry.file_type()?.is_file() {
            files.push((entry.path(), entry.metadata()?.len()));
        }
    }
    Ok(files)
}
