//! Folders, archives and an HTTP server for the tests of this crate.

pub(crate) mod s3;
mod server;

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::time::Duration;

use hari_settings::Storage;
use tempfile::TempDir;

use crate::options::{FetchOptions, Retry};

pub(crate) use server::{Received, Server, reply};

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in files {
        write(root.path(), name, content);
    }
    root
}

/// Writes a file below `root`, with the folders it lies in.
pub(crate) fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Options with this cache, and no long pauses.
pub(crate) fn options(cache: &Path) -> FetchOptions {
    FetchOptions {
        cache: cache.to_owned(),
        storage: Storage::default(),
        retry: Retry {
            attempts: 3,
            pause: Duration::from_millis(1),
        },
        ..FetchOptions::default()
    }
}

/// A tar with these files.
pub(crate) fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, content.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip with these files, deflated.
pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
