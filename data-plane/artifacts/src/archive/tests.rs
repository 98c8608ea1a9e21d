//! Tests of archives: what is taken, and what tries to get out, to grow or to lie.

use std::fs;
use std::io::{Cursor, Write};

use ::tar::{Builder, EntryType, Header};
use ::zip::ZipWriter;
use ::zip::write::SimpleFileOptions;
use hari_error::Kind;
use proptest::prelude::*;

use super::*;
use crate::testing::{folder, gzip, tar, write, zip};

const MODEL: [(&str, &str); 2] = [
    ("m/1/saved_model.pb", "graph"),
    ("m/1/variables/variables.index", ""),
];

/// Recognises and unpacks; the folder holds the archive and `out/`.
fn unpacked(name: &str, bytes: &[u8], limits: &ArchiveLimits) -> (tempfile::TempDir, Result<u64>) {
    let root = folder(&[]);
    write(root.path(), name, bytes);
    fs::create_dir(root.path().join("out")).unwrap();
    let path = root.path().join(name);
    let result = recognise(&path, name).and_then(|form| {
        let form = form.ok_or_else(|| Error::invalid("no archive"))?;
        unpack(&path, form, &root.path().join("out"), limits, &|_, _| {})
    });
    (root, result)
}

fn fails(name: &str, bytes: &[u8], limits: &ArchiveLimits) -> Error {
    let (root, result) = unpacked(name, bytes, limits);
    let mut names: Vec<_> = fs::read_dir(root.path())
        .unwrap()
        .flatten()
        .map(|i| i.file_name())
        .collect();
    names.sort();
    assert_eq!(names, [name, "out"], "nothing beside the folder");
    result.unwrap_err()
}

fn refused(name: &str, bytes: &[u8]) -> Error {
    fails(name, bytes, &ArchiveLimits::default())
}

/// A tar of one raw entry: the name is not checked by the writer.
fn raw_tar(entries: &[(&[u8], EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 3).unwrap()
}

#[test]
fn every_form_unpacks_to_the_same() {
    let plain = tar(&MODEL);
    for (name, bytes) in [
        ("m.tar", plain.clone()),
        ("m.tar.gz", gzip(&plain)),
        ("m.tgz", gzip(&plain)),
        ("m.tar.zst", zstd(&plain)),
        ("m.zip", zip(&MODEL)),
        ("download", zip(&MODEL)),
        ("download.bin", gzip(&plain)),
    ] {
        let (root, result) = unpacked(name, &bytes, &ArchiveLimits::default());
        assert_eq!(result.unwrap(), 5, "{name}");
        let out = root.path().join("out/m/1");
        assert_eq!(
            fs::read(out.join("saved_model.pb")).unwrap(),
            b"graph",
            "{name}"
        );
        assert_eq!(
            fs::read(out.join("variables/variables.index")).unwrap(),
            b"",
            "{name}"
        );
    }
}

#[test]
fn long_names_and_folders_are_read() {
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(120));
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Directory);
    header.set_size(0);
    builder.append_data(&mut header, "./", &b""[..]).unwrap();
    let mut header = Header::new_gnu();
    header.set_size(2);
    builder.append_data(&mut header, &long, &b"ok"[..]).unwrap();
    let name = format!("pax/{}", "p".repeat(150));
    builder
        .append_pax_extensions([("path", name.as_bytes()), ("mtime", b"1.5")])
        .unwrap();
    let mut header = Header::new_ustar();
    header.set_path("short").unwrap();
    header.set_size(3);
    header.set_cksum();
    builder.append(&header, &b"pax"[..]).unwrap();
    let (root, result) = unpacked(
        "m.tar",
        &builder.into_inner().unwrap(),
        &ArchiveLimits::default(),
    );
    assert_eq!(result.unwrap(), 5);
    assert_eq!(fs::read(root.path().join("out").join(long)).unwrap(), b"ok");
    assert_eq!(
        fs::read(root.path().join("out").join(name)).unwrap(),
        b"pax"
    );
}

#[test]
fn a_tar_cannot_leave_its_folder() {
    let file = EntryType::Regular;
    for (entries, word) in [
        (vec![(&b"../evil"[..], file, &b"x"[..])], "`..`"),
        (vec![(b"/evil", file, b"x")], "absolute"),
        (vec![(b"a/../../evil", file, b"x")], "`..`"),
        (vec![(b"link", EntryType::Symlink, b"")], "a link"),
        (vec![(b"link", EntryType::Link, b"")], "a link"),
        (vec![(b"dev", EntryType::Char, b"")], "a device"),
        (vec![(b"dev", EntryType::Block, b"")], "a device"),
        (vec![(b"pipe", EntryType::Fifo, b"")], "a device or pipe"),
        (vec![(b"sparse", EntryType::GNUSparse, b"")], "sparse"),
        (vec![(b"odd", EntryType::new(b'Z'), b"")], "not known"),
        (vec![(b"a", file, b"1"), (b"a", file, b"2")], "twice"),
        (vec![(b"a", file, b"1"), (b"./a", file, b"2")], "twice"),
        (
            vec![(b"a", file, b"1"), (b"a/b", file, b"2")],
            "cannot hold it",
        ),
        (vec![(b"a/b", file, b"1"), (b"a", file, b"2")], "twice"),
        (
            vec![(b"../evil", EntryType::GNULongName, b"")],
            "a name without",
        ),
        (
            vec![
                (b"x", EntryType::GNULongName, b"../evil"),
                (b"x", file, b"x"),
            ],
            "`..`",
        ),
        (vec![(b"a", EntryType::Directory, b"")], "no file"),
        (vec![], "named as an archive"),
    ] {
        let error = refused("m.tar", &raw_tar(&entries));
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert!(error.message().contains(word), "{word}: {error}");
    }
}

#[test]
fn pax_headers_cannot_change_a_size() {
    for (key, word) in [("size", "--format=gnu"), ("GNU.sparse.major", "sparse")] {
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions([(key, &b"1"[..])]).unwrap();
        let mut header = Header::new_gnu();
        header.set_size(1);
        builder.append_data(&mut header, "a", &b"x"[..]).unwrap();
        let error = refused("m.tar", &builder.into_inner().unwrap());
        assert!(error.message().contains(word), "{error}");
    }
    let huge = vec![b'x'; 100_000];
    let error = refused("m.tar", &raw_tar(&[(b"x", EntryType::GNULongName, &huge)]));
    assert_eq!(error.kind(), Kind::TooLarge);
}

#[test]
fn a_zip_cannot_leave_its_folder() {
    for (name, word) in [
        ("../evil", "`..`"),
        ("/evil", "absolute"),
        ("a\\..\\evil", "backslash"),
    ] {
        let error = refused("m.zip", &zip(&[(name, "x")]));
        assert!(error.message().contains(word), "{name}: {error}");
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .add_symlink("link", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    let error = refused("m.zip", &writer.finish().unwrap().into_inner());
    assert!(error.message().contains("found a link"), "{error}");
}

#[test]
fn a_zip_with_a_name_twice_is_refused() {
    // The writer refuses to make one: a name of the same length is changed afterwards.
    let mut bytes = zip(&[("a1", "x"), ("a2", "y")]);
    for at in 0..bytes.len() - 1 {
        if &bytes[at..at + 2] == b"a2" {
            bytes[at + 1] = b'1';
        }
    }
    assert!(refused("m.zip", &bytes).message().contains("twice"));
}

#[test]
fn bombs_are_refused_and_little_is_written() {
    let zeros = "\0".repeat(3 << 20);
    let limits = ArchiveLimits {
        ratio: 10,
        ratio_floor: 1 << 10,
        ..ArchiveLimits::default()
    };
    let plain = tar(&[("zeros", &zeros)]);
    for (name, bytes) in [
        ("m.tgz", gzip(&plain)),
        ("m.tar.zst", zstd(&plain)),
        ("m.zip", zip(&[("zeros", &zeros)])),
    ] {
        let error = fails(name, &bytes, &limits);
        assert_eq!(error.kind(), Kind::TooLarge, "{name}: {error}");
        let (_, result) = unpacked(name, &bytes, &ArchiveLimits::default());
        assert_eq!(
            result.unwrap(),
            3 << 20,
            "below 1 MiB the ratio counts as of 1 MiB"
        );
    }
}

#[test]
fn a_stream_of_nothing_after_the_end_is_refused() {
    let mut plain = tar(&[("a", "x")]);
    plain.resize(plain.len() + (60 << 20), 0);
    let limits = ArchiveLimits {
        entries: 10,
        ratio: 10,
        ..ArchiveLimits::default()
    };
    assert_eq!(
        fails("m.tgz", &gzip(&plain), &limits).kind(),
        Kind::TooLarge
    );
}

#[test]
fn limits_are_exact() {
    let files = [("a", "12345"), ("b/c", "12345")];
    for (name, bytes) in [("m.tar", tar(&files)), ("m.zip", zip(&files))] {
        let exact = ArchiveLimits {
            entries: 3,
            bytes: 10,
            ..ArchiveLimits::default()
        };
        assert_eq!(unpacked(name, &bytes, &exact).1.unwrap(), 10);
        for less in [
            ArchiveLimits {
                entries: 2,
                ..exact
            },
            ArchiveLimits { bytes: 9, ..exact },
        ] {
            assert_eq!(
                fails(name, &bytes, &less).kind(),
                Kind::TooLarge,
                "{name} {less:?}"
            );
        }
    }
}

#[test]
fn damage_is_seen() {
    let plain = tar(&MODEL);
    let packed = gzip(&plain);
    let zipped = zip(&[("a", &"text ".repeat(100))]);
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 0xff;
        bytes
    };
    for (name, bytes) in [
        ("m.tar", plain[..1024].to_vec()),
        ("m.tar", plain[..700].to_vec()),
        ("m.tar", flipped(&plain, 1024 + 5)),
        ("m.tgz", packed[..packed.len() - 4].to_vec()),
        ("m.tgz", flipped(&packed, packed.len() - 6)),
        ("m.zip", zipped[..zipped.len() - 30].to_vec()),
        ("m.zip", flipped(&zipped, 40)),
    ] {
        let error = refused(name, &bytes);
        assert_eq!(
            error.kind(),
            Kind::InvalidInput,
            "{name} {}: {error}",
            bytes.len()
        );
    }
}

#[test]
fn other_files_are_no_archives() {
    let root = folder(&[("x.onnx", "onnx"), ("x.zip", "<html>"), ("x.tar.gz", "")]);
    write(root.path(), "x.keras", zip(&MODEL));
    write(root.path(), "x.json.gz", gzip(b"{}"));
    let form = |name: &str| recognise(&root.path().join(name), name);
    for name in ["x.onnx", "x.keras", "x.json.gz"] {
        assert_eq!(form(name).unwrap(), None, "{name}");
    }
    for name in ["x.zip", "x.tar.gz"] {
        assert!(
            form(name).unwrap_err().message().contains("no tar or zip"),
            "{name}"
        );
    }
    assert!(form("none").is_err());
}

#[test]
fn a_wrong_length_in_a_zip_is_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default();
    writer.start_file("a", stored).unwrap();
    writer.write_all(&b"0123456789".repeat(10)).unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    let central = bytes
        .windows(4)
        .rposition(|four| four == b"PK\x01\x02")
        .unwrap();
    for declared in [50u32, 5000] {
        bytes[central + 24..central + 28].copy_from_slice(&declared.to_le_bytes());
        let error = refused("m.zip", &bytes);
        assert_eq!(error.kind(), Kind::InvalidInput, "{declared}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_tar_name_stays_in_the_folder(name in "[./a\\\\]{1,12}", content in "[a-z]{0,9}") {
        let bytes = raw_tar(&[(name.as_bytes(), EntryType::Regular, content.as_bytes())]);
        let (root, result) = unpacked("m.tar", &bytes, &ArchiveLimits::default());
        prop_assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
        let written = crate::tree::size(&root.path().join("out")).unwrap();
        prop_assert_eq!(written, result.unwrap_or(0));
    }

    #[test]
    fn flipped_bits_never_panic_or_leave(at in any::<prop::sample::Index>(), bit in 0..8u8, form in 0..4usize) {
        let plain = tar(&MODEL);
        let (name, mut bytes) = [
            ("m.tar", plain.clone()), ("m.tgz", gzip(&plain)), ("m.tar.zst", zstd(&plain)),
            ("m.zip", zip(&MODEL)),
        ][form].clone();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let (root, _) = unpacked(name, &bytes, &ArchiveLimits::default());
        prop_assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    }
}
