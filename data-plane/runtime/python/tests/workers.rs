//! Real workers, with the package of the tree and the machine's own Python: what they answer, and
//! what becomes of calls when they die, are stuck, or are too many.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hari_core::{Context, Input, Message, Method, Payload, Unit as _};
use hari_error::{Error, Kind, Result};
use hari_python::{PythonUnit, Settings};
use serde_json::json;

fn settings() -> Settings {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/classes");
    let mut settings = Settings::new("node", "python3", folder);
    settings.timing.backoff = Duration::from_millis(10);
    settings
}

async fn started(settings: Settings) -> PythonUnit {
    PythonUnit::start(settings).await.unwrap()
}

async fn ask_within(unit: &PythonUnit, text: &str, time: Duration) -> Result<Message> {
    let message = Message {
        payload: Payload::Text(text.to_owned()),
        ..Message::default()
    };
    let context = Context::new("id", time);
    unit.call(Method::Predict, Input::One(message), &context)
        .await
}

async fn ask(unit: &PythonUnit, text: &str) -> Result<Message> {
    ask_within(unit, text, Duration::from_secs(60)).await
}

fn text(message: &Message) -> &str {
    match &message.payload {
        Payload::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

fn pid(message: &Message) -> u64 {
    message.meta.tags["pid"].as_u64().unwrap()
}

fn failure(answer: Result<Message>) -> Error {
    answer.expect_err("the call was to fail")
}

/// Waits until `met`, for a minute.
async fn until(mut met: impl FnMut() -> bool) {
    let start = Instant::now();
    while !met() {
        assert!(start.elapsed() < Duration::from_secs(60), "it never came");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_class_is_made_with_its_arguments_and_answers() {
    let mut settings = settings();
    settings
        .parameters
        .insert("greeting".to_owned(), json!("salve"));
    let unit = started(settings).await;
    unit.ready().await.unwrap();
    assert_eq!(text(&ask(&unit, "world").await.unwrap()), "salve world");
    let error = failure(ask(&unit, "raise it broke").await);
    assert_eq!((error.kind(), error.message()), (Kind::Model, "it broke"));
    assert_eq!(error.reason(), "MICROSERVICE_INTERNAL_ERROR");
}

#[tokio::test]
async fn a_worker_that_dies_fails_its_own_call_and_is_replaced() {
    let unit = started(settings()).await;
    let before = pid(&ask(&unit, "a").await.unwrap());
    let error = failure(ask(&unit, "exit 3").await);
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    // The next one waits for the new worker.
    let after = ask(&unit, "b").await.unwrap();
    assert_eq!(text(&after), "hello b");
    assert_ne!(pid(&after), before);
}

#[tokio::test]
async fn a_late_answer_is_given_up_at_once_and_thrown_away() {
    let unit = started(settings()).await;
    let before = pid(&ask(&unit, "a").await.unwrap());
    let start = Instant::now();
    let late = ask_within(&unit, "sleep 1", Duration::from_millis(100)).await;
    assert_eq!(failure(late).kind(), Kind::DeadlineExceeded);
    assert!(start.elapsed() < Duration::from_millis(900));
    let after = ask(&unit, "b").await.unwrap();
    assert_eq!((text(&after), pid(&after)), ("hello b", before));
}

#[tokio::test]
async fn a_stuck_worker_is_replaced() {
    let mut settings = settings();
    settings.timing.stuck = Duration::from_millis(100);
    let unit = started(settings).await;
    let before = pid(&ask(&unit, "a").await.unwrap());
    let late = ask_within(&unit, "sleep 3600", Duration::from_millis(100)).await;
    assert_eq!(failure(late).kind(), Kind::DeadlineExceeded);
    let after = ask(&unit, "b").await.unwrap();
    assert_ne!(pid(&after), before);
    let ended = PathBuf::from(format!("/proc/{before}"));
    until(|| !ended.exists()).await;
}

#[tokio::test]
async fn several_workers_compute_at_the_same_time() {
    let mut settings = settings();
    settings.workers = 2;
    let unit = started(settings).await;
    assert_eq!(unit.up(), 2);
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name).display().to_string());
    let meetings = [format!("meet {one} {two}"), format!("meet {two} {one}")];
    let (first, second) = tokio::join!(ask(&unit, &meetings[0]), ask(&unit, &meetings[1]));
    assert_ne!(pid(&first.unwrap()), pid(&second.unwrap()));
}

#[tokio::test]
async fn calls_beyond_the_queue_are_refused() {
    let unit = std::sync::Arc::new(started(settings()).await);
    let calls = (0..300).map(|_| {
        let unit = unit.clone();
        tokio::spawn(async move { ask_within(&unit, "sleep 0.5", Duration::from_secs(1)).await })
    });
    let calls: Vec<_> = calls.collect();
    let mut refused = 0;
    for call in calls {
        let answer = call.await.unwrap();
        refused += u32::from(answer.is_err_and(|error| error.kind() == Kind::Overloaded));
    }
    assert!((30..=44).contains(&refused), "{refused}");
}

#[tokio::test]
async fn a_class_that_cannot_be_made_says_why() {
    let mut broken = settings();
    broken
        .parameters
        .insert("fail".to_owned(), json!("no weights"));
    let error = PythonUnit::start(broken).await.err().unwrap();
    assert_eq!(error.message(), "no weights");
    let mut absent = settings();
    absent.class = "Absent".to_owned();
    let error = PythonUnit::start(absent).await.err().unwrap();
    assert!(error.message().contains("Absent"), "{error}");
    let mut unwanted = settings();
    unwanted.parameters.insert("unwanted".to_owned(), json!(1));
    let error = PythonUnit::start(unwanted).await.err().unwrap();
    assert!(error.message().contains("unwanted"), "{error}");
}

#[tokio::test]
async fn an_interpreter_that_is_none_is_an_error() {
    let mut ends = settings();
    ends.python = "false".into();
    let error = PythonUnit::start(ends).await.err().unwrap();
    assert!(
        error.message().contains("ended before it was ready"),
        "{error}"
    );
    let mut absent = settings();
    absent.python = "no-such-python".into();
    let error = PythonUnit::start(absent).await.err().unwrap();
    assert!(error.message().contains("cannot be started"), "{error}");
}

#[tokio::test]
async fn no_process_outlives_its_unit() {
    let unit = started(settings()).await;
    let process = PathBuf::from(format!("/proc/{}", pid(&ask(&unit, "a").await.unwrap())));
    assert!(process.exists());
    drop(unit);
    until(|| !process.exists()).await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn memory_is_limited_and_core_dumps_are_off() {
    let mut settings = settings();
    settings.memory = Some(512 << 20);
    let unit = started(settings).await;
    assert_eq!(text(&ask(&unit, "core").await.unwrap()), "(0, 0)");
    assert_eq!(
        text(&ask(&unit, "allocate 1000000").await.unwrap()),
        "1000000"
    );
    let error = failure(ask(&unit, "allocate 1000000000").await);
    assert_eq!(error.kind(), Kind::Model, "{error}");
    assert_eq!(text(&ask(&unit, "b").await.unwrap()), "hello b");
}

#[tokio::test]
async fn idle_workers_are_asked_whether_they_are_well() {
    let mut settings = settings();
    settings.timing.ping = Duration::from_millis(20);
    let unit = started(settings).await;
    let before = ask(&unit, "a").await.unwrap();
    let pinged = Instant::now();
    until(|| pinged.elapsed() > Duration::from_millis(300)).await;
    // Many pings later the same worker answers.
    assert_eq!(pid(&ask(&unit, "b").await.unwrap()), pid(&before));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_worker_that_answers_no_ping_is_replaced() {
    let mut settings = settings();
    settings.timing.ping = Duration::from_millis(50);
    settings.timing.pong = Duration::from_millis(200);
    let unit = started(settings).await;
    let before = pid(&ask(&unit, "a").await.unwrap());
    let process = rustix::process::Pid::from_raw(i32::try_from(before).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::STOP).unwrap();
    let ended = PathBuf::from(format!("/proc/{before}"));
    until(|| !ended.exists()).await;
    assert_ne!(pid(&ask(&unit, "b").await.unwrap()), before);
}
