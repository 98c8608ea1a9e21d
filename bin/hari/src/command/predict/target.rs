//! What is asked, and where: the flags that every client of a server has.

use std::time::Duration;

use bytes::Bytes;
use hari_error::Result;

use super::answer::Request;
use super::client::Client;
use super::codec::Protocol;
use super::endpoint::{self, Endpoint, Transport};
use super::fault;
use super::input;
use super::prepare::{Options, Prepared};

/// How often a request that never left the client is sent again.
const AGAIN: usize = 3;

/// A server, and what to ask of it.
#[derive(Debug, clap::Args)]
pub(in crate::command) struct Target {
    /// Server: http://, https:// or grpc://
    #[arg(long, default_value = "http://127.0.0.1:8000", value_name = "URL")]
    url: String,
    /// Deployment, if the server has several: NAMESPACE/NAME, or NAME in `default`
    #[arg(long, value_name = "NS/NAME")]
    deployment: Option<String>,
    /// Model within the deployment, for the protocols v2 and tensorflow
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Protocol to speak [default: what the body of --json is written in, else seldon]
    #[arg(long, value_enum)]
    protocol: Option<Protocol>,
    /// Transport [default: grpc for a grpc:// URL, else rest]
    #[arg(long, value_enum)]
    transport: Option<Transport>,
    #[command(flatten)]
    input: input::Flags,
    #[command(flatten)]
    prepare: Options,
}

/// A connection, and the requests that are to be sent over it.
pub(super) struct Asking {
    pub(super) client: Client,
    pub(super) protocol: Protocol,
    pub(super) prepared: Prepared,
}

/// Sends the same requests again and again, one after the other.
pub(in crate::command) struct Shooter {
    kept: Client,
    endpoint: Endpoint,
    protocol: Protocol,
    requests: Vec<Request>,
}

impl Target {
    pub(super) fn endpoint(&self, timeout: Duration) -> Result<Endpoint> {
        let mut endpoint = Endpoint::parse(&self.url, self.transport)?;
        endpoint.deployment = self
            .deployment
            .as_deref()
            .map(endpoint::deployment)
            .transpose()?;
        endpoint.model.clone_from(&self.model);
        endpoint.timeout = timeout;
        Ok(endpoint)
    }

    /// Reads the input, connects, and fits the one to the other.
    ///
    /// # Errors
    /// What cannot be read or fitted; `Unavailable` if the server cannot be reached.
    pub(super) async fn asking(&self, timeout: Duration) -> Result<Asking> {
        let endpoint = self.endpoint(timeout)?;
        let input = self.input.read()?;
        let protocol = self.protocol.unwrap_or_else(|| input.protocol());
        let client = Client::connect(&endpoint).await?;
        let specs = match input.needs_specs() {
            true => client.inputs(protocol).await?,
            false => None,
        };
        let prepared = Prepared::new(input, specs.as_deref(), &self.prepare)?;
        Ok(Asking {
            client,
            protocol,
            prepared,
        })
    }

    /// As [`Target::asking`], for many requests at the same time.
    ///
    /// # Errors
    /// As there.
    pub(in crate::command) async fn shooter(&self, timeout: Duration) -> Result<Shooter> {
        let asking = self.asking(timeout).await?;
        Ok(Shooter {
            kept: asking.client,
            endpoint: self.endpoint(timeout)?,
            protocol: asking.protocol,
            requests: (&asking.prepared).into_iter().collect(),
        })
    }

    /// The server, as the user named it.
    pub(in crate::command) fn url(&self) -> &str {
        &self.url
    }
}

impl Shooter {
    /// Sends the request of this number, over a connection that is kept or a new one. The answer is
    /// JSON, whatever the transport.
    ///
    /// # Errors
    /// What the server says, or what became of the connection; the reason names the kind:
    /// `CONNECTION_REFUSED`, `CONNECTION_RESET`, `CONNECTION_CLOSED`, `TIMEOUT`, `HTTP_503`,
    /// `GRPC_INTERNAL`.
    pub(in crate::command) async fn send(&self, number: u64, fresh: bool) -> Result<Bytes> {
        let count = self.requests.len().max(1) as u64;
        let at = usize::try_from(number % count).unwrap_or_default();
        let Some(request) = self.requests.get(at).cloned() else {
            return Err(hari_error::Error::invalid("there is nothing to send"));
        };
        if !fresh {
            return self.over_kept(request).await;
        }
        let client = Client::connect(&self.endpoint).await?;
        Ok(client.predict(self.protocol, request).await?.body)
    }

    async fn over_kept(&self, request: Request) -> Result<Bytes> {
        for _ in 0..AGAIN {
            match self.kept.predict(self.protocol, request.clone()).await {
                Err(error) if fault::never_sent(&error) => {}
                answer => return answer.map(|answer| answer.body),
            }
        }
        let answer = self.kept.predict(self.protocol, request).await?;
        Ok(answer.body)
    }
}
