//! The fuzzers' corpora, replayed: each file is refused or read, and what is known stays known.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use hari_pickle::{Limits, read};

#[path = "support/packed.rs"]
mod packed;
#[path = "support/walk.rs"]
mod walk;
#[path = "support/zips.rs"]
mod zips;

/// Names and contents, in the order of the names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let paths = fs::read_dir(folder.join(target)).unwrap();
    let mut found: Vec<_> = paths
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// Whether it was read; a seed is, and a gadget is not.
fn check(name: &str, file: &[u8]) -> bool {
    let found = read(file, &Limits::default());
    if let Ok(document) = &found {
        walk::all(&document.root());
    }
    assert!(
        !name.starts_with("seed-") || found.is_ok(),
        "{name}: {found:?}"
    );
    assert!(!name.starts_with("gadget-") || found.is_err(), "{name}");
    found.is_ok()
}

#[test]
fn every_pickle_of_the_fuzzer_is_refused_or_read() {
    let corpus = corpus("read");
    let read_well = corpus.iter().filter(|(name, file)| check(name, file));
    assert!(read_well.count() >= 20);
}

#[test]
fn every_packed_pickle_of_the_fuzzer_is_refused_or_read() {
    for (name, file) in corpus("packed") {
        for (_, pack) in packed::PACKERS {
            check(&name, &pack(&file));
        }
    }
}

const ARRAY: &[u8] = b"\x93NUMPY\x01\x00\x3a\x00\
    {'descr': '<u2', 'fortran_order': True, 'shape': (2, 2), }\x01\0\x02\0\x03\0\x04\0";

#[test]
fn every_description_of_the_fuzzer_is_refused_or_read() {
    let mut read_well = 0;
    for (name, file) in corpus("skops") {
        let archive = if file.starts_with(b"PK") {
            file
        } else {
            zips::zip(&[
                zips::stored("schema.json", &file),
                zips::stored("1.npy", ARRAY),
                zips::deflated("2.npy", &file),
            ])
        };
        read_well += usize::from(check(&name, &archive));
    }
    assert!(read_well >= 8, "{read_well}");
}
