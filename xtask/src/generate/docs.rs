//! Reference pages of the book: most are made by the program in `xtask/docgen`, the one of the
//! command line from the help of the binary itself.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Output, read_folder};
use crate::workspace;

pub(super) fn generate() -> Result<Vec<Output>> {
    let made = workspace::scratch("docgen")?;
    let program = ["run", "--quiet", "--package", "docgen", "--"].map(Into::into);
    workspace::cargo(program.into_iter().chain([made.clone().into_os_string()]))?;
    let mut reference = read_folder(&made.join("reference"))?;
    reference.insert("cli.md".to_owned(), command_line()?.into_bytes());
    Ok(vec![
        Output {
            folder: "docs/src/reference".into(),
            files: reference,
            owns_folder: false,
        },
        Output {
            folder: "docs/generated".into(),
            files: read_folder(&made.join("generated"))?,
            owns_folder: true,
        },
        Output {
            folder: "charts/seldon-core-operator/files".into(),
            files: read_folder(&made.join("chart"))?,
            owns_folder: true,
        },
        Output {
            folder: "install/crd".into(),
            files: read_folder(&made.join("install"))?,
            owns_folder: false,
        },
    ])
}

const INTRODUCTION: &str = "# Command line

<!-- Made from the help of `hari` by `cargo xtask gen docs`. Do not edit. -->

Exit codes: 0 ok; 1 the input is at fault; 2 usage; 3 the environment is at fault.
";

/// The help of `hari` and of each of its commands.
fn command_line() -> Result<String> {
    workspace::cargo(["build", "--quiet", "--package", "hari"])?;
    let overall = help(&[])?;
    let mut page = format!("{INTRODUCTION}\n```text\n{overall}```\n");
    for command in commands(&overall) {
        let help = help(&[command])?;
        page.push_str(&format!("\n## hari {command}\n\n```text\n{help}```\n"));
    }
    Ok(page)
}

fn help(command: &[&str]) -> Result<String> {
    let mut hari = Command::new(workspace::target()?.join("debug/hari"));
    let output = hari
        .args(command)
        .arg("--help")
        .output()
        .context("starting hari")?;
    ensure!(
        output.status.success(),
        "{hari:?} failed: {}",
        output.status
    );
    let text = String::from_utf8(output.stdout).context("the help is not UTF-8")?;
    Ok(text
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect())
}

/// The commands that the help lists.
fn commands(help: &str) -> impl Iterator<Item = &str> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let named = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_off_the_help() {
        let help = "Serve.\n\nUsage: hari\n\nCommands:\n  run    Serve a thing\n         on two lines\n  \
                    crd    Print\n  help   Print this\n\nOptions:\n  -h  Help\n";
        assert_eq!(commands(help).collect::<Vec<_>>(), ["run", "crd"]);
    }
}
