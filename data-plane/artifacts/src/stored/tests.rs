//! Tests of models in buckets, over a bucket that cuts, lies and changes.

mod guard;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hari_error::Kind;
use hari_settings::Storage;
use tempfile::TempDir;

use super::*;
use crate::options::Versions;
use crate::testing::s3::{Objects, bucket, etag, objects, send};
use crate::testing::{Received, Server, folder, gzip, options, reply, tar, write};

/// A key that must be seen nowhere.
const KEY: &str = "hunter2hunter2hunter2";

fn with(server: &Server, cache: &TempDir) -> FetchOptions {
    FetchOptions {
        storage: Storage::of([
            ("AWS_ACCESS_KEY_ID", "user"),
            ("AWS_SECRET_ACCESS_KEY", KEY),
            ("AWS_ENDPOINT_URL", server.url("").trim_end_matches('/')),
        ]),
        ..options(cache.path())
    }
}

fn uri(text: &str) -> ModelUri {
    ModelUri::parse_with(text, Path::new("/"), &Storage::default()).unwrap()
}

async fn get(text: &str, server: &Server, cache: &TempDir) -> Result<Artifact> {
    crate::fetch(&uri(text), &with(server, cache)).await
}

fn files(root: &Path) -> Vec<String> {
    let found = crate::tree::walk(root).unwrap().into_iter();
    let found = found.filter(|one| !one.folder);
    found.map(|one| one.path.display().to_string()).collect()
}

fn two_versions() -> Objects {
    objects(&[
        ("mnist/", b""),
        ("mnist/1/saved_model.pb", b"one"),
        ("mnist/2/", b""),
        ("mnist/2/saved_model.pb", b"two"),
        ("mnist/2/variables/v", b"12345"),
        ("other/net.onnx", b"onnx"),
    ])
}

fn good(objects: &Objects) -> Server {
    bucket(objects, |_, _| false)
}

/// Bytes that no part of is like another.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Whether an object is read, rather than the bucket listed.
fn is_read(request: &Received) -> bool {
    request.method == "GET" && !request.path.contains("list-type")
}

fn reads(server: &Server) -> Vec<Received> {
    server.received().into_iter().filter(is_read).collect()
}

fn starts_at(request: &Received, byte: u64) -> bool {
    let range = request.header("range").unwrap_or_default();
    range.starts_with(&format!("bytes={byte}-"))
}

#[tokio::test]
async fn the_newest_version_alone_is_fetched_and_once() {
    let (cache, server) = (folder(&[]), good(&two_versions()));
    let first = get("s3://models/mnist", &server, &cache).await.unwrap();
    assert_eq!(files(&first.root), ["2/saved_model.pb", "2/variables/v"]);
    assert_eq!((first.bytes, first.reused), (8, false));
    assert_eq!(reads(&server).len(), 2);
    let again = get("s3://models/mnist", &server, &cache).await.unwrap();
    assert_eq!(
        again,
        Artifact {
            reused: true,
            ..first
        }
    );
    assert_eq!(reads(&server).len(), 2);
}

#[tokio::test]
async fn other_versions_are_fetched_on_wish() {
    let (cache, server) = (folder(&[]), good(&two_versions()));
    let of = |versions| FetchOptions {
        versions,
        ..with(&server, &cache)
    };
    let all = ["1/saved_model.pb", "2/saved_model.pb", "2/variables/v"];
    for (versions, expected) in [(Versions::only(1), &all[..1]), (Versions::All, &all)] {
        let artifact = crate::fetch(&uri("s3://models/mnist/"), &of(versions)).await;
        assert_eq!(files(&artifact.unwrap().root), expected);
    }
    let missing = crate::fetch(&uri("s3://models/mnist"), &of(Versions::only(9))).await;
    let error = missing.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(
        error.message().contains("no version 9; it has 2, 1"),
        "{error}"
    );
}

#[tokio::test]
async fn an_object_is_a_file_or_an_archive() {
    let archive = gzip(&tar(&[("mnist/1/saved_model.pb", "graph")]));
    let all = objects(&[("m/net.onnx", b"onnx"), ("m/mnist.tgz", &archive)]);
    let (cache, server) = (folder(&[]), good(&all));
    let file = get("s3://models/m/net.onnx", &server, &cache)
        .await
        .unwrap();
    assert!(file.root.ends_with("content/net.onnx"));
    assert_eq!(file.digest, Some(Sha256::of(b"onnx").to_string()));
    let unpacked = get("s3:models/m/mnist.tgz", &server, &cache).await.unwrap();
    assert_eq!(files(&unpacked.root), ["1/saved_model.pb"]);
}

#[tokio::test]
async fn archives_and_names_that_would_leave_are_refused() {
    let evil = crate::testing::zip(&[("ok", "x"), ("../../evil", "x")]);
    let all = objects(&[("evil.zip", &evil), ("m/a\\..\\b", b"x")]);
    let (cache, server) = (folder(&[]), good(&all));
    for (text, word) in [
        ("s3://models/evil.zip", "`..`"),
        ("s3://models/m", "backslash"),
    ] {
        let error = get(text, &server, &cache).await.unwrap_err();
        assert!(error.message().contains(word), "{text}: {error}");
    }
    let left = files(cache.path());
    assert!(left.iter().all(|name| name.ends_with("lock")), "{left:?}");
}

#[tokio::test]
async fn what_is_there_instead_is_said() {
    let (cache, server) = (folder(&[]), good(&two_versions()));
    for (text, words) in [
        ("s3://models/mnist/3", "`mnist` holds 1/, 2/"),
        (
            "s3://models/mnits",
            "the bucket `models`, which holds mnist/, other/",
        ),
        ("s3://modles/mnist", "there is no bucket `modles`"),
    ] {
        let error = get(text, &server, &cache).await.unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound, "{error}");
        assert!(error.message().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_large_object_comes_in_pieces_of_one_version() {
    let body = noise((20 << 20) + 17);
    let all = objects(&[("m/net.onnx", &body)]);
    let (cache, server) = (folder(&[]), good(&all));
    let artifact = get("s3://models/m", &server, &cache).await.unwrap();
    assert!(fs::read(artifact.root.join("net.onnx")).unwrap() == body);
    let pieces = reads(&server);
    let same = etag(&body);
    assert!(
        pieces
            .iter()
            .all(|one| one.header("if-match") == Some(&same))
    );
    let mut ranges: Vec<_> = pieces
        .iter()
        .filter_map(|one| one.header("range"))
        .collect();
    ranges.sort_unstable();
    let expected = [
        "bytes=0-8388607",
        "bytes=16777216-20971536",
        "bytes=8388608-16777215",
    ];
    assert_eq!(ranges, expected);
}

#[tokio::test]
async fn a_network_that_cuts_often_still_brings_a_model() {
    let body = noise(9 << 20);
    let all = objects(&[("m/net.onnx", &body), ("m/small", b"12345")]);
    let inner = all.clone();
    // Each reply ends after so many bytes, whatever its length says.
    let server = bucket(&all, move |request, stream| {
        let read = is_read(request);
        if read {
            send(request, stream, &inner, |body| body.truncate(600_000));
        }
        read
    });
    let cache = folder(&[]);
    let artifact = get("s3://models/m", &server, &cache).await.unwrap();
    assert!(fs::read(artifact.root.join("net.onnx")).unwrap() == body);
    assert!(reads(&server).len() > 14);
}

#[tokio::test]
async fn a_fetch_that_was_cut_short_goes_on() {
    let body = noise(30 << 20);
    let all = objects(&[("m/a", b"small"), ("m/net.onnx", &body)]);
    let (cache, late) = (folder(&[]), Arc::new(AtomicUsize::new(0)));
    let counted = late.clone();
    let broken = bucket(&all, move |request, stream| {
        let third = starts_at(request, 16_777_216);
        if third {
            counted.fetch_add(1, Ordering::SeqCst);
            reply(stream, 503, &[], b"<Error><Code>SlowDown</Code></Error>");
        }
        third
    });
    let error = get("s3://models/m", &broken, &cache).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(late.load(Ordering::SeqCst), 3, "three attempts");
    let server = good(&all);
    let artifact = get("s3://models/m", &server, &cache).await.unwrap();
    assert!(fs::read(artifact.root.join("net.onnx")).unwrap() == body);
    assert!(reads(&server).len() < 5, "what came before is kept");
    assert_eq!(
        files(artifact.root.parent().unwrap()).len(),
        2,
        "no journal"
    );
}

#[tokio::test]
async fn bytes_that_were_changed_on_the_way_are_fetched_again() {
    let all = objects(&[("m/net.onnx", b"0123456789")]);
    let (inner, times) = (all.clone(), AtomicUsize::new(0));
    let server = bucket(&all, move |request, stream| {
        let first = is_read(request) && times.fetch_add(1, Ordering::SeqCst) == 0;
        if first {
            send(request, stream, &inner, |body| body[4] ^= 1);
        }
        first
    });
    let cache = folder(&[]);
    let artifact = get("s3://models/m", &server, &cache).await.unwrap();
    assert_eq!(
        fs::read(artifact.root.join("net.onnx")).unwrap(),
        b"0123456789"
    );
    assert_eq!(reads(&server).len(), 2);
}

#[tokio::test]
async fn a_model_that_changes_meanwhile_is_begun_again() {
    let (old, new) = (noise(17 << 20), noise(18 << 20));
    let all = objects(&[("m/net.onnx", &old)]);
    let (cache, inner, changed) = (folder(&[]), all.clone(), new.clone());
    let server = bucket(&all, move |request, _| {
        if starts_at(request, 8_388_608) {
            let mut objects = inner.lock().unwrap();
            objects.insert("m/net.onnx".to_owned(), changed.clone());
        }
        false
    });
    let artifact = get("s3://models/m", &server, &cache).await.unwrap();
    assert!(fs::read(artifact.root.join("net.onnx")).unwrap() == new);
}

#[tokio::test]
async fn a_digest_is_enforced_for_files_and_folders() {
    let (cache, server) = (folder(&[]), good(&two_versions()));
    let right = get("s3://models/mnist", &server, &cache)
        .await
        .unwrap()
        .digest;
    let file = Sha256::of(b"onnx").to_string();
    for (text, digest) in [
        ("s3://models/mnist", right.unwrap()),
        ("s3://models/other/net.onnx", file),
    ] {
        let cache = folder(&[]);
        let pinned = format!("{text}#sha256={digest}");
        assert!(!get(&pinned, &server, &cache).await.unwrap().reused);
        let before = server.received().len();
        assert!(get(&pinned, &server, &cache).await.unwrap().reused);
        assert_eq!(server.received().len(), before, "nothing is asked");
        let wrong = format!("{text}#sha256={}", "0".repeat(64));
        let error = get(&wrong, &server, &cache).await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert!(error.message().contains(&digest), "{error}");
    }
}

#[tokio::test]
async fn the_hubs_folder_is_entered() {
    let all = objects(&[
        ("hub/models--o--tiny/blobs/1", b"{}"),
        ("hub/models--o--tiny/refs/main", b"abc"),
        ("hub/models--o--tiny/snapshots/abc/config.json", b"{}"),
        ("hub/models--o--tiny/snapshots/abc/onnx/model.onnx", b"onnx"),
    ]);
    let (cache, server) = (folder(&[]), good(&all));
    for text in ["s3://models/hub", "s3://models/hub/models--o--tiny"] {
        let artifact = get(text, &server, &cache).await.unwrap();
        assert_eq!(
            files(&artifact.root),
            ["config.json", "onnx/model.onnx"],
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_target_folder_is_filled_and_a_cut_is_gone_on_with() {
    let body = noise(20 << 20);
    let all = objects(&[("m/1/net.onnx", b"old"), ("m/2/net.onnx", &body)]);
    let root = folder(&[("there/lost+found/x", "")]);
    let broken = bucket(&all, |request, stream| {
        let late = starts_at(request, 16_777_216);
        if late {
            reply(stream, 503, &[], b"");
        }
        late
    });
    let of = |server: &Server| FetchOptions {
        versions: Versions::All,
        ..with(server, &root)
    };
    let model = uri("s3://models/m");
    for dir in ["absent", "there"].map(|name| root.path().join(name)) {
        let error = crate::copy_to(&model, &dir, &of(&broken))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        let server = good(&all);
        let artifact = crate::copy_to(&model, &dir, &of(&server)).await.unwrap();
        assert!(fs::read(artifact.root.join("2/net.onnx")).unwrap() == body);
        assert_eq!(fs::read(dir.join("1/net.onnx")).unwrap(), b"old");
        assert!(reads(&server).len() < 4, "what came before is kept");
        assert!(
            crate::copy_to(&model, &dir, &of(&server))
                .await
                .unwrap()
                .reused
        );
    }
    assert_eq!(
        fs::read_dir(root.path()).unwrap().count(),
        2,
        "no staging is left"
    );
}

#[test]
fn what_another_call_may_bring_is_kept() {
    let root = folder(&[]);
    write(root.path(), "content/x", "half");
    give_up(root.path(), &Error::unavailable("cut"));
    assert!(root.path().join("content/x").exists());
    give_up(root.path(), &Error::invalid("another digest"));
    assert!(!root.path().join("content").exists());
}
