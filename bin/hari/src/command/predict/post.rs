//! A body that is posted to a deployment as it is.

use std::time::Duration;

use bytes::Bytes;
use hari_error::Result;

use super::endpoint::{self, Endpoint, Transport};
use super::rest::Rest;

/// Posts JSON to a path below a deployment.
///
/// # Errors
/// What the server says, with its HTTP code; `Unavailable` if it cannot be reached.
pub(in crate::command) async fn post(
    url: &str,
    deployment: Option<&str>,
    path: &str,
    body: Bytes,
) -> Result<Bytes> {
    let mut target = Endpoint::parse(url, Some(Transport::Rest))?;
    target.deployment = deployment.map(endpoint::deployment).transpose()?;
    target.timeout = Duration::from_secs(60);
    Rest::new(&target)?.post(path, body).await
}
