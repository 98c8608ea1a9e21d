//! A model as a unit: decode is done, the reply is not written yet, and between them is the pool.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hari_core::{
    BoxFuture, Context, Input, Message, Method, Model, ModelMetadata, NamedTensor, Payload,
    Signature, Tensor, TensorSpec, Unit, conform,
};
use hari_error::{Error, Result};
use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};

use crate::observer::Silent;
use crate::queue::{Entered, Pending, Queue, overdue};
use crate::select::{Choice, choose};
use crate::{BatchOptions, Observer, Pool, run};

type Answer = oneshot::Receiver<Result<Vec<Tensor>>>;

/// A model behind its queue. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct ModelUnit(Arc<Inner>);

struct Inner {
    model: Arc<dyn Model>,
    metadata: Arc<ModelMetadata>,
    options: BatchOptions,
    queue: Queue,
    pool: Arc<Pool>,
    observer: Arc<dyn Observer>,
    /// One for each signature: a batch came back without its rows, so there are no more.
    unbatchable: Vec<AtomicBool>,
}

impl ModelUnit {
    /// A unit of this name that runs `model` on `pool`.
    pub fn new(
        name: impl Into<String>,
        model: Arc<dyn Model>,
        metadata: ModelMetadata,
        options: BatchOptions,
        pool: Arc<Pool>,
    ) -> Self {
        let concurrency = options.concurrency.clamp(1, pool.threads());
        let options = BatchOptions {
            concurrency,
            ..options
        };
        let unbatchable = model
            .signatures()
            .iter()
            .map(|_| AtomicBool::new(false))
            .collect();
        Self(Arc::new(Inner {
            metadata: Arc::new(ModelMetadata {
                name: name.into(),
                ..metadata
            }),
            queue: Queue::new(options),
            observer: Arc::new(Silent),
            model,
            options,
            pool,
            unbatchable,
        }))
    }

    /// The same with someone told of queue, batches and runs. Call it before the first request:
    /// the new handle has a queue of its own.
    #[must_use]
    pub fn observed(self, observer: Arc<dyn Observer>) -> Self {
        let Inner {
            model,
            metadata,
            options,
            pool,
            ..
        } = &*self.0;
        Self(Arc::new(Inner {
            model: Arc::clone(model),
            metadata: Arc::clone(metadata),
            options: *options,
            queue: Queue::new(*options),
            pool: Arc::clone(pool),
            observer,
            unbatchable: model
                .signatures()
                .iter()
                .map(|_| AtomicBool::new(false))
                .collect(),
        }))
    }

    async fn predict(&self, message: Message, context: &Context) -> Result<Message> {
        let inner = &self.0;
        context.remaining()?;
        let choice = choose(inner.model.signatures(), &context.target)?;
        let signature = inner.signature(&choice)?;
        let Message {
            payload,
            meta,
            representation,
        } = message;
        let conformed = conform(signature, tensors(payload)?)?;
        let (reply, answer) = oneshot::channel();
        let call = hari_core::Call {
            signature: choice.signature,
            inputs: conformed.inputs,
            outputs: choice.outputs.clone(),
        };
        let (deadline, since) = (context.deadline, Instant::now());
        let entered = inner.enter(Pending {
            call,
            rows: conformed.rows,
            deadline,
            since,
            reply,
        })?;
        let outputs = inner.wait(answer, entered, deadline).await?;
        let payload = Payload::Tensors(named(&*inner.model, &choice, outputs));
        Ok(Message {
            payload,
            meta,
            representation,
        })
    }
}

impl Inner {
    fn signature(&self, choice: &Choice) -> Result<&Signature> {
        let signature = self.model.signatures().get(choice.signature);
        signature.ok_or_else(|| Error::internal("the model lost a signature"))
    }

    fn enter(self: &Arc<Self>, pending: Pending) -> Result<Entered> {
        let (entered, waiting) = self.queue.push(pending)?;
        self.observer.queued(waiting);
        if entered == Entered::Start {
            self.submit();
        }
        Ok(entered)
    }

    /// Waits for the answer, at first for company if the request is held.
    async fn wait(
        self: &Arc<Self>,
        mut answer: Answer,
        entered: Entered,
        deadline: Instant,
    ) -> Result<Vec<Tensor>> {
        if entered == Entered::Hold {
            let left = deadline.saturating_duration_since(Instant::now());
            match timeout(self.options.window.min(left), &mut answer).await {
                Ok(answered) => return answered.unwrap_or_else(|_| Err(refused())),
                Err(_) if self.queue.flush() => self.submit(),
                Err(_) => {}
            }
        }
        match timeout_at(deadline.into(), answer).await {
            Ok(answered) => answered.unwrap_or_else(|_| Err(refused())),
            Err(_) => Err(overdue()),
        }
    }

    /// Puts a place of this model into the pool's line.
    fn submit(self: &Arc<Self>) {
        let place = Place(Arc::clone(self));
        if !self.pool.submit(Box::new(move || place.run())) {
            self.queue.give_up();
        }
    }

    fn batchable(&self, pending: &Pending) -> bool {
        let signature = pending.call.signature;
        let given_up = self
            .unbatchable
            .get(signature)
            .is_none_or(|no| no.load(Ordering::Relaxed));
        self.options.batches()
            && !given_up
            && pending.rows.is_some_and(|rows| rows > 0)
            && self.model.batchable(signature)
    }
}

/// A place in the pool's line.
struct Place(Arc<Inner>);

impl Place {
    /// Runs what waits, then goes to the end of the line if more came meanwhile.
    fn run(self) {
        let inner = &self.0;
        let _over = Over(inner);
        let (batch, waiting) = inner.queue.take(|pending| inner.batchable(pending));
        let signature = batch.first().map(|first| first.call.signature);
        if let Some(unbatchable) = signature.and_then(|at| inner.unbatchable.get(at)) {
            inner.observer.queued(waiting);
            run::answer(&*inner.model, batch, &*inner.observer, unbatchable);
        }
    }
}

/// Ends a run however it ends, so that no place is lost.
struct Over<'a>(&'a Arc<Inner>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        if self.0.queue.again() {
            self.0.submit();
        }
    }
}

/// The pool took no more work: it is shutting down, or its line is full.
fn refused() -> Error {
    Error::unavailable("the server takes no more work for models now: try again")
}

fn tensors(payload: Payload) -> Result<Vec<NamedTensor>> {
    match payload {
        Payload::Tensors(tensors) => Ok(tensors),
        other => Err(Error::invalid(format!(
            "expected tensors for the model, found {}",
            other.kind()
        ))),
    }
}

/// The outputs under the model's names for them, with its names for their columns.
fn named(model: &dyn Model, choice: &Choice, outputs: Vec<Tensor>) -> Vec<NamedTensor> {
    let Some(signature) = model.signatures().get(choice.signature) else {
        return Vec::new();
    };
    let all: Vec<usize>;
    let chosen = if choice.outputs.is_empty() {
        all = (0..signature.outputs.len()).collect();
        &all
    } else {
        &choice.outputs
    };
    let specs = chosen
        .iter()
        .filter_map(|&at| Some((at, signature.outputs.get(at)?)));
    let one = |((at, spec), tensor): ((usize, &TensorSpec), Tensor)| {
        labelled(
            NamedTensor::new(&*spec.name, tensor),
            model.labels(choice.signature, at),
        )
    };
    specs.zip(outputs).map(one).collect()
}

/// The tensor with names for its columns: `names` of the Seldon protocol, the parameter `labels`
/// of the open inference protocol.
fn labelled(mut named: NamedTensor, labels: &[String]) -> NamedTensor {
    if !labels.is_empty() {
        named.columns = labels.to_vec();
        named.parameters.insert("labels".to_owned(), labels.into());
    }
    named
}

impl Unit for ModelUnit {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            match (method, input) {
                // A model put where a transformer is meant transforms by predicting.
                (
                    Method::Predict | Method::TransformInput | Method::TransformOutput,
                    Input::One(message),
                ) => self.predict(message, context).await,
                (method, _) => Err(Error::unimplemented(format!(
                    "`{}` is a model: it has no `{}`",
                    self.0.metadata.name,
                    method.path()
                ))),
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        Arc::clone(&self.0.metadata)
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        (self.0.metadata.name == name).then(|| Arc::new(self.clone()) as Arc<dyn Unit>)
    }
}

impl fmt::Debug for ModelUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelUnit")
            .field("name", &self.0.metadata.name)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod batches;
#[cfg(test)]
mod double;
#[cfg(test)]
mod tests;
