//! Manifests and charts that Go modules hold beside their programs, copied for tests.

#![expect(clippy::print_stderr, reason = "what is copied says so")]

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::source;
use crate::venv::{cache_dir, run};

/// Where it lies in a module, and what it is called here.
pub(super) type Part = (&'static str, &'static str);

const KEDA: &str = "v2.21.0";
const CERT_MANAGER: &str = "v1.21.2";

/// Variable for the tests: the folder with the definitions of resources of KEDA, `keda`, and of
/// cert-manager, `cert-manager`.
pub(super) fn ready() -> Result<(&'static str, OsString)> {
    let name = format!("definitions-keda-{KEDA}-cert-manager-{CERT_MANAGER}");
    let keda = format!("github.com/kedacore/keda/v2@{KEDA}");
    let cert_manager = format!("github.com/cert-manager/cert-manager@{CERT_MANAGER}");
    let modules: [(&str, &[Part]); 2] = [
        (&keda, &[("config/crd/bases", "keda")]),
        (&cert_manager, &[("deploy/crds", "cert-manager")]),
    ];
    Ok(("HARI_E2E_DEFINITIONS", folder(&name, &modules)?.into()))
}

/// A folder of the cache with files and folders of modules; Go keeps its own read-only.
pub(super) fn folder(name: &str, modules: &[(&str, &[Part])]) -> Result<PathBuf> {
    let folder = cache_dir()?.join(name);
    if folder.exists() {
        return Ok(folder);
    }
    eprintln!("copying manifests: {name} (once)");
    let aside = folder.with_added_extension("part");
    if aside.exists() {
        fs::remove_dir_all(&aside).context("removing manifests that were left half made")?;
    }
    fs::create_dir_all(&aside).context("making the folder of manifests")?;
    for (module, parts) in modules {
        let module = source(module)?;
        for (from, to) in *parts {
            let mut copy = Command::new("cp");
            copy.args(["-r", "--no-preserve=mode"]);
            run(copy.arg(module.join(from)).arg(aside.join(to)))?;
        }
    }
    fs::rename(&aside, &folder).context("naming the folder of manifests")?;
    Ok(folder)
}
