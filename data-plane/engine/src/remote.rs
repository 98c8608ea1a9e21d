//! A node on the other end of a connection.

use std::sync::Arc;

use hari_core::Unit;
use hari_error::{Error, Result};
use hari_plan::bound::{BoundNode, Remote};

use crate::tree::Origin;

/// The unit that calls it.
pub(crate) fn unit(
    origin: &Origin<'_>,
    bound: &BoundNode,
    remote: &Remote,
) -> Result<Arc<dyn Unit>> {
    let _ = (origin, remote);
    Err(Error::unimplemented("nodes elsewhere are not called yet").at_node(&*bound.name))
}
