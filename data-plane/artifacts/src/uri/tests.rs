//! Tests of URIs.

use hari_error::Kind;
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

#[test]
fn stores_that_are_not_served_are_refused_by_name() {
    for (text, scheme) in [
        ("gs://bucket/x", "gs"),
        ("S3://key:secret@bucket/x", "s3"),
        ("s3:bucket/x", "s3"),
        ("hf://org/model", "hf"),
        ("pvc://claim/x", "pvc"),
        ("oci://host/image", "oci"),
        ("azure://c/x", "azure"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.kind(), Kind::Unimplemented, "{text}");
        let message = error.message();
        assert!(
            message.contains(&format!("`{scheme}` is not in this build yet")),
            "{message}"
        );
        assert!(
            message.contains("https://") && !message.contains("secret"),
            "{message}"
        );
    }
    assert!(
        parse("gopher://x/y")
            .unwrap_err()
            .message()
            .contains("`gopher` is not known")
    );
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
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput, "{text}");
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
