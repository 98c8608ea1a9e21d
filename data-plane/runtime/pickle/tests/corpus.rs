//! The fuzzer's corpus, replayed: each file is refused or read, and what is known stays known.

use std::fs;
use std::path::Path;

use hari_pickle::{Limits, read};

#[path = "support/walk.rs"]
mod walk;

#[test]
fn every_input_of_the_fuzzer_is_refused_or_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/read");
    let mut read_well = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let found = read(&fs::read(&path).unwrap(), &Limits::default());
        if let Ok(document) = &found {
            walk::all(&document.root());
            read_well += 1;
        }
        assert!(!name.starts_with("seed-") || found.is_ok(), "{name}");
        assert!(!name.starts_with("gadget-") || found.is_err(), "{name}");
    }
    assert!(read_well >= 20, "{read_well}");
}
