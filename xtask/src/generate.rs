//! `cargo xtask gen`: files that are made from others and committed.
//!
//! Each generator is a file below `generate/` with a function that returns what
//! its files should hold; writing and checking have their one home here.

mod chart;
mod docs;
mod proto;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::workspace;

/// Arguments of `cargo xtask gen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to generate; everything when left out.
    #[arg(value_enum)]
    targets: Vec<Target>,
    /// Write nothing; fail when a file is not what would be generated.
    #[arg(long)]
    check: bool,
}

/// What can be generated.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Target {
    /// Protocol buffer code: data-plane/proto/src/gen.
    Proto,
    /// Reference pages of the book, and the resource definition: docs, charts, install.
    Docs,
    /// The page of the chart's values: docs/src/reference/chart.md.
    Chart,
}

impl Target {
    fn generate(self) -> Result<Vec<Output>> {
        match self {
            Self::Proto => proto::generate(),
            Self::Docs => docs::generate(),
            Self::Chart => chart::generate(),
        }
    }
}

/// Files that one generator makes in one folder.
pub(crate) struct Output {
    /// Folder, relative to the root.
    pub(crate) folder: PathBuf,
    /// Contents by file name.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Whether every file of the folder is generated, so that others are stale.
    pub(crate) owns_folder: bool,
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let targets = if args.targets.is_empty() {
        Target::value_variants()
    } else {
        &args.targets
    };
    let mut changed = Vec::new();
    for target in targets {
        for output in target.generate()? {
            changed.extend(apply(workspace::root(), &output, args.check)?);
        }
    }
    report(&changed, args.check)
}

#[expect(clippy::print_stderr, reason = "what a task did is its output")]
fn report(changed: &[PathBuf], check: bool) -> Result<()> {
    for path in changed {
        eprintln!(
            "{} {}",
            if check { "differs:" } else { "wrote" },
            path.display()
        );
    }
    if check && !changed.is_empty() {
        bail!("generated files are not up to date: run `cargo xtask gen` and commit the result");
    }
    Ok(())
}

/// Makes the folder hold `output`, or with `check` only compares; returns the
/// files that differed, relative to `root`.
fn apply(root: &Path, output: &Output, check: bool) -> Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    let folder = root.join(&output.folder);
    for (name, content) in &output.files {
        let path = folder.join(name);
        if fs::read(&path).ok().as_deref() != Some(content) {
            changed.push(output.folder.join(name));
            if !check {
                write(&path, content)?;
            }
        }
    }
    for name in stale(&folder, output)? {
        changed.push(output.folder.join(&name));
        if !check {
            fs::remove_file(folder.join(&name)).with_context(|| format!("removing {name}"))?;
        }
    }
    Ok(changed)
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

/// Files in an owned folder that are generated no longer.
fn stale(folder: &Path, output: &Output) -> Result<Vec<String>> {
    if !output.owns_folder || !folder.exists() {
        return Ok(Vec::new());
    }
    let found = read_folder(folder)?;
    Ok(found
        .into_keys()
        .filter(|name| !output.files.contains_key(name))
        .collect())
}

/// The files of a folder, by name.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.context("file name is not UTF-8")?.to_owned();
        files.insert(name, fs::read(&path)?);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(files: &[(&str, &str)]) -> Output {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        Output {
            folder: "made".into(),
            files: files.collect(),
            owns_folder: true,
        }
    }

    fn names(changed: &[PathBuf]) -> Vec<&str> {
        changed.iter().filter_map(|path| path.to_str()).collect()
    }

    #[test]
    fn writes_what_differs_and_removes_what_is_stale() {
        let root = tempfile::tempdir().unwrap();
        let first = output(&[("a", "1"), ("b", "2")]);
        assert_eq!(
            names(&apply(root.path(), &first, false).unwrap()),
            ["made/a", "made/b"]
        );
        assert!(apply(root.path(), &first, false).unwrap().is_empty());

        let second = output(&[("a", "1"), ("c", "3")]);
        assert_eq!(
            names(&apply(root.path(), &second, false).unwrap()),
            ["made/c", "made/b"]
        );
        assert_eq!(
            read_folder(&root.path().join("made")).unwrap(),
            second.files
        );
    }

    #[test]
    fn check_finds_what_differs_and_writes_nothing() {
        let root = tempfile::tempdir().unwrap();
        apply(root.path(), &output(&[("a", "1"), ("b", "2")]), false).unwrap();
        let wanted = output(&[("a", "changed")]);
        assert_eq!(
            names(&apply(root.path(), &wanted, true).unwrap()),
            ["made/a", "made/b"]
        );
        assert_eq!(fs::read(root.path().join("made/a")).unwrap(), b"1");
        assert!(root.path().join("made/b").exists());
    }

    #[test]
    fn a_shared_folder_keeps_the_files_of_others() {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("made/other"), b"theirs").unwrap();
        let mut shared = output(&[("a", "1")]);
        shared.owns_folder = false;
        assert_eq!(
            names(&apply(root.path(), &shared, false).unwrap()),
            ["made/a"]
        );
        assert!(root.path().join("made/other").exists());
    }

    #[test]
    fn check_fails_when_anything_differs() {
        assert!(report(&["made/a".into()], true).is_err());
        assert!(report(&["made/a".into()], false).is_ok());
        assert!(report(&[], true).is_ok());
    }
}
