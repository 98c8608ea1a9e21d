//! `cargo xtask engines`: ONNX's own node tests on every engine, and the tests that need the shared
//! library of ONNX Runtime. Both come from a Python environment with pinned packages.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::venv::Venv;
use crate::workspace;

/// The setting that names the library.
const LIBRARY: &str = hari_settings::ONNXRUNTIME.name;

/// Tests that need the library: a package, and which of its tests.
const TESTS: &[&[&str]] = &[
    &["hari-onnxruntime", "--", "--include-ignored"],
    &[
        "hari-tensorflow",
        "--test=parity",
        "--",
        "--ignored",
        "onnx_runtime",
    ],
];

/// ONNX's own node tests on every engine (needs Python 3.11, and the network once).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write what passes to `xtask/node-tests/passes.tsv`, rather than compare
    #[arg(long)]
    record: bool,
    /// Say how the cases with this in their name go, and why those that fail do
    #[arg(long, value_name = "NAME", conflicts_with = "record")]
    why: Option<String>,
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let venv = environment()?;
    let library = library(&venv)?;
    let cases = cases(&venv)?;
    let with = [(LIBRARY, library.as_path())];
    if args.why.is_none() && !args.record {
        for tests in TESTS {
            let all = ["test", "--package"].iter().chain(*tests);
            workspace::cargo_with(all, &with)?;
        }
    }
    let mut program: Vec<PathBuf> = ["run", "--quiet", "--package", "node-tests", "--"]
        .map(PathBuf::from)
        .to_vec();
    program.push(cases);
    match &args.why {
        Some(name) => program.extend(["--why".into(), name.into()]),
        None if args.record => program.push("--record".into()),
        None => program.push("--check".into()),
    }
    workspace::cargo_with(program, &with)
}

/// The Python environment with ONNX Runtime and the node tests.
pub(crate) fn environment() -> Result<Venv> {
    Venv::ready(&workspace::root().join("e2e/local/requirements/onnx.txt"))
}

/// The folder of the shared library inside the environment.
pub(crate) fn library(venv: &Venv) -> Result<PathBuf> {
    let find = "import importlib.util; print(importlib.util.find_spec('onnxruntime').origin)";
    let mut python = venv.python();
    let output = python.args(["-c", find]).output();
    let output = output.context("starting the environment's Python")?;
    ensure!(output.status.success(), "{python:?} failed");
    let module = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    let folder = module.parent().context("a module without a folder")?;
    Ok(folder.join("capi"))
}

/// The node tests as files, which are written if they are not there.
fn cases(venv: &Venv) -> Result<PathBuf> {
    let folder = workspace::target()?.join("node-cases");
    let script = Path::new("xtask/node-tests/write_cases.py");
    let mut python = venv.python();
    python.arg(workspace::root().join(script)).arg(&folder);
    let status = python
        .status()
        .context("starting the environment's Python")?;
    ensure!(status.success(), "{python:?} failed: {status}");
    Ok(folder)
}
