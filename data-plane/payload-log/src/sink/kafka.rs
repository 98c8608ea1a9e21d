//! Events as records of a topic, each keyed by its request.

use std::sync::Arc;

use bytes::Bytes;
use hari_core::BoxFuture;
use hari_error::Result;

use super::Sink;
use crate::attributes;
use crate::event::Event;
use crate::publish::Publish;

pub(crate) struct Topic {
    pub(crate) publisher: Arc<dyn Publish>,
    pub(crate) topic: String,
}

impl Sink for Topic {
    fn deliver<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for event in events {
                let key = Bytes::copy_from_slice(event.request_id.as_bytes());
                let (headers, value) = (attributes::headers(event), event.body.bytes.clone());
                self.publisher
                    .publish(&self.topic, key, headers, value)
                    .await?;
            }
            Ok(())
        })
    }
}
