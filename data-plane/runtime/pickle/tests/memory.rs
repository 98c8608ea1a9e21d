//! How much memory a hostile file takes at its worst, as the kernel counts it: 64 MiB beyond itself.
//!
//! One test, so that nothing else runs in this process.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use hari_pickle::open;

#[path = "support/packed.rs"]
mod packed;
#[path = "support/zips.rs"]
mod zips;

use packed::PACKERS;

const MIB: usize = 1 << 20;

/// A number of `/proc/self/status`, in bytes.
fn status(field: &str) -> usize {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    let number = line.split_whitespace().nth(1).unwrap();
    number.parse::<usize>().unwrap() * 1024
}

/// How much more memory this process held while it read the file, at its most.
fn taken(path: &Path) -> usize {
    // The highest mark is set back to what is held now.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    let refused = open(path).is_err();
    let after = status("VmHWM:");
    assert!(refused || after < before + 64 * MIB);
    after.saturating_sub(before)
}

/// One value after the other, each from few bytes.
fn plain() -> Vec<(&'static str, Vec<u8>)> {
    let fill = |start: &[u8], piece: &[u8], size: usize| {
        [start, &piece.repeat(size / piece.len()), b"."].concat()
    };
    let large = 7 * MIB;
    vec![
        ("lists", fill(b"", b"]", large)),
        ("dicts", fill(b"", b"}", large)),
        ("lists of one", fill(b"", b"]Na", large)),
        ("lists of one, popped", fill(b"", b"]Na0", large)),
        ("tuples in tuples", fill(b"N", b"\x85", large)),
        ("integers", fill(b"(", b"K\x01", large)),
        ("integers in a list", fill(b"](", b"K\x01", large)),
        ("texts", fill(b"(", b"\x8c\x01a", large)),
        ("texts with escapes", fill(b"(", b"V\\u0061\n", large)),
        ("texts in quotes", fill(b"(", b"S'a'\n", large)),
        ("bytes", fill(b"(", b"C\x01a", large)),
        ("sets", fill(b"", b"\x8f", large)),
        ("marks", fill(b"", b"(", large)),
        ("stack", fill(b"", b"N", large)),
        ("memo", fill(b"N", b"\x94", large)),
        ("memo, high", b"Nr\x00\x00\x80\x00.".to_vec()),
        ("objects", fill(b"cfunctools\npartial\nq\0", b"h\0)\x81", large)),
        ("objects with state", fill(b"cfunctools\npartial\nq\0", b"h\0)\x81}b", large)),
        ("objects with elements", fill(b"cfunctools\npartial\nq\0", b"h\0)\x81Na", large)),
        ("dtypes", fill(b"cnumpy\ndtype\nq\0\x8c\x02f8q\x01", b"h\0h\x01\x85R", large)),
        ("scalars", fill(
            b"cnumpy.core.multiarray\nscalar\nq\0cnumpy\ndtype\n\x8c\x02u1\x85Rq\x01C\x01aq\x02",
            b"h\0h\x01h\x02\x86R", large,
        )),
        ("arrays", fill(
            b"cnumpy.core.numeric\n_frombuffer\nq\0C\0q\x01cnumpy\ndtype\n\x8c\x02u1\x85Rq\x02(K\0ttq\x03\x8c\x01Cq\x04",
            b"(h\x01h\x02h\x03h\x04tq\x05h\0h\x05R", large,
        )),
        ("copies", [
            b"(", &b"N".repeat(100_000)[..], b"lq\0", &b"cbuiltins\nlist\nh\0\x85R0".repeat(10_000), b".",
        ].concat()),
        ("long integers", fill(b"(", &[&b"\x8a\xff"[..], &[1; 255]].concat(), large)),
        ("names", fill(b"(", b"cnumpy\nlog1p\n", large)),
        ("decimals", fill(b"(", &[b"L", &[b'9'; 299][..], b"\n"].concat(), large)),
    ]
}

fn archives() -> Vec<(&'static str, Vec<u8>)> {
    let schema = |text: String| zips::zip(&[zips::stored("schema.json", text.as_bytes())]);
    let packed = |text: String| zips::zip(&[zips::deflated("schema.json", text.as_bytes())]);
    let numbers = || format!("[{}0]", "0,".repeat(3 * MIB));
    let lists = || format!("[{}[]]", "[],".repeat(2 * MIB));
    let empty =
        r#"{"__loader__":"ListNode","__module__":"builtins","__class__":"list","content":[]},"#;
    let nodes = || {
        format!(
            r#"{{"__loader__":"ListNode","__module__":"builtins","__class__":"list","protocol":2,"content":[{}{}]}}"#,
            empty.repeat(80_000),
            empty.trim_end_matches(',')
        )
    };
    let many: Vec<_> = (0..60_000)
        .map(|index| zips::stored(&format!("{index}"), b""))
        .collect();
    let zeros = zips::zip(&[zips::deflated("schema.json", &vec![b' '; 512 * MIB])]);
    vec![
        ("numbers", schema(numbers())),
        ("numbers, packed", packed(numbers())),
        ("lists in JSON", schema(lists())),
        ("nodes", schema(nodes())),
        ("nodes, packed", packed(nodes())),
        ("many files", zips::zip(&many)),
        ("spaces", zeros),
    ]
}

/// What fits a form that is packed so well that the limit for its size is the least one.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let zeros = [&b"\x8e\0\0\0\x04\0\0\0\0"[..], &vec![0; 64 * MIB], b"."].concat();
    let within = [
        &b"\x8e\0\0\x80\0\0\0\0\0"[..],
        &vec![0; 8 * MIB],
        &b"]".repeat(4 * MIB),
        b".",
    ]
    .concat();
    let mut files = Vec::new();
    for (form, pack) in PACKERS {
        files.push((*form, pack(&within)));
        // These two take their time in tests.
        if !matches!(*form, "lzma" | "xz") {
            files.push((*form, pack(&zeros)));
        }
    }
    files
}

#[test]
fn a_hostile_file_takes_at_most_64_mib_beyond_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pkl");
    let mut worst = (0, "");
    for files in [plain, archives, bombs] {
        for (name, bytes) in files() {
            let size = bytes.len();
            fs::write(&path, bytes).unwrap();
            let taken = taken(&path);
            worst = worst.max((taken.saturating_sub(size), name));
            assert!(
                taken <= size + 64 * MIB,
                "{name}: {taken} for a file of {size}"
            );
        }
    }
    // The files are as bad as they can be: most of the room is used.
    assert!(worst.0 > 32 * MIB, "{worst:?}");
}
