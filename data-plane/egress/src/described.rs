//! What a node says of itself: asked for in the background, kept, and asked for anew once it may
//! have become another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hari_core::{Context, ModelMetadata};
use hari_proto::inference::ModelMetadataRequest;
use hari_proto::tensorflow::serving::GetModelMetadataRequest;
use hari_protocol::tensorflow::proto::model_spec;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::fault::Failed;
use crate::options::Protocol;
use crate::remote::Wire;
use crate::rest::{Ask, Rest};
use crate::said::{self, Said};
use crate::{grpc::Grpc, open_inference, seldon, tensorflow};

/// The longest time of a question that no request waits for.
const WITHIN: Duration = Duration::from_secs(5);
/// After a question in vain, none is asked for so long.
const PAUSE: Duration = Duration::from_secs(2);

/// What is known of a node so far.
#[derive(Debug)]
pub(crate) struct Described {
    name: String,
    protocol: Protocol,
    wire: Arc<Wire>,
    state: Mutex<State>,
    /// Held by the one question that is under way.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    metadata: Arc<ModelMetadata>,
    /// Whether the node said it since it was last lost.
    current: bool,
    /// Before this, nothing is asked in the background.
    not_before: Instant,
}

impl Described {
    /// A node of which its name is known alone.
    pub(crate) fn new(name: &str, protocol: Protocol, wire: Arc<Wire>) -> Self {
        let state = State {
            metadata: Arc::new(said::nothing(name)),
            current: false,
            not_before: Instant::now(),
        };
        Self {
            name: name.to_owned(),
            protocol,
            wire,
            state: Mutex::new(state),
            asking: tokio::sync::Mutex::new(()),
        }
    }

    /// What is known by now. It is the same `Arc` until the node says something else.
    pub(crate) fn now(&self) -> Arc<ModelMetadata> {
        self.state().metadata.clone()
    }

    /// The node was lost: when it is found again it may be another.
    pub(crate) fn outdate(&self) {
        self.state().current = false;
    }

    /// Asks in the background if nothing current is known; one question at a time, and never
    /// outside of a runtime.
    pub(crate) fn seek(self: &Arc<Self>) {
        {
            let state = self.state();
            if state.current || Instant::now() < state.not_before {
                return;
            }
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let own = self.clone();
        runtime.spawn(async move {
            let Ok(_asking) = own.asking.try_lock() else {
                return;
            };
            let answer = timeout(WITHIN, own.ask(None, WITHIN)).await;
            match answer {
                Ok(Ok(said)) => own.keep(said),
                Ok(Err(failed)) => own.put_off(&failed.error),
                Err(late) => own.put_off(&late),
            }
        });
    }

    /// What the node says, asked for within the time of a request if it is not known yet.
    ///
    /// # Errors
    /// If the node cannot be asked.
    pub(crate) async fn asked(
        &self,
        context: &Context,
        time: Duration,
    ) -> Result<Arc<ModelMetadata>, Failed> {
        if self.is_current() {
            return Ok(self.now());
        }
        let _asking = self.asking.lock().await;
        if !self.is_current() {
            let said = self.ask(Some(context), time).await?;
            self.keep(said);
        }
        Ok(self.now())
    }

    async fn ask(&self, context: Option<&Context>, time: Duration) -> Result<Option<Said>, Failed> {
        let said = match &*self.wire {
            Wire::Rest(rest) => self.over_rest(rest, context).await,
            Wire::Grpc(grpc) => self.over_grpc(grpc, context, time).await,
        };
        match said {
            Err(failed) if failed.error.kind().retryable() => Err(failed),
            // A server without metadata is as good as any.
            said => Ok(said.unwrap_or_default()),
        }
    }

    async fn over_rest(
        &self,
        rest: &Rest,
        context: Option<&Context>,
    ) -> Result<Option<Said>, Failed> {
        let path = match self.protocol {
            Protocol::Seldon => "/metadata".to_owned(),
            Protocol::OpenInference => format!("/v2/models/{}", self.name),
            Protocol::Tensorflow => format!("/v1/models/{}/metadata", self.name),
        };
        let ask = Ask {
            path,
            ..Ask::default()
        };
        let reply = rest.ask(&ask, context).await?;
        Ok(match self.protocol {
            Protocol::Tensorflow => said::of_tensorflow_json(&reply.body),
            Protocol::Seldon | Protocol::OpenInference => said::of_json(&reply.body),
        })
    }

    async fn over_grpc(
        &self,
        grpc: &Grpc,
        context: Option<&Context>,
        time: Duration,
    ) -> Result<Option<Said>, Failed> {
        let name = self.name.clone();
        Ok(Some(match self.protocol {
            Protocol::Seldon => {
                let reply = grpc.ask(seldon::METADATA, (), context, time).await?;
                said::of_seldon(reply)
            }
            Protocol::OpenInference => {
                let request = ModelMetadataRequest {
                    name,
                    ..ModelMetadataRequest::default()
                };
                let path = open_inference::METADATA;
                said::of_open_inference(grpc.ask(path, request, context, time).await?)
            }
            Protocol::Tensorflow => {
                let request = GetModelMetadataRequest {
                    model_spec: Some(model_spec(&name, None, None)),
                    metadata_field: vec![said::SIGNATURES.to_owned()],
                };
                let reply = grpc.ask(tensorflow::METADATA, request, context, time);
                return Ok(said::of_tensorflow(&reply.await?));
            }
        }))
    }

    /// Keeps what was said; saying the same again changes nothing.
    fn keep(&self, said: Option<Said>) {
        let said = said.unwrap_or_default().of(&self.name);
        let mut state = self.state();
        state.current = true;
        if *state.metadata != said {
            state.metadata = Arc::new(said);
        }
    }

    fn put_off(&self, why: &(dyn std::error::Error + 'static)) {
        tracing::debug!(node = self.name, error = why, "no metadata yet");
        self.state().not_before = Instant::now() + PAUSE;
    }

    fn is_current(&self) -> bool {
        self.state().current
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
