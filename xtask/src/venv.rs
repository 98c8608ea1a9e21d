//! Python environments for tasks: everything pinned, made once for each content of a requirements
//! file, kept in the cache folder and found again.

#![expect(clippy::print_stderr, reason = "what takes minutes says so")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

/// The only version that has wheels for every pin.
const VERSION: &str = "3.11";

/// Written last: an environment without it was left half made.
const COMPLETE: &str = "complete";

/// An environment with everything in it.
#[derive(Clone)]
pub(crate) struct Venv(PathBuf);

impl Venv {
    /// The environment that `requirements` describes; made if it is not there yet.
    pub(crate) fn ready(requirements: &Path) -> Result<Self> {
        let text = std::fs::read(requirements)
            .with_context(|| format!("reading {}", requirements.display()))?;
        let stem = requirements.file_stem().and_then(OsStr::to_str);
        let folder = cache_dir()?.join(folder_name(stem.unwrap_or("tools"), &text));
        let venv = Self(folder);
        if !venv.0.join(COMPLETE).exists() {
            venv.make(requirements)?;
        }
        Ok(venv)
    }

    fn make(&self, requirements: &Path) -> Result<()> {
        let python = host_python()?;
        eprintln!(
            "making the Python environment {} (a minute or two, once)",
            self.0.display()
        );
        run(Command::new(python)
            .args(["-m", "venv", "--clear"])
            .arg(&self.0))?;
        let mut pip = self.python();
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
        ]);
        run(pip.arg("--requirement").arg(requirements))?;
        std::fs::write(self.0.join(COMPLETE), "").context("marking the environment as complete")
    }

    /// A command that starts the interpreter inside.
    pub(crate) fn python(&self) -> Command {
        Command::new(self.interpreter())
    }

    /// The interpreter inside.
    pub(crate) fn interpreter(&self) -> PathBuf {
        self.0.join("bin/python")
    }

    /// The folder that packages are unpacked into.
    pub(crate) fn packages(&self) -> PathBuf {
        self.0.join(format!("lib/python{VERSION}/site-packages"))
    }
}

fn folder_name(stem: &str, requirements: &[u8]) -> String {
    let digest = Sha256::new()
        .chain_update(VERSION)
        .chain_update(requirements)
        .finalize();
    let short: String = digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("venv-{stem}-{short}")
}

/// `HARI_CACHE_DIR`, else `hari-dev` in the user's cache folder.
pub(crate) fn cache_dir() -> Result<PathBuf> {
    if let Some(folder) = hari_settings::CACHE_DIR.get() {
        return Ok(folder.into());
    }
    let user = hari_settings::XDG_CACHE_HOME.get().map(PathBuf::from);
    let home = || {
        hari_settings::HOME
            .get()
            .map(|home| Path::new(&home).join(".cache"))
    };
    let folder = user
        .or_else(home)
        .context("set HOME or HARI_CACHE_DIR: no cache folder is known")?;
    Ok(folder.join("hari-dev"))
}

/// The name of a Python that can make environments.
fn host_python() -> Result<&'static str> {
    let check = format!(
        "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '{VERSION}')"
    );
    let fits = |name: &&&str| {
        let mut command = Command::new(**name);
        command
            .args(["-c", &check])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    match ["python3.11", "python3", "python"].iter().find(fits) {
        Some(name) => Ok(name),
        None => bail!(
            "this task needs Python {VERSION} with its venv module, as `python{VERSION}` or \
             `python3` on the PATH (Debian: apt-get install python{VERSION} python{VERSION}-venv)"
        ),
    }
}

/// Runs a command to its end; an error when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting {command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_pin_is_another_environment() {
        let name = folder_name("clients", b"numpy==2.4.6\n");
        assert_eq!(name, folder_name("clients", b"numpy==2.4.6\n"));
        assert_ne!(name, folder_name("clients", b"numpy==2.4.5\n"));
        assert!(
            name.starts_with("venv-clients-") && name.len() == 25,
            "{name}"
        );
    }

    #[test]
    fn a_half_made_environment_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let venv = Venv(folder.path().to_owned());
        assert!(!venv.0.join(COMPLETE).exists());
        let missing = folder.path().join("none.txt");
        let error = Venv::ready(&missing).err().unwrap();
        assert!(error.to_string().contains("none.txt"), "{error}");
    }
}
