//! Names of entries as a parsed type: relative, without `..`, and nothing that a shell or another
//! system would read in its own way.

use std::path::{Path, PathBuf};

use hari_error::{Error, Result};

/// Most bytes of a whole name.
const MAX_LENGTH: usize = 1024;
/// Most bytes between two slashes: what file systems take.
const MAX_PART: usize = 255;
/// Most parts.
const MAX_DEPTH: usize = 32;

/// A name below the folder that is unpacked into; `./a//b/` and `a/b` are the same. It has no
/// parts if it names the folder itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EntryName(Vec<String>);

impl EntryName {
    /// Reads the name as it stands in an archive.
    ///
    /// # Errors
    /// `InvalidInput` with the name, and why it is refused.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        Self::read("archive entry", bytes)
    }

    /// Reads the name of an object in a store, relative to its folder: it becomes a file's name as
    /// an entry's does.
    ///
    /// # Errors
    /// `InvalidInput` with the name, and why it is refused.
    pub(crate) fn of_object(name: &str) -> Result<Self> {
        Self::read("object", name.as_bytes())
    }

    fn read(what: &str, bytes: &[u8]) -> Result<Self> {
        let shown = || shown(bytes);
        let refuse = |why: &str| Err(Error::invalid(format!("{what} `{}`: {why}", shown())));
        if bytes.len() > MAX_LENGTH {
            return refuse("its name is longer than 1024 bytes");
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return refuse("its name is not UTF-8");
        };
        if let Some(why) = fault(text) {
            return refuse(why);
        }
        let parts = text
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".");
        let parts: Vec<_> = parts.map(str::to_owned).collect();
        match () {
            () if parts.iter().any(|part| part == "..") => refuse("its name holds `..`"),
            () if parts.first().is_some_and(|part| is_drive(part)) => {
                refuse("its name starts with a drive")
            }
            () if parts.iter().any(|part| part.len() > MAX_PART) => {
                refuse("a part of its name is longer than 255 bytes")
            }
            () if parts.len() > MAX_DEPTH => refuse("it lies more than 32 folders deep"),
            () => Ok(Self(parts)),
        }
    }

    /// The folder that is unpacked into, itself.
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Its parts, the outermost first.
    pub(crate) fn parts(&self) -> &[String] {
        &self.0
    }

    /// Without its first `count` parts.
    pub(crate) fn without(&self, count: usize) -> Self {
        Self(self.0.iter().skip(count).cloned().collect())
    }

    /// Relative, of plain parts only.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.iter().collect()
    }

    /// The folders above it, the outermost first.
    pub(crate) fn parents(&self) -> impl Iterator<Item = Self> + '_ {
        (1..self.0.len())
            .filter_map(|depth| self.0.get(..depth))
            .map(|parts| Self(parts.to_vec()))
    }

    pub(crate) fn below(&self, root: &Path) -> PathBuf {
        root.join(self.path())
    }
}

impl std::fmt::Display for EntryName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

/// What is wrong with the text as a whole.
fn fault(text: &str) -> Option<&'static str> {
    if text.starts_with('/') {
        return Some("its name is absolute");
    }
    if text.contains('\\') {
        return Some("its name holds a backslash");
    }
    if text.chars().any(char::is_control) {
        return Some("its name holds a control character");
    }
    None
}

/// `C:` or `C:x`, as another system would read it.
fn is_drive(part: &str) -> bool {
    matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// A name that can be printed: at most 80 characters, escaped.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let short: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        format!("{short}...")
    } else {
        short
    }
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_are_read() {
        for (text, path) in [
            ("a", "a"),
            ("./a//b/", "a/b"),
            ("1/variables/variables.index", "1/variables/variables.index"),
            ("..a/b..", "..a/b.."),
            ("é", "é"),
        ] {
            assert_eq!(
                EntryName::parse(text.as_bytes()).unwrap().path(),
                Path::new(path)
            );
        }
        assert!(EntryName::parse(b"./").unwrap().is_root());
    }

    #[test]
    fn names_that_could_leave_are_refused() {
        for (text, why) in [
            ("/etc/passwd", "absolute"),
            ("../x", "`..`"),
            ("a/../../x", "`..`"),
            ("a/..", "`..`"),
            ("..\\x", "backslash"),
            ("C:/x", "drive"),
            ("./C:x", "drive"),
            ("a\0b", "control"),
            ("a\nb", "control"),
            (&"x/".repeat(40), "32 folders"),
            (&"x".repeat(300), "255 bytes"),
            (&"x/y".repeat(500), "1024 bytes"),
        ] {
            let error = EntryName::parse(text.as_bytes()).unwrap_err();
            assert!(error.message().contains(why), "{text:?}: {error}");
            assert!(error.message().len() < 400);
        }
        assert!(
            EntryName::parse(b"\xff")
                .unwrap_err()
                .message()
                .contains("UTF-8")
        );
    }

    #[test]
    fn parents_come_from_the_outside_in() {
        let name = EntryName::parse(b"a/b/c").unwrap();
        assert_eq!(
            name.parents()
                .map(|one| one.to_string())
                .collect::<Vec<_>>(),
            ["a", "a/b"]
        );
    }

    proptest! {
        #[test]
        fn whatever_is_read_stays_below(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            check(&bytes);
        }

        #[test]
        fn dots_and_slashes_stay_below(text in "[./\\\\a:C]{0,24}") {
            check(text.as_bytes());
        }
    }

    fn check(bytes: &[u8]) {
        if let Ok(name) = EntryName::parse(bytes) {
            let path = name.path();
            assert!(
                path.components()
                    .all(|part| matches!(part, Component::Normal(_)))
            );
            assert_eq!(EntryName::parse(name.to_string().as_bytes()).unwrap(), name);
        }
    }
}
