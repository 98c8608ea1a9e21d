//! `RANDOM_ABTEST`: one of two children by chance.

use std::sync::Arc;

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Unit};
use hari_error::Result;

use super::{branch, metadata, unimplemented};

/// Routes a message to branch 0 with the probability `ratio_a`, else to branch 1.
#[derive(Clone, Debug)]
pub struct RandomAbTest {
    metadata: Arc<ModelMetadata>,
    ratio_a: f64,
}

impl RandomAbTest {
    /// A unit of this name. `ratio_a` is a probability: 0 is never branch 0, 1 is always branch 0.
    #[must_use]
    pub fn new(name: &str, ratio_a: f64) -> Self {
        Self {
            metadata: Arc::new(metadata(name)),
            ratio_a,
        }
    }

    /// The draw is in `[0, 1)`.
    fn draw(&self) -> i32 {
        i32::from(fastrand::f64() >= self.ratio_a)
    }
}

impl Unit for RandomAbTest {
    fn call<'a>(
        &'a self,
        method: Method,
        _input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            match method {
                Method::Route => branch(self.draw()),
                other => Err(unimplemented("RANDOM_ABTEST", other)),
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.metadata.clone()
    }
}
