//! One client for both transports.

use hari_core::TensorSpec;
use hari_error::{Kind, Result};

use super::answer::{Answer, Request};
use super::codec::Protocol;
use super::endpoint::{Endpoint, Transport};
use super::grpc::Grpc;
use super::rest::Rest;

/// A connection to a server.
pub(super) enum Client {
    Rest(Rest),
    Grpc(Grpc),
}

impl Client {
    /// Opens what the endpoint asks for. REST connects with the first request.
    ///
    /// # Errors
    /// `Unavailable` if a gRPC server cannot be reached.
    pub(super) async fn connect(endpoint: &Endpoint) -> Result<Self> {
        match endpoint.transport {
            Transport::Rest => Rest::new(endpoint).map(Self::Rest),
            Transport::Grpc => Grpc::connect(endpoint).await.map(Self::Grpc),
        }
    }

    /// What goes into the model; none if the server does not say.
    ///
    /// # Errors
    /// If the server cannot be reached or does not answer in time.
    pub(super) async fn inputs(&self, protocol: Protocol) -> Result<Option<Vec<TensorSpec>>> {
        let said = match self {
            Self::Rest(rest) => rest.inputs(protocol).await,
            Self::Grpc(grpc) => grpc.inputs(protocol).await,
        };
        match said {
            Ok(specs) => Ok(specs),
            Err(error) => match error.kind() {
                Kind::Unavailable | Kind::DeadlineExceeded => Err(error),
                // A server without metadata may answer predictions all the same.
                _ => Ok(None),
            },
        }
    }

    /// Asks for a prediction.
    ///
    /// # Errors
    /// What the server says, with its code; `Unavailable` if it cannot be reached.
    pub(super) async fn predict(&self, protocol: Protocol, request: Request) -> Result<Answer> {
        match self {
            Self::Rest(rest) => rest.predict(protocol, request).await,
            Self::Grpc(grpc) => grpc.predict(protocol, request).await,
        }
    }
}
