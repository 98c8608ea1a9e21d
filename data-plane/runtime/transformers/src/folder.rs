//! The files of a model's folder, read within bounds and never outside it.

use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use hari_error::{Error, Result};
use serde_json::Value;

/// The largest text file: vocabularies of a quarter of a million tokens take 20 MB.
const MOST_TEXT: u64 = 128 << 20;
/// The largest file of weights.
const MOST_WEIGHTS: u64 = 64 << 30;

/// A model's folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The folder of this name inside; itself for an empty one.
    pub(crate) fn inside(&self, name: &str) -> Result<Self> {
        match name {
            "" | "." => Ok(self.clone()),
            name => Ok(Self(self.path(name)?)),
        }
    }

    /// Where the file of this name lies.
    ///
    /// # Errors
    /// If the name leads out of the folder.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        let mut parts = Path::new(name).components();
        let inside = parts.all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || !inside {
            return Err(Error::model(format!(
                "`{name}` is not a name of a file in the model's folder"
            )));
        }
        Ok(self.0.join(name))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).is_ok_and(|path| path.is_file())
    }

    pub(crate) fn has_folder(&self, name: &str) -> bool {
        self.path(name).is_ok_and(|path| path.is_dir())
    }

    /// A text file; none if it is not there.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(bytes) = self.read(name, MOST_TEXT)? else {
            return Ok(None);
        };
        let text = String::from_utf8(bytes);
        text.map(Some)
            .map_err(|_| Error::model(format!("`{name}` is not UTF-8 text")))
    }

    /// A JSON file; none if it is not there.
    pub(crate) fn json(&self, name: &str) -> Result<Option<Value>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Error::model(format!("`{name}` is not JSON: {error}")))
    }

    /// A file of weights.
    pub(crate) fn weights(&self, name: &str) -> Result<Bytes> {
        let bytes = self.read(name, MOST_WEIGHTS)?;
        bytes
            .map(Bytes::from)
            .ok_or_else(|| Error::model(format!("`{name}` is not in the model's folder")))
    }

    fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let path = self.path(name)?;
        if !path.is_file() {
            return Ok(None);
        }
        let failed = |error: std::io::Error| {
            Error::model(format!("`{name}` cannot be read")).with_source(error)
        };
        let file = fs::File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut bytes = Vec::with_capacity(usize::try_from(length.min(most)).unwrap_or(0));
        file.take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
            return Err(Error::model(format!("`{name}` has more than {most} bytes")));
        }
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        let folder = Folder::new(Path::new("/models/m"));
        for name in ["../x", "/etc/passwd", "a/../../b", "", "./x/.."] {
            assert!(folder.path(name).is_err(), "{name}");
        }
        assert!(folder.path("onnx/model.onnx").is_ok());
        assert!(folder.inside("").unwrap().path("x").is_ok());
    }

    #[test]
    fn what_is_not_there_is_none_and_what_is_no_json_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("bad.json"), "{").unwrap();
        fs::write(root.path().join("raw.txt"), [0xff, 0xfe]).unwrap();
        let folder = Folder::new(root.path());
        assert!(folder.json("none.json").unwrap().is_none());
        assert!(
            folder
                .json("bad.json")
                .unwrap_err()
                .message()
                .starts_with("`bad.json` is not JSON")
        );
        assert_eq!(
            folder.text("raw.txt").unwrap_err().message(),
            "`raw.txt` is not UTF-8 text"
        );
        assert!(
            folder
                .weights("none")
                .unwrap_err()
                .message()
                .contains("not in the model's folder")
        );
    }
}
