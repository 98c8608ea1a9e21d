//! Tests of stores: which settings hold, and what is said of those that cannot.

use std::path::Path;

use super::*;
use crate::testing::options;
use crate::uri::{ModelUri, Place};

fn opened(text: &str, variables: &[(&str, &str)]) -> Result<Opened> {
    let storage = Storage::of(variables.iter().copied());
    let uri = ModelUri::parse_with(text, Path::new("/"), &storage)?;
    let Place::Bucket(bucket) = uri.place else {
        panic!("{text} is no bucket");
    };
    let options = FetchOptions {
        storage,
        ..options(Path::new(""))
    };
    open(&bucket, &options, None)
}

fn who(text: &str, variables: &[(&str, &str)]) -> String {
    opened(text, variables).unwrap().who
}

#[test]
fn the_first_credentials_that_are_set_are_used() {
    let key = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let remote = [
        ("RCLONE_CONFIG_S3_TYPE", "s3"),
        ("RCLONE_CONFIG_S3_ACCESS_KEY_ID", "k"),
        ("RCLONE_CONFIG_S3_SECRET_ACCESS_KEY", "s"),
    ];
    let lent = [
        ("RCLONE_CONFIG_S3_TYPE", "s3"),
        ("RCLONE_CONFIG_S3_ENV_AUTH", "true"),
    ];
    assert_eq!(who("s3://b/m", &[]), ANONYMOUS);
    assert_eq!(who("s3://b/m", &key), "AWS_ACCESS_KEY_ID");
    assert_eq!(who("s3://b/m", &remote), "RCLONE_CONFIG_S3_ACCESS_KEY_ID");
    assert_eq!(
        who("s3:b/m", &[&key[..], &remote].concat()),
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID"
    );
    // A remote without keys is anonymous, unless it says that the environment counts.
    assert_eq!(who("s3://b/m", &[&key[..], &lent[..1]].concat()), ANONYMOUS);
    assert_eq!(
        who("s3://b/m", &[&key[..], &lent].concat()),
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID"
    );
    assert_eq!(who("s3://b/m", &lent), MACHINE);
    assert_eq!(who("s3://b/m", &[("HARI_CLOUD_IDENTITY", "1")]), MACHINE);
    assert_eq!(who("gs://b/m", &[]), ANONYMOUS);
    assert_eq!(
        who("az://b/m", &[("AZURE_STORAGE_ACCOUNT", "a")]),
        ANONYMOUS
    );
    assert_eq!(
        who(
            "az://b/m",
            &[
                ("AZURE_STORAGE_ACCOUNT", "a"),
                ("AZURE_STORAGE_ACCESS_KEY", "a2V5")
            ]
        ),
        "AZURE_STORAGE_KEY"
    );
    assert_eq!(
        who("https://a.blob.core.windows.net/b/m?sv=1&sig=s", &[]),
        "a shared access signature"
    );
    let client = [
        ("AZURE_STORAGE_ACCOUNT", "a"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_CLIENT_SECRET", "s"),
    ];
    assert_eq!(
        who("abfss://b@a.dfs.core.windows.net/m", &client),
        "the client of AZURE_CLIENT_ID"
    );
}

#[test]
fn a_role_and_its_token_go_together() {
    let root = crate::testing::folder(&[("token", "jwt")]);
    let path = root.path().join("token");
    let path = path.to_str().unwrap();
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    let file = ("AWS_WEB_IDENTITY_TOKEN_FILE", path);
    assert_eq!(who("s3://b/m", &[role, file]), "the role of AWS_ROLE_ARN");
    assert_eq!(who("s3://b/m", &[role]), ANONYMOUS);
    let gone = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/token");
    let error = opened("s3://b/m", &[role, gone]).err().unwrap();
    assert!(
        error.message().contains(gone.0) && !error.message().contains(gone.1),
        "{error}"
    );
}

#[test]
fn what_cannot_be_used_names_the_variable_and_shows_no_value() {
    for (text, variables, name) in [
        (
            "s3://b/m",
            "AWS_ACCESS_KEY_ID=hunter2",
            "AWS_SECRET_ACCESS_KEY",
        ),
        (
            "s3://b/m",
            "AWS_SECRET_ACCESS_KEY=hunter2",
            "AWS_ACCESS_KEY_ID",
        ),
        (
            "s3://b/m",
            "AWS_ENDPOINT_URL=ftp://hunter2",
            "AWS_ENDPOINT_URL",
        ),
        (
            "s3://b/m",
            "AWS_ENDPOINT_URL=http://u:hunter2@h",
            "AWS_ENDPOINT_URL",
        ),
        (
            "m:b/m",
            "RCLONE_CONFIG_M_TYPE=s3 RCLONE_CONFIG_M_ENDPOINT=//",
            "RCLONE_CONFIG_M_ENDPOINT",
        ),
        (
            "m:b/m",
            "RCLONE_CONFIG_M_TYPE=dropbox",
            "RCLONE_CONFIG_M_TYPE",
        ),
        ("az://b/m", "", "AZURE_STORAGE_ACCOUNT"),
        (
            "az://b/m",
            "AZURE_STORAGE_ACCOUNT=a AZURE_STORAGE_KEY=hunter2!",
            "base64",
        ),
        (
            "az://b/m",
            "AZURE_STORAGE_CONNECTION_STRING=hunter2",
            "CONNECTION_STRING",
        ),
        (
            "gs://b/m",
            "GOOGLE_APPLICATION_CREDENTIALS=/no/hunter2",
            "GOOGLE_APPLICATION",
        ),
        (
            "gs://b/m",
            "RCLONE_CONFIG_GS_TYPE=gcs RCLONE_CONFIG_GS_SERVICE_ACCOUNT_CREDENTIALS=hunter2",
            "RCLONE_CONFIG_GS_SERVICE_ACCOUNT_CREDENTIALS",
        ),
    ] {
        let pairs = variables.split(' ').filter_map(|pair| pair.split_once('='));
        let error = opened(text, &pairs.collect::<Vec<_>>()).err().unwrap();
        let shown = format!("{error:?}");
        assert!(shown.contains(name), "{text} {variables}: {shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn addresses_are_https_unless_they_say_otherwise() {
    for (text, expected) in [
        ("minio:9000", "https://minio:9000"),
        (" http://minio:9000/ ", "http://minio:9000"),
        ("https://h/account", "https://h/account"),
    ] {
        assert_eq!(address(text, "X").unwrap(), expected);
    }
}
