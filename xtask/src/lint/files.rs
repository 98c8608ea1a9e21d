//! What every source file keeps: a first line that says what lives there, no `mod.rs`, a length
//! that can be read.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Lines of a file, its tests included. Nearly all stay below 450.
const MOST_LINES: usize = 500;

/// Folders that hold no code of ours.
const SKIPPED: [&str; 6] = ["target", ".git", "gen", "node_modules", "corpus", "golden"];

/// Every file that breaks a rule.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for path in sources(root)? {
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let name = path.strip_prefix(root)?.display().to_string();
        wrong.extend(complaints(&name, &text));
    }
    wrong.sort();
    Ok(wrong)
}

fn complaints(name: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if name.ends_with("/mod.rs") {
        wrong.push(format!("{name}: write `x.rs` beside `x/`, not `x/mod.rs`"));
    }
    // A fuzz target has to begin with the attribute that takes its main function away.
    let first = text.lines().find(|line| !line.starts_with("#!["));
    if !first.is_some_and(|line| line.starts_with("//!")) {
        wrong.push(format!(
            "{name}: the first line is to say what lives there (`//! ...`)"
        ));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        wrong.push(format!(
            "{name}: {lines} lines, at most {MOST_LINES}: split it"
        ));
    }
    wrong
}

/// Rust files below `folder`, generated ones left out.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !SKIPPED.contains(&&*name) {
                found.extend(sources(&path)?);
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_words() {
        assert!(complaints("a/src/b.rs", "//! What it is.\n").is_empty());
        assert!(complaints("a/fuzz/b.rs", "#![no_main]\n//! What it is.\n").is_empty());
        assert_eq!(complaints("a/src/mod.rs", "//! What it is.\n").len(), 1);
        assert_eq!(complaints("a/src/b.rs", "use std::fs;\n").len(), 1);
        assert_eq!(complaints("a/src/b.rs", "").len(), 1);
        let long = format!("//! What it is.\n{}", "\n".repeat(MOST_LINES));
        assert!(complaints("a/src/b.rs", &long)[0].contains("501 lines"));
    }

    #[test]
    fn generated_folders_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        for path in ["src/gen/a.rs", "src/b.rs", "target/c.rs", "d.txt"] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let wrong = check(root.path()).unwrap();
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].starts_with("src/b.rs"), "{wrong:?}");
    }
}
