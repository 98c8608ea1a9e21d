//! The licences of all that is linked, in one file: who has which, then each text once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::packages::Package;

/// Most bytes of one text.
const MOST: u64 = 256 * 1024;

/// Names that licences have.
const NAMES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "NOTICE",
    "COPYRIGHT",
    "UNLICENSE",
];

/// The file.
pub(super) fn collected(packages: &[Package]) -> Result<Vec<u8>> {
    let mut text = "Hari is licensed under Apache-2.0. It is linked with:\n\n".to_owned();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages.iter().filter(|package| package.foreign) {
        let who = format!("{} {}", package.name, package.version);
        writeln!(text, "{who}: {}", package.licence)?;
        for licence in texts_in(&package.folder)? {
            texts.entry(licence).or_default().push(who.clone());
        }
    }
    for (licence, of) in &texts {
        write!(
            text,
            "\n{}\n{}\n\n{licence}\n",
            "-".repeat(80),
            of.join(", ")
        )?;
    }
    Ok(text.into_bytes())
}

/// The texts in a crate's folder, in the order of their names.
fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let size = entry.metadata()?;
        if size.is_file() && size.len() <= MOST && NAMES.iter().any(|known| name.starts_with(known))
        {
            files.push(entry.path());
        }
    }
    files.sort();
    let read = |file| {
        Ok(String::from_utf8_lossy(&std::fs::read(file)?)
            .trim()
            .to_owned())
    };
    files.into_iter().map(read).collect()
}
