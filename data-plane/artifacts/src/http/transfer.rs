//! The file that is being fetched: its bytes, its hash, and how to go on after a break.

use std::path::Path;

use hari_error::{Error, Result};
use reqwest::Response;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt, BufWriter};

use super::exchange::send;
use super::name::file_name;
use super::{Download, Request};
use crate::cache::Validators;
use crate::client::Client;
use crate::digest::Hasher;
use crate::fault::Fault;
use crate::place::unwritable;
use crate::progress::Step;

const BUFFER: usize = 1 << 20;

/// A file that grows from one attempt to the next.
pub(super) struct Transfer<'a> {
    request: &'a Request<'a>,
    file: BufWriter<File>,
    hasher: Hasher,
    done: u64,
    total: Option<u64>,
    /// Of the file that is being fetched.
    validators: Validators,
    name: String,
}

impl<'a> Transfer<'a> {
    pub(super) async fn create(request: &'a Request<'a>, into: &Path) -> Result<Self> {
        let file = File::create_new(into).await.map_err(unwritable)?;
        Ok(Self {
            request,
            file: BufWriter::with_capacity(BUFFER, file),
            hasher: Hasher::default(),
            done: 0,
            total: None,
            validators: Validators::default(),
            name: String::new(),
        })
    }

    /// Bytes that are here.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// One request. True if the file is whole, false if the copy that was known is still right.
    pub(super) async fn attempt(&mut self, client: &Client) -> Result<bool, Fault> {
        let mut response = send(client, self.request.url, &self.headers()).await?;
        match response.status().as_u16() {
            304 => return Ok(false),
            206 => self.go_on(&response).await?,
            416 => return Err(self.start_again("the server has no such range").await),
            _ => self.begin(&response).await?,
        }
        while let Some(piece) = response.chunk().await.map_err(|error| self.broke(error))? {
            self.take(&piece).await?;
        }
        match self.total {
            Some(total) if total != self.done => {
                let done = self.done;
                Err(Fault::broken(format!(
                    "expected {total} bytes, found {done}"
                )))
            }
            _ => Ok(true),
        }
    }

    /// The whole file, synced.
    pub(super) async fn finish(mut self) -> Result<Download> {
        self.file.flush().await.map_err(unwritable)?;
        self.file.get_ref().sync_all().await.map_err(unwritable)?;
        let Self {
            hasher,
            validators,
            name,
            ..
        } = self;
        Ok(Download {
            digest: hasher.finish(),
            validators,
            name,
        })
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut put = |name: HeaderName, value: Option<&str>| {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        };
        let strong = strong(&self.validators).filter(|_| self.done > 0);
        if let Some(validator) = strong {
            put(RANGE, Some(&format!("bytes={}-", self.done)));
            put(IF_RANGE, Some(validator));
        } else if self.done == 0 {
            put(IF_NONE_MATCH, self.request.known.etag.as_deref());
            put(
                IF_MODIFIED_SINCE,
                self.request.known.last_modified.as_deref(),
            );
        }
        headers
    }

    /// The file from its first byte.
    async fn begin(&mut self, response: &Response) -> Result<(), Fault> {
        self.clear().await?;
        let headers = response.headers();
        self.name = file_name(self.request.url, headers);
        check_encoding(headers, &self.name)?;
        self.validators = Validators {
            etag: text(headers, ETAG),
            last_modified: text(headers, LAST_MODIFIED),
        };
        self.total = text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
        self.check_size(self.total.unwrap_or_default())?;
        Ok(())
    }

    /// The rest of the file, if it is the same file and the right rest.
    async fn go_on(&mut self, response: &Response) -> Result<(), Fault> {
        let range = text(response.headers(), CONTENT_RANGE).and_then(|range| parse_range(&range));
        let etag = text(response.headers(), ETAG);
        let same_tag = etag.is_none() || etag == self.validators.etag;
        match range {
            Some((start, total)) if start == self.done && same_tag && self.fits(total) => Ok(()),
            _ => Err(self
                .start_again("the server sent another range than was asked for")
                .await),
        }
    }

    fn fits(&self, total: Option<u64>) -> bool {
        match (total, self.total) {
            (Some(now), Some(before)) => now == before,
            _ => true,
        }
    }

    async fn take(&mut self, piece: &[u8]) -> Result<(), Fault> {
        self.hasher.update(piece);
        self.file.write_all(piece).await.map_err(unwritable)?;
        self.done = self.done.saturating_add(piece.len() as u64);
        self.check_size(self.done)?;
        let step = Step::Downloading {
            done: self.done,
            total: self.total,
        };
        self.request.options.report(&self.request.what, step);
        Ok(())
    }

    fn check_size(&self, bytes: u64) -> Result<()> {
        let limit = self.request.options.limits.bytes;
        if bytes <= limit {
            return Ok(());
        }
        Err(Error::too_large(format!(
            "expected at most {limit} bytes, found {bytes} or more"
        )))
    }

    async fn start_again(&mut self, why: &str) -> Fault {
        match self.clear().await {
            Ok(()) => Fault::broken(why),
            Err(error) => Fault::Final(error),
        }
    }

    async fn clear(&mut self) -> Result<()> {
        self.file.rewind().await.map_err(unwritable)?;
        self.file.get_ref().set_len(0).await.map_err(unwritable)?;
        self.hasher = Hasher::default();
        (self.done, self.total, self.validators) = (0, None, Validators::default());
        Ok(())
    }

    fn broke(&self, error: reqwest::Error) -> Fault {
        let total = self
            .total
            .map_or_else(String::new, |total| format!(" of {total}"));
        match Fault::of_connection(error) {
            Fault::Passing { error, after } => {
                let done = format!("after {}{total} bytes", self.done);
                Fault::Passing {
                    error: error.context(done),
                    after,
                }
            }
            fault @ Fault::Final(_) => fault,
        }
    }
}

/// A validator by which a server can tell that the rest belongs to the same file.
fn strong(validators: &Validators) -> Option<&str> {
    let etag = validators
        .etag
        .as_deref()
        .filter(|etag| !etag.starts_with("W/"));
    etag.or(validators.last_modified.as_deref())
}

/// A body that was compressed on the way would be kept compressed; only archives may be.
fn check_encoding(headers: &HeaderMap, name: &str) -> Result<()> {
    let coded = text(headers, CONTENT_ENCODING).filter(|coding| coding != "identity");
    let packed = [".gz", ".tgz", ".zst", ".tzst"]
        .iter()
        .any(|ending| name.ends_with(ending));
    match coded {
        Some(coding) if !packed => Err(Error::invalid(format!(
            "Content-Encoding: expected the file as it is, found `{coding}`"
        ))),
        _ => Ok(()),
    }
}

/// First byte and size of the whole: `bytes 5-9/10`, or `*` for the size.
fn parse_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.parse().ok()?;
    match total {
        "*" => Some((start, None)),
        total => Some((start, Some(total.parse().ok()?))),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(parse_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(parse_range("bytes 5-9/*"), Some((5, None)));
        for bad in [
            "",
            "bytes */10",
            "5-9/10",
            "bytes 5/10",
            "bytes x-9/10",
            "bytes 5-9/x",
        ] {
            assert_eq!(parse_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_weak_tag_cannot_join_two_pieces() {
        let validators = |etag: &str, date: Option<&str>| Validators {
            etag: Some(etag.to_owned()),
            last_modified: date.map(str::to_owned),
        };
        assert_eq!(strong(&validators("\"a\"", None)), Some("\"a\""));
        assert_eq!(strong(&validators("W/\"a\"", Some("date"))), Some("date"));
        assert_eq!(strong(&validators("W/\"a\"", None)), None);
        assert_eq!(strong(&Validators::default()), None);
    }
}
