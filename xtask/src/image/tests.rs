//! Archives, read back with a reader of the tests' own.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::*;
use crate::oci::{self, Entry, Layer, Tree, digest};

type Files = BTreeMap<String, Vec<u8>>;

fn tree() -> Tree {
    Tree::from([
        ("usr/bin/hari".to_owned(), Entry::file(0o755, "program")),
        ("etc/passwd".to_owned(), Entry::file(0o644, "root:x:0:0")),
        ("tmp".to_owned(), Entry::folder(0o1777)),
    ])
}

fn archive(time: u64, level: u32) -> Archive {
    let layers = [
        Layer::pack(&tree(), time, level).unwrap(),
        Layer::pack(
            &Tree::from([("a/b".to_owned(), Entry::file(0o644, "c"))]),
            time,
            level,
        )
        .unwrap(),
    ];
    let image = Image {
        name: "registry.example:5000/hari:1.2",
        layers: &layers,
        time,
        labels: labels("n"),
        config: config(),
    };
    Archive::of(&image).unwrap()
}

fn read(bytes: &[u8]) -> Files {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (path, content)
    });
    entries.collect()
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The blob that a descriptor names, its size and digest checked.
fn blob<'a>(files: &'a Files, descriptor: &Value) -> &'a [u8] {
    let name = descriptor["digest"].as_str().unwrap();
    let content = &files[&format!("blobs/{}", name.replace(':', "/"))];
    assert_eq!(digest(content), name);
    assert_eq!(descriptor["size"], content.len());
    content
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut content)
        .unwrap();
    content
}

#[test]
fn an_archive_is_read_back() {
    let files = read(archive(0, 6).bytes());
    assert_eq!(parsed(&files["oci-layout"])["imageLayoutVersion"], "1.0.0");
    let index = parsed(&files["index.json"]);
    let entry = &index["manifests"][0];
    let annotations = &entry["annotations"];
    assert_eq!(
        annotations["io.containerd.image.name"],
        "registry.example:5000/hari:1.2"
    );
    assert_eq!(annotations["org.opencontainers.image.ref.name"], "1.2");
    let manifest = parsed(blob(&files, entry));
    let config = parsed(blob(&files, &manifest["config"]));
    assert_eq!(config["config"]["User"], "8888:8888");
    assert_eq!(config["config"]["Entrypoint"], json!(["/usr/bin/hari"]));
    assert_eq!(
        config["config"]["Labels"]["org.opencontainers.image.title"],
        "hari"
    );
    let layers = manifest["layers"].as_array().unwrap();
    let diffs = config["rootfs"]["diff_ids"].as_array().unwrap();
    assert_eq!((layers.len(), diffs.len()), (2, 2));
    for (layer, diff) in layers.iter().zip(diffs) {
        assert_eq!(diff, &json!(digest(&unpacked(blob(&files, layer)))));
    }
    let first = read(&unpacked(blob(&files, &layers[0])));
    assert_eq!(first["usr/bin/hari"], b"program");
}

#[test]
fn older_engines_find_the_same_blobs() {
    let files = read(archive(0, 6).bytes());
    let listed = parsed(&files["manifest.json"]);
    assert_eq!(
        listed[0]["RepoTags"],
        json!(["registry.example:5000/hari:1.2"])
    );
    let config = listed[0]["Config"].as_str().unwrap();
    assert_eq!(parsed(&files[config])["os"], "linux");
    for layer in listed[0]["Layers"].as_array().unwrap() {
        assert!(files.contains_key(layer.as_str().unwrap()));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (one, other) = (archive(7, 6), archive(7, 6));
    assert_eq!(one.bytes(), other.bytes());
    assert_eq!(one.digest(), other.digest());
    assert_ne!(one.digest(), archive(8, 6).digest(), "another time");
}

#[test]
fn entries_are_sorted_owned_by_root_and_of_one_time() {
    let bytes = unpacked(&Layer::pack(&tree(), 1_700_000_000, 1).unwrap().bytes);
    let mut archive = tar::Archive::new(&*bytes);
    let entries: Vec<(String, u32)> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap(), 1_700_000_000);
            (
                entry.path().unwrap().to_string_lossy().into_owned(),
                header.mode().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("etc/", 0o755),
        ("etc/passwd", 0o644),
        ("tmp/", 0o1777),
        ("usr/", 0o755),
        ("usr/bin/", 0o755),
        ("usr/bin/hari", 0o755),
    ];
    let expected = expected.map(|(path, mode)| (path.to_owned(), mode));
    assert_eq!(entries, expected);
}

#[test]
fn a_tree_is_written_into_a_folder() {
    let root = tempfile::tempdir().unwrap();
    oci::unpack(&tree(), root.path()).unwrap();
    let program = root.path().join("usr/bin/hari");
    assert_eq!(std::fs::read(&program).unwrap(), b"program");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&program) & 0o7777, 0o755);
    assert_eq!(mode(&root.path().join("tmp")) & 0o7777, 0o1777);
}

#[test]
fn this_test_needs_the_c_library() {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let (needed, loader) = elf::links(&program).unwrap();
    assert!(needed.contains(&"libc.so.6".to_owned()), "{needed:?}");
    assert!(loader.unwrap().starts_with("/lib"));
}

#[test]
fn what_is_no_program_is_refused() {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    for length in [0, 3, 16, 63, 80, 400] {
        assert!(elf::links(&program[..length]).is_err(), "{length} bytes");
    }
    assert!(elf::links(b"#!/bin/sh\n").is_err());
}

#[test]
fn versions_are_read_off_what_others_print() {
    let c = "Package: libc6\nVersion: 2.36-9+deb12u14\nDepends: libgcc-s1, libcrypt1 (>= 1:4)\n";
    assert_eq!(debian::read(c), Some(("2.36-9+deb12u14".to_owned(), None)));
    let unwinds = "Version: 12.2.0-14\nDepends: gcc-12-base (= 12.2.0-14), libc6 (>= 2.35)\n";
    let (_, base) = debian::read(unwinds).unwrap();
    assert_eq!(base.as_deref(), Some("gcc-12-base"));
    assert_eq!(debian::read("N: none\n"), None);
    let pins = "numpy==2.4.6\nonnxruntime==1.32.0\n";
    assert_eq!(onnxruntime::pinned(pins).as_deref(), Some("1.32.0"));
}

/// `hari` links `a` and the macros `m`; `a` links `c`; `b` is needed to build, `d` to test.
fn metadata() -> Value {
    let package = |name: &str, kind: &str| {
        json!({
            "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0",
            "source": (name != "hari").then_some("registry"), "manifest_path": format!("/{name}/Cargo.toml"),
            "targets": [{ "kind": [kind] }],
        })
    };
    let needs = |name: &str, kind: Value| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
    json!({
        "packages": [
            package("hari", "bin"), package("a", "lib"), package("b", "lib"), package("c", "lib"),
            package("d", "lib"), package("m", "proc-macro"), package("n", "lib"),
        ],
        "resolve": { "nodes": [
            { "id": "hari", "deps": [
                needs("a", Value::Null), needs("b", json!("build")), needs("d", json!("dev")),
                needs("m", Value::Null),
            ] },
            { "id": "a", "deps": [needs("c", Value::Null)] },
            { "id": "m", "deps": [needs("n", Value::Null)] },
        ] },
    })
}

#[test]
fn the_bill_has_what_is_linked_and_nothing_else() {
    let crates = packages::of(&metadata(), "hari").unwrap();
    let names: Vec<&str> = crates.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["a", "c", "hari"]);
    let others = [sbom::Other::debian("libc6", "2.36-9+deb12u14", "amd64")];
    let bill = parsed(&sbom::bill(b"program", &crates, &others).unwrap());
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let components = bill["components"].as_array().unwrap();
    assert_eq!(
        components[0]["purl"],
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64"
    );
    assert_eq!(components[1]["purl"], "pkg:cargo/a@1.0.0");
    assert_eq!(
        components[1]["licenses"][0]["expression"],
        "MIT OR Apache-2.0"
    );
    assert_eq!(components[3].get("purl"), None, "not from a registry");
}

#[test]
fn each_licence_is_there_once() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut crates = packages::of(&metadata(), "hari").unwrap();
    for (folder, package) in folders.iter().zip(&mut crates) {
        std::fs::write(folder.path().join("LICENSE-MIT"), "Take it.\n").unwrap();
        std::fs::write(folder.path().join("lib.rs"), "code").unwrap();
        package.folder = folder.path().to_owned();
    }
    let text = String::from_utf8(licences::collected(&crates).unwrap()).unwrap();
    assert_eq!(text.matches("Take it.").count(), 1);
    assert!(text.contains("a 1.0.0, c 1.0.0\n") && text.contains("a 1.0.0: MIT OR Apache-2.0"));
    assert!(!text.contains("code"));
}
