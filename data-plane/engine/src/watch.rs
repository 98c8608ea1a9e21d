//! Who looks on at a node: each is made here, where a plan or a flag asks for it.

use std::sync::Arc;

use hari_core::{Watch, Watchers};
use hari_error::Result;
use hari_plan::bound::BoundNode;

use crate::tree::Origin;
use crate::{node_metrics, payload_log, record};

/// All who look on at this node, told in this order.
///
/// # Errors
/// If payloads cannot be logged where they should be.
pub(crate) fn of(origin: &Origin<'_>, bound: &BoundNode) -> Result<Option<Arc<dyn Watch>>> {
    let all = [
        node_metrics::of(origin, bound),
        payload_log::of(origin, bound)?,
        record::of(origin),
    ];
    Ok(Watchers::of(all.into_iter().flatten().collect()))
}
