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
use tokio::task::coop::consume_budget;
use tokio::time::{timeout, timeout_at};

use crate::observer::Silent;
use crate::pace::{Clock, Pace, size};
use crate::queue::{Entered, Pending, Queue, overdue};
use crate::run::{self, Runner};
use crate::select::{Choice, choose};
use crate::{BatchOptions, Observer, Pool};

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
    clock: Clock,
    /// One for each signature.
    known: Vec<Known>,
}

/// What runs of a signature have shown.
struct Known {
    /// A batch came back without its rows, so there are no more.
    unbatchable: AtomicBool,
    pace: Pace,
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
        Self(Arc::new(Inner {
            metadata: Arc::new(ModelMetadata {
                name: name.into(),
                ..metadata
            }),
            queue: Queue::new(options),
            observer: Arc::new(Silent),
            clock: Arc::new(Instant::now),
            known: known(&*model, &pool),
            model,
            options,
            pool,
        }))
    }

    /// The same with someone told of queue, batches and runs. Call it before the first request:
    /// the new handle has a queue of its own.
    #[must_use]
    pub fn observed(self, observer: Arc<dyn Observer>) -> Self {
        let inner = &*self.0;
        Self(Arc::new(Inner {
            model: Arc::clone(&inner.model),
            metadata: Arc::clone(&inner.metadata),
            options: inner.options,
            queue: Queue::new(inner.options),
            pool: Arc::clone(&inner.pool),
            observer,
            clock: Arc::clone(&inner.clock),
            known: known(&*inner.model, &inner.pool),
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
        let call = hari_core::Call {
            signature: choice.signature,
            inputs: conformed.inputs,
            outputs: choice.outputs.clone(),
        };
        let outputs = inner.run(call, conformed.rows, context.deadline).await?;
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

    /// Runs a call: at once if it is quick, else on the pool.
    async fn run(
        self: &Arc<Self>,
        call: hari_core::Call,
        rows: Option<usize>,
        deadline: Instant,
    ) -> Result<Vec<Tensor>> {
        if self.is_quick(&call) {
            // A long row of quick models gives way to other requests now and then.
            consume_budget().await;
            if let Some(place) = self.here() {
                return place.answer(call, rows, deadline);
            }
        }
        let (reply, answer) = oneshot::channel();
        let since = Instant::now();
        let entered = self.enter(Pending {
            call,
            rows,
            deadline,
            since,
            reply,
        })?;
        self.wait(answer, entered, deadline).await
    }

    /// Whether `call` may be run where it is. What waits for company does not.
    fn is_quick(&self, call: &hari_core::Call) -> bool {
        let known = self.known.get(call.signature);
        !self.options.batches()
            && known.is_some_and(|known| known.pace.is_quick(size(&call.inputs)))
    }

    /// A place for a run on this thread, if one is free and nobody waits for it.
    fn here(self: &Arc<Self>) -> Option<Here<'_>> {
        self.queue.enter().then(|| Here(Over(self)))
    }

    fn runner(&self, signature: usize) -> Option<(Runner<'_>, &AtomicBool)> {
        let known = self.known.get(signature)?;
        let runner = Runner {
            model: &*self.model,
            observer: &*self.observer,
            pace: &known.pace,
            clock: &*self.clock,
        };
        Some((runner, &known.unbatchable))
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
            .known
            .get(signature)
            .is_none_or(|known| known.unbatchable.load(Ordering::Relaxed));
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
        if let Some((runner, unbatchable)) = signature.and_then(|at| inner.runner(at)) {
            inner.observer.queued(waiting);
            run::answer(runner, batch, unbatchable);
        }
    }
}

/// A place of the model for a run on the thread that the request is on.
struct Here<'a>(Over<'a>);

impl Here<'_> {
    fn answer(
        self,
        call: hari_core::Call,
        rows: Option<usize>,
        deadline: Instant,
    ) -> Result<Vec<Tensor>> {
        let inner = self.0.0;
        let (runner, _) = inner
            .runner(call.signature)
            .ok_or_else(|| Error::internal("the model lost a signature"))?;
        let answer = run::here(runner, call, rows);
        if Instant::now() > deadline {
            return Err(overdue());
        }
        answer
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

fn known(model: &dyn Model, pool: &Pool) -> Vec<Known> {
    let one = |_| Known {
        unbatchable: AtomicBool::new(false),
        pace: Pace::new(pool.inline()),
    };
    model.signatures().iter().map(one).collect()
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
mod here;
#[cfg(test)]
mod tests;
