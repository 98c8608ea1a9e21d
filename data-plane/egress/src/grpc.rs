//! gRPC over one channel that connects, and connects again, by itself.

use std::future::pending;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use hari_core::Context;
use hari_error::{Error, Result};
use hari_telemetry::trace;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc as Client;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, TimeoutExpired};
use tonic_prost::{ProstCodec, ProstEncoder};

use crate::fault::{self, Failed};
use crate::rest::hand_on;
use crate::tls::{self, Tls};

/// A connection on which nothing moves is asked whether it is still there.
const STILL_THERE: Duration = Duration::from_secs(30);
/// Calls that wait for the channel.
const WAITING: usize = 1024;

/// One node that is asked over gRPC.
#[derive(Debug)]
pub(crate) struct Grpc {
    channel: Channel,
    largest: usize,
}

impl Grpc {
    /// # Errors
    /// If the address is none, or TLS cannot start.
    pub(crate) fn new(authority: &str, tls: Option<&Tls>, largest: usize) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("{}://{authority}", tls::scheme(tls)));
        let endpoint = endpoint
            .map_err(|error| Error::invalid("the node's address is none").with_source(error))?;
        let channel = endpoint
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(STILL_THERE)
            .buffer_size(WAITING)
            .connect_with_connector_lazy(tls::connector(tls)?.http2());
        Ok(Self { channel, largest })
    }

    /// Asks once. Does not end by itself when `time` is over: the caller counts it.
    pub(crate) async fn ask<Q, A>(
        &self,
        path: &'static str,
        message: Q,
        context: Option<&Context>,
        time: Duration,
    ) -> Result<A, Failed>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default,
    {
        let mut client = Client::new(self.channel.clone())
            .max_decoding_message_size(self.largest)
            .max_encoding_message_size(usize::MAX);
        let mut request = Request::new(message);
        *request.metadata_mut() = metadata(context);
        request.set_timeout(time);
        client
            .ready()
            .await
            .map_err(|error| fault::of_grpc(Status::from_error(error.into())))?;
        let path = PathAndQuery::from_static(path);
        let reply = client.unary(request, path, Undecoded(PhantomData)).await;
        let reply = match reply {
            // The channel counts the same time as the caller, who says what it means.
            Err(status) if fault::is_by::<TimeoutExpired>(&status) => pending().await,
            reply => reply.map_err(fault::of_grpc)?.into_inner(),
        };
        Ok(A::decode(reply).map_err(fault::garbled)?)
    }
}

/// Leaves replies as bytes: a reply that cannot be read is told from an error of the node.
#[derive(Debug)]
struct Undecoded<Q>(PhantomData<Q>);

impl<Q: Message + Send + 'static> Codec for Undecoded<Q> {
    type Encode = Q;
    type Decode = Bytes;
    type Encoder = ProstEncoder<Q>;
    type Decoder = Whole;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<Q, ()>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Whole
    }
}

/// The bytes of a message.
#[derive(Debug)]
struct Whole;

impl Decoder for Whole {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}

fn metadata(context: Option<&Context>) -> MetadataMap {
    let mut headers = http::HeaderMap::new();
    if let Some(context) = context {
        hand_on(&mut headers, context);
    }
    trace::outgoing(&mut headers);
    MetadataMap::from_headers(headers)
}
