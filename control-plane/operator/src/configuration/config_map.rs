//! The ConfigMap `seldon-config`: four texts of JSON. One that cannot be read leaves the last good
//! one in place.

use std::collections::BTreeMap;

use hari_plan::{Installation, ServerImages};
use hari_render::Resources;
use serde::Deserialize;

use super::images::{Images, is_usual_storage, with_ours};
use super::{Base, Configuration};

/// Name of the ConfigMap.
pub(super) const NAME: &str = "seldon-config";

/// Texts of the ConfigMap by key.
pub(super) type Texts = BTreeMap<String, String>;

/// A text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Its key.
    pub(super) key: &'static str,
    /// What is wrong with it.
    pub(super) message: String,
}

/// The keys, and what each changes.
const KEYS: [(&str, Apply); 4] = [
    ("predictor_servers", servers),
    ("storageInitializer", storage),
    ("explainer", explainer),
    ("credentials", credentials),
];

type Apply = fn(&str, &mut Configuration) -> Result<(), serde_json::Error>;

/// The texts that could be read last.
#[derive(Clone, Debug, Default)]
pub(super) struct Good(Texts);

impl Good {
    /// What holds with these texts. A text that cannot be read is a problem, and the one before it
    /// holds; without one before it, what is built in.
    pub(super) fn take(&mut self, base: &Base, texts: &Texts) -> (Configuration, Vec<Problem>) {
        let mut configuration = base.configuration.clone();
        let mut problems = Vec::new();
        for (key, apply) in KEYS {
            let text = texts.get(key);
            let done = text.map(|text| applied(apply, text, &mut configuration));
            match done {
                None => {
                    self.0.remove(key);
                }
                Some(Ok(())) => {
                    self.0
                        .extend(text.map(|text| (key.to_owned(), text.clone())));
                }
                Some(Err(error)) => {
                    let message = format!("{key}: {error}");
                    problems.push(Problem { key, message });
                    if let Some(good) = self.0.get(key) {
                        let _ = applied(apply, good, &mut configuration);
                    }
                }
            }
        }
        base.complete(&mut configuration);
        (configuration, problems)
    }
}

/// All of the text or nothing of it.
fn applied(apply: Apply, text: &str, into: &mut Configuration) -> Result<(), serde_json::Error> {
    let mut changed = into.clone();
    apply(text, &mut changed)?;
    *into = changed;
    Ok(())
}

impl Base {
    /// Adds what wins over the ConfigMap.
    fn complete(&self, configuration: &mut Configuration) {
        with_ours(&mut configuration.installation);
        let servers = &mut configuration.installation.servers;
        self.images.put(servers);
        let render = &mut configuration.render;
        let Images {
            storage,
            explainer,
            explainer_v2,
            ..
        } = &self.images;
        for (named, place) in [
            (storage, &mut render.storage.image),
            (explainer, &mut render.explainer.image),
            (explainer_v2, &mut render.explainer.image_v2),
        ] {
            if named.is_some() {
                place.clone_from(named);
            }
        }
    }
}

fn servers(text: &str, into: &mut Configuration) -> Result<(), serde_json::Error> {
    let servers: BTreeMap<String, ServerImages> = serde_json::from_str(text)?;
    into.installation = Installation {
        servers,
        ..into.installation.clone()
    };
    Ok(())
}

/// `storageInitializer`, as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StorageInitializer {
    image: String,
    cpu_request: String,
    cpu_limit: String,
    memory_request: String,
    memory_limit: String,
}

impl Default for StorageInitializer {
    fn default() -> Self {
        let usual = hari_render::Settings::default().storage.resources;
        Self {
            image: String::new(),
            cpu_request: usual.cpu_request,
            cpu_limit: usual.cpu_limit,
            memory_request: usual.memory_request,
            memory_limit: usual.memory_limit,
        }
    }
}

fn storage(text: &str, into: &mut Configuration) -> Result<(), serde_json::Error> {
    let read: StorageInitializer = serde_json::from_str(text)?;
    let storage = &mut into.render.storage;
    storage.image = Some(read.image).filter(|image| !image.is_empty() && !is_usual_storage(image));
    storage.resources = Resources {
        cpu_request: read.cpu_request,
        cpu_limit: read.cpu_limit,
        memory_request: read.memory_request,
        memory_limit: read.memory_limit,
    };
    Ok(())
}

/// `explainer`, as it is written.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Explainer {
    image: String,
    image_v2: String,
}

fn explainer(text: &str, into: &mut Configuration) -> Result<(), serde_json::Error> {
    let Explainer { image, image_v2 } = serde_json::from_str(text)?;
    let named = |image: String| Some(image).filter(|image| !image.is_empty());
    into.render.explainer.image = named(image);
    into.render.explainer.image_v2 = named(image_v2);
    Ok(())
}

/// `credentials`, as it is written.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Credentials {
    gcs: Gcs,
    s3: S3,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Gcs {
    gcs_credential_file_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct S3 {
    #[serde(rename = "s3AccessKeyIDName")]
    access_key_id: Option<String>,
    #[serde(rename = "s3SecretAccessKeyName")]
    secret_access_key: Option<String>,
    #[serde(rename = "s3Endpoint")]
    endpoint: Option<String>,
    #[serde(rename = "s3UseHttps")]
    use_https: Option<String>,
}

fn credentials(text: &str, into: &mut Configuration) -> Result<(), serde_json::Error> {
    let Credentials { gcs, s3 } = serde_json::from_str(text)?;
    let given = |name: Option<String>| name.filter(|name| !name.is_empty());
    let usual = hari_render::Credentials::default();
    into.render.credentials = hari_render::Credentials {
        gcs_file: given(gcs.gcs_credential_file_name).unwrap_or(usual.gcs_file),
        s3_access_key_id: given(s3.access_key_id).unwrap_or(usual.s3_access_key_id),
        s3_secret_access_key: given(s3.secret_access_key).unwrap_or(usual.s3_secret_access_key),
        s3_endpoint: given(s3.endpoint),
        s3_use_https: given(s3.use_https),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use hari_api::Protocol;

    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Texts {
        let owned = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn mine(tag: &str) -> String {
        format!(r#"{{"MINE": {{"protocols": {{"seldon": {{"image": "acme/mine:{tag}"}}}}}}}}"#)
    }

    fn image(configuration: &Configuration) -> Option<String> {
        configuration.installation.image("MINE", Protocol::Seldon)
    }

    #[test]
    fn nothing_is_the_environment_alone() {
        let (configuration, problems) = Good::default().take(&Base::default(), &Texts::new());
        assert_eq!(problems, []);
        assert_eq!(configuration, Configuration::default());
    }

    #[test]
    fn the_last_good_text_holds() {
        let (base, mut good) = (Base::default(), Good::default());
        let (first, _) = good.take(&base, &texts(&[("predictor_servers", &mine("1"))]));
        assert_eq!(image(&first).as_deref(), Some("acme/mine:1"));
        let broken = texts(&[
            ("predictor_servers", "{\"MINE\": oops"),
            ("storageInitializer", "{\"cpuLimit\": \"2\"}"),
        ]);
        let (second, problems) = good.take(&base, &broken);
        assert_eq!(image(&second), image(&first), "the last good one");
        assert_eq!(second.render.storage.resources.cpu_limit, "2", "the others");
        assert_eq!(problems.len(), 1);
        let message = &problems[0].message;
        assert!(
            message.starts_with("predictor_servers: expected"),
            "{message}"
        );
        let (third, problems) = good.take(&base, &texts(&[("predictor_servers", &mine("2"))]));
        assert_eq!(
            (image(&third).as_deref(), problems.len()),
            (Some("acme/mine:2"), 0)
        );
    }

    #[test]
    fn without_a_good_text_what_is_built_in_holds() {
        let (base, mut good) = (Base::default(), Good::default());
        let (configuration, problems) = good.take(&base, &texts(&[("predictor_servers", "[]")]));
        assert_eq!(problems.len(), 1);
        assert_eq!(configuration, Configuration::default());
    }

    #[test]
    fn the_image_of_downloads_is_ours_unless_somebody_chose_one() {
        let (base, mut good) = (Base::default(), Good::default());
        let mut image = |text| {
            let (configuration, _) = good.take(&base, &texts(&[("storageInitializer", text)]));
            configuration.render.storage.image
        };
        let original = r#"{"image": "seldonio/rclone-storage-initializer:1.17.1"}"#;
        assert_eq!(image(original), None);
        let chosen = image(r#"{"image": "acme/download:3", "cpuRequest": "1"}"#);
        assert_eq!(chosen.as_deref(), Some("acme/download:3"));
    }

    #[test]
    fn explainers_and_credentials() {
        let (base, mut good) = (Base::default(), Good::default());
        let (read, problems) = good.take(
            &base,
            &texts(&[
                ("explainer", r#"{"image": "e:1", "image_v2": "e:2"}"#),
                (
                    "credentials",
                    r#"{"gcs": {"gcsCredentialFileName": "key.json"},
                        "s3": {"s3AccessKeyIDName": "id", "s3SecretAccessKeyName": "",
                               "s3Endpoint": "minio:9000"}}"#,
                ),
            ]),
        );
        assert_eq!(problems, []);
        let explainer = read.render.explainer;
        assert_eq!(explainer.image_v2.as_deref(), Some("e:2"));
        let credentials = read.render.credentials;
        assert_eq!(credentials.gcs_file, "key.json");
        assert_eq!(credentials.s3_access_key_id, "id");
        assert_eq!(credentials.s3_secret_access_key, "awsSecretAccessKey");
        assert_eq!(credentials.s3_endpoint.as_deref(), Some("minio:9000"));
    }
}
