//! Opening what is no library, and versions.

use std::error::Error as _;

use hari_error::Kind;

use super::*;

#[test]
fn versions_are_read_from_the_file_or_the_build() {
    let version = |file: &str, build: &str| version(Path::new(file), build);
    assert_eq!(version("/a/libonnxruntime.so.1.31.0", ""), "1.31.0");
    let build = "ORT Build Info: git-branch=rel-1.20.1, git-commit-id=5c1b7cc, build type=Release";
    assert_eq!(version("/a/libonnxruntime.so", build), "1.20.1");
    assert_eq!(version("/a/libonnxruntime.1.22.0.dylib", build), "1.22.0");
    assert_eq!(version("/a/libonnxruntime.so", "git-branch=HEAD"), "");
}

#[test]
fn what_is_no_library_is_an_error_and_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("libonnxruntime.so");
    for content in ["", "not a library", "\u{7f}ELF"] {
        std::fs::write(&file, content).unwrap();
        let error = Library::open(&file).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(
            error.message(),
            "the file is not a shared library that this machine can load"
        );
        assert!(error.source().is_some(), "the log says where it was");
    }
}

#[test]
fn an_old_library_is_named_with_what_is_needed() {
    let error = unusable(&LoadDynamicError::BadVersion {
        version_str: "1.12.1".to_owned(),
        path: PathBuf::from("/secret"),
    });
    assert_eq!(
        error.message(),
        "the library is ONNX Runtime 1.12.1; 1.18 or newer is needed"
    );
}

#[test]
fn the_oldest_version_is_what_the_bindings_ask_for() {
    assert_eq!(OLDEST, format!("1.{}", ort::MINOR_VERSION));
}
