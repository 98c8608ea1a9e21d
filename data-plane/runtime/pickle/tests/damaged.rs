//! Real files, cut and changed: refused or read, never a panic.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use hari_pickle::{Cursor, Limits, read};
use proptest::prelude::*;

#[path = "support/walk.rs"]
mod walk;

/// Small enough to be read thousands of times.
const SMALL: u64 = 6000;

fn fixtures(keep: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/1.5.2");
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end != "json") && keep(path))
        .collect();
    found.sort();
    found
}

fn small(path: &Path) -> bool {
    path.metadata().unwrap().len() < SMALL
}

fn compressed(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.starts_with("compressed.") && name.split('.').nth(1).unwrap().parse::<u8>().is_err()
}

/// Little memory, so that a file that grows is noticed.
fn limits() -> Limits {
    Limits {
        expanded: 4 << 20,
        structure: 4 << 20,
        window_kib: 16 << 10,
        ..Limits::default()
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let mut cuts = 0;
    for path in fixtures(|path| small(path) && !compressed(path)) {
        let bytes = fs::read(&path).unwrap();
        assert!(read(&bytes, &limits()).is_ok(), "{}", path.display());
        for end in 0..bytes.len() {
            let error = read(&bytes[..end], &limits()).err();
            let error = error.unwrap_or_else(|| panic!("{} at {end}", path.display()));
            assert!(!error.message().is_empty());
            cuts += 1;
        }
    }
    assert!(cuts > 20_000, "{cuts}");
}

#[test]
fn a_compressed_file_that_is_cut_is_refused() {
    for path in fixtures(compressed) {
        let bytes = fs::read(&path).unwrap();
        assert!(read(&bytes, &limits()).is_ok(), "{}", path.display());
        // The last bytes of some forms are checksums and marks that hold nothing of the value.
        for end in 0..bytes.len().saturating_sub(48) {
            assert!(
                read(&bytes[..end], &limits()).is_err(),
                "{} at {end}",
                path.display()
            );
        }
    }
}

#[test]
fn flipped_bits_are_refused_or_read() {
    let mut random = fastrand::Rng::with_seed(20_26);
    let (mut refused, mut accepted) = (0, 0);
    for path in fixtures(small) {
        let original = fs::read(&path).unwrap();
        for _ in 0..60 {
            let mut bytes = original.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..bytes.len());
                bytes[at] ^= 1 << random.u8(..8);
            }
            match read(&bytes, &limits()) {
                Ok(document) => {
                    walk::all(&document.root());
                    accepted += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 500 && accepted > 500, "{refused} {accepted}");
}

#[test]
fn a_compressed_file_with_a_flipped_bit_never_gives_another_value() {
    let mut random = fastrand::Rng::with_seed(7);
    for path in fixtures(compressed) {
        let original = fs::read(&path).unwrap();
        let document = read(&original, &limits()).unwrap();
        let expected = weights(&document.root());
        for _ in 0..200 {
            let mut bytes = original.clone();
            let at = random.usize(..bytes.len());
            bytes[at] ^= 1 << random.u8(..8);
            if let Ok(document) = read(&bytes, &limits()) {
                let same = weights(&document.root()) == expected;
                assert!(same || unchecked(&path), "{} {at}", path.display());
            }
        }
    }
}

/// The old form of LZMA has no checksum, and joblib asks for none with LZ4.
fn unchecked(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.contains(".lzma.") || name.contains(".lz4.")
}

fn weights(root: &Cursor<'_>) -> Option<Vec<f64>> {
    Some(root.get("weights").ok()?.numbers().ok()?.values)
}

#[test]
fn bytes_that_move_or_repeat_are_refused_or_read() {
    let mut random = fastrand::Rng::with_seed(99);
    for path in fixtures(small) {
        let original = fs::read(&path).unwrap();
        for _ in 0..30 {
            let start = random.usize(..original.len());
            let end = random.usize(start..original.len());
            let at = random.usize(..original.len());
            let piece = &original[start..end];
            let bytes = [&original[..at], piece, &original[at..]].concat();
            if let Ok(document) = read(&bytes, &limits()) {
                walk::all(&document.root());
            }
        }
    }
}

/// Pieces of pickles that mean something together.
const PIECES: &[&[u8]] = &[
    b"(",
    b".",
    b"0",
    b"1",
    b"2",
    b"N",
    b"]",
    b"}",
    b")",
    b"a",
    b"e",
    b"s",
    b"u",
    b"t",
    b"l",
    b"d",
    b"b",
    b"R",
    b"o",
    b"\x81",
    b"\x92",
    b"\x93",
    b"\x94",
    b"\x85",
    b"\x86",
    b"\x87",
    b"\x88",
    b"\x89",
    b"\x8f",
    b"\x90",
    b"\x91",
    b"h\x00",
    b"h\x01",
    b"q\x00",
    b"q\x01",
    b"K\x00",
    b"K\x01",
    b"C\x01b",
    b"C\x08abcdefgh",
    b"\x8c\x02f8",
    b"\x8c\x01|",
    b"\x8c\x05dtype",
    b"\x8c\x05shape",
    b"\x8c\x05order",
    b"\x8c\x01C",
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
    b"cnumpy\nlog1p\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cnumpy.core.multiarray\nscalar\n",
    b"cnumpy.core.numeric\n_frombuffer\n",
    b"cbuiltins\nlist\n",
    b"cbuiltins\ndict\n",
    b"cbuiltins\nset\n",
    b"cbuiltins\nbytearray\n",
    b"ccopyreg\n__newobj__\n",
    b"ccopyreg\n__newobj_ex__\n",
    b"ccopyreg\n_reconstructor\n",
    b"c_codecs\nencode\n",
    b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n",
    b"csklearn.tree._tree\nTree\n",
    b"I1\n",
    b"L-5L\n",
    b"F1.5\n",
    b"S'a'\n",
    b"Vtext\n",
    b"cnumpy\ndtype\n\x8c\x02f8\x89\x88\x87R",
    b"cbuiltins\nobject\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(document) = read(&bytes, &limits()) {
            walk::all(&document.root());
        }
    }

    #[test]
    fn any_order_of_opcodes_is_refused_or_read(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60),
    ) {
        let bytes = [pieces.concat(), b".".to_vec()].concat();
        if let Ok(document) = read(&bytes, &limits()) {
            walk::all(&document.root());
        }
    }
}
