//! Where the repository is, and how to run cargo in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The repository's root folder.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// A folder for what tasks make on the way: `target/xtask/NAME`, emptied.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    let dir = root().join("target/xtask").join(name);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("emptying {}", dir.display()))?;
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    Ok(dir)
}

/// Runs `cargo ARGS` in the root folder; an error when it fails.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<()> {
    cargo_with(args, &[])
}

/// As [`cargo`], with these environment variables set to paths.
pub(crate) fn cargo_with<S: AsRef<OsStr>>(
    args: impl IntoIterator<Item = S>,
    environment: &[(&str, &Path)],
) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command.args(args).current_dir(root());
    command.envs(environment.iter().copied());
    forget_package(&mut command);
    let status = command.status().context("starting cargo")?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

/// Takes away what cargo tells this task of its own package: the build script of ring asks for it,
/// so that ring and all that needs it would be built again after every build outside of a task.
fn forget_package(command: &mut Command) {
    let names = std::env::vars_os().map(|(name, _)| name);
    for name in names {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// The folder that cargo builds into.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = metadata(&["--no-deps", "--offline"])?;
    let folder = metadata["target_directory"].as_str();
    folder
        .map(PathBuf::from)
        .context("cargo metadata names no target folder")
}

/// What `cargo metadata ARGS` says of the workspace.
pub(crate) fn metadata(args: &[&str]) -> Result<serde_json::Value> {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["metadata", "--format-version=1"])
        .args(args)
        .current_dir(root());
    command.stderr(std::process::Stdio::inherit());
    let output = command.output().context("starting cargo")?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        output.status
    );
    serde_json::from_slice(&output.stdout).context("reading cargo metadata")
}
