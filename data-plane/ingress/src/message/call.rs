//! A message of a topic as a call of gRPC: which method, framed, and what came back.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use hari_error::{Error, Kind};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue};
use tonic::{Code, Status};

/// A flag for compression and four bytes for the length.
const FRAME_BYTES: usize = 5;

/// What is done with a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Method {
    request: &'static str,
    pub(super) path: &'static str,
    /// The full name of the reply.
    pub(super) reply: &'static str,
}

const METHODS: [Method; 6] = [
    Method {
        request: "seldon.protos.SeldonMessage",
        path: "/seldon.protos.Seldon/Predict",
        reply: "seldon.protos.SeldonMessage",
    },
    Method {
        request: "seldon.protos.Feedback",
        path: "/seldon.protos.Seldon/SendFeedback",
        reply: "seldon.protos.SeldonMessage",
    },
    Method {
        request: "inference.ModelInferRequest",
        path: "/inference.GRPCInferenceService/ModelInfer",
        reply: "inference.ModelInferResponse",
    },
    Method {
        request: "tensorflow.serving.PredictRequest",
        path: "/tensorflow.serving.PredictionService/Predict",
        reply: "tensorflow.serving.PredictResponse",
    },
    Method {
        request: "tensorflow.serving.ClassificationRequest",
        path: "/tensorflow.serving.PredictionService/Classify",
        reply: "tensorflow.serving.ClassificationResponse",
    },
    Method {
        request: "tensorflow.serving.RegressionRequest",
        path: "/tensorflow.serving.PredictionService/Regress",
        reply: "tensorflow.serving.RegressionResponse",
    },
];

/// The method that takes messages of this full name.
pub(super) fn method(name: &[u8]) -> Result<&'static Method, Error> {
    let found = METHODS.iter().find(|one| one.request.as_bytes() == name);
    found.ok_or_else(|| {
        let known: Vec<_> = METHODS.iter().map(|one| one.request).collect();
        Error::invalid(format!(
            "header `proto-name`: expected one of {}, found `{}`",
            known.join(", "),
            name.escape_ascii()
        ))
    })
}

/// What a message without the header is told.
pub(super) fn unnamed() -> Error {
    Error::invalid(
        "the message has no header `proto-name`: with `transport: grpc` it says what the message \
         is, such as `seldon.protos.SeldonMessage`",
    )
}

/// The headers of every call.
pub(super) fn dress(headers: &mut HeaderMap) {
    let own: Vec<_> = headers.keys().cloned().collect();
    for name in own.iter().filter(|name| name.as_str().starts_with("grpc-")) {
        headers.remove(name);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
}

pub(super) fn frame(message: &Bytes) -> Result<Bytes, Error> {
    let length = u32::try_from(message.len());
    let length = length.map_err(|_| Error::too_large("the message is longer than 4 GiB"))?;
    let mut framed = BytesMut::with_capacity(FRAME_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(length);
    framed.put_slice(message);
    Ok(framed.freeze())
}

/// The one message of a reply.
pub(super) fn unframe(mut body: Bytes) -> Result<Bytes, Error> {
    let broken = || Error::internal("the reply of the call is not one plain message");
    if body.len() < FRAME_BYTES || body.get_u8() != 0 {
        return Err(broken());
    }
    let length = usize::try_from(body.get_u32()).map_err(|_| broken())?;
    match body.len() == length {
        true => Ok(body),
        false => Err(broken()),
    }
}

/// The status that ends a call, as the error it stands for.
pub(super) fn status(headers: &HeaderMap, trailers: &HeaderMap) -> Result<(), Error> {
    let read = |fields: &HeaderMap| Status::from_header_map(fields);
    let status = read(trailers).or_else(|| read(headers));
    let Some(status) = status else {
        return Err(Error::internal("the call ended without a status"));
    };
    if status.code() == Code::Ok {
        return Ok(());
    }
    Err(Error::new(kind(&status), status.message()))
}

fn kind(status: &Status) -> Kind {
    match status.code() {
        Code::ResourceExhausted if status.metadata().contains_key("grpc-retry-pushback-ms") => {
            Kind::Overloaded
        }
        Code::ResourceExhausted => Kind::TooLarge,
        Code::Unavailable => Kind::Unavailable,
        Code::DeadlineExceeded => Kind::DeadlineExceeded,
        Code::InvalidArgument => Kind::InvalidInput,
        Code::NotFound => Kind::NotFound,
        Code::Unimplemented => Kind::Unimplemented,
        Code::Unauthenticated => Kind::Unauthenticated,
        Code::PermissionDenied => Kind::Forbidden,
        Code::Cancelled => Kind::Cancelled,
        _ => Kind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_framed_and_back() {
        let message = Bytes::from_static(b"hello");
        let framed = frame(&message).unwrap();
        assert_eq!(&framed[..], b"\0\0\0\0\x05hello");
        assert_eq!(unframe(framed).unwrap(), message);
        for broken in [&b""[..], b"\x01\0\0\0\0", b"\0\0\0\0\x02a", b"\0\0\0\0\0a"] {
            assert!(unframe(Bytes::from_static(broken)).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn what_is_no_method_is_named_with_those_there_are() {
        assert_eq!(
            method(b"seldon.protos.Feedback").unwrap().path,
            METHODS[1].path
        );
        let error = method(b"my\xff.Message").unwrap_err();
        assert!(error.message().contains("my\\xff.Message"), "{error}");
        assert!(
            error.message().contains("inference.ModelInferRequest"),
            "{error}"
        );
    }

    #[test]
    fn the_end_of_a_call_is_read_from_trailers_or_headers() {
        let fields = |status: Status| status.into_http::<()>().headers().clone();
        let none = HeaderMap::new();
        assert!(status(&none, &fields(Status::ok(""))).is_ok());
        let down = fields(Status::unavailable("node `a` is down"));
        let error = status(&down, &none).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::Unavailable, "node `a` is down")
        );
        let large = status(&fields(Status::resource_exhausted("")), &none).unwrap_err();
        assert_eq!(large.kind(), Kind::TooLarge);
        assert_eq!(status(&none, &none).unwrap_err().kind(), Kind::Internal);
    }

    #[test]
    fn headers_of_another_call_are_left_out() {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
        headers.insert("x-tag", HeaderValue::from_static("a"));
        dress(&mut headers);
        let names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
        assert_eq!(names.len(), 3);
        assert!(!names.contains(&"grpc-encoding"));
    }
}
