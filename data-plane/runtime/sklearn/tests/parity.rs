//! Every class against scikit-learn: the files of `tests/fixtures`, by the version that wrote them.
//!
//! Labels are compared exactly. The deviation of a number is its distance from the expected one,
//! divided by the expected one's magnitude, or by a thousandth of the largest magnitude in the same
//! answer if that is more: what a sum that cancels out loses is measured against its terms.

#[path = "support/case.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use support::{Case, Compared};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Folders or files in a folder, sorted.
fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = folder
        .read_dir()
        .with_context(|| folder.display().to_string())?;
    let mut found: Vec<_> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    found.sort();
    Ok(found)
}

/// Every case: version and the JSON file.
fn cases() -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for version in listed(&fixtures())?
        .into_iter()
        .filter(|path| path.is_dir())
    {
        let name = version
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for family in listed(&version)? {
            let files = listed(&family)?.into_iter();
            let files =
                files.filter(|file| file.extension().is_some_and(|ending| ending == "json"));
            found.extend(files.map(|file| (name.clone(), file)));
        }
    }
    Ok(found)
}

/// What was seen of one class.
#[derive(Default)]
struct Seen {
    versions: BTreeSet<String>,
    methods: BTreeSet<String>,
    deviation: f64,
}

fn compare_all() -> Result<(BTreeMap<String, Seen>, Vec<String>)> {
    let (mut seen, mut wrong) = (BTreeMap::<String, Seen>::new(), Vec::new());
    for (version, file) in cases()? {
        let case = Case::read(&file)?;
        let entry = seen.entry(case.class()?).or_default();
        entry.versions.insert(version);
        let place = file.strip_prefix(fixtures())?.display().to_string();
        match case.compare(&file.with_extension("joblib")) {
            Err(error) => wrong.push(format!("{place}: {error:#}")),
            Ok(compared) => {
                for Compared {
                    method,
                    deviation,
                    within,
                } in compared
                {
                    if !within {
                        wrong.push(format!("{place}: `{method}` deviates by {deviation:e}"));
                    }
                    entry.methods.insert(method);
                    entry.deviation = entry.deviation.max(deviation);
                }
            }
        }
    }
    Ok((seen, wrong))
}

#[test]
fn answers_are_scikit_learns() -> Result<()> {
    let (_, wrong) = compare_all()?;
    ensure!(
        wrong.is_empty(),
        "{} answers are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Ok(())
}

#[test]
fn every_class_has_a_case() -> Result<()> {
    let mut seen = BTreeSet::new();
    for (_, file) in cases()? {
        seen.insert(Case::read(&file)?.class()?);
    }
    let missing: Vec<_> = hari_sklearn::classes()
        .into_iter()
        .filter(|class| !seen.contains(*class))
        .collect();
    ensure!(missing.is_empty(), "no case for {}", missing.join(", "));
    Ok(())
}

/// The table of the documentation: class, versions, methods, largest deviation.
#[test]
#[ignore = "writes tests/parity.csv, the source of the table in the documentation"]
fn write_the_table() -> Result<()> {
    let (seen, wrong) = compare_all()?;
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
    let lines = seen.iter().map(|(class, seen)| {
        let (versions, methods) = (join(&seen.versions), join(&seen.methods));
        format!("{class},{versions},{methods},{:.1e}\n", seen.deviation)
    });
    let text = format!(
        "class,versions,methods,deviation\n{}",
        lines.collect::<String>()
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity.csv");
    std::fs::write(path, text).context("the table cannot be written")
}
