//! ONNX Runtime's library, from the package that PyPI has, in the version that the tests run with.

use anyhow::{Context as _, Result};

use crate::venv::Venv;
use crate::workspace;

/// Its version and its library.
pub(super) struct Library {
    pub(super) version: String,
    /// Name of the file, with its version.
    pub(super) name: String,
    pub(super) content: Vec<u8>,
    /// Licences of it and of what it is linked with.
    pub(super) licences: Vec<u8>,
}

/// The library of the environment in which the tests of ONNX Runtime run.
pub(super) fn library() -> Result<Library> {
    let requirements = workspace::root().join("e2e/local/requirements/onnx.txt");
    let version = pinned(&std::fs::read_to_string(&requirements)?)
        .context("the requirements of the tests name no onnxruntime")?;
    let venv = Venv::ready(&requirements)?;
    let packages = venv
        .interpreter()
        .with_file_name("../lib/python3.11/site-packages");
    let folder = packages.join("onnxruntime");
    let name = format!("libonnxruntime.so.{version}");
    let content = std::fs::read(folder.join("capi").join(&name))
        .with_context(|| format!("reading {name}"))?;
    let mut licences = Vec::new();
    for file in ["LICENSE", "ThirdPartyNotices.txt"] {
        licences
            .extend(std::fs::read(folder.join(file)).with_context(|| format!("reading {file}"))?);
    }
    Ok(Library {
        version,
        name,
        content,
        licences,
    })
}

/// The version of `onnxruntime` in a file of requirements.
pub(super) fn pinned(requirements: &str) -> Option<String> {
    let mut lines = requirements.lines();
    lines.find_map(|line| Some(line.strip_prefix("onnxruntime==")?.trim().to_owned()))
}
