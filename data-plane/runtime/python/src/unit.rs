//! The unit that the workers stand behind.

use std::sync::Arc;

use hari_core::{
    BoxFuture, Context, Input, Message, Method, ModelMetadata, Signature, SignatureMethod, Unit,
};
use hari_error::{Error, Result};

use crate::frame::Kind;
use crate::settings::Settings;
use crate::signature::tensors;
use crate::wire::{Description, decode_error, decode_reply, encode_call};
use crate::workers::Workers;

/// A node that is a user's Python class.
pub struct PythonUnit {
    workers: Workers,
    metadata: Arc<ModelMetadata>,
}

impl PythonUnit {
    /// Starts the workers and waits until each has made the class.
    ///
    /// # Errors
    /// Why the first worker that failed could not be started.
    pub async fn start(settings: Settings) -> Result<Self> {
        let node = settings.node.clone();
        let (workers, description) = Workers::start(settings).await?;
        Ok(Self {
            metadata: Arc::new(metadata(node, &description)),
            workers,
        })
    }

    /// How many workers are up.
    #[must_use]
    pub fn up(&self) -> usize {
        self.workers.up()
    }

    async fn ask(&self, method: Method, input: Input, context: &Context) -> Result<Message> {
        let frame = encode_call(method, &input, context)?;
        // Elements are shared with the frame; what is left of the input is not needed any more.
        drop(input);
        let answer = self.workers.call(frame, context).await?;
        match answer.kind {
            Kind::Reply => decode_reply(&answer),
            Kind::Error => Err(decode_error(&answer)),
            _ => Err(Error::model("the Python worker's answer is none")),
        }
    }
}

/// What a class says of itself. Its name is the node's: callers ask for the node.
fn metadata(node: String, description: &Description) -> ModelMetadata {
    let (inputs, outputs) = (
        tensors(&description.metadata, "inputs"),
        tensors(&description.metadata, "outputs"),
    );
    let signature = Signature {
        name: Signature::DEFAULT.to_owned(),
        method: SignatureMethod::Predict,
        inputs: inputs.unwrap_or_default(),
        outputs: outputs.unwrap_or_default(),
    };
    let known = !signature.inputs.is_empty() || !signature.outputs.is_empty();
    ModelMetadata {
        name: node,
        versions: description.list("versions"),
        platform: description
            .text("platform")
            .unwrap_or_else(|| "python".to_owned()),
        signatures: known.then_some(signature).into_iter().collect(),
        custom: description.custom(),
        ..ModelMetadata::default()
    }
}

impl Unit for PythonUnit {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(self.ask(method, input, context))
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.workers.up() {
                0 => Err(Error::unavailable("no Python worker is up")),
                _ => Ok(()),
            }
        })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.metadata.clone()
    }
}
