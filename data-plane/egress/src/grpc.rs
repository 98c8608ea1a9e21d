//! gRPC over one channel that connects, and connects again, by itself.

use std::time::Duration;

use hari_core::Context;
use hari_error::{Error, Result};
use hari_telemetry::trace;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc as Client;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::fault::{self, Failed};
use crate::rest::hand_on;

const CONNECT: Duration = Duration::from_secs(3);
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
    /// If the address is none.
    pub(crate) fn new(authority: &str, largest: usize) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{authority}"));
        let endpoint = endpoint
            .map_err(|error| Error::invalid("the node's address is none").with_source(error))?;
        let channel = endpoint
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(STILL_THERE)
            .buffer_size(WAITING)
            .connect_lazy();
        Ok(Self { channel, largest })
    }

    /// Asks once.
    pub(crate) async fn ask<Q, A>(
        &self,
        path: &'static str,
        message: Q,
        context: &Context,
        time: Duration,
    ) -> Result<A, Failed>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
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
        let codec: ProstCodec<Q, A> = ProstCodec::default();
        let reply = client.unary(request, path, codec).await;
        reply
            .map(tonic::Response::into_inner)
            .map_err(fault::of_grpc)
    }
}

fn metadata(context: &Context) -> MetadataMap {
    let mut headers = http::HeaderMap::new();
    hand_on(&mut headers, context);
    trace::outgoing(&mut headers);
    MetadataMap::from_headers(headers)
}
