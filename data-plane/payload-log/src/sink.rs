//! What takes events away.

pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod kafka;

use hari_core::BoxFuture;
use hari_error::Result;

use crate::event::Event;

/// Takes events away, over a connection.
pub(crate) trait Sink: Send + Sync + 'static {
    /// Resolves when the other side has all of them.
    ///
    /// # Errors
    /// `Unavailable` and `DeadlineExceeded` if another try may succeed. It takes all or none.
    fn deliver<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<()>>;
}
