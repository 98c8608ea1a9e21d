//! `SIMPLE_ROUTER`: always the first child.

use std::sync::Arc;

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Unit};
use hari_error::Result;

use super::{branch, metadata, unimplemented};

/// Routes every message to branch 0.
#[derive(Clone, Debug)]
pub struct SimpleRouter(Arc<ModelMetadata>);

impl SimpleRouter {
    /// A unit of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::new(metadata(name)))
    }
}

impl Unit for SimpleRouter {
    fn call<'a>(
        &'a self,
        method: Method,
        _input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            match method {
                Method::Route => branch(0),
                other => Err(unimplemented("SIMPLE_ROUTER", other)),
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.0.clone()
    }
}
