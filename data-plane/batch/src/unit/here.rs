//! Quick models are run where the request is, and go back to the pool when they are quick no more.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use hari_core::Call;
use hari_error::Kind;

use super::double::{ALONE, Double, FAILS, PANICS, Seen, TOGETHER, WAITS, column};
use super::*;
use crate::PoolOptions;

const BOUND: Duration = Duration::from_micros(50);
const QUICK: u64 = 10;
const SLOW: u64 = 60;
/// Runs on the pool before a model may leave it.
const PROBATION: usize = 64;

/// [`Double`], and for each run whether it was on a thread of the pool.
struct Witness {
    double: Arc<Double>,
    pooled: Mutex<Vec<bool>>,
}

impl Model for Witness {
    fn signatures(&self) -> &[Signature] {
        self.double.signatures()
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        let current = thread::current();
        let pooled = current
            .name()
            .is_some_and(|name| name.starts_with("model-"));
        self.pooled.lock().unwrap().push(pooled);
        self.double.run(call)
    }

    fn platform(&self) -> &str {
        "witness"
    }

    fn memory_bytes(&self) -> u64 {
        0
    }
}

/// A model whose runs take as long as it is told.
struct Timed {
    model: Arc<Witness>,
    seen: Arc<Seen>,
    unit: ModelUnit,
    micros: Arc<AtomicU64>,
}

impl Timed {
    fn new(options: BatchOptions, inline: Duration) -> Self {
        let pool = PoolOptions {
            threads: 2,
            inline,
            ..PoolOptions::default()
        };
        let (model, seen) = (
            Arc::new(Witness {
                double: Double::new(),
                pooled: Mutex::default(),
            }),
            Seen::new(),
        );
        let unit = ModelUnit::new(
            "m",
            model.clone(),
            ModelMetadata::default(),
            options,
            Arc::new(Pool::new(&pool).unwrap()),
        );
        let micros = Arc::new(AtomicU64::new(QUICK));
        let unit = told_by(unit.observed(seen.clone()), stepping(&micros));
        Self {
            model,
            seen,
            unit,
            micros,
        }
    }

    async fn ask(&self, value: f32) -> Result<f32> {
        self.ask_within(value, Duration::from_secs(60)).await
    }

    async fn ask_within(&self, value: f32, timeout: Duration) -> Result<f32> {
        let context = Context::new("test", timeout);
        let input = Input::One(column(&[value]));
        let reply = self.unit.call(Method::Predict, input, &context).await?;
        Ok(reply.as_tensors().unwrap()[0].tensor.to_vec()?[0])
    }

    async fn runs(&self, times: usize) {
        for _ in 0..times {
            assert!((self.ask(1.0).await.unwrap() - 2.0).abs() < f32::EPSILON);
        }
    }

    /// Runs until one is made on the spot: a thread of the pool gives its place back a moment after its
    /// last reply. Says how many runs that took.
    async fn settled(&self) -> usize {
        for times in 1..1000 {
            self.runs(1).await;
            if self.pooled().last() == Some(&false) {
                return times;
            }
        }
        panic!("every run is on the pool");
    }

    /// Whether each of the runs since the last call was on the pool.
    fn pooled(&self) -> Vec<bool> {
        std::mem::take(&mut *self.model.pooled.lock().unwrap())
    }

    fn each_takes(&self, micros: u64) {
        self.micros.store(micros, Ordering::SeqCst);
    }
}

/// A clock that goes on by so many microseconds whenever it is read.
fn stepping(micros: &Arc<AtomicU64>) -> Clock {
    let (start, passed) = (Instant::now(), AtomicU64::new(0));
    let step = Arc::clone(micros);
    Arc::new(move || {
        let now = passed.fetch_add(step.load(Ordering::SeqCst), Ordering::SeqCst);
        start + Duration::from_micros(now)
    })
}

fn told_by(unit: ModelUnit, clock: Clock) -> ModelUnit {
    let inner = Arc::try_unwrap(unit.0).ok().unwrap();
    ModelUnit(Arc::new(Inner { clock, ..inner }))
}

#[tokio::test]
async fn a_quick_model_leaves_the_pool_once_it_is_known() {
    let timed = Timed::new(ALONE, BOUND);
    timed.runs(PROBATION).await;
    assert_eq!(timed.pooled(), [true; PROBATION]);
    timed.runs(100).await;
    assert_eq!(timed.pooled(), [false; 100]);
}

#[tokio::test]
async fn slow_models_and_a_bound_of_zero_stay_on_the_pool() {
    for (bound, micros) in [(BOUND, SLOW), (Duration::ZERO, QUICK)] {
        let timed = Timed::new(ALONE, bound);
        timed.each_takes(micros);
        timed.runs(500).await;
        assert_eq!(timed.pooled(), [true; 500]);
    }
}

#[tokio::test]
async fn models_that_batch_stay_on_the_pool() {
    let timed = Timed::new(TOGETHER, BOUND);
    timed.runs(200).await;
    assert_eq!(timed.pooled(), [true; 200]);
}

#[tokio::test]
async fn a_model_that_turns_slow_goes_back_and_one_that_turns_quick_comes_again() {
    let timed = Timed::new(ALONE, BOUND);
    timed.runs(PROBATION).await;
    timed.settled().await;
    timed.each_takes(SLOW);
    timed.runs(100).await;
    let pooled = timed.pooled();
    // Four slow runs were on this thread; all others were not.
    assert_eq!(pooled.iter().filter(|pooled| !**pooled).count(), 4);
    assert!(pooled[4..].iter().all(|pooled| *pooled));
    timed.each_takes(QUICK);
    timed.runs(500).await;
    let pooled = timed.pooled();
    let back = pooled.iter().position(|pooled| !*pooled).unwrap();
    assert!((60..=2 * PROBATION).contains(&back), "{back}");
    assert!(pooled[back..].iter().all(|pooled| !*pooled));
}

#[tokio::test]
async fn one_run_beyond_all_credit_is_enough() {
    let timed = Timed::new(ALONE, BOUND);
    timed.runs(PROBATION).await;
    timed.settled().await;
    timed.each_takes(11_000);
    timed.runs(1).await;
    timed.each_takes(QUICK);
    timed.pooled();
    timed.runs(2 * PROBATION + 10).await;
    let pooled = timed.pooled();
    let back = pooled.iter().position(|pooled| !*pooled).unwrap();
    assert!(
        (2 * PROBATION..2 * PROBATION + 10).contains(&back),
        "{back}"
    );
}

#[tokio::test]
async fn failures_and_panics_are_the_models_here_as_there() {
    let timed = Timed::new(ALONE, BOUND);
    timed.runs(PROBATION).await;
    let before = PROBATION + timed.settled().await;
    for _ in 0..3 {
        let error = timed.ask(PANICS).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Model);
        assert_eq!(error.message(), "the model failed while it computed");
        let error = timed.ask(FAILS).await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
    }
    timed.runs(300).await;
    // No place was lost: more runs than there are places were made on the spot.
    assert_eq!(timed.pooled(), [false; 306]);
    assert_eq!(*timed.seen.ran.lock().unwrap(), before + 306);
    assert_eq!(*timed.seen.waited.lock().unwrap(), before + 306);
    assert_eq!(timed.seen.batches.lock().unwrap().len(), before + 306);
}

#[tokio::test]
async fn a_request_past_its_deadline_is_not_run() {
    let timed = Timed::new(ALONE, BOUND);
    timed.runs(PROBATION).await;
    timed.pooled();
    let error = timed.ask_within(1.0, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind(), Kind::DeadlineExceeded);
    assert!(timed.pooled().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_all_places_are_taken_requests_wait_in_the_queue() {
    let timed = Arc::new(Timed::new(
        BatchOptions {
            concurrency: 1,
            ..ALONE
        },
        BOUND,
    ));
    timed.runs(PROBATION).await;
    let before = PROBATION + timed.settled().await;
    let ask = |value: f32| {
        let timed = Arc::clone(&timed);
        tokio::spawn(async move { timed.ask(value).await })
    };
    let first = ask(WAITS);
    timed.model.double.begun(before + 1).await;
    let second = ask(3.0);
    timed.seen.queued(1).await;
    timed.model.double.release();
    assert!((first.await.unwrap().unwrap() - 2.0 * WAITS).abs() < f32::EPSILON);
    assert!((second.await.unwrap().unwrap() - 6.0).abs() < f32::EPSILON);
    assert_eq!(timed.pooled(), [false, true]);
}
