//! Reads a request body within its limits, and undoes its compression.

mod compression;

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use hari_core::Limits;
use hari_error::{Error, Kind, Result};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt as _;

pub(crate) use compression::{Encoding, compress, preferred};

/// A client that sends nothing for so long is given up.
const IDLE: Duration = Duration::from_secs(15);

/// A client that is refused for its size may go on sending for so long.
const PARTING: Duration = Duration::from_secs(2);

/// The whole body, decompressed.
///
/// # Errors
/// `TooLarge` beyond a limit, `UnsupportedMediaType` for an encoding that is not known,
/// `InvalidInput` if the body breaks off.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Bytes> {
    let encoding = Encoding::of(headers.get(CONTENT_ENCODING))?;
    let mut body = body;
    let raw = match collect(headers, &mut body, limits.body).await {
        Err(error) if error.kind() == Kind::TooLarge => {
            if !headers.contains_key(EXPECT) {
                discard(&mut body, limits.body).await;
            }
            return Err(error);
        }
        collected => collected?,
    };
    compression::decompress(encoding, raw, limits)
}

/// Takes what a client still sends, up to `most` bytes: most clients read no reply before they
/// have sent all, and a connection that is closed on them loses the reply.
async fn discard(body: &mut Body, most: usize) {
    let discarding = async {
        let mut left = most;
        while let Ok(Some(more)) = data(body).await {
            match left.checked_sub(more.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Whoever takes longer sees a closed connection.
    let _ = tokio::time::timeout(PARTING, discarding).await;
}

async fn collect(headers: &HeaderMap, body: &mut Body, limit: usize) -> Result<Bytes> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|declared: usize| declared > limit) {
        return Err(too_large(limit));
    }
    let Some(first) = data(body).await? else {
        return Ok(Bytes::new());
    };
    let Some(second) = data(body).await? else {
        return within(first, limit);
    };
    let mut whole = BytesMut::with_capacity(declared.unwrap_or(first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(more) = data(body).await? {
        if whole.len() + more.len() > limit {
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&more);
    }
    within(whole.freeze(), limit)
}

fn within(bytes: Bytes, limit: usize) -> Result<Bytes> {
    if bytes.len() > limit {
        Err(too_large(limit))
    } else {
        Ok(bytes)
    }
}

/// The next piece of data; trailers are skipped.
async fn data(body: &mut Body) -> Result<Option<Bytes>> {
    loop {
        let frame = tokio::time::timeout(IDLE, body.frame())
            .await
            .map_err(|_| {
                Error::new(
                    Kind::DeadlineExceeded,
                    "the body stopped arriving: nothing for 15 seconds",
                )
            })?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => {
                return Err(Error::invalid("the body broke off").with_source(error));
            }
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn too_large(limit: usize) -> Error {
    hari_telemetry::metric::rejected("body");
    Error::too_large(format!("the body is larger than {limit} bytes"))
}
