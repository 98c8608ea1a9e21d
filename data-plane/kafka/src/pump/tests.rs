//! Requests go through a broker in this process: what is read, answered, written and committed.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hari_settings::KafkaSecurity;
use krafka::error::ErrorCode;
use krafka::testing::{ApiKey, Control, FakeBroker};
use tokio::task::JoinHandle;

use super::*;
use crate::record::Record;

/// Far more than any of these tests takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers with the request in capitals; `bad` is an error, and while it is down nothing is
/// answered.
#[derive(Default)]
struct Shout {
    unready: AtomicBool,
    down: AtomicBool,
    tries: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    order: Mutex<Vec<String>>,
}

impl Answer for Shout {
    fn ready(&self) -> Boxed<'_, Result<()>> {
        let unready = self.unready.load(Ordering::SeqCst);
        Box::pin(async move {
            match unready {
                true => Err(Error::unavailable("not ready")),
                false => Ok(()),
            }
        })
    }

    fn answer<'a>(&'a self, request: &'a Received, _: u32) -> Boxed<'a, Answered> {
        Box::pin(async move {
            self.tries.fetch_add(1, Ordering::SeqCst);
            if self.down.load(Ordering::SeqCst) {
                return Answered::Later(Error::unavailable("down"));
            }
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(now, Ordering::SeqCst);
            tokio::task::yield_now().await;
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            let text = String::from_utf8_lossy(request.value.as_deref().unwrap_or_default());
            self.order.lock().unwrap().push(text.to_string());
            let reply = Reply {
                value: text.to_uppercase().into(),
                headers: vec![("of".to_owned(), Bytes::from(text.to_string()))],
            };
            match text.starts_with("bad") {
                true => Answered::Error(reply),
                false => Answered::Reply(reply),
            }
        })
    }
}

struct Bench {
    broker: FakeBroker,
    shout: Arc<Shout>,
    stream: KafkaStream,
}

impl Bench {
    async fn new(partitions: i32) -> Self {
        let broker = FakeBroker::start().await.unwrap();
        broker.create_topic("in", partitions);
        broker.create_topic("out", 3);
        broker.create_topic("errors", 1);
        let stream = KafkaStream {
            brokers: broker.bootstrap_servers(),
            input: "in".to_owned(),
            output: "out".to_owned(),
            errors: None,
            workers: 4,
            commit_each: true,
            security: KafkaSecurity::default(),
        };
        Self {
            broker,
            shout: Arc::default(),
            stream,
        }
    }

    async fn write(&self, requests: impl IntoIterator<Item = (Option<String>, String)>) {
        let cluster = Cluster::connect(&self.stream.brokers, &self.stream.security).await;
        let producer = Producer::connect(&cluster.unwrap()).await.unwrap();
        for (key, value) in requests {
            let record = Record {
                topic: "in".to_owned(),
                key: key.map(Bytes::from),
                value: Some(value.into()),
                headers: Vec::new(),
            };
            let delivery = producer.enqueue(record).await.unwrap();
            drop(delivery);
        }
        producer.close(PATIENCE).await;
    }

    fn pump(&self) -> (CancellationToken, JoinHandle<Result<()>>) {
        let pump = Pump {
            stream: self.stream.clone(),
            group: "group".to_owned(),
            answer: self.shout.clone(),
            metrics: Arc::new(StreamMetrics::new("d", "p", "in")),
            drain: PATIENCE,
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        (stop, tokio::spawn(async move { pump.run(stopped).await }))
    }

    /// Key and value of what a topic holds.
    fn read(&self, topic: &str) -> Vec<(Option<String>, String)> {
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let records = self.broker.all_records(topic).unwrap().into_iter();
        let pair = |record: krafka::ConsumerRecord| {
            (record.key.map(text), record.value.map(text).unwrap())
        };
        records.map(pair).collect()
    }

    fn committed(&self, partitions: i32) -> i64 {
        let of = |partition| self.broker.committed_offset("group", "in", partition);
        (0..partitions).filter_map(of).sum()
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waited).await;
    assert!(waited.is_ok(), "never: {what}");
}

fn numbered(count: usize) -> impl Iterator<Item = (Option<String>, String)> {
    (0..count).map(|n| (Some(format!("k{}", n % 7)), format!("m{n}")))
}

#[tokio::test]
async fn every_request_is_answered_under_its_key_and_then_committed() {
    let bench = Bench::new(3).await;
    bench.write(numbered(100)).await;
    let (stop, pump) = bench.pump();
    until("100 answers", || bench.read("out").len() == 100).await;
    until("all committed", || bench.committed(3) == 100).await;
    stop.cancel();
    pump.await.unwrap().unwrap();
    let mut answers = bench.read("out");
    let mut expected: Vec<_> = numbered(100).map(|(k, v)| (k, v.to_uppercase())).collect();
    answers.sort();
    expected.sort();
    assert_eq!(answers, expected);
    assert!(bench.shout.most_at_once.load(Ordering::SeqCst) > 1);
}

#[tokio::test]
async fn requests_of_a_key_are_answered_in_their_order() {
    let bench = Bench::new(2).await;
    bench.write(numbered(140)).await;
    let (stop, pump) = bench.pump();
    until("140 answers", || bench.read("out").len() == 140).await;
    stop.cancel();
    pump.await.unwrap().unwrap();
    let mut by_key: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (key, value) in bench.read("out") {
        by_key
            .entry(key)
            .or_default()
            .push(value[1..].parse().unwrap());
    }
    assert_eq!(by_key.len(), 7);
    assert!(
        by_key.values().all(|numbers| numbers.is_sorted()),
        "{by_key:?}"
    );
}

#[tokio::test]
async fn an_error_is_an_answer_and_goes_to_its_topic_if_there_is_one() {
    let mut bench = Bench::new(1).await;
    bench
        .write([(None, "bad".to_owned()), (None, "good".to_owned())])
        .await;
    bench.stream.errors = Some("errors".to_owned());
    let (stop, pump) = bench.pump();
    until("both committed", || bench.committed(1) == 2).await;
    stop.cancel();
    pump.await.unwrap().unwrap();
    assert_eq!(bench.read("out"), [(None, "GOOD".to_owned())]);
    assert_eq!(bench.read("errors"), [(None, "BAD".to_owned())]);
}

#[tokio::test]
async fn what_is_down_is_tried_again_and_nothing_is_committed_before() {
    let bench = Bench::new(1).await;
    bench.shout.down.store(true, Ordering::SeqCst);
    bench.write(numbered(60)).await;
    let (stop, pump) = bench.pump();
    let tries = &bench.shout.tries;
    until("some tries", || tries.load(Ordering::SeqCst) > 8).await;
    assert_eq!((bench.read("out").len(), bench.committed(1)), (0, 0));
    bench.shout.down.store(false, Ordering::SeqCst);
    until("all committed", || bench.committed(1) == 60).await;
    stop.cancel();
    pump.await.unwrap().unwrap();
    assert_eq!(bench.read("out").len(), 60);
}

#[tokio::test]
async fn more_than_there_is_room_for_waits_and_holds_up_no_one() {
    let mut bench = Bench::new(2).await;
    bench.stream.workers = 1;
    bench.shout.down.store(true, Ordering::SeqCst);
    let count = usize::try_from(crate::consumer::BUFFERED).unwrap() * 3;
    bench.write(numbered(count)).await;
    let (stop, pump) = bench.pump();
    let tries = &bench.shout.tries;
    until("some tries", || tries.load(Ordering::SeqCst) > 4).await;
    bench.shout.down.store(false, Ordering::SeqCst);
    let all = i64::try_from(count).unwrap();
    until("all committed", || bench.committed(2) == all).await;
    stop.cancel();
    pump.await.unwrap().unwrap();
    assert_eq!(bench.read("out").len(), count);
}

#[tokio::test]
async fn nothing_is_read_before_it_is_ready_and_stopping_does_not_wait_for_that() {
    let bench = Bench::new(1).await;
    bench.shout.unready.store(true, Ordering::SeqCst);
    bench.write(numbered(3)).await;
    let (stop, pump) = bench.pump();
    stop.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(5), pump).await;
    stopped.unwrap().unwrap().unwrap();
    let (stop, pump) = bench.pump();
    assert_eq!(bench.broker.request_count(ApiKey::JoinGroup), 0);
    bench.shout.unready.store(false, Ordering::SeqCst);
    until("all committed", || bench.committed(1) == 3).await;
    stop.cancel();
    pump.await.unwrap().unwrap();
}

#[tokio::test]
async fn told_to_stop_while_all_is_down_it_stops_and_the_next_answers() {
    let bench = Bench::new(2).await;
    bench.shout.down.store(true, Ordering::SeqCst);
    bench.write(numbered(20)).await;
    let (stop, pump) = bench.pump();
    let tries = &bench.shout.tries;
    until("a try", || tries.load(Ordering::SeqCst) > 0).await;
    stop.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(8), pump).await;
    stopped.unwrap().unwrap().unwrap();
    assert_eq!(bench.committed(2), 0);
    bench.shout.down.store(false, Ordering::SeqCst);
    let (stop, pump) = bench.pump();
    until("all committed", || bench.committed(2) == 20).await;
    stop.cancel();
    pump.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_process_that_dies_loses_nothing() {
    let bench = Bench::new(2).await;
    bench.write(numbered(300)).await;
    let (_, pump) = bench.pump();
    until("some answers", || bench.read("out").len() > 20).await;
    // No commit, no farewell.
    pump.abort();
    let (stop, pump) = bench.pump();
    until("all committed", || bench.committed(2) == 300).await;
    stop.cancel();
    pump.await.unwrap().unwrap();
    let answered: std::collections::BTreeSet<_> = bench.read("out").into_iter().collect();
    let expected = numbered(300).map(|(key, value)| (key, value.to_uppercase()));
    assert_eq!(answered, expected.collect());
}

#[tokio::test]
async fn a_broker_that_refuses_for_a_while_gets_every_answer_once() {
    let bench = Bench::new(1).await;
    bench.write(numbered(30)).await;
    bench.broker.on_times(ApiKey::Produce, 3, |_| {
        Control::Error(ErrorCode::NotEnoughReplicas)
    });
    let (stop, pump) = bench.pump();
    until("all committed", || bench.committed(1) == 30).await;
    stop.cancel();
    pump.await.unwrap().unwrap();
    assert_eq!(bench.read("out").len(), 30);
}

#[tokio::test]
async fn two_members_share_the_partitions() {
    let bench = Bench::new(4).await;
    let (stop_first, first) = bench.pump();
    let (stop_second, second) = bench.pump();
    let both = async {
        for round in 0..20 {
            bench.write(numbered(10)).await;
            let all = (round + 1) * 10;
            until("answers of a round", || bench.read("out").len() >= all).await;
        }
    };
    both.await;
    stop_first.cancel();
    first.await.unwrap().unwrap();
    bench.write(numbered(10)).await;
    until("all committed", || bench.committed(4) == 210).await;
    stop_second.cancel();
    second.await.unwrap().unwrap();
}

#[test]
fn pauses_grow_to_their_bound() {
    let mut pause = Pause::default();
    let waits: Vec<_> = (0..12).map(|_| pause.next()).collect();
    assert!(waits[0] <= FIRST_PAUSE && waits[0] >= FIRST_PAUSE / 2);
    assert!(waits.iter().all(|wait| *wait <= LONGEST_PAUSE));
    assert!(waits[11] >= LONGEST_PAUSE / 2);
}
