//! The file of `hari render --settings`: what an installation of the operator sets.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use hari_error::Error;
use hari_local::Source;
use hari_plan::{Installation, ServerImages};
use hari_render::{AccountSecret, Settings, Surroundings};
use serde_json::Value;

/// What the file says; what it leaves out is the default.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Images and ports.
    pub(super) settings: Settings,
    /// Service accounts.
    pub(super) surroundings: Surroundings,
    /// Images of prepackaged servers.
    pub(super) servers: Installation,
}

impl Given {
    /// Reads a YAML or JSON file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let source = Source::file(path)?;
        if let Some(issue) = source.documents.iter().flat_map(|one| &one.issues).next() {
            return Err(Error::invalid(issue.to_string()).into());
        }
        let value = source.documents.into_iter().next();
        let value = value.map_or(Value::Null, |document| document.value);
        let refused = |error| Error::invalid(format!("{}: {error:#}", path.display()));
        Self::of(value).map_err(|error: anyhow::Error| refused(error).into())
    }

    fn of(mut value: Value) -> anyhow::Result<Self> {
        let mut given = Self::default();
        if value.is_null() {
            return Ok(given);
        }
        let fields = value.as_object_mut();
        let fields = fields.ok_or_else(|| Error::invalid("expected a mapping"))?;
        if let Some(accounts) = fields.remove("serviceAccounts") {
            let accounts: BTreeMap<String, Vec<AccountSecret>> =
                serde_json::from_value(accounts).context("serviceAccounts")?;
            given.surroundings.service_accounts = accounts;
        }
        if let Some(servers) = fields.remove("predictorServers") {
            let servers: BTreeMap<String, ServerImages> =
                serde_json::from_value(servers).context("predictorServers")?;
            given.servers.servers.extend(servers);
        }
        given.settings = serde_json::from_value(value)?;
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use hari_api::Protocol;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_is_the_default() {
        let given = Given::of(json!({
            "image": "acme/hari:1",
            "istio": {"gateway": "a/b"},
            "storage": {"envSecret": "bucket"},
            "serviceAccounts": {"reader": [{"name": "s3", "keys": ["awsSecretAccessKey"]}]},
            "predictorServers": {"MINE": {"protocols": {"seldon": {"image": "acme/mine:1"}}}},
        }))
        .unwrap();
        let usual = Settings::default();
        assert_eq!(given.settings.image, "acme/hari:1");
        assert_eq!(given.settings.http_port, usual.http_port);
        assert_eq!(given.settings.storage.resources, usual.storage.resources);
        assert_eq!(given.surroundings.service_accounts["reader"][0].name, "s3");
        let mine = given.servers.image("MINE", Protocol::Seldon);
        assert_eq!(mine.as_deref(), Some("acme/mine:1"));
        assert!(given.servers.knows("SKLEARN_SERVER"));
    }

    /// The page shows every setting, under the name that is read.
    #[test]
    fn the_page_shows_all_of_it() {
        let page = include_str!("../../../../../docs/src/guides/render.md");
        let block = page.split("```yaml\n").nth(1).unwrap();
        let block = block.split("```").next().unwrap();
        let document = hari_api::read_documents(block, "page").remove(0);
        assert_eq!(document.issues, []);
        let given = Given::of(document.value.clone()).unwrap();
        assert_eq!(given.settings.http_port, Settings::default().http_port);
        let all = serde_json::to_value(Settings::default()).unwrap();
        for (name, value) in all.as_object().unwrap() {
            let shown = &document.value[name];
            assert!(!shown.is_null(), "{name} is not in the page");
            let same = value.is_object() || value.is_null() || shown == value;
            assert!(same || name == "image", "{name}: {shown}, not {value}");
        }
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (value, name) in [
            (json!({"imgae": "x"}), "imgae"),
            (json!({"istio": {"gatway": "x"}}), "gatway"),
            (json!({"serviceAccounts": {"a": [{"nam": "x"}]}}), "nam"),
            (json!(["image"]), "mapping"),
        ] {
            let error = format!("{:#}", Given::of(value).unwrap_err());
            assert!(error.contains(name), "{error}");
        }
    }
}
