//! The bill of materials: CycloneDX 1.5, as JSON.

use anyhow::Result;
use serde_json::{Value, json};

use super::packages::Package;
use crate::oci::digest;

/// A part that is no crate.
pub(super) struct Other {
    pub(super) name: String,
    pub(super) version: String,
    /// Where it is from, as a package URL.
    pub(super) purl: String,
}

impl Other {
    /// A package of Debian.
    pub(super) fn debian(name: &str, version: &str, architecture: &str) -> Self {
        let version_text = version
            .replace('+', "%2B")
            .replace('~', "%7E")
            .replace(':', "%3A");
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            purl: format!("pkg:deb/debian/{name}@{version_text}?arch={architecture}"),
        }
    }
}

/// The bill of a program and what lies beside it.
pub(super) fn bill(program: &[u8], crates: &[Package], others: &[Other]) -> Result<Vec<u8>> {
    let components: Vec<Value> = others
        .iter()
        .map(Other::component)
        .chain(crates.iter().map(component))
        .collect();
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "hari",
                "name": "hari",
                "version": env!("CARGO_PKG_VERSION"),
                "hashes": [{ "alg": "SHA-256", "content": digest(program).replace("sha256:", "") }],
                "licenses": [{ "expression": "Apache-2.0" }],
            },
        },
        "components": components,
    });
    let mut text = serde_json::to_vec_pretty(&bill)?;
    text.push(b'\n');
    Ok(text)
}

fn component(package: &Package) -> Value {
    let Package { name, version, .. } = package;
    let mut value = json!({
        "type": "library",
        "bom-ref": format!("crate:{name}@{version}"),
        "name": name,
        "version": version,
        "licenses": [{ "expression": package.licence }],
    });
    if package.foreign {
        value["purl"] = json!(format!("pkg:cargo/{name}@{}", version.replace('+', "%2B")));
    }
    value
}

impl Other {
    fn component(&self) -> Value {
        json!({
            "type": "library",
            "bom-ref": self.purl,
            "name": self.name,
            "version": self.version,
            "purl": self.purl,
        })
    }
}
