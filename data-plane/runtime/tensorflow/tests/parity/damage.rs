//! Damaged and hostile files: refused, or read for what they still are; never a panic.

use std::path::Path;

use hari_tensorflow::{Options, load};
use proptest::prelude::*;

use crate::fixture;

const FILES: [&str; 3] = [
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
];

/// A copy of a fixture's model with one file changed.
fn changed(name: &str, file: &str, change: impl FnOnce(&mut Vec<u8>)) -> tempfile::TempDir {
    let (from, folder) = (fixture::named(name).model(), tempfile::tempdir().unwrap());
    std::fs::create_dir(folder.path().join("variables")).unwrap();
    for part in FILES {
        std::fs::copy(from.join(part), folder.path().join(part)).unwrap();
    }
    let mut bytes = std::fs::read(from.join(file)).unwrap();
    change(&mut bytes);
    std::fs::write(folder.path().join(file), bytes).unwrap();
    folder
}

fn outcome(folder: &Path) -> Option<String> {
    let error = load(folder, &Options::default()).err()?;
    assert!(
        !error.message().contains(folder.to_str().unwrap()),
        "a path: {error}"
    );
    Some(error.message().to_owned())
}

#[test]
fn a_copy_without_a_change_loads() {
    let folder = changed("dense_relu", FILES[0], |_| ());
    assert_eq!(outcome(folder.path()), None);
}

#[test]
fn a_changed_weight_is_found() {
    let folder = changed("dense_relu", FILES[2], |bytes| {
        bytes.iter_mut().for_each(|b| *b ^= 1);
    });
    assert!(outcome(folder.path()).unwrap().contains("checksum"));
}

#[test]
fn missing_variables_are_named() {
    let folder = changed("dense_relu", FILES[0], |_| ());
    std::fs::remove_file(folder.path().join(FILES[1])).unwrap();
    assert!(
        outcome(folder.path())
            .unwrap()
            .contains("no folder `variables`")
    );
    let folder = changed("dense_relu", FILES[0], |_| ());
    std::fs::remove_file(folder.path().join(FILES[2])).unwrap();
    assert!(
        outcome(folder.path())
            .unwrap()
            .contains("variables.data-00000-of-00001")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_file_is_refused(file in 0_usize..3, length: proptest::sample::Index) {
        let folder = changed("tf_module_function", FILES[file], |bytes| {
            bytes.truncate(length.index(bytes.len()));
        });
        // Unread weights at the end of the shard may be missing; the graph and the index may not.
        prop_assert!(outcome(folder.path()).is_some() || file != 1);
    }

    #[test]
    fn changed_bytes_never_panic(
        fixture in 0_usize..4,
        file in 0_usize..3,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), 1_u8..), 1..8),
    ) {
        let name = ["cnn_dilated", "layernorm", "operators_index", "operators_volume"][fixture];
        let file = if name == "operators_volume" { 0 } else { file };
        let folder = changed(name, FILES[file], |bytes| {
            for (at, flip) in changes {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
        });
        outcome(folder.path());
    }
}
