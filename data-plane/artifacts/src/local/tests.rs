//! Tests of models of this machine.

use std::path::PathBuf;

use hari_error::Kind;

use super::*;
use crate::fetch;
use crate::testing::{folder, gzip, options, tar, write, zip};

async fn get(text: &str, base: &Path) -> Result<Artifact> {
    let uri = ModelUri::parse(text, base)?;
    fetch(&uri, &options(&base.join("cache"))).await
}

#[tokio::test]
async fn folders_and_files_are_used_in_place() {
    let root = folder(&[("m/1/saved_model.pb", "graph"), ("net.onnx", "12")]);
    let artifact = get("m", root.path()).await.unwrap();
    assert_eq!((artifact.root, artifact.bytes), (root.path().join("m"), 5));
    let artifact = get("net.onnx", root.path()).await.unwrap();
    assert_eq!(
        (artifact.root, artifact.bytes),
        (root.path().join("net.onnx"), 2)
    );
    assert!(!root.path().join("cache").exists());
    let url = format!("file://{}/m", root.path().display());
    assert_eq!(
        get(&url, Path::new("/")).await.unwrap().root,
        root.path().join("m")
    );
}

#[tokio::test]
async fn nothing_there_says_what_is() {
    let root = folder(&[("models/a.onnx", ""), ("models/b/x", "")]);
    let error = get("models/c/d", root.path()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.message().contains("modelUri `models/c/d`"), "{error}");
    assert!(error.message().contains("holds a.onnx, b/"), "{error}");
    let error = get("~/models", root.path()).await.unwrap_err();
    assert!(error.message().contains("`~` is not expanded"), "{error}");
}

#[tokio::test]
async fn an_archive_is_unpacked_once_and_again_when_it_changes() {
    let root = folder(&[]);
    let archive = root.path().join("m.tgz");
    fs::write(&archive, gzip(&tar(&[("m/1/saved_model.pb", "one")]))).unwrap();
    let first = get("m.tgz", root.path()).await.unwrap();
    assert_eq!(
        fs::read(first.root.join("1/saved_model.pb")).unwrap(),
        b"one"
    );
    assert!(first.root.starts_with(root.path().join("cache")) && !first.reused);
    let again = get("m.tgz", root.path()).await.unwrap();
    assert_eq!(
        again,
        Artifact {
            reused: true,
            ..first.clone()
        }
    );
    fs::write(&archive, zip(&[("1/saved_model.pb", "three")])).unwrap();
    // Content decides: a zip by now, whatever its name.
    let changed = get("m.tgz", root.path()).await.unwrap();
    assert_eq!(
        fs::read(changed.root.join("1/saved_model.pb")).unwrap(),
        b"three"
    );
    assert!(first.root.exists(), "the one before may still be in use");
}

#[tokio::test]
async fn a_refused_archive_leaves_nothing() {
    let root = folder(&[]);
    write(root.path(), "m.zip", zip(&[("ok", "x"), ("../evil", "x")]));
    assert!(get("m.zip", root.path()).await.is_err());
    let left = walk(&root.path().join("cache")).unwrap();
    let files: Vec<PathBuf> = left
        .into_iter()
        .filter(|one| !one.folder)
        .map(|one| one.path)
        .collect();
    assert!(files.iter().all(|path| path.ends_with("lock")), "{files:?}");
    assert!(!root.path().join("evil").exists());
}

#[tokio::test]
async fn a_digest_is_enforced() {
    let root = folder(&[("net.onnx", "abc"), ("m/x", "")]);
    let digest = Sha256::of(b"abc");
    let artifact = get(&format!("net.onnx#sha256={digest}"), root.path())
        .await
        .unwrap();
    assert_eq!(artifact.digest, Some(digest.to_string()));
    let wrong = "0".repeat(64);
    let error = get(&format!("net.onnx#sha256={wrong}"), root.path())
        .await
        .unwrap_err();
    assert!(error.message().contains(&wrong) && error.message().contains(&digest.to_string()));
    let whole = of_tree([("x".to_owned(), &Sha256::of(b""))]);
    let folder = get(&format!("m#sha256={whole}"), root.path()).await;
    assert_eq!(folder.unwrap().digest, Some(whole.to_string()));
    let other = get(&format!("m#sha256={digest}"), root.path()).await;
    assert!(other.unwrap_err().message().contains(&whole.to_string()));
}
