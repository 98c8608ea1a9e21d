//! The commands beside `run` and `serve`, run as their users run them: the built binary, on the
//! MNIST example.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may panic as tests do"
)]

mod describe;
mod fetch;
mod inspect;
mod migrate;
mod operator;
mod predict;
mod validate;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a command printed, and its exit code.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs `hari` in the root of the repository, with no settings of the user's own.
fn hari(arguments: &[&str]) -> Ran {
    ran(command(arguments).stdin(Stdio::null()).output().unwrap())
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hari"));
    command.args(arguments).current_dir(root());
    for setting in hari_settings::SETTINGS {
        command.env_remove(setting.name);
    }
    command.env(
        "HARI_CACHE_DIR",
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
    );
    command
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of a file of the MNIST example.
fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("examples/mnist").join(name)).unwrap()
}

impl Ran {
    /// What was printed, after a success.
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// What was printed as JSON, after a success.
    #[track_caller]
    fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.ok()).unwrap()
    }
}
