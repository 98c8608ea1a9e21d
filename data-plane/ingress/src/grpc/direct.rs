//! `ModelInfer`, read off the connection without the gRPC library: its message holds tensors, and
//! the library would put it together in memory of its own before they are copied to where they are
//! aligned. What is compressed goes the library's way.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use hari_error::{Error, Result};
use hari_proto::inference as pb;
use hari_proto::inference::grpc_inference_service_server::{
    GrpcInferenceService as _, GrpcInferenceServiceServer,
};
use http::{HeaderMap, HeaderValue, Method, header};
use http_body::Frame;
use prost::Message as _;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tower::ServiceExt as _;

use super::open_inference::Inference;
use super::pieces::Pieces;
use crate::app::App;
use crate::body;
use crate::reply::grpc::status;

const PATH: &str = "/inference.GRPCInferenceService/ModelInfer";
const MEDIA: &str = "application/grpc";

/// A byte that tells compression, and the length of the message in four.
const PREFIX: usize = 5;

type Library = GrpcInferenceServiceServer<Inference>;

/// The route of the one method. `library` is the whole service, for what is compressed.
pub(super) fn route(app: &App, library: Library) -> Router {
    Router::new()
        .route(PATH, post(infer))
        .with_state((app.clone(), library))
}

async fn infer(State((app, library)): State<(App, Library)>, request: Request) -> Response {
    if !is_plain(&request) {
        let answer = library.oneshot(request).await;
        return answer.map_or_else(|never: Infallible| match never {}, |one| one.map(Body::new));
    }
    match answer(&app, request).await {
        Ok((metadata, reply)) => success(metadata, &reply),
        Err(status) => status.into_http(),
    }
}

/// Whether the message is as the caller wrote it, and the reply may be so.
fn is_plain(request: &Request) -> bool {
    let headers = request.headers();
    let media = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let grpc = media.is_some_and(|media| {
        let parameters = media.strip_prefix(MEDIA.as_bytes());
        parameters.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    });
    let encoding = headers.get("grpc-encoding");
    grpc && request.method() == Method::POST && encoding.is_none_or(|one| one == "identity")
}

async fn answer(
    app: &App,
    request: Request,
) -> std::result::Result<(MetadataMap, pb::ModelInferResponse), Status> {
    let (parts, mut body) = request.into_parts();
    let message = read(&mut body, app.limits().body)
        .await
        .map_err(|error| status(&error))?;
    let metadata = MetadataMap::from_headers(parts.headers);
    let request = tonic::Request::from_parts(metadata, parts.extensions, message);
    let reply = Inference(app.clone()).model_infer(request).await?;
    let (metadata, message, _) = reply.into_parts();
    Ok((metadata, message))
}

async fn read(body: &mut Body, most: usize) -> Result<pb::ModelInferRequest> {
    let mut pieces = Pieces::default();
    let mut expected = None;
    while let Some(piece) = body::data(body).await? {
        pieces.push(piece);
        if expected.is_none() && pieces.len() >= PREFIX {
            expected = Some(length(&mut pieces, most)?);
        }
        if expected.is_some_and(|expected| pieces.len() > expected) {
            return Err(Error::invalid("expected one message, found more"));
        }
    }
    if expected != Some(pieces.len()) {
        return Err(Error::invalid("the message ends before it is complete"));
    }
    pb::ModelInferRequest::decode(pieces)
        .map_err(|error| Error::invalid(format!("the message cannot be decoded: {error}")))
}

/// Reads the prefix: the length of the message.
fn length(pieces: &mut Pieces, most: usize) -> Result<usize> {
    if pieces.get_u8() != 0 {
        return Err(Error::invalid(
            "a message is compressed, and no `grpc-encoding` says how",
        ));
    }
    let length = usize::try_from(pieces.get_u32()).unwrap_or(usize::MAX);
    if length > most {
        hari_telemetry::metric::rejected("message_size");
        return Err(Error::too_large(format!(
            "the message has {length} bytes, the most is {most}"
        )));
    }
    Ok(length)
}

fn success(metadata: MetadataMap, reply: &pb::ModelInferResponse) -> Response {
    let length = reply.encoded_len();
    let Ok(prefix) = u32::try_from(length) else {
        let error = Error::too_large("the reply is larger than a gRPC message can be");
        return status(&error).into_http();
    };
    let mut message = BytesMut::with_capacity(PREFIX + length);
    message.put_u8(0);
    message.put_u32(prefix);
    if reply.encode(&mut message).is_err() {
        return status(&Error::internal("the reply cannot be encoded")).into_http();
    }
    let mut response = Response::new(Body::new(OneMessage {
        message: Some(message.freeze()),
        ended: false,
    }));
    *response.headers_mut() = metadata.into_headers();
    let media = HeaderValue::from_static(MEDIA);
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}

/// A message, and the status after it.
struct OneMessage {
    message: Option<Bytes>,
    ended: bool,
}

impl http_body::Body for OneMessage {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        if let Some(message) = self.message.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if std::mem::replace(&mut self.ended, true) {
            return Poll::Ready(None);
        }
        let ok = HeaderValue::from(Code::Ok as i32);
        let trailers = HeaderMap::from_iter([(header::HeaderName::from_static("grpc-status"), ok)]);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use hari_error::Kind;

    use super::*;

    fn message(name: &str, raw: usize) -> Vec<u8> {
        let request = pb::ModelInferRequest {
            model_name: name.to_owned(),
            raw_input_contents: vec![Bytes::from(vec![1_u8; raw])],
            ..pb::ModelInferRequest::default()
        };
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(request.encoded_len()).unwrap().to_be_bytes());
        request.encode(&mut bytes).unwrap();
        bytes
    }

    async fn decoded(bytes: Vec<u8>, step: usize) -> Result<pb::ModelInferRequest> {
        let pieces: Vec<_> = bytes
            .chunks(step)
            .map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece)))
            .collect();
        let stream = futures_util::stream::iter(pieces);
        read(&mut Body::from_stream(stream), 1 << 20).await
    }

    #[tokio::test]
    async fn a_message_is_read_however_it_is_cut() {
        let bytes = message("m", 5000);
        for step in [1, 3, 7, 1000, bytes.len()] {
            let request = decoded(bytes.clone(), step).await.unwrap();
            assert_eq!(request.model_name, "m");
            let raw = &request.raw_input_contents[0];
            assert_eq!((raw.len(), raw.as_ptr() as usize % 8), (5000, 0), "{step}");
        }
    }

    #[tokio::test]
    async fn what_is_not_one_message_is_refused() {
        let whole = message("m", 10);
        let mut long = whole.clone();
        long.push(0);
        let mut compressed = whole.clone();
        compressed[0] = 1;
        let mut huge = whole.clone();
        huge[1] = 0xff;
        let cut = whole[..whole.len() - 1].to_vec();
        let garbage = [&[0, 0, 0, 0, 2][..], &[0xff, 0xff]].concat();
        for (bytes, kind) in [
            (long, Kind::InvalidInput),
            (compressed, Kind::InvalidInput),
            (huge, Kind::TooLarge),
            (cut, Kind::InvalidInput),
            (garbage, Kind::InvalidInput),
            (Vec::new(), Kind::InvalidInput),
        ] {
            let error = decoded(bytes, 4).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
        }
    }
}
