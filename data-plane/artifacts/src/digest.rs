//! SHA-256 of files: the value, its hexadecimal form, and hashing as bytes pass.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use hari_error::Error;
use sha2::Digest as _;

/// A SHA-256; its text form is 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sha256([u8; 32]);

impl Sha256 {
    /// Of bytes in memory.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Of a file, read in pieces.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut hasher = Hasher::default();
        let mut piece = vec![0; 1 << 20];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(hasher.finish()),
                read => hasher.update(piece.get(..read).unwrap_or_default()),
            }
        }
    }

    /// Its 32 bytes.
    pub(crate) fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The first 32 hex digits: a name that is unique in practice.
    pub(crate) fn short(&self) -> String {
        self.to_string().chars().take(32).collect()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = Error;

    fn from_str(hex: &str) -> Result<Self, Error> {
        let bad = || Error::invalid(format!("sha256: expected 64 hex digits, found `{hex}`"));
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let pair = hex.get(2 * at..2 * at + 2).ok_or_else(bad)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

/// The SHA-256 of a folder: that of the text which `sha256sum` prints for its files in order of
/// name, each as `<digest>  <path>`.
pub(crate) fn of_tree<'a>(files: impl IntoIterator<Item = (String, &'a Sha256)>) -> Sha256 {
    let mut lines: Vec<(String, &Sha256)> = files.into_iter().collect();
    lines.sort();
    let mut hasher = Hasher::default();
    for (path, digest) in lines {
        hasher.update(format!("{digest}  {path}\n").as_bytes());
    }
    hasher.finish()
}

/// Hashes bytes as they pass.
#[derive(Default)]
pub(crate) struct Hasher(sha2::Sha256);

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "857ac4d23051079a612064021df0e4da66706cccd8f8996b83e23174e0ead5a9";
    /// FIPS 180-4, one-block example.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn it_is_the_standards() {
        assert_eq!(Sha256::of(b"abc").to_string(), ABC);
        assert_eq!(ABC.parse::<Sha256>().unwrap(), Sha256::of(b"abc"));
        assert_eq!(
            ABC.to_uppercase().parse::<Sha256>().unwrap(),
            Sha256::of(b"abc")
        );
        assert_eq!(Sha256::of(b"abc").short(), &ABC[..32]);
    }

    #[test]
    fn a_file_hashes_as_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Sha256::of_file(&path).unwrap(), Sha256::of(&bytes));
    }

    #[test]
    fn a_folders_is_what_a_shell_says() {
        // printf abc > 1/x; printf '' > y; sha256sum 1/x y | sha256sum
        let (x, y) = (Sha256::of(b"abc"), Sha256::of(b""));
        let found = of_tree([("y".to_owned(), &y), ("1/x".to_owned(), &x)]);
        assert_eq!(found.to_string(), TREE);
    }

    #[test]
    fn text_that_is_no_digest_is_refused() {
        for text in ["", "ab", &"g".repeat(64), &"é".repeat(32)] {
            assert!(
                text.parse::<Sha256>()
                    .unwrap_err()
                    .message()
                    .contains("64 hex digits")
            );
        }
    }
}
