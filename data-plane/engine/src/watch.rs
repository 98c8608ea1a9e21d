//! Who looks on at a node: each is made here, where a plan or a flag asks for it.

use std::sync::Arc;

use hari_core::{Watch, Watchers};
use hari_plan::bound::BoundNode;

use crate::node_metrics;
use crate::tree::Origin;

/// All who look on at this node, told in this order.
pub(crate) fn of(origin: &Origin<'_>, bound: &BoundNode) -> Option<Arc<dyn Watch>> {
    let all: [Option<Arc<dyn Watch>>; 1] = [node_metrics::of(origin, bound)];
    Watchers::of(all.into_iter().flatten().collect())
}
