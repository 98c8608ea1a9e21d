//! A model for the tests: it doubles its input, and can be told to wait, to fail and to panic.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use hari_core::{
    Call, Context, DataType, Dim, Input, Message, Method, Model, ModelMetadata, Signature,
    SignatureMethod, Target, Tensor, TensorSpec, Unit,
};
use hari_error::{Error, Result};
use tokio::sync::watch;

use crate::{BatchOptions, ModelUnit, Observer, Pool, PoolOptions};

/// Every request alone, on as many threads as there are.
pub(super) const ALONE: BatchOptions = BatchOptions {
    max_rows: 1,
    window: Duration::ZERO,
    queue: 256,
    concurrency: usize::MAX,
};
/// Eight rows together.
pub(super) const TOGETHER: BatchOptions = BatchOptions {
    max_rows: 8,
    ..ALONE
};

/// A run with this value waits for [`Double::release`].
pub(super) const WAITS: f32 = 100.0;
/// A run with this value is an error.
pub(super) const FAILS: f32 = 200.0;
/// A run with this value panics.
pub(super) const PANICS: f32 = 300.0;
/// A run with this value gives one row too few.
pub(super) const LOSES_A_ROW: f32 = 400.0;

/// `twice = 2 x` and `half = x / 2`, row by row.
pub(super) struct Double {
    signatures: Vec<Signature>,
    open: Mutex<bool>,
    opened: Condvar,
    /// The rows of every run so far.
    pub(super) runs: watch::Sender<Vec<usize>>,
}

impl Double {
    pub(super) fn new() -> Arc<Self> {
        let spec = |name: &str| TensorSpec {
            name: name.into(),
            dtype: DataType::Fp32,
            shape: Some(vec![Dim::Dynamic(None), Dim::Dynamic(None)]),
        };
        let signature = |name: &str| Signature {
            name: name.into(),
            method: SignatureMethod::Predict,
            inputs: vec![spec("x")],
            outputs: vec![spec("twice"), spec("half")],
        };
        Arc::new(Self {
            signatures: vec![signature(Signature::DEFAULT), signature("other")],
            open: Mutex::new(false),
            opened: Condvar::new(),
            runs: watch::Sender::new(Vec::new()),
        })
    }

    /// Lets all runs go on that wait, and those to come.
    pub(super) fn release(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    /// Waits until so many runs have begun.
    pub(super) async fn begun(&self, runs: usize) {
        self.runs
            .subscribe()
            .wait_for(|seen| seen.len() >= runs)
            .await
            .unwrap();
    }

    /// The rows of every run so far.
    pub(super) fn rows(&self) -> Vec<usize> {
        self.runs.borrow().clone()
    }

    fn obey(&self, values: &[f32]) -> Result<()> {
        if values.contains(&WAITS) {
            let open = self.open.lock().unwrap();
            drop(self.opened.wait_while(open, |open| !*open).unwrap());
        }
        assert!(!values.contains(&PANICS), "asked to");
        if values.contains(&FAILS) {
            Err(Error::invalid("asked to fail"))
        } else {
            Ok(())
        }
    }
}

impl Model for Double {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        self.runs
            .send_modify(|runs| runs.push(call.inputs[0].rows()));
        let values = call.inputs[0].values::<f32>()?.into_owned();
        self.obey(&values)?;
        let shape = call.inputs[0].shape();
        let by = |factor: f32| {
            let values = values.iter().map(|value| value * factor).collect();
            Tensor::from_vec(shape, values)
        };
        let mut all = [by(2.0)?, by(0.5)?];
        if values.contains(&LOSES_A_ROW) {
            all = all.map(|whole| whole.slice_rows(1..whole.rows()).unwrap());
        }
        let wanted: &[usize] = if call.outputs.is_empty() {
            &[0, 1]
        } else {
            &call.outputs
        };
        Ok(wanted.iter().map(|&at| all[at].clone()).collect())
    }

    fn platform(&self) -> &str {
        "double"
    }

    fn memory_bytes(&self) -> u64 {
        0
    }
}

/// The length of the queue as last seen.
pub(super) struct Seen {
    pub(super) queued: watch::Sender<usize>,
    pub(super) batches: Mutex<Vec<usize>>,
    pub(super) waited: Mutex<usize>,
    pub(super) ran: Mutex<usize>,
}

impl Seen {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            queued: watch::Sender::new(0),
            batches: Mutex::default(),
            waited: Mutex::default(),
            ran: Mutex::default(),
        })
    }

    /// Waits until so many requests wait.
    pub(super) async fn queued(&self, requests: usize) {
        self.queued
            .subscribe()
            .wait_for(|&seen| seen == requests)
            .await
            .unwrap();
    }
}

impl Observer for Seen {
    fn queued(&self, requests: usize) {
        self.queued.send_replace(requests);
    }

    fn batch(&self, rows: usize) {
        self.batches.lock().unwrap().push(rows);
    }

    fn waited(&self, _: Duration) {
        *self.waited.lock().unwrap() += 1;
    }

    fn ran(&self, _: Duration) {
        *self.ran.lock().unwrap() += 1;
    }
}

/// A model on a pool, and all that the tests hold on to.
pub(super) struct Bench {
    pub(super) model: Arc<Double>,
    pub(super) seen: Arc<Seen>,
    pub(super) unit: ModelUnit,
}

impl Bench {
    pub(super) fn new(threads: usize, options: BatchOptions) -> Self {
        let pool = PoolOptions {
            threads,
            queue: 64,
            ..PoolOptions::default()
        };
        Self::on(&Arc::new(Pool::new(&pool).unwrap()), options)
    }

    pub(super) fn on(pool: &Arc<Pool>, options: BatchOptions) -> Self {
        let (model, seen) = (Double::new(), Seen::new());
        let metadata = ModelMetadata {
            platform: "double".into(),
            ..ModelMetadata::default()
        };
        let unit = ModelUnit::new("m", model.clone(), metadata, options, Arc::clone(pool));
        let unit = unit.observed(seen.clone());
        Self { model, seen, unit }
    }

    /// Starts a request of one column; the answer is its output `twice`.
    pub(super) fn ask(&self, values: &[f32]) -> tokio::task::JoinHandle<Result<Vec<f32>>> {
        self.ask_within(values, Duration::from_secs(60))
    }

    pub(super) fn ask_within(
        &self,
        values: &[f32],
        timeout: Duration,
    ) -> tokio::task::JoinHandle<Result<Vec<f32>>> {
        let (unit, message) = (self.unit.clone(), column(values));
        tokio::spawn(async move {
            let context = Context::new("test", timeout);
            let reply = unit
                .call(Method::Predict, Input::One(message), &context)
                .await?;
            reply.as_tensors().unwrap()[0].tensor.to_vec()
        })
    }

    /// Starts requests one after the other, each when the one before it waits in the queue.
    pub(super) async fn queue(
        &self,
        requests: &[&[f32]],
    ) -> Vec<tokio::task::JoinHandle<Result<Vec<f32>>>> {
        let mut handles = Vec::new();
        for (at, values) in requests.iter().enumerate() {
            handles.push(self.ask(values));
            self.seen.queued(at + 1).await;
        }
        handles
    }

    /// Starts a run that keeps a thread until [`Double::release`].
    pub(super) async fn occupy(&self) -> tokio::task::JoinHandle<Result<Vec<f32>>> {
        let before = self.model.rows().len();
        let handle = self.ask(&[WAITS]);
        self.model.begun(before + 1).await;
        self.seen.queued(0).await;
        handle
    }
}

/// One column of values.
pub(super) fn column(values: &[f32]) -> Message {
    Message::tensor(
        "x",
        Tensor::from_vec([values.len(), 1], values.to_vec()).unwrap(),
    )
}

/// A context that names a signature and outputs.
pub(super) fn aimed(signature: &str, outputs: &[&str]) -> Context {
    Context::new("test", Duration::from_secs(60)).aimed(Target {
        signature: Some(signature.into()),
        outputs: outputs.iter().map(|&name| name.into()).collect(),
        ..Target::default()
    })
}
