//! Reads a request body within its limits, and undoes its compression.

mod compression;

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use hari_core::Limits;
use hari_error::{Error, Kind, Result};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt as _;

pub(crate) use compression::{Encoding, compress, preferred};

/// The open inference protocol's header: the length of the JSON before binary tensors.
pub(crate) const JSON_LENGTH: HeaderName =
    HeaderName::from_static("inference-header-content-length");

/// What the elements of a binary tensor are aligned to.
const ALIGNMENT: usize = 64;

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
    let expected = declared.unwrap_or(first.len() + second.len());
    let mut whole = BytesMut::with_capacity(expected + ALIGNMENT);
    let shift = shift(whole.as_ptr() as usize, headers);
    whole.resize(shift, 0);
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(more) = data(body).await? {
        if whole.len() - shift + more.len() > limit {
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&more);
    }
    within(whole.freeze().slice(shift..), limit)
}

/// How far from `address` a body begins so that the binary tensors behind its JSON are aligned and
/// need not be copied again.
fn shift(address: usize, headers: &HeaderMap) -> usize {
    let json = headers
        .get(JSON_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    json.map_or(0, |json| {
        (ALIGNMENT - address.wrapping_add(json) % ALIGNMENT) % ALIGNMENT
    })
}

fn within(bytes: Bytes, limit: usize) -> Result<Bytes> {
    if bytes.len() > limit {
        Err(too_large(limit))
    } else {
        Ok(bytes)
    }
}

/// The next piece of data; trailers are skipped.
pub(crate) async fn data(body: &mut Body) -> Result<Option<Bytes>> {
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn binary_tensors_behind_their_json_are_aligned() {
        for json in [0_usize, 1, 63, 64, 99] {
            let mut headers = HeaderMap::new();
            headers.insert(JSON_LENGTH, json.into());
            let pieces = [vec![b'{'; json + 1], vec![1; 5000], vec![2; 7]];
            let sent: Vec<u8> = pieces.concat();
            let stream = pieces.map(|piece| Ok::<_, Infallible>(Bytes::from(piece)));
            let mut body = Body::from_stream(futures_util::stream::iter(stream));
            let read = collect(&headers, &mut body, sent.len()).await.unwrap();
            assert_eq!(read, sent);
            assert_eq!(read[json..].as_ptr() as usize % ALIGNMENT, 0, "{json}");
        }
    }

    #[tokio::test]
    async fn the_shift_does_not_count_towards_the_limit() {
        let mut headers = HeaderMap::new();
        headers.insert(JSON_LENGTH, 3.into());
        let body = |last: usize| {
            let pieces = [vec![0; 50], vec![0; 49], vec![0; last]];
            let stream = pieces.map(|piece| Ok::<_, Infallible>(Bytes::from(piece)));
            Body::from_stream(futures_util::stream::iter(stream))
        };
        assert!(collect(&headers, &mut body(1), 100).await.is_ok());
        assert!(collect(&headers, &mut body(2), 100).await.is_err());
    }
}
