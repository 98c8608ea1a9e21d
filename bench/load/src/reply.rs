//! Where a reply ends: the head is parsed, the body counted.

use anyhow::{Context as _, Result, bail};

/// Headers of a reply. The servers compared send ten or so.
const HEADERS: usize = 64;

/// A whole reply at the start of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The server closes the connection after it.
    pub(crate) close: bool,
    /// Bytes of the head.
    pub(crate) head: usize,
    /// Bytes of head and body.
    pub(crate) end: usize,
}

/// The reply that `bytes` starts with; none as long as it is not whole.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Reply>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes).context("not an HTTP reply")?
    else {
        return Ok(None);
    };
    let mut length = None;
    let mut close = response.version == Some(0);
    for header in response.headers.iter() {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse::<usize>().context("reading content-length")?);
        } else if header.name.eq_ignore_ascii_case("connection") {
            close = value.eq_ignore_ascii_case("close");
        }
    }
    let Some(length) = length else {
        bail!("the reply has no content-length");
    };
    let end = head.saturating_add(length);
    Ok((bytes.len() >= end).then_some(Reply {
        status: response.code.unwrap_or(0),
        close,
        head,
        end,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

    #[test]
    fn a_reply_is_whole_with_its_last_byte() {
        for cut in 0..WHOLE.len() {
            assert_eq!(parse(&WHOLE[..cut]).unwrap(), None, "{cut} bytes");
        }
        let reply = parse(WHOLE).unwrap().unwrap();
        assert_eq!(
            (reply.status, reply.close, reply.end),
            (200, false, WHOLE.len())
        );
        assert_eq!(&WHOLE[reply.head..reply.end], b"abc");
    }

    #[test]
    fn a_server_that_closes_says_so() {
        let closing = |head: &str| {
            let text = format!("{head}\r\ncontent-length: 0\r\n\r\n");
            parse(text.as_bytes()).unwrap().unwrap().close
        };
        assert!(closing("HTTP/1.1 503 Busy\r\nConnection: close"));
        assert!(closing("HTTP/1.0 200 OK"));
        assert!(!closing("HTTP/1.0 200 OK\r\nConnection: keep-alive"));
    }

    #[test]
    fn a_reply_without_a_length_is_refused() {
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(parse(b"SSH-2.0\r\n\r\n").is_err());
    }
}
