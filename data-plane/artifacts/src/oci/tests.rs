//! Tests of registries, with one that wants a token and sends blobs elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::fetch::Artifact;
use crate::testing::{Received, Server, folder, gzip, options, reply, tar, write};
use crate::uri::ModelUri;

/// What the registry holds, by path.
type Blobs = Arc<Vec<(String, Vec<u8>)>>;

fn named(bytes: &[u8]) -> String {
    format!("sha256:{}", Sha256::of(bytes))
}

fn blob(bytes: &[u8]) -> (String, Vec<u8>) {
    (
        format!("/v2/org/mnist/blobs/{}", named(bytes)),
        bytes.to_vec(),
    )
}

fn layer(bytes: &[u8], kind: &str, title: Option<&str>) -> Value {
    let annotations = title.map_or_else(
        || json!({}),
        |title| json!({"org.opencontainers.image.title": title}),
    );
    json!({"mediaType": kind, "digest": named(bytes), "size": bytes.len(), "annotations": annotations})
}

fn manifest(config: &str, layers: &[Value]) -> Vec<u8> {
    json!({"config": {"mediaType": config, "digest": named(b"{}"), "size": 2}, "layers": layers})
        .to_string()
        .into_bytes()
}

/// Serves the blobs; `spoil` may answer a request itself, with true.
fn registry(
    blobs: Vec<(String, Vec<u8>)>,
    first: impl Fn(&Received, &mut std::net::TcpStream) -> bool + Send + Sync + 'static,
) -> Server {
    let blobs: Blobs = Arc::new(blobs);
    Server::start(move |request, stream| {
        if first(request, stream) {
            return;
        }
        match blobs.iter().find(|(path, _)| *path == request.path) {
            Some((_, bytes)) => reply(stream, 200, &[], bytes),
            None => reply(stream, 404, &[], b"{}"),
        }
    })
}

fn artifact() -> Vec<(String, Vec<u8>)> {
    let (model, labels) = (b"onnx".as_slice(), b"0\n1\n".as_slice());
    let kind = "application/vnd.oci.image.layer.v1.tar";
    let manifest = manifest(
        "application/vnd.unknown.config.v1+json",
        &[
            layer(model, kind, Some("net.onnx")),
            layer(labels, "text/plain", Some("meta/labels.txt")),
        ],
    );
    let tagged = ("/v2/org/mnist/manifests/v1".to_owned(), manifest.clone());
    let by_digest = (
        format!("/v2/org/mnist/manifests/{}", named(&manifest)),
        manifest,
    );
    vec![tagged, by_digest, blob(model), blob(labels)]
}

fn uri(server: &Server, rest: &str) -> String {
    server
        .url(&format!("org/mnist{rest}"))
        .replace("http://", "oci://")
}

async fn get(text: &str, cache: &Path) -> Result<Artifact> {
    let uri = ModelUri::parse(text, Path::new("/"))?;
    crate::fetch(&uri, &options(cache)).await
}

fn files(root: &Path) -> Vec<PathBuf> {
    let found = crate::tree::walk(root).unwrap().into_iter();
    found
        .filter(|one| !one.folder)
        .map(|one| one.path)
        .collect()
}

#[tokio::test]
async fn files_with_names_are_fetched_once() {
    let (cache, server) = (folder(&[]), registry(artifact(), |_, _| false));
    let first = get(&uri(&server, ":v1"), cache.path()).await.unwrap();
    assert_eq!(
        files(&first.root),
        [Path::new("meta/labels.txt"), Path::new("net.onnx")]
    );
    let digest = first.digest.clone().unwrap();
    let count = server.received().len();
    assert!(
        get(&uri(&server, ":v1"), cache.path())
            .await
            .unwrap()
            .reused
    );
    assert_eq!(
        server.received().len(),
        count + 1,
        "the manifest alone is asked for"
    );
    let pinned = get(&uri(&server, &format!("@sha256:{digest}")), cache.path())
        .await
        .unwrap();
    assert_eq!(pinned.root, first.root, "kept once");
    let other = format!("@sha256:{}", "0".repeat(64));
    let error = get(&uri(&server, &other), cache.path()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
}

#[tokio::test]
async fn an_image_gives_its_models_folder() {
    let (base, model) = (
        tar(&[("etc/passwd", "root")]),
        gzip(&tar(&[("models/1/saved_model.pb", "graph")])),
    );
    let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
    let image = manifest(
        "application/vnd.oci.image.config.v1+json",
        &[layer(&base, kind, None), layer(&model, kind, None)],
    );
    let index = json!({"manifests": [{"digest": named(&image), "size": image.len(), "platform": {"os": "linux", "architecture": "amd64"}}]});
    let blobs = vec![
        (
            "/v2/org/mnist/manifests/latest".to_owned(),
            index.to_string().into_bytes(),
        ),
        (format!("/v2/org/mnist/manifests/{}", named(&image)), image),
        blob(&base),
        blob(&model),
    ];
    let (cache, server) = (folder(&[]), registry(blobs, |_, _| false));
    let artifact = get(&uri(&server, ""), cache.path()).await.unwrap();
    assert_eq!(files(&artifact.root), [Path::new("1/saved_model.pb")]);
}

#[tokio::test]
async fn a_token_is_had_with_the_login_that_docker_keeps() {
    let server = Arc::new(std::sync::Mutex::new(None::<String>));
    let address = server.clone();
    let guarded = registry(artifact(), move |request, stream| {
        let realm = address.lock().unwrap().clone().unwrap();
        let authorization = request.header("authorization");
        match (&*request.path, authorization) {
            (path, Some("Basic dTpw")) if path.starts_with("/token?service=s&scope=r") => {
                reply(stream, 200, &[], b"{\"token\": \"t\"}");
            }
            (path, _) if path.starts_with("/token") => reply(stream, 401, &[], b""),
            (_, Some("Bearer t")) => return false,
            _ => {
                let challenge = format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"r\"");
                reply(stream, 401, &[("WWW-Authenticate", &challenge)], b"");
            }
        }
        true
    });
    *server.lock().unwrap() = Some(guarded.url("token"));
    let cache = folder(&[]);
    let mut options = options(cache.path());
    let model = ModelUri::parse(&uri(&guarded, ":v1"), Path::new("/")).unwrap();
    let none = cache.path().join("none");
    options.storage = hari_settings::Storage::of([("DOCKER_CONFIG", none.to_str().unwrap())]);
    let error = crate::fetch(&model, &options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden);
    assert!(
        error.message().contains("docker login 127.0.0.1"),
        "{error}"
    );
    let host = guarded
        .url("")
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let config = json!({"auths": {host: {"auth": "dTpw"}}}).to_string();
    write(cache.path(), "docker/config.json", config);
    let docker = cache.path().join("docker");
    options.storage = hari_settings::Storage::of([("DOCKER_CONFIG", docker.to_str().unwrap())]);
    assert_eq!(crate::fetch(&model, &options).await.unwrap().bytes, 8);
}

#[tokio::test]
async fn blobs_may_lie_elsewhere_and_never_see_the_token() {
    let elsewhere = registry(artifact(), |request, _| {
        assert_eq!(request.header("authorization"), None);
        false
    });
    let target = elsewhere.url("");
    let front = registry(artifact(), move |request, stream| {
        let is_blob = request.path.contains("/blobs/");
        if is_blob {
            let location = format!("{target}{}", request.path.trim_start_matches('/'));
            reply(stream, 307, &[("Location", &location)], b"");
        }
        is_blob
    });
    let cache = folder(&[]);
    assert_eq!(
        get(&uri(&front, ":v1"), cache.path()).await.unwrap().bytes,
        8
    );
    assert_eq!(elsewhere.received().len(), 2);
}

#[tokio::test]
async fn what_does_not_hash_to_its_digest_is_refused() {
    let mut blobs = artifact();
    blobs[2].1 = b"evil".to_vec();
    let (cache, server) = (folder(&[]), registry(blobs, |_, _| false));
    let error = get(&uri(&server, ":v1"), cache.path()).await.unwrap_err();
    assert!(error.message().contains("sha256"), "{error}");
    let mut blobs = artifact();
    let digest = Sha256::of(&blobs[1].1);
    blobs[1].1.push(b' ');
    let server = registry(blobs, |_, _| false);
    let error = get(&uri(&server, &format!("@sha256:{digest}")), cache.path())
        .await
        .unwrap_err();
    assert!(
        error.message().contains("the manifest: expected sha256"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cut_layer_goes_on_even_where_ranges_are_unknown() {
    let cuts = std::sync::atomic::AtomicUsize::new(0);
    let server = registry(artifact(), move |request, stream| {
        let first = request.path.ends_with(&*Sha256::of(b"onnx").to_string())
            && cuts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        if first {
            reply(stream, 200, &[("Content-Length", "4")], b"on");
        }
        first
    });
    let cache = folder(&[]);
    let artifact = get(&uri(&server, ":v1"), cache.path()).await.unwrap();
    assert_eq!(
        std::fs::read(artifact.root.join("net.onnx")).unwrap(),
        b"onnx"
    );
}
