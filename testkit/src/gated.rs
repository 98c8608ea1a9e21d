//! A unit that waits to be let through, for tests of deadlines, limits and cancellation.

use std::sync::Arc;

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Unit};
use hari_error::{Error, Result};
use tokio::sync::{Semaphore, watch};

use crate::units::{echo, metadata};

/// Answers like [`Identity`](crate::Identity), but only when it is told to. Clones share the gate.
#[derive(Clone, Debug)]
pub struct Gated(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    metadata: Arc<ModelMetadata>,
    permits: Semaphore,
    waiting: watch::Sender<usize>,
}

impl Gated {
    /// A unit of this name, closed.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::new(Gate {
            metadata: Arc::new(metadata(name)),
            permits: Semaphore::new(0),
            waiting: watch::Sender::new(0),
        }))
    }

    /// Lets so many calls through, those that wait now first.
    pub fn release(&self, calls: usize) {
        self.0.permits.add_permits(calls);
    }

    /// Returns once exactly so many calls wait at the gate. A cancelled call waits no more.
    pub async fn until_waiting(&self, calls: usize) {
        let mut waiting = self.0.waiting.subscribe();
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = waiting.wait_for(|&count| count == calls).await;
    }
}

/// Counts a call while it waits, however it ends.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn at(gate: &'a Gate) -> Self {
        gate.waiting.send_modify(|count| *count += 1);
        Self(&gate.waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Unit for Gated {
    fn call<'a>(
        &'a self,
        _method: Method,
        input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async {
            let waiting = Waiting::at(&self.0);
            let permit = self.0.permits.acquire().await;
            permit
                .map_err(|_| Error::unavailable("the gate is gone"))?
                .forget();
            drop(waiting);
            Ok(echo(input))
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.0.metadata.clone()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        (name == self.0.metadata.name).then(|| Arc::new(self.clone()) as _)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ask(unit: &Gated) -> tokio::task::JoinHandle<Result<Message>> {
        let unit = unit.clone();
        tokio::spawn(async move {
            let context = Context::new("id", Duration::from_secs(10));
            unit.call(Method::Predict, Input::One(Message::default()), &context)
                .await
        })
    }

    #[tokio::test]
    async fn calls_wait_until_they_are_released() {
        let unit = Gated::new("gate");
        let (first, second) = (ask(&unit), ask(&unit));
        unit.until_waiting(2).await;
        unit.release(2);
        unit.until_waiting(0).await;
        assert!(first.await.unwrap().is_ok());
        assert!(second.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_cancelled_call_leaves_the_gate() {
        let unit = Gated::new("gate");
        let call = ask(&unit);
        unit.until_waiting(1).await;
        call.abort();
        unit.until_waiting(0).await;
    }
}
