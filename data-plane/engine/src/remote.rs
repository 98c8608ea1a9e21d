//! A node on the other end of a connection.

use std::sync::Arc;
use std::time::Duration;

use hari_api::{Protocol, Transport};
use hari_core::{Limits, Unit};
use hari_egress as egress;
use hari_error::Result;
use hari_plan::bound::{BoundNode, Remote};
use hari_settings as settings;

use crate::tree::Origin;

/// The unit that calls it.
///
/// # Errors
/// If host and port make no address, a file for encrypted connections is not what it should be, or
/// the setting of the usual deadline cannot be read.
pub(crate) fn unit(
    origin: &Origin<'_>,
    bound: &BoundNode,
    remote: &Remote,
) -> Result<Arc<dyn Unit>> {
    let mut options = options(origin, bound, remote);
    if remote.tls {
        let tls = egress::Tls::open(&settings::NodeTls::from_env()?);
        options.tls = Some(tls.map_err(|error| error.at_node(&*bound.name))?);
    }
    if let Some(millis) = settings::DEADLINE.parse()? {
        options.usual = Duration::from_millis(millis);
    }
    let unit = egress::Remote::new(options).map_err(|error| error.at_node(&*bound.name))?;
    Ok(Arc::new(unit))
}

fn options(origin: &Origin<'_>, bound: &BoundNode, remote: &Remote) -> egress::Options {
    let body = origin.workshop.max_body;
    let endpoint = egress::Endpoint {
        host: remote.endpoint.host.clone(),
        http_port: remote.endpoint.http_port,
        grpc_port: remote.endpoint.grpc_port,
    };
    let (transport, timeout) = match remote.transport {
        Transport::Rest => (egress::Transport::Rest, origin.predictor.rest_timeout),
        Transport::Grpc => (egress::Transport::Grpc, origin.predictor.grpc_timeout),
    };
    let protocol = match remote.protocol {
        Protocol::Seldon => egress::Protocol::Seldon,
        Protocol::V2 => egress::Protocol::OpenInference,
        Protocol::Tensorflow => egress::Protocol::Tensorflow,
    };
    egress::Options {
        protocol,
        transport,
        timeout,
        limits: Limits {
            body,
            tensor: body,
            ..Limits::default()
        },
        full_health_checks: origin.workshop.full_health_checks,
        ..egress::Options::new(&*bound.name, endpoint)
    }
}
