//! Credentials of downloads, from the secrets of a service account.

use std::collections::BTreeMap;

use hari_api::k8s_openapi::api::core::v1::{
    Container, EnvVar, EnvVarSource, PodSpec, SecretKeySelector, SecretVolumeSource, Volume,
    VolumeMount,
};

use crate::container::{set_if_absent, variable};
use crate::names::truncated;
use crate::settings::Credentials;
use crate::surroundings::AccountSecret;

/// Prefixes of annotations of secrets, the first preferred.
const PREFIXES: [&str; 2] = ["machinelearning.seldon.io/", "serving.kubeflow.org/"];
const GCS_VOLUME: &str = "user-gcp-sa";
const GCS_FOLDER: &str = "/var/secrets/";

/// Gives a container what the secrets hold, by name: what they hold stays in them.
pub(crate) fn add(
    credentials: &Credentials,
    secrets: &[AccountSecret],
    container: &mut Container,
    volumes: &mut Vec<Volume>,
) {
    for secret in secrets {
        let has = |key: &String| secret.keys.contains(key);
        if has(&credentials.s3_secret_access_key) {
            for variable in s3(credentials, secret) {
                let written = container.env.get_or_insert_default();
                if written.iter().all(|found| found.name != variable.name) {
                    written.push(variable);
                }
            }
        } else if has(&credentials.gcs_file) {
            gcs(credentials, secret, container, volumes);
        }
    }
}

/// As [`add`], with the volumes of a pod.
pub(crate) fn add_to_pod(
    credentials: &Credentials,
    secrets: &[AccountSecret],
    pod: &mut PodSpec,
    target: &str,
) {
    let volumes = pod.volumes.get_or_insert_default();
    let mut containers = pod.containers.iter_mut();
    if let Some(container) = containers.find(|found| found.name == target) {
        add(credentials, secrets, container, volumes);
    }
}

fn s3(credentials: &Credentials, secret: &AccountSecret) -> Vec<EnvVar> {
    let key = |name: &str, key: &String| EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret.name.clone(),
                key: key.clone(),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
    };
    let mut all = vec![
        key("AWS_ACCESS_KEY_ID", &credentials.s3_access_key_id),
        key("AWS_SECRET_ACCESS_KEY", &credentials.s3_secret_access_key),
    ];
    let said = |what: &str| annotation(&secret.annotations, what);
    let https = said("s3-usehttps").or(credentials.s3_use_https.as_ref());
    if let Some(endpoint) = said("s3-endpoint").or(credentials.s3_endpoint.as_ref()) {
        let scheme = match https.is_some_and(|value| value == "0") {
            true => "http",
            false => "https",
        };
        all.push(variable("S3_ENDPOINT", endpoint.clone()));
        all.push(variable(
            "AWS_ENDPOINT_URL",
            format!("{scheme}://{endpoint}"),
        ));
    }
    for (name, value) in [
        ("S3_USE_HTTPS", https),
        ("AWS_REGION", said("s3-region")),
        ("S3_VERIFY_SSL", said("s3-verifyssl")),
    ] {
        all.extend(value.map(|value| variable(name, value.clone())));
    }
    all
}

fn annotation<'a>(annotations: &'a BTreeMap<String, String>, what: &str) -> Option<&'a String> {
    let each = PREFIXES.iter();
    let mut found = each.filter_map(|prefix| annotations.get(&format!("{prefix}{what}")));
    found.find(|value| !value.is_empty())
}

/// The file of a Google service account. A container has one.
fn gcs(
    credentials: &Credentials,
    secret: &AccountSecret,
    container: &mut Container,
    volumes: &mut Vec<Volume>,
) {
    let mounts = container.volume_mounts.get_or_insert_default();
    if mounts.iter().any(|mount| mount.mount_path == GCS_FOLDER) {
        return;
    }
    mounts.push(VolumeMount {
        name: volume(secret, volumes),
        mount_path: GCS_FOLDER.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    });
    let file = format!("{GCS_FOLDER}{}", credentials.gcs_file);
    let variables = container.env.get_or_insert_default();
    set_if_absent(variables, "GOOGLE_APPLICATION_CREDENTIALS", file);
}

/// The volume of a secret; a second secret of a pod gets a name of its own.
fn volume(secret: &AccountSecret, volumes: &mut Vec<Volume>) -> String {
    let of_this = |volume: &&Volume| {
        let source = volume.secret.as_ref();
        source.is_some_and(|source| source.secret_name.as_ref() == Some(&secret.name))
            && volume.name.starts_with(GCS_VOLUME)
    };
    if let Some(volume) = volumes.iter().find(of_this) {
        return volume.name.clone();
    }
    let name = match volumes.iter().any(|volume| volume.name == GCS_VOLUME) {
        true => truncated(&format!("{GCS_VOLUME}-{}", secret.name.replace('.', "-"))),
        false => GCS_VOLUME.to_owned(),
    };
    volumes.push(Volume {
        name: name.clone(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.name.clone()),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    });
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, keys: &[&str], annotations: &[(&str, &str)]) -> AccountSecret {
        AccountSecret {
            name: name.to_owned(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            annotations: annotations
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    fn after(secrets: &[AccountSecret]) -> (Container, Vec<Volume>) {
        let (mut container, mut volumes) = (Container::default(), Vec::new());
        add(
            &Credentials::default(),
            secrets,
            &mut container,
            &mut volumes,
        );
        (container, volumes)
    }

    fn value<'a>(container: &'a Container, name: &str) -> Option<&'a str> {
        let mut all = container.env.iter().flatten();
        all.find(|found| found.name == name)?.value.as_deref()
    }

    #[test]
    fn keys_of_a_bucket_stay_in_their_secret() {
        let keys = ["awsAccessKeyID", "awsSecretAccessKey"];
        let found = secret(
            "bucket",
            &keys,
            &[
                ("serving.kubeflow.org/s3-endpoint", "minio:9000"),
                ("machinelearning.seldon.io/s3-usehttps", "0"),
                ("machinelearning.seldon.io/s3-region", "eu-west-1"),
            ],
        );
        let (container, volumes) = after(&[found]);
        assert_eq!(
            value(&container, "AWS_ENDPOINT_URL"),
            Some("http://minio:9000")
        );
        assert_eq!(value(&container, "S3_ENDPOINT"), Some("minio:9000"));
        assert_eq!(value(&container, "AWS_REGION"), Some("eu-west-1"));
        assert_eq!(value(&container, "AWS_SECRET_ACCESS_KEY"), None);
        let from = container.env.unwrap()[1].value_from.clone().unwrap();
        let from = from.secret_key_ref.unwrap();
        assert_eq!((&*from.name, &*from.key), ("bucket", "awsSecretAccessKey"));
        assert!(volumes.is_empty());
    }

    #[test]
    fn the_first_secret_of_a_kind_is_taken() {
        let keys = ["awsAccessKeyID", "awsSecretAccessKey"];
        let (container, _) = after(&[secret("a", &keys, &[]), secret("b", &keys, &[])]);
        assert_eq!(container.env.unwrap().len(), 2);
        let file = ["gcloud-application-credentials.json"];
        let (container, volumes) = after(&[secret("a", &file, &[]), secret("b", &file, &[])]);
        assert_eq!(container.volume_mounts.unwrap().len(), 1);
        assert_eq!(volumes.len(), 1);
    }

    #[test]
    fn two_google_accounts_of_a_pod_have_two_volumes() {
        let file = ["gcloud-application-credentials.json"];
        let mut volumes = Vec::new();
        for name in ["one", "two.b", "one"] {
            let mut container = Container::default();
            let secrets = [secret(name, &file, &[])];
            add(
                &Credentials::default(),
                &secrets,
                &mut container,
                &mut volumes,
            );
        }
        let names: Vec<&str> = volumes.iter().map(|volume| &*volume.name).collect();
        assert_eq!(names, ["user-gcp-sa", "user-gcp-sa-two-b"]);
    }

    #[test]
    fn secrets_of_something_else_are_passed_over() {
        let (container, volumes) = after(&[secret("token", &["token", "ca.crt"], &[])]);
        assert_eq!((container, volumes), (Container::default(), Vec::new()));
    }
}
