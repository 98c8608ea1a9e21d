//! Where events go, as users write it.

use std::path::PathBuf;
use std::time::Duration;

use hari_error::{Error, Result};
use hari_settings::Size;
use percent_encoding::percent_decode_str;
use url::Url;

/// The topic where none is named.
const TOPIC: &str = "seldon";

/// Where events go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An HTTP receiver of CloudEvents.
    Http(Url),
    /// Files in a folder.
    Files(FileTarget),
    /// A topic of Kafka.
    Kafka {
        /// `host:port`, with commas.
        brokers: String,
        /// The topic.
        topic: String,
    },
}

/// Files in a folder: how they are written, and when the next one begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileTarget {
    /// Made if it is not there.
    pub folder: PathBuf,
    /// What the files are.
    pub format: Format,
    /// A file is closed once it is so long, in bytes.
    pub size: u64,
    /// A file is closed once it is so old.
    pub age: Duration,
    /// Most bytes of closed files; the oldest go first.
    pub keep_bytes: u64,
    /// Most closed files; the oldest go first.
    pub keep_files: usize,
}

/// What files are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// One event as JSON on each line.
    #[default]
    JsonLines,
    /// Apache Parquet, one event in each row.
    Parquet,
}

impl Target {
    /// Reads `http://...`, `https://...`, `kafka://host:port,host:port/topic`, `file:///folder`, or
    /// a folder that begins with `/` or `.`. After the folder may stand `?format=parquet`, `size`,
    /// `seconds`, `keep` (bytes) and `files`, joined by `&`.
    ///
    /// # Errors
    /// `InvalidInput` that says what is not known.
    pub fn parse(text: &str) -> Result<Self> {
        if text.starts_with('/') || text.starts_with('.') {
            return files(text);
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(unknown(text));
        };
        match scheme {
            "http" | "https" => http(text),
            "file" => match rest.strip_prefix("//") {
                Some(path) if path.starts_with('/') => files(path),
                _ => Err(unknown(text)),
            },
            "kafka" => kafka(rest.strip_prefix("//").unwrap_or_default()),
            _ => Err(unknown(text)),
        }
    }

    /// A topic of Kafka; `seldon` if none is named.
    #[must_use]
    pub fn kafka(brokers: &str, topic: Option<&str>) -> Self {
        Self::Kafka {
            brokers: brokers.to_owned(),
            topic: topic.unwrap_or(TOPIC).to_owned(),
        }
    }

    /// `http`, `file` or `kafka`, for metrics and logs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Files(_) => "file",
            Self::Kafka { .. } => "kafka",
        }
    }
}

fn unknown(text: &str) -> Error {
    Error::invalid(format!(
        "expected `http://`, `https://`, `kafka://host:port/topic`, `file:///folder` or a folder \
         that begins with `/` or `.`, found `{text}`"
    ))
}

fn http(text: &str) -> Result<Target> {
    let url = Url::parse(text).map_err(|_| unknown(text))?;
    match url.has_host() {
        true => Ok(Target::Http(url)),
        false => Err(unknown(text)),
    }
}

fn kafka(rest: &str) -> Result<Target> {
    let (brokers, topic) = rest.split_once('/').unwrap_or((rest, ""));
    if brokers.is_empty() {
        return Err(Error::invalid("kafka: expected `kafka://host:port/topic`"));
    }
    Ok(Target::kafka(
        brokers,
        Some(topic).filter(|topic| !topic.is_empty()),
    ))
}

fn files(text: &str) -> Result<Target> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let path = percent_decode_str(path).decode_utf8();
    let path = path.map_err(|_| Error::invalid("the folder's name is no UTF-8"))?;
    let mut target = FileTarget {
        folder: PathBuf::from(&*path),
        format: Format::default(),
        size: 64 << 20,
        age: Duration::from_secs(300),
        keep_bytes: 10 << 30,
        keep_files: 10_000,
    };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        option(&mut target, &name, &value)?;
    }
    Ok(Target::Files(target))
}

fn option(target: &mut FileTarget, name: &str, value: &str) -> Result<()> {
    let wrong =
        |wanted: &str| Error::invalid(format!("{name}: expected {wanted}, found `{value}`"));
    let bytes = || value.parse::<Size>().ok().filter(|size| size.0 > 0);
    let bytes = || bytes().ok_or_else(|| wrong("bytes, `64MiB` say"));
    let number = || value.parse::<u32>().ok().filter(|number| *number > 0);
    let number = || number().ok_or_else(|| wrong("a whole number from 1"));
    match name {
        "format" => {
            target.format = match value {
                "jsonl" => Format::JsonLines,
                "parquet" => Format::Parquet,
                _ => return Err(wrong("`jsonl` or `parquet`")),
            }
        }
        "size" => target.size = bytes()?.0,
        "keep" => target.keep_bytes = bytes()?.0,
        "seconds" => target.age = Duration::from_secs(number()?.into()),
        "files" => target.keep_files = number()? as usize,
        _ => {
            let known = "format, size, seconds, keep or files";
            return Err(Error::invalid(format!("expected {known}, found `{name}`")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_by_their_beginning() {
        assert_eq!(Target::parse("http://broker/x").unwrap().kind(), "http");
        let kafka = Target::parse("kafka://a:1,b:2/t").unwrap();
        assert_eq!(kafka, Target::kafka("a:1,b:2", Some("t")));
        let plain = Target::parse("kafka://a:1").unwrap();
        assert_eq!(plain, Target::kafka("a:1", None));
        for text in ["file:///var/log/a%20b", "/var/log/a b"] {
            let Target::Files(files) = Target::parse(text).unwrap() else {
                panic!("{text}")
            };
            assert_eq!(files.folder, PathBuf::from("/var/log/a b"));
            assert_eq!(files.format, Format::JsonLines);
        }
    }

    #[test]
    fn files_have_options() {
        let text = "./logs?format=parquet&size=1MiB&seconds=5&keep=2GiB&files=7";
        let Target::Files(files) = Target::parse(text).unwrap() else {
            panic!("no files")
        };
        let expected = FileTarget {
            folder: PathBuf::from("./logs"),
            format: Format::Parquet,
            size: 1 << 20,
            age: Duration::from_secs(5),
            keep_bytes: 2 << 30,
            keep_files: 7,
        };
        assert_eq!(files, expected);
    }

    #[test]
    fn other_targets_are_refused_in_words() {
        for (text, part) in [
            ("broker.default", "found `broker.default`"),
            ("ftp://x", "found `ftp://x`"),
            ("http://", "found `http://`"),
            ("file://host/x", "found `file://host/x`"),
            ("kafka:///t", "kafka://host:port/topic"),
            (
                "/x?format=csv",
                "format: expected `jsonl` or `parquet`, found `csv`",
            ),
            ("/x?size=0", "size: expected bytes"),
            ("/x?seconds=-1", "seconds: expected a whole number from 1"),
            (
                "/x?colour=red",
                "expected format, size, seconds, keep or files",
            ),
        ] {
            let error = Target::parse(text).unwrap_err();
            assert!(error.message().contains(part), "{text}: {error}");
        }
    }
}
