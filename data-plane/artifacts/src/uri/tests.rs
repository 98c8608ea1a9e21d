//! Tests of URIs.

use hari_error::Kind as ErrorKind;
use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<ModelUri> {
    ModelUri::parse(text, Path::new("/base"))
}

#[test]
fn a_relative_path_starts_at_the_deployments_folder() {
    let cases = [
        ("models/mnist", "/base/models/mnist"),
        ("./a:b", "/base/./a:b"),
        ("/abs/x", "/abs/x"),
        ("file:///abs/a%20b", "/abs/a b"),
        ("file:/abs/x", "/abs/x"),
        ("file://localhost/abs/x", "/abs/x"),
        ("model#1", "/base/model#1"),
        (" model ", "/base/model"),
    ];
    for (text, path) in cases {
        assert_eq!(
            parse(text).unwrap().local_path(),
            Some(Path::new(path)),
            "{text}"
        );
    }
}

#[test]
fn what_is_printed_holds_no_key() {
    let uri = parse("https://user:pass@Host.example:8443/m/model.onnx?sig=abc").unwrap();
    assert_eq!(
        uri.to_string(),
        "https://host.example:8443/m/model.onnx?..."
    );
    assert_eq!(
        format!("{uri:?}"),
        "ModelUri(https://host.example:8443/m/model.onnx?...)"
    );
    assert_eq!(uri.local_path(), None);
}

fn bucket(text: &str, variables: &[(&str, &str)]) -> BucketUri {
    let storage = Storage::of(variables.iter().copied());
    let uri = ModelUri::parse_with(text, Path::new("/base"), &storage).unwrap();
    match uri.place {
        Place::Bucket(bucket) => bucket,
        _ => panic!("{text} is no bucket"),
    }
}

#[test]
fn buckets_are_read_in_every_form() {
    for (text, kind, name, path) in [
        ("s3://b/m/1", Kind::S3, "b", "m/1"),
        ("S3A://b/m/", Kind::S3, "b", "m"),
        ("s3:b/m", Kind::S3, "b", "m"),
        (
            "gs://seldon-models/mnist",
            Kind::Google,
            "seldon-models",
            "mnist",
        ),
        ("gs:b", Kind::Google, "b", ""),
        ("gcs://b/a b", Kind::Google, "b", "a b"),
        ("az://c/m", Kind::Azure, "c", "m"),
        ("azureblob:c/m", Kind::Azure, "c", "m"),
        (
            "https://acc.blob.core.windows.net/c/a%20b",
            Kind::Azure,
            "c",
            "a b",
        ),
        (
            "abfss://c@acc.dfs.core.windows.net/m",
            Kind::Azure,
            "c",
            "m",
        ),
        (
            "wasbs://c@acc.blob.core.windows.net/m",
            Kind::Azure,
            "c",
            "m",
        ),
    ] {
        let found = bucket(text, &[]);
        assert_eq!(
            (found.kind, &*found.bucket, &*found.path),
            (kind, name, path),
            "{text}"
        );
        let named = text.contains("acc.");
        assert_eq!(found.account.as_deref(), named.then_some("acc"), "{text}");
    }
}

#[test]
fn a_remote_gives_its_name_to_a_scheme() {
    let variables = [
        ("RCLONE_CONFIG_MINIO_TYPE", "s3"),
        ("RCLONE_CONFIG_GCS_TYPE", "google cloud storage"),
    ];
    for (text, remote) in [
        ("minio:b/m", Some("minio")),
        ("minio://b/m", Some("minio")),
        ("gs://b/m", Some("gcs")),
        ("s3://b/m", None),
    ] {
        let found = bucket(text, &variables);
        assert_eq!(
            (found.remote.as_deref(), &*found.bucket),
            (remote, "b"),
            "{text}"
        );
    }
    // Without the remote it is a path.
    assert!(parse("minio:b/m").unwrap().local_path().is_some());
}

#[test]
fn a_signature_is_kept_and_not_printed() {
    let text = "https://acc.blob.core.windows.net/c/m?sv=1&sig=hunter2";
    let found = bucket(text, &[]);
    assert_eq!(found.signature.unwrap().expose(), "sv=1&sig=hunter2");
    let uri = parse(text).unwrap();
    assert!(!format!("{uri} {uri:?}").contains("hunter2"), "{uri}");
}

#[test]
fn a_claim_is_where_it_is_mounted() {
    let uri = parse("pvc://claim/models/mnist").unwrap();
    assert_eq!(uri.local_path(), Some(Path::new("/mnt/pvc/models/mnist")));
    assert!(parse("pvc://claim/../etc").is_err());
}

#[test]
fn stores_that_are_not_served_are_refused_by_name() {
    for (text, words) in [
        (
            "hf://org/model",
            "`hf` is not fetched from; copy the model's files",
        ),
        ("hdfs://host/x", "`hdfs` is not fetched from"),
        ("gopher://x/y", "set RCLONE_CONFIG_GOPHER_TYPE"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unimplemented, "{text}");
        let message = error.message();
        assert!(
            message.contains(words) && message.contains("s3://"),
            "{message}"
        );
    }
}

#[test]
fn malformed_text_is_refused() {
    for (text, word) in [
        ("", "found nothing"),
        ("a\u{0}b", "control character"),
        ("http://", "expected an http"),
        ("http://h/x#md5=1", "is not known"),
        ("file://host/x", "absolute"),
        ("file:x", "absolute"),
        ("http://h/x#sha256=12", "64 hex digits"),
        ("s3://", "a bucket's name"),
        ("s3:///", "a bucket's name"),
        ("s3://b/a//b", "empty parts"),
        ("gs://b/a/../b", "`..`"),
        ("s3://key:secret@bucket/x", "do not belong in a URI"),
        ("abfss://c@a b/x", "around the `@`"),
        ("oci://registry", "no repository"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
        assert!(error.message().contains(word), "{text}: {error}");
    }
    assert!(
        parse(&"x".repeat(9000))
            .unwrap_err()
            .message()
            .contains("at most 8192 bytes")
    );
}

#[test]
fn a_digest_is_taken_off() {
    let digest = "ab".repeat(32);
    let uri = parse(&format!("http://h/x.onnx#sha256={digest}")).unwrap();
    assert_eq!(
        uri.sha256.map(|found| found.to_string()),
        Some(digest.clone())
    );
    assert_eq!(uri.to_string(), "http://h/x.onnx");
    let uri = parse(&format!("x.onnx#sha256={digest}")).unwrap();
    assert_eq!(uri.local_path(), Some(Path::new("/base/x.onnx")));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Ok(uri) = parse(&text) {
            prop_assert!(!uri.to_string().is_empty());
        }
    }

    #[test]
    fn passwords_and_queries_are_never_printed(secret in "[a-z]{12}", host in "[a-m]{3}") {
        let uri = parse(&format!("https://u:{secret}@{host}.example/x?k={secret}")).unwrap();
        let printed = format!("{uri} {uri:?}");
        prop_assert!(!printed.contains(&secret));
    }
}
