//! `cargo xtask lint`: layout, clippy, and the rules of the tree that no compiler knows.

#![expect(clippy::print_stderr, reason = "what is wrong, one line each")]

mod files;
mod layers;
mod licences;

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;

use crate::workspace;

/// Arguments of `cargo xtask lint`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to check; everything when left out
    #[arg(value_enum)]
    checks: Vec<Check>,
}

/// What can be checked.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Check {
    /// rustfmt would change nothing
    Format,
    /// The compiler and clippy have nothing to say
    Clippy,
    /// Who imports whom, what files look like, licences
    Tree,
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let all = Check::value_variants();
    for check in if args.checks.is_empty() {
        all
    } else {
        &args.checks
    } {
        match check {
            Check::Format => {
                component("fmt", "rustfmt")?;
                workspace::cargo(["fmt", "--all", "--check"])
                    .context("`cargo fmt --all` lays the files out")?;
            }
            Check::Clippy => {
                component("clippy", "clippy")?;
                let lint = ["clippy", "--workspace", "--all-targets", "--quiet"];
                workspace::cargo(lint.into_iter().chain(["--", "--deny", "warnings"]))?;
            }
            Check::Tree => tree()?,
        }
    }
    Ok(())
}

fn tree() -> Result<()> {
    let mut wrong = layers::check(&workspace::metadata(&["--no-deps"])?)?;
    wrong.extend(licences::check(&workspace::metadata(&[])?)?);
    wrong.extend(files::check(workspace::root())?);
    for line in &wrong {
        eprintln!("{line}");
    }
    ensure!(
        wrong.is_empty(),
        "{} rules of the tree are broken",
        wrong.len()
    );
    Ok(())
}

/// Installs a component of the toolchain, unless it is there.
fn component(subcommand: &str, name: &str) -> Result<()> {
    let quiet = |command: &mut Command| {
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir(workspace::root())
            .status()
    };
    let here = quiet(Command::new(env!("CARGO")).args([subcommand, "--version"]));
    if here.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    eprintln!("installing {name} with rustup");
    let mut rustup = Command::new("rustup");
    rustup
        .args(["component", "add", name])
        .current_dir(workspace::root());
    match rustup.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("rustup component add {name} failed: {status}"),
        Err(error) => Err(error).with_context(|| format!("{name} is missing, and so is rustup")),
    }
}
