//! Links between the repository's own pages: each leads to a file, and to a heading of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Pages outside the book, by folder: the Markdown files in it, not below.
const OUTSIDE: [&str; 3] = ["", "examples/mnist", "e2e/local"];

/// Every link that leads nowhere, and every page of the book that its summary lacks.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let book = root.join("docs/src");
    let mut wrong = Vec::new();
    let mut all = pages(&book)?;
    for folder in OUTSIDE {
        all.extend(markdown(&root.join(folder))?);
    }
    for page in &all {
        wrong.extend(broken(page, root)?);
    }
    wrong.extend(unlisted(&book)?);
    Ok(wrong)
}

/// The Markdown files of a folder and those below it, by name.
pub(super) fn pages(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = markdown(folder)?;
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(pages(&path)?);
        }
    }
    found.sort();
    Ok(found)
}

fn markdown(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn broken(page: &Path, root: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))?;
    let name = page
        .strip_prefix(root)
        .unwrap_or(page)
        .display()
        .to_string();
    let mut wrong = Vec::new();
    for link in targets(&text) {
        if let Some(why) = leads_nowhere(page, &text, &link)? {
            wrong.push(format!("{name}: the link `{link}` leads nowhere: {why}"));
        }
    }
    Ok(wrong)
}

fn leads_nowhere(page: &Path, text: &str, link: &str) -> Result<Option<&'static str>> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(None);
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = page.parent().unwrap_or(page).join(path);
    let text = match path {
        "" => text.to_owned(),
        _ if !target.exists() => return Ok(Some("there is no such file")),
        _ if anchor.is_empty() => return Ok(None),
        _ => fs::read_to_string(&target)?,
    };
    let known = anchor.is_empty() || headings(&text).any(|heading| heading == anchor);
    Ok((!known).then_some("there is no such heading"))
}

/// Pages that `SUMMARY.md` does not list, and so are no part of the book.
fn unlisted(book: &Path) -> Result<Vec<String>> {
    let summary = fs::read_to_string(book.join("SUMMARY.md")).context("reading SUMMARY.md")?;
    let listed: Vec<PathBuf> = targets(&summary).map(|link| book.join(link)).collect();
    let all = pages(book)?
        .into_iter()
        .filter(|page| !page.ends_with("SUMMARY.md"));
    let missing = all.filter(|page| !listed.contains(page));
    Ok(missing
        .map(|page| format!("{}: SUMMARY.md does not list it", page.display()))
        .collect())
}

/// Where the links of a page lead; code is left out.
fn targets(text: &str) -> impl Iterator<Item = String> {
    let prose = prose(text);
    let links: Vec<String> = prose
        .split("](")
        .skip(1)
        .filter_map(|after| after.split_once(')'))
        .map(|(link, _)| {
            link.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    links.into_iter()
}

/// The text without code blocks and code spans.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    let mut code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if !code {
            // A link may have code as its text: what stands in spans goes, the spans stay.
            prose.extend(line.split('`').step_by(2));
            prose.push('\n');
        }
    }
    prose
}

/// The anchors of a page's headings.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().filter(|line| line.starts_with('#'));
    lines.map(|line| slug(line.trim_start_matches('#').trim()))
}

fn slug(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| {
        if c == ' ' {
            '-'
        } else {
            c.to_ascii_lowercase()
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(pages: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in pages {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn links_to_files_and_headings_hold() {
        let root = site(&[
            (
                "README.md",
                "[book](docs/src/SUMMARY.md) [web](https://example.com/x)\n",
            ),
            (
                "docs/src/SUMMARY.md",
                "- [One](one.md)\n- [Two](more/two.md)\n",
            ),
            (
                "docs/src/one.md",
                "# One\n[`two`](more/two.md#what-it-is) [here](#one)\n",
            ),
            (
                "docs/src/more/two.md",
                "## What `it` is\n```sh\n[x](nowhere.md)\n```\n`[y](z.md)`\n",
            ),
        ]);
        assert_eq!(check(root.path()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn links_that_lead_nowhere_are_named() {
        let root = site(&[
            ("docs/src/SUMMARY.md", "- [One](one.md)\n"),
            (
                "docs/src/one.md",
                "[a](gone.md) [b](#gone) [c](SUMMARY.md#gone)\n",
            ),
            ("docs/src/lost.md", ""),
        ]);
        let wrong = check(root.path()).unwrap();
        assert_eq!(wrong.len(), 4, "{wrong:?}");
        assert!(wrong[0].contains("`gone.md` leads nowhere: there is no such file"));
        assert!(wrong[3].contains("lost.md: SUMMARY.md does not list it"));
    }
}
