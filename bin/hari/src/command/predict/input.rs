//! What is to be predicted: a picture, a table, an array, or a body in JSON.

pub(super) mod npy;
pub(super) mod picture;
pub(super) mod table;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hari_core::Tensor;
use hari_error::{Error, Result};
use hari_protocol::json::{Elements, Reader, array};

use super::codec::{Protocol, limits};
use picture::Picture;

/// Where the input is; exactly one is given.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Flags {
    /// Picture (PNG or JPEG), brought to the shape that the model asks for
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Rows of numbers, with or without a header
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// A request in the protocol's JSON, or a bare nested array; `-` is standard input
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Array that NumPy saved
    #[arg(long, value_name = "FILE")]
    npy: Option<PathBuf>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Input {
    /// A request that the user wrote.
    Body(Bytes),
    /// Numbers, and the names of their columns if the file has them.
    Array {
        tensor: Tensor,
        columns: Vec<String>,
    },
    Picture(Picture),
}

impl Flags {
    /// Reads the one that is given.
    ///
    /// # Errors
    /// If the file cannot be read, with the place of what is wrong in it.
    pub(super) fn read(&self) -> Result<Input> {
        let at = |path: &Path| {
            let name = path.display().to_string();
            move |error: Error| error.context(name)
        };
        if let Some(path) = &self.image {
            return Picture::read(&bytes(path)?)
                .map(Input::Picture)
                .map_err(at(path));
        }
        if let Some(path) = &self.csv {
            return table::read(&bytes(path)?).map_err(at(path));
        }
        if let Some(path) = &self.npy {
            let tensor = npy::read(&bytes(path)?.into()).map_err(at(path))?;
            return Ok(Input::Array {
                tensor,
                columns: Vec::new(),
            });
        }
        match &self.json {
            Some(path) => json(bytes(path)?.into()).map_err(at(path)),
            None => Err(Error::invalid(
                "expected one of --image, --csv, --json and --npy",
            )),
        }
    }
}

impl Input {
    /// The protocol that it is written in; the Seldon protocol if it could be any.
    pub(super) fn protocol(&self) -> Protocol {
        let written = match self {
            Self::Body(body) => Protocol::of_body(body),
            _ => None,
        };
        written.unwrap_or(Protocol::Seldon)
    }

    /// Whether it is fitted to the model, so that the model has to be asked.
    pub(super) fn needs_specs(&self) -> bool {
        !matches!(self, Self::Body(_))
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| {
        let message = format!("cannot read {}: {error}", path.display());
        Error::not_found(message)
    };
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(failed)?;
        return Ok(bytes);
    }
    std::fs::read(path).map_err(failed)
}

/// An object is a body as it is; an array is one tensor.
fn json(text: Bytes) -> Result<Input> {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'[') {
        // Read once, so that a slip is found here and not by the server.
        serde_json::from_slice::<serde::de::IgnoredAny>(&text)
            .map_err(|error| Error::invalid(format!("not JSON: {error}")))?;
        return Ok(Input::Body(text));
    }
    let mut reader = Reader::new(&text, &limits())?;
    let tensor = array::read(&mut reader, Elements::INFERRED, &limits())?;
    reader.end()?;
    Ok(Input::Array {
        tensor,
        columns: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(flag: &str, content: &[u8]) -> (tempfile::TempDir, Flags) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input");
        std::fs::write(&path, content).unwrap();
        let of = |name: &str| (flag == name).then(|| path.clone());
        let flags = Flags {
            image: of("image"),
            csv: of("csv"),
            json: of("json"),
            npy: of("npy"),
        };
        (folder, flags)
    }

    fn read(flag: &str, content: &[u8]) -> Result<Input> {
        let (_folder, flags) = flags(flag, content);
        flags.read()
    }

    #[test]
    fn a_body_stays_as_it_is() {
        let body = br#" {"instances": [[1, 2]]}"#;
        let input = read("json", body).unwrap();
        assert_eq!(input, Input::Body(Bytes::from_static(body)));
        assert_eq!(input.protocol(), Protocol::Tensorflow);
        assert!(!input.needs_specs());
    }

    #[test]
    fn a_bare_array_is_a_tensor() {
        let input = read("json", b"[[1, 2], [3, 4.5]]").unwrap();
        let Input::Array { tensor, .. } = &input else {
            panic!("{input:?}")
        };
        assert_eq!(tensor.shape(), [2, 2]);
        assert_eq!(input.protocol(), Protocol::Seldon);
        assert!(input.needs_specs());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (flag, content, word) in [
            ("json", &b"{\"a\": }"[..], "not JSON"),
            ("json", b"[[1], [2, 3]]", "input"),
            ("csv", b"", "no rows"),
            ("npy", b"junk", "NumPy"),
            ("image", b"junk", "PNG"),
        ] {
            let error = read(flag, content).unwrap_err();
            assert!(error.message().contains(word), "{flag}: {error}");
            assert!(error.message().contains("/input: "), "{flag}: {error}");
        }
        let missing = Flags {
            csv: Some("no/such".into()),
            image: None,
            json: None,
            npy: None,
        };
        assert!(
            missing
                .read()
                .unwrap_err()
                .message()
                .starts_with("cannot read no/such: ")
        );
    }
}
