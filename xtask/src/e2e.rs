//! `cargo xtask e2e`: the real binary over real sockets, driven by clients that others wrote.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::venv::Venv;
use crate::{cluster, tools, workspace};

/// Drive the real binary with clients and stores that others wrote (needs Python 3.11 and curl).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Test what `cargo build --release` makes, rather than the debug build
    #[arg(long)]
    release: bool,
    /// Only build, and make the Python environments
    #[arg(long)]
    prepare: bool,
    /// Arguments for pytest: `-k watch`, say
    #[arg(last = true)]
    pytest: Vec<String>,
}

/// Tests that run in one process of one environment.
struct Suite {
    /// Stem of the file in `requirements/`.
    venv: &'static str,
    /// The tests; none for all that no other suite names.
    only: Option<&'static str>,
}

/// kserve and tritonclient both register the messages of the open inference protocol under the
/// same names, so they cannot live in one process.
const SUITES: [Suite; 17] = [
    Suite {
        venv: "seldon-core",
        only: Some("test_seldon_client.py"),
    },
    Suite {
        venv: "seldon-core",
        only: Some("test_bandits.py"),
    },
    Suite {
        venv: "seldon-core",
        only: Some("test_engine.py"),
    },
    Suite {
        venv: "onnx",
        only: Some("test_onnxruntime.py"),
    },
    Suite {
        venv: "storage",
        only: Some("test_storage.py"),
    },
    Suite {
        venv: "kafka",
        only: Some("test_kafka.py"),
    },
    Suite {
        venv: "payload-log",
        only: Some("test_payload_log.py"),
    },
    Suite {
        venv: "kafka",
        only: Some("test_payload_log_kafka.py"),
    },
    Suite {
        venv: "clients",
        only: Some("test_kserve.py"),
    },
    // Hostile models, in a folder of their own.
    Suite {
        venv: "clients",
        only: Some("../abuse/test_hostile_models.py"),
    },
    // The Python package: its own tests, and its answers beside those of the original's wrapper.
    Suite {
        venv: "clients",
        only: Some("../../sdk/python/tests"),
    },
    Suite {
        venv: "seldon-core",
        only: Some("../../sdk/python/parity"),
    },
    Suite {
        venv: "trusted",
        only: Some("../../sdk/python/trusted"),
    },
    // Scenarios, replayed with the original's wrapper behind the nodes.
    Suite {
        venv: "seldon-core",
        only: Some("../parity"),
    },
    // The original's wrapper and MLServer as nodes; MLServer runs in an environment of its own.
    Suite {
        venv: "seldon-core",
        only: Some("test_peers.py"),
    },
    // The operator and the charts on a Kubernetes of the tests' own, or on that of KUBECONFIG.
    Suite {
        venv: "clients",
        only: Some("../cluster"),
    },
    Suite {
        venv: "clients",
        only: None,
    },
];

/// What pytest exits with when no test was selected.
const NONE_SELECTED: i32 = 5;

pub(crate) fn run(args: &Args) -> Result<()> {
    let tests = workspace::root().join("e2e/local");
    let curl = Command::new("curl").arg("--version").output();
    ensure!(
        curl.is_ok(),
        "this task needs curl on the PATH (Debian: apt-get install curl)"
    );
    let mut venvs = Vec::new();
    for suite in &SUITES {
        let requirements = tests
            .join("requirements")
            .join(suite.venv)
            .with_extension("txt");
        venvs.push(Venv::ready(&requirements)?);
    }
    let mut others = tools::stores()?;
    let mlserver = Venv::ready(&tests.join("requirements/mlserver.txt"))?;
    others.push(("HARI_E2E_MLSERVER", mlserver.interpreter().into_os_string()));
    others.push(("HARI_E2E_XTASK", cluster::tool()?.into_os_string()));
    let binary = build(args.release)?;
    if args.prepare {
        return Ok(());
    }
    let mut outcomes = Vec::new();
    for (suite, venv) in SUITES.iter().zip(&venvs) {
        let mut command = venv.python();
        command.current_dir(&tests).env("HARI_BIN", &binary);
        command.envs(others.iter().cloned());
        outcomes.push(pytest(suite, command, &args.pytest)?);
    }
    judge(&outcomes)
}

/// Builds `hari`, and says where it is.
fn build(release: bool) -> Result<PathBuf> {
    let mut cargo = vec!["build", "--package", "hari"];
    if release {
        cargo.push("--release");
    }
    workspace::cargo(cargo)?;
    let profile = if release { "release" } else { "debug" };
    Ok(workspace::target()?.join(profile).join("hari"))
}

/// Runs one suite, and returns what pytest exited with.
fn pytest(suite: &Suite, mut command: Command, more: &[String]) -> Result<i32> {
    command.args(["-m", "pytest"]);
    match suite.only {
        Some(file) => {
            command.arg(file);
        }
        None => {
            let others = SUITES.iter().filter_map(|suite| suite.only);
            command.args(others.map(|file| format!("--ignore={file}")));
        }
    }
    command.args(more);
    let status = command
        .status()
        .with_context(|| format!("starting {command:?}"))?;
    status.code().context("pytest was ended by a signal")
}

fn judge(outcomes: &[i32]) -> Result<()> {
    if let Some(code) = outcomes
        .iter()
        .find(|code| ![0, NONE_SELECTED].contains(code))
    {
        bail!("end-to-end tests failed (pytest exited with {code})");
    }
    ensure!(outcomes.contains(&0), "no end-to-end test was selected");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_suite_fails_all() {
        assert!(judge(&[0, 0, 0]).is_ok());
        assert!(judge(&[0, NONE_SELECTED]).is_ok());
        assert!(judge(&[0, 1, 0]).is_err());
        assert!(judge(&[NONE_SELECTED, NONE_SELECTED]).is_err());
    }

    #[test]
    fn every_suite_has_its_files() {
        let tests = workspace::root().join("e2e/local");
        for suite in &SUITES {
            assert!(
                tests
                    .join(format!("requirements/{}.txt", suite.venv))
                    .is_file()
            );
            assert!(suite.only.is_none_or(|file| tests.join(file).exists()));
        }
    }
}
