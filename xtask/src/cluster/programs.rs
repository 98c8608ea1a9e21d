//! Programs of Kubernetes, built once from pinned Go modules into the cache folder.

#![expect(clippy::print_stderr, reason = "what takes minutes says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::tools;
use crate::venv::{cache_dir, run};

/// The newest of the releases that still take control groups of version 1.
const KUBERNETES: &str = "1.34.4";
const ETCD: &str = "3.6.16";
const COREDNS: &str = "v1.14.7";

/// Programs below `k8s.io/kubernetes/cmd`.
const COMMANDS: [&str; 6] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kubectl",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
];

/// Modules that Kubernetes is published in. Its own file names folders in place of them.
const STAGING: [&str; 31] = [
    "api",
    "apiextensions-apiserver",
    "apimachinery",
    "apiserver",
    "cli-runtime",
    "client-go",
    "cloud-provider",
    "cluster-bootstrap",
    "code-generator",
    "component-base",
    "component-helpers",
    "controller-manager",
    "cri-api",
    "cri-client",
    "csi-translation-lib",
    "dynamic-resource-allocation",
    "endpointslice",
    "externaljwt",
    "kms",
    "kube-aggregator",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "metrics",
    "mount-utils",
    "pod-security-admission",
    "sample-apiserver",
    "sample-cli-plugin",
    "sample-controller",
];

/// The folder of Kubernetes' programs, and the file `pause.c`.
pub(super) fn kubernetes() -> Result<PathBuf> {
    let folder = cache_dir()?.join(format!("kubernetes-v{KUBERNETES}"));
    for name in COMMANDS {
        let package = format!("k8s.io/kubernetes/cmd/{name}");
        build(&folder.join(name), &package, &needs_of_kubernetes())?;
    }
    if !folder.join("pause.c").exists() {
        fs::copy(pause_source()?, folder.join("pause.c")).context("copying pause.c")?;
    }
    Ok(folder)
}

/// etcd.
pub(super) fn etcd() -> Result<PathBuf> {
    let program = cache_dir()?.join(format!("etcd-v{ETCD}/etcd"));
    let needs = format!("require go.etcd.io/etcd/server/v3 v{ETCD}\n");
    build(&program, "go.etcd.io/etcd/server/v3", &needs)?;
    Ok(program)
}

/// CoreDNS.
pub(super) fn coredns() -> Result<PathBuf> {
    tools::installed("coredns", "github.com/coredns/coredns", COREDNS)
}

/// Kubernetes, each of its parts in its published version.
fn needs_of_kubernetes() -> String {
    let staging = KUBERNETES.trim_start_matches("1.");
    let replaced = |name: &&str| format!("\tk8s.io/{name} => k8s.io/{name} v0.{staging}\n");
    format!(
        "require k8s.io/kubernetes v{KUBERNETES}\n\nreplace (\n{})\n",
        STAGING.iter().map(replaced).collect::<String>()
    )
}

/// Writes a module of nothing but what it needs.
fn describe(module: &Path, needs: &str) -> Result<()> {
    fs::create_dir_all(module).context("making the folder of a Go module")?;
    let text = format!("module hari.dev/cluster\n\ngo 1.25.0\n\n{needs}");
    fs::write(module.join("go.mod"), text).context("writing go.mod")
}

/// Builds a program, if it is not there. Those of Kubernetes know their version, which clients ask
/// for; to others the flags mean nothing.
fn build(program: &Path, package: &str, needs: &str) -> Result<()> {
    if program.exists() {
        return Ok(());
    }
    eprintln!("building {} (minutes, once)", program.display());
    let (start, aside) = (Instant::now(), program.with_extension("part"));
    let module = program.with_file_name("module");
    describe(&module, needs)?;
    let version = format!(
        "-s -w -X k8s.io/component-base/version.gitVersion=v{KUBERNETES} \
         -X k8s.io/component-base/version.gitMajor=1 \
         -X k8s.io/component-base/version.gitMinor=34"
    );
    let mut command = tools::go()?;
    command
        .args(["build", "-mod=mod", "-trimpath", "-ldflags", &version, "-o"])
        .args([aside.as_os_str(), package.as_ref()])
        .current_dir(module);
    run(&mut command)?;
    fs::rename(&aside, program).with_context(|| format!("naming {}", program.display()))?;
    eprintln!("built in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Where Go has unpacked the source of a pod's first program.
fn pause_source() -> Result<PathBuf> {
    let folder = tools::source(&format!("k8s.io/kubernetes@v{KUBERNETES}"))?;
    Ok(folder.join("build/pause/linux/pause.c"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_kubernetes_has_its_published_version() {
        let text = needs_of_kubernetes();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("=>")).collect();
        assert_eq!(lines.len(), STAGING.len());
        assert!(
            lines.contains(&"\tk8s.io/api => k8s.io/api v0.34.4"),
            "{text}"
        );
    }
}
