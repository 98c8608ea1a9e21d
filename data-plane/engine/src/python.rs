//! A node that is a user's Python class.

use std::sync::Arc;

use hari_core::Unit;
use hari_error::{Error, Result};
use hari_plan::bound::{BoundNode, PythonSource};

use crate::report::NodeReport;
use crate::tree::Origin;

/// The unit that its workers stand behind.
pub(crate) async fn unit(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &PythonSource,
) -> Result<(Arc<dyn Unit>, NodeReport)> {
    let _ = (origin, source);
    Err(Error::unimplemented("Python classes are not run yet").at_node(&*bound.name))
}
