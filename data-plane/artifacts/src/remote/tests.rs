//! Tests of models behind a URL, with servers that cut, stall, lie and send elsewhere.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hari_error::Kind;
use tempfile::TempDir;

use super::*;
use crate::digest::Sha256;
use crate::options::Timeouts;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::testing::{Received, Server, folder, gzip, options, reply, tar};

const ONNX: &[u8] = b"0123456789abcdefghij";

async fn get(url: &str, cache: &TempDir) -> Result<Artifact> {
    crate::fetch(
        &ModelUri::parse(url, Path::new("/"))?,
        &options(cache.path()),
    )
    .await
}

/// Files in the cache that are no part of a model.
fn litter(cache: &TempDir) -> Vec<PathBuf> {
    let found = crate::tree::walk(cache.path()).unwrap().into_iter();
    found
        .map(|one| one.path)
        .filter(|path| path.components().any(|c| c.as_os_str() == "staging"))
        .collect()
}

#[tokio::test]
async fn a_file_is_fetched_once_and_asked_for_again() {
    let (cache, server) = (folder(&[]), Server::of(ONNX, "\"v1\""));
    let first = get(&server.url("m/net.onnx"), &cache).await.unwrap();
    assert!(first.root.ends_with("content/net.onnx"));
    assert_eq!(fs::read(&first.root).unwrap(), ONNX);
    assert_eq!(first.bytes, 20);
    assert_eq!(first.digest, Some(Sha256::of(ONNX).to_string()));
    let again = get(&server.url("m/net.onnx"), &cache).await.unwrap();
    assert_eq!(
        again,
        Artifact {
            reused: true,
            ..first
        }
    );
    let received = server.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].header("if-none-match"), None);
    assert_eq!(received[1].header("if-none-match"), Some("\"v1\""));
    assert_eq!(litter(&cache), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn without_validators_the_content_decides() {
    let cache = folder(&[]);
    let server = Server::start(|_, stream| reply(stream, 200, &[], ONNX));
    let first = get(&server.url("net.onnx"), &cache).await.unwrap();
    let again = get(&server.url("net.onnx"), &cache).await.unwrap();
    assert_eq!(
        again,
        Artifact {
            reused: true,
            ..first
        }
    );
}

#[tokio::test]
async fn a_changed_model_is_fetched_beside_the_old_one() {
    let cache = folder(&[]);
    let server = Server::start(|request, stream| {
        let (etag, body) = if request.number == 0 {
            ("\"1\"", "one")
        } else {
            ("\"2\"", "two")
        };
        reply(stream, 200, &[("ETag", etag)], body.as_bytes());
    });
    let first = get(&server.url("net.onnx"), &cache).await.unwrap();
    let second = get(&server.url("net.onnx"), &cache).await.unwrap();
    assert_eq!(fs::read(first.root).unwrap(), b"one");
    assert_eq!(fs::read(second.root).unwrap(), b"two");
    assert!(!second.reused);
}

#[tokio::test]
async fn an_archive_is_unpacked_and_entered() {
    let body = gzip(&tar(&[("mnist/1/saved_model.pb", "graph")]));
    let (cache, server) = (folder(&[]), Server::of(body, "\"v1\""));
    let artifact = get(&server.url("mnist.tgz"), &cache).await.unwrap();
    let picked = crate::pick(&artifact.root, &["saved_model.pb"], None).unwrap();
    assert_eq!(picked.version, Some(1));
    assert_eq!(fs::read(picked.file).unwrap(), b"graph");
    assert!(
        !artifact
            .root
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .join("download")
            .exists()
    );
}

#[tokio::test]
async fn a_cut_transfer_goes_on_where_it_stopped() {
    let cache = folder(&[]);
    let server = Server::start(|request, stream| match request.start() {
        None => reply(
            stream,
            200,
            &[("ETag", "\"v\""), ("Content-Length", "20")],
            &ONNX[..7],
        ),
        Some(start) => {
            let range = format!("bytes {start}-19/20");
            reply(
                stream,
                206,
                &[("ETag", "\"v\""), ("Content-Range", &range)],
                &ONNX[start..],
            );
        }
    });
    let artifact = get(&server.url("net.onnx"), &cache).await.unwrap();
    assert_eq!(fs::read(artifact.root).unwrap(), ONNX);
    assert_eq!(artifact.digest, Some(Sha256::of(ONNX).to_string()));
    let received = server.received();
    assert_eq!(received[1].header("range"), Some("bytes=7-"));
    assert_eq!(received[1].header("if-range"), Some("\"v\""));
}

/// The first reply is cut after 7 bytes; `then` answers the others.
fn cut_then(then: impl Fn(&Received, &mut TcpStream) + Send + Sync + 'static) -> Server {
    Server::start(move |request, stream| match request.number {
        0 => reply(
            stream,
            200,
            &[("ETag", "\"v\""), ("Content-Length", "20")],
            &ONNX[..7],
        ),
        _ => then(request, stream),
    })
}

#[tokio::test]
async fn a_transfer_that_cannot_go_on_starts_again() {
    type Answer = fn(&Received, &mut TcpStream);
    let whole: Answer = |_, stream| reply(stream, 200, &[("ETag", "\"new\"")], ONNX);
    let wrong: Answer = |request, stream| match request.start() {
        Some(_) => reply(
            stream,
            206,
            &[("Content-Range", "bytes 3-19/20")],
            &ONNX[3..],
        ),
        None => reply(stream, 200, &[], ONNX),
    };
    let other: Answer = |request, stream| match request.start() {
        Some(_) => reply(
            stream,
            206,
            &[("ETag", "\"other\""), ("Content-Range", "bytes 7-19/20")],
            &[b'x'; 13],
        ),
        None => reply(stream, 200, &[], ONNX),
    };
    let none: Answer = |request, stream| match request.start() {
        Some(_) => reply(stream, 416, &[], b""),
        None => reply(stream, 200, &[], ONNX),
    };
    for answer in [whole, wrong, other, none] {
        let (cache, server) = (folder(&[]), cut_then(answer));
        let artifact = get(&server.url("net.onnx"), &cache).await.unwrap();
        assert_eq!(fs::read(artifact.root).unwrap(), ONNX);
    }
}

#[tokio::test]
async fn a_length_that_is_a_lie_is_given_up() {
    let cache = folder(&[]);
    let server =
        Server::start(|_, stream| reply(stream, 200, &[("Content-Length", "20")], &ONNX[..7]));
    let error = get(&server.url("net.onnx"), &cache).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.message().contains("after 7 of 20 bytes"), "{error}");
    assert!(
        error.message().contains("gave up after 3 attempts"),
        "{error}"
    );
    assert_eq!(server.received().len(), 3);
    assert_eq!(litter(&cache), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn a_stalled_server_is_left() {
    let cache = folder(&[]);
    let server = Server::start(|_, stream| {
        reply(stream, 200, &[("Content-Length", "20")], &ONNX[..7]);
        // Till the client hangs up.
        drop(stream.read(&mut [0]));
    });
    let mut options = options(cache.path());
    options.timeouts = Timeouts {
        idle: Duration::from_millis(50),
        ..options.timeouts
    };
    options.retry.attempts = 2;
    let uri = ModelUri::parse(&server.url("net.onnx"), Path::new("/")).unwrap();
    let error = crate::fetch(&uri, &options).await.unwrap_err();
    assert!(error.message().contains("sent nothing in time"), "{error}");
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn a_server_that_recovers_is_enough() {
    let cache = folder(&[]);
    let server = Server::start(|request, stream| match request.number {
        0 => reply(stream, 503, &[("Retry-After", "0")], b""),
        1 => drop(stream.write_all(b"garbage")),
        _ => reply(stream, 200, &[], ONNX),
    });
    assert!(get(&server.url("net.onnx"), &cache).await.is_ok());
}

#[tokio::test]
async fn statuses_say_what_to_do() {
    for (status, kind, word, attempts) in [
        (404, Kind::NotFound, "404", 1),
        (403, Kind::Forbidden, "key", 1),
        (400, Kind::InvalidInput, "400", 1),
        (503, Kind::Unavailable, "gave up", 3),
    ] {
        let cache = folder(&[]);
        let server = Server::start(move |_, stream| reply(stream, status, &[], b"secret page"));
        let error = get(&server.url("net.onnx?key=secret"), &cache)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.message().contains(word) && !error.message().contains("secret"),
            "{error}"
        );
        assert_eq!(server.received().len(), attempts);
    }
    let error = get("http://127.0.0.1:1/net.onnx", &folder(&[]))
        .await
        .unwrap_err();
    assert!(error.message().contains("cannot connect"), "{error}");
}

#[tokio::test]
async fn redirects_stay_on_the_host() {
    let cache = folder(&[]);
    let server = Server::start(|request, stream| match request.path.as_str() {
        "/a" => reply(stream, 302, &[("Location", "/b/net.onnx")], b""),
        "/loop" => reply(stream, 302, &[("Location", "/loop")], b""),
        "/away" => reply(
            stream,
            302,
            &[("Location", "http://127.0.0.2:9/net.onnx")],
            b"",
        ),
        "/metadata" => {
            reply(
                stream,
                302,
                &[("Location", "http://169.254.169.254/latest")],
                b"",
            );
        }
        "/nowhere" => reply(stream, 302, &[], b""),
        _ => reply(stream, 200, &[], ONNX),
    });
    assert!(get(&server.url("a"), &cache).await.is_ok());
    for (path, word) in [
        ("away", "another host, `127.0.0.2`"),
        ("metadata", "another host"),
        ("loop", "more than 5 times"),
        ("nowhere", "without saying where to"),
    ] {
        let error = get(&server.url(path), &cache).await.unwrap_err();
        assert!(error.message().contains(word), "{path}: {error}");
    }
}

#[tokio::test]
async fn the_policy_is_asked_first() {
    let (cache, server) = (folder(&[]), Server::of(ONNX, "\"v\""));
    let mut options = options(cache.path());
    options.policy = Policy::hosts("models.example").unwrap();
    let uri = ModelUri::parse(&server.url("net.onnx"), Path::new("/")).unwrap();
    let error = crate::fetch(&uri, &options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden);
    assert!(error.message().contains("HARI_FETCH_HOSTS"), "{error}");
    assert!(server.received().is_empty());
    let error = get("http://169.254.169.254/latest/meta-data", &cache)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden);
}

#[tokio::test]
async fn names_are_resolved_by_us() {
    let (cache, server) = (folder(&[]), Server::of(ONNX, "\"v\""));
    let url = server.url("net.onnx").replace("127.0.0.1", "localhost");
    assert!(get(&url, &cache).await.is_ok());
    let error = get("http://no-such-host.invalid/net.onnx", &cache)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
}

#[tokio::test]
async fn too_much_is_refused_by_length_and_by_count() {
    let chunked: &[u8] = b"14\r\n0123456789abcdefghij\r\n0\r\n\r\n";
    for chunk in [false, true] {
        let cache = folder(&[]);
        let server = Server::start(move |_, stream| match chunk {
            true => reply(stream, 200, &[("Transfer-Encoding", "chunked")], chunked),
            false => reply(stream, 200, &[], ONNX),
        });
        let mut options = options(cache.path());
        let uri = ModelUri::parse(&server.url("net.onnx"), Path::new("/")).unwrap();
        options.limits.bytes = 19;
        let error = crate::fetch(&uri, &options).await.unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge, "{error}");
        options.limits.bytes = 20;
        assert_eq!(crate::fetch(&uri, &options).await.unwrap().bytes, 20);
    }
}

#[tokio::test]
async fn a_body_compressed_on_the_way_is_refused() {
    let cache = folder(&[]);
    let server =
        Server::start(|_, stream| reply(stream, 200, &[("Content-Encoding", "gzip")], &gzip(ONNX)));
    let error = get(&server.url("net.onnx"), &cache).await.unwrap_err();
    assert!(error.message().contains("Content-Encoding"), "{error}");
}

#[tokio::test]
async fn a_digest_is_enforced_and_saves_the_question() {
    let (cache, server) = (folder(&[]), Server::of(ONNX, "\"v\""));
    let wrong = server.url(&format!("net.onnx#sha256={}", "0".repeat(64)));
    let error = get(&wrong, &cache).await.unwrap_err();
    assert!(error.message().contains("sha256: expected 0000"), "{error}");
    assert_eq!(litter(&cache), [] as [PathBuf; 0]);
    let right = server.url(&format!("net.onnx#sha256={}", Sha256::of(ONNX)));
    assert!(!get(&right, &cache).await.unwrap().reused);
    assert!(get(&right, &cache).await.unwrap().reused);
    assert_eq!(server.received().len(), 2, "the third fetch asked nothing");
}

#[tokio::test]
async fn a_model_that_was_tampered_with_is_fetched_again() {
    let (cache, server) = (folder(&[]), Server::of(ONNX, "\"v\""));
    let first = get(&server.url("net.onnx"), &cache).await.unwrap();
    fs::remove_file(&first.root).unwrap();
    fs::write(&first.root, "evil").unwrap();
    let again = get(&server.url("net.onnx"), &cache).await.unwrap();
    assert_eq!(fs::read(&again.root).unwrap(), ONNX);
}

#[tokio::test]
async fn a_key_in_the_url_is_sent_and_not_shown() {
    let cache = folder(&[]);
    let server = Server::start(|request, stream| match request.header("authorization") {
        Some("Basic dXNlcjpwYXNz") if request.path == "/a" => {
            reply(stream, 302, &[("Location", "/net.onnx")], b"");
        }
        Some("Basic dXNlcjpwYXNz") => reply(stream, 200, &[], ONNX),
        _ => reply(stream, 401, &[], b""),
    });
    let with = |pass: &str| {
        server
            .url("a")
            .replace("http://", &format!("http://user:{pass}@"))
    };
    assert!(get(&with("pass"), &cache).await.is_ok());
    let error = get(&with("wrong"), &cache).await.unwrap_err();
    assert!(!error.message().contains("wrong"), "{error}");
}

#[tokio::test]
async fn two_fetches_at_a_time_are_one_transfer() {
    let (cache, server) = (folder(&[]), Server::of(ONNX, "\"v\""));
    let url = server.url("net.onnx");
    let (left, right) = tokio::join!(get(&url, &cache), get(&url, &cache));
    let (left, right) = (left.unwrap(), right.unwrap());
    assert_eq!(left.root, right.root);
    assert!(left.reused != right.reused);
}

#[derive(Default)]
struct Steps(Mutex<Vec<Step>>);

impl Progress for Steps {
    fn step(&self, _: &str, step: Step) {
        self.0.lock().unwrap().push(step);
    }
}

#[tokio::test]
async fn progress_is_told() {
    let (cache, steps) = (folder(&[]), Arc::new(Steps::default()));
    let server = Server::of(tar(&[("1/saved_model.pb", "graph")]), "\"v\"");
    let mut options = options(cache.path());
    options.progress = Some(steps.clone());
    let uri = ModelUri::parse(&server.url("m.tar"), Path::new("/")).unwrap();
    crate::fetch(&uri, &options).await.unwrap();
    let steps = steps.0.lock().unwrap().clone();
    assert!(matches!(steps[0], Step::Downloading { total: Some(total), .. } if total > 1024));
    assert!(steps.contains(&Step::Unpacking {
        entries: 2,
        bytes: 5
    }));
    assert_eq!(
        steps.last(),
        Some(&Step::Done {
            bytes: 5,
            reused: false
        })
    );
}
