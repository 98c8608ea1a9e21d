//! Tests of what is refused, and of what is never shown.

use super::*;

#[tokio::test]
async fn a_refusal_says_who_asked_and_shows_no_key() {
    let cache = folder(&[]);
    for (status, code, words) in [
        (403, "InvalidAccessKeyId", "does not know the access key"),
        (403, "SignatureDoesNotMatch", "does not belong to the key"),
        (403, "AccessDenied", "may not be read"),
        (400, "ExpiredToken", "the session has ended"),
    ] {
        let body = format!("<Error><Code>{code}</Code><Key>{KEY}</Key></Error>");
        let server = Server::start(move |_, stream| reply(stream, status, &[], body.as_bytes()));
        let error = get("s3://models/m", &server, &cache).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Forbidden, "{error}");
        let text = error.message();
        assert!(
            text.contains(words) && text.contains("AWS_ACCESS_KEY_ID"),
            "{text}"
        );
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
    }
}

#[tokio::test]
async fn the_region_that_the_store_names_is_taken() {
    let all = objects(&[("m/net.onnx", b"onnx")]);
    let server = bucket(&all, |request, stream| {
        let signed = request.header("authorization").unwrap_or_default();
        let here = signed.contains("/eu-west-1/s3/");
        if !here {
            let region = [("x-amz-bucket-region", "eu-west-1")];
            reply(
                stream,
                301,
                &region,
                b"<Error><Code>PermanentRedirect</Code></Error>",
            );
        }
        !here
    });
    let cache = folder(&[]);
    let artifact = get("s3://models/m", &server, &cache).await.unwrap();
    assert_eq!(files(&artifact.root), ["net.onnx"]);
}

#[tokio::test]
async fn too_much_is_refused_before_it_is_fetched() {
    let (cache, server) = (folder(&[]), good(&two_versions()));
    for (bytes, entries) in [(10, 100), (1 << 20, 4)] {
        let mut options = FetchOptions {
            versions: Versions::All,
            ..with(&server, &cache)
        };
        (options.limits.bytes, options.limits.entries) = (bytes, entries);
        let error = crate::fetch(&uri("s3://models/mnist"), &options)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge, "{error}");
    }
    assert_eq!(reads(&server).len(), 0);
}

#[tokio::test]
async fn the_policy_holds_for_stores() {
    let (cache, server) = (folder(&[]), good(&two_versions()));
    let mut options = with(&server, &cache);
    options.policy = crate::Policy::hosts("models.example").unwrap();
    let error = crate::fetch(&uri("s3://models/mnist"), &options)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden);
    assert!(server.received().is_empty());
    // Nor is the metadata service asked unless the user says so.
    options.policy = crate::Policy::default();
    options.storage = Storage::of([("AWS_ENDPOINT_URL", "http://169.254.169.254")]);
    let error = crate::fetch(&uri("s3://models/mnist"), &options)
        .await
        .unwrap_err();
    assert!(error.message().contains("metadata"), "{error}");
}

#[tokio::test]
async fn requests_go_through_the_proxy_of_the_environment() {
    let proxy = Server::start(|request, stream| {
        assert!(
            request.path.starts_with("http://store.invalid/models"),
            "{}",
            request.path
        );
        reply(
            stream,
            403,
            &[],
            b"<Error><Code>AccessDenied</Code></Error>",
        );
    });
    let cache = folder(&[]);
    let mut options = options(cache.path());
    options.storage = Storage::of([
        ("AWS_ENDPOINT_URL", "http://store.invalid"),
        ("HTTP_PROXY", proxy.url("").trim_end_matches('/')),
    ]);
    let error = crate::fetch(&uri("s3://models/m"), &options)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden, "{error}");
    assert!(!proxy.received().is_empty());
}

/// Everything that is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged_or_kept() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (cache, server) = (folder(&[]), good(&two_versions()));
    get("s3://models/mnist", &server, &cache).await.unwrap();
    let account = format!("AccountName=a;BlobEndpoint={}", server.url("a"));
    let mut options = options(cache.path());
    options.storage = Storage::of([
        ("AZURE_STORAGE_CONNECTION_STRING", &*account),
        (
            "AZURE_STORAGE_SAS_TOKEN",
            "sv=2024&sig=hunter2hunter2hunter2",
        ),
    ]);
    let error = crate::fetch(&uri("az://models/m"), &options)
        .await
        .unwrap_err();
    let sent: String = server
        .received()
        .iter()
        .map(|one| one.path.clone())
        .collect();
    assert!(sent.contains(KEY), "the signature is used");
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text.is_empty() && !text.contains(KEY), "{text}");
    assert!(
        !format!("{error:?} {:?}", options.storage).contains(KEY),
        "{error:?}"
    );
    for name in files(cache.path()) {
        let bytes = fs::read(cache.path().join(&name)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "{name}");
    }
}
