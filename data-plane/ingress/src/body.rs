//! Reads a request body within its limits, and undoes its compression.

mod compression;

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use hari_core::Limits;
use hari_error::{Error, Kind, Result};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt as _;

pub(crate) use compression::{Encoding, compress, preferred};

/// A client that sends nothing for so long is given up.
const IDLE: Duration = Duration::from_secs(15);

/// The whole body, decompressed.
///
/// # Errors
/// `TooLarge` beyond a limit, `UnsupportedMediaType` for an encoding that is not known,
/// `InvalidInput` if the body breaks off.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Bytes> {
    let encoding = Encoding::of(headers.get(CONTENT_ENCODING))?;
    let raw = collect(headers, body, limits.body).await?;
    compression::decompress(encoding, raw, limits)
}

async fn collect(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<Bytes> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|declared: usize| declared > limit) {
        return Err(too_large(limit));
    }
    let Some(first) = data(&mut body).await? else {
        return Ok(Bytes::new());
    };
    let Some(second) = data(&mut body).await? else {
        return within(first, limit);
    };
    let mut whole = BytesMut::with_capacity(declared.unwrap_or(first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(more) = data(&mut body).await? {
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
