//! Tests of the storage initialiser.

use hari_error::Kind;
use tempfile::TempDir;

use super::target::names;
use super::*;
use crate::testing::{Server, folder, gzip, options, reply, tar, write};
use crate::tree::walk;

async fn put(text: &str, root: &TempDir, dir: &str) -> Result<Artifact> {
    let uri = ModelUri::parse(text, root.path())?;
    copy_to(
        &uri,
        &root.path().join(dir),
        &options(&root.path().join("cache")),
    )
    .await
}

fn paths(folder: &Path) -> Vec<String> {
    let files = walk(folder)
        .unwrap()
        .into_iter()
        .filter(|found| !found.folder && found.path != Path::new(manifest::NAME));
    files
        .map(|found| found.path.display().to_string())
        .collect()
}

#[tokio::test]
async fn a_folder_that_is_not_there_appears() {
    let root = folder(&[("m/1/saved_model.pb", "graph"), ("m/1/variables/v", "1")]);
    let artifact = put("m", &root, "deep/out").await.unwrap();
    assert_eq!(artifact.root, root.path().join("deep/out"));
    assert_eq!(artifact.bytes, 6);
    assert_eq!(paths(&artifact.root), ["1/saved_model.pb", "1/variables/v"]);
    assert_eq!(
        names(&root.path().join("deep")).unwrap(),
        ["out"],
        "no staging is left"
    );
}

#[tokio::test]
async fn an_empty_folder_is_filled_in_place() {
    let root = folder(&[("m/a", "1"), ("out/lost+found/x", "")]);
    put("m", &root, "out").await.unwrap();
    assert_eq!(paths(&root.path().join("out")), ["a", "lost+found/x"]);
}

#[tokio::test]
async fn archives_and_files_land_as_in_the_cache() {
    let root = folder(&[("net.onnx", "onnx")]);
    write(
        root.path(),
        "m.tgz",
        gzip(&tar(&[("mnist/1/saved_model.pb", "graph")])),
    );
    put("m.tgz", &root, "a").await.unwrap();
    assert_eq!(paths(&root.path().join("a")), ["1/saved_model.pb"]);
    let artifact = put("net.onnx", &root, "b").await.unwrap();
    assert_eq!(artifact.root, root.path().join("b/net.onnx"));
    let server = Server::of("remote", "\"v\"");
    let artifact = put(&server.url("far.onnx"), &root, "c").await.unwrap();
    assert_eq!(fs::read(artifact.root).unwrap(), b"remote");
    assert_eq!(paths(&root.path().join("c")), ["far.onnx"]);
    assert!(!root.path().join("cache").exists(), "it needs no cache");
}

#[tokio::test]
async fn what_is_there_already_is_left() {
    let root = folder(&[("m/1/x", "graph")]);
    for _ in 0..2 {
        put("m", &root, "out").await.unwrap();
    }
    assert!(put("m", &root, "out").await.unwrap().reused);
    assert_eq!(paths(&root.path().join("out")), ["1/x"]);
}

#[tokio::test]
async fn something_else_is_never_touched() {
    for other in [("out/1/x", "other"), ("out/y", "graph"), ("out/1/x/z", "")] {
        let root = folder(&[("m/1/x", "graph"), other]);
        let error = put("m", &root, "out").await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert!(error.message().contains("something else"), "{error}");
        assert_eq!(
            fs::read_to_string(root.path().join(other.0)).unwrap(),
            other.1
        );
        assert!(!root.path().join("out").join(".hari-fetch").exists());
    }
    let root = folder(&[("m/x", ""), ("out", "a file")]);
    assert!(
        put("m", &root, "out")
            .await
            .unwrap_err()
            .message()
            .contains("found a file")
    );
}

#[tokio::test]
async fn a_failure_leaves_nothing() {
    let root = folder(&[("empty/lost+found/x", "")]);
    let server = Server::start(|_, stream| reply(stream, 404, &[], b""));
    for dir in ["absent", "empty"] {
        let error = put(&server.url("net.onnx"), &root, dir).await.unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
    }
    assert!(!root.path().join("absent").exists());
    assert_eq!(names(root.path()).unwrap(), ["empty"]);
    assert_eq!(names(&root.path().join("empty")).unwrap(), ["lost+found"]);
}

#[tokio::test]
async fn the_policy_holds_without_a_cache_too() {
    let (root, server) = (folder(&[]), Server::of("remote", "\"v\""));
    let uri = ModelUri::parse(&server.url("net.onnx"), root.path()).unwrap();
    let policy = crate::Policy::hosts("models.example").unwrap();
    let options = FetchOptions {
        policy,
        ..options(root.path())
    };
    let error = copy_to(&uri, &root.path().join("out"), &options)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden);
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn an_older_copy_of_ours_is_replaced() {
    let root = folder(&[
        ("m/1/x", "graph"),
        ("m/gone", "1"),
        ("vol/lost+found/x", ""),
    ]);
    for dir in ["out", "vol"] {
        put("m", &root, dir).await.unwrap();
    }
    write(root.path(), "m/1/x", "newer");
    write(root.path(), "m/2/x", "next");
    fs::remove_file(root.path().join("m/gone")).unwrap();
    for (dir, expected) in [
        ("out", &["1/x", "2/x"][..]),
        ("vol", &["1/x", "2/x", "lost+found/x"]),
    ] {
        let artifact = put("m", &root, dir).await.unwrap();
        assert!(!artifact.reused);
        assert_eq!(paths(&root.path().join(dir)), expected);
        assert_eq!(fs::read(artifact.root.join("1/x")).unwrap(), b"newer");
        assert!(put("m", &root, dir).await.unwrap().reused);
        assert!(!artifact.root.join(".hari-fetch").exists());
    }
}

#[tokio::test]
async fn an_older_copy_with_something_beside_it_is_not_replaced() {
    let root = folder(&[("m/x", "one")]);
    put("m", &root, "out").await.unwrap();
    write(root.path(), "out/notes/mine", "precious");
    write(root.path(), "m/x", "two");
    let error = put("m", &root, "out").await.unwrap_err();
    assert!(error.message().contains("`notes`, which"), "{error}");
    assert_eq!(paths(&root.path().join("out")), ["notes/mine", "x"]);
    assert_eq!(fs::read(root.path().join("out/x")).unwrap(), b"one");
}

#[tokio::test]
async fn what_a_call_left_that_was_cut_short_is_no_model() {
    let root = folder(&[
        ("m/a", "1"),
        ("m/b", "2"),
        ("out/.hari-fetch/content/z", "half"),
    ]);
    put("m", &root, "out").await.unwrap();
    assert_eq!(paths(&root.path().join("out")), ["a", "b"]);
    // Nor does it say anything of what lies beside it.
    let root = folder(&[
        ("m/a", "1"),
        ("out/mine", "1"),
        ("out/.hari-fetch/content/a", "2"),
    ]);
    assert!(put("m", &root, "out").await.is_err());
    assert_eq!(paths(&root.path().join("out")), ["mine"]);
}

#[tokio::test]
async fn two_calls_do_not_fill_one_folder() {
    let root = folder(&[("m/a", "1")]);
    let busy = Target::open(&root.path().join("out")).unwrap();
    let error = put("m", &root, "out").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.message().contains("another `hari fetch`"), "{error}");
    drop(busy);
    put("m", &root, "out").await.unwrap();
}
