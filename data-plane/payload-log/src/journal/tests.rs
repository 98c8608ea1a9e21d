//! Tests of the whole way: from what a node was asked to what a receiver got.

use hari_core::{Asked, Feedback, Message, Method, Moment, Stage};
use serde_json::{Value, json};

use super::*;
use crate::Mode;
use crate::testing::{LONG, Receiver, call, context, log, node, numbers};

/// One worker, so that order is kept, and no long pauses.
fn settings() -> Settings {
    Settings {
        workers: 1,
        ..Settings::default()
    }
}

fn moment(context: &hari_core::Context, stage: Stage) -> Moment<'_> {
    Moment {
        node: "m",
        stage,
        context,
    }
}

fn pass(watch: &dyn Watch, stage: Stage, message: &Message) {
    let context = context("p");
    let moment = moment(&context, stage);
    watch.asked(&moment, Asked::One(message));
    watch.answered(&moment, Ok(message), Duration::ZERO);
}

#[tokio::test]
async fn an_event_has_the_headers_of_the_contract() {
    let receiver = Receiver::new(|_| 200).await;
    let log = log(settings());
    let watch = log.watch(&receiver.target, node("m")).unwrap();
    call(
        &*watch,
        &context("a b\u{e9}"),
        &numbers(&[1.0]),
        &numbers(&[2.0]),
    );
    assert_eq!(log.close(LONG).await, 0);
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    let header = |name: &str| got[0].headers.get(name).map(String::as_str);
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-type", "io.seldon.serving.inference.request"),
        ("ce-source", "/seldon/ns/dep/main/m"),
        ("ce-modelid", "m"),
        ("ce-requestid", "a%20b%C3%A9"),
        ("ce-inferenceservicename", "dep"),
        ("ce-namespace", "ns"),
        ("ce-endpoint", "main"),
        ("ce-protocol", "seldon"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(header(name), Some(value), "{name}");
    }
    assert!(uuid::Uuid::parse_str(header("ce-id").unwrap()).is_ok());
    assert!(header("ce-time").unwrap().ends_with('Z'));
    let body: Value = serde_json::from_slice(&got[0].body).unwrap();
    assert_eq!(body["data"]["ndarray"], json!([[1.0]]));
    let second = &got[1].headers;
    assert_eq!(second["ce-type"], "io.seldon.serving.inference.response");
    assert_eq!(second["ce-requestid"], "a%20b%C3%A9");
    assert_ne!(second["ce-id"], got[0].headers["ce-id"]);
}

#[tokio::test]
async fn each_kind_of_node_is_logged_once() {
    let (predict, route) = (Stage::Call(Method::Predict), Stage::Call(Method::Route));
    let (whole, both) = (Stage::Node(Method::Predict), [true, false]);
    for own_call in both {
        let receiver = Receiver::new(|_| 200).await;
        let log = log(settings());
        let watched = NodeLog {
            own_call,
            ..node("m")
        };
        let watch = log.watch(&receiver.target, watched).unwrap();
        for (value, stage) in [(1.0, predict), (2.0, route), (3.0, whole)] {
            pass(&*watch, stage, &numbers(&[value]));
        }
        log.close(LONG).await;
        let bodies: Vec<Value> = receiver
            .got()
            .iter()
            .map(|got| serde_json::from_slice(&got.body).unwrap())
            .collect();
        let seen: Vec<&Value> = bodies
            .iter()
            .map(|body| &body["data"]["ndarray"][0][0])
            .collect();
        let expected = if own_call { json!(1.0) } else { json!(3.0) };
        assert_eq!(seen, [&expected, &expected]);
    }
}

#[tokio::test]
async fn modes_choose_events() {
    for (mode, expected) in [
        (Mode::All, vec!["request", "response", "feedback"]),
        (Mode::Request, vec!["request"]),
        (Mode::Response, vec!["response", "feedback"]),
    ] {
        let receiver = Receiver::new(|_| 200).await;
        let log = log(settings());
        let watch = log
            .watch(&receiver.target, NodeLog { mode, ..node("m") })
            .unwrap();
        let context = context("p");
        call(&*watch, &context, &numbers(&[1.0]), &numbers(&[2.0]));
        let told = Feedback {
            reward: 0.5,
            ..Feedback::default()
        };
        let at = moment(&context, Stage::Node(Method::SendFeedback));
        watch.asked(&at, Asked::Feedback(&told));
        log.close(LONG).await;
        let got = receiver.got();
        let kinds: Vec<&str> = got
            .iter()
            .map(|got| got.headers["ce-type"].rsplit('.').next().unwrap())
            .collect();
        assert_eq!(kinds, expected, "{mode:?}");
    }
}

#[tokio::test]
async fn skipped_and_unsampled_requests_and_failures_leave_nothing() {
    let receiver = Receiver::new(|_| 200).await;
    let log = log(settings());
    let sampled = NodeLog {
        sample: 0.5,
        ..node("m")
    };
    let watch = log.watch(&receiver.target, sampled).unwrap();
    let mut skipped = context("p");
    skipped.skip_logging = true;
    call(&*watch, &skipped, &numbers(&[1.0]), &numbers(&[1.0]));
    for at in 0..200 {
        call(
            &*watch,
            &context(&at.to_string()),
            &numbers(&[1.0]),
            &numbers(&[1.0]),
        );
    }
    let failing = context("failing");
    let failed = moment(&failing, Stage::Call(Method::Predict));
    watch.answered(&failed, Err(&Error::internal("no")), Duration::ZERO);
    log.close(LONG).await;
    let mut ids: Vec<String> = receiver
        .got()
        .iter()
        .map(|got| got.headers["ce-requestid"].clone())
        .collect();
    ids.sort();
    let pairs = ids
        .chunks(2)
        .all(|pair| pair.len() == 2 && pair[0] == pair[1]);
    assert!(pairs, "a request and its response stay together: {ids:?}");
    assert!((120..280).contains(&ids.len()), "{}", ids.len());
    assert!(!ids.contains(&"p".to_owned()) && !ids.contains(&"failing".to_owned()));
}

#[tokio::test]
async fn values_are_replaced_and_the_event_says_so() {
    let receiver = Receiver::new(|_| 200).await;
    let log = log(settings());
    let redact = vec!["secret".to_owned(), "user".to_owned()];
    let watch = log
        .watch(
            &receiver.target,
            NodeLog {
                redact,
                ..node("m")
            },
        )
        .unwrap();
    let mut message = numbers(&[7.0, 8.0]);
    if let hari_core::Payload::Tensors(tensors) = &mut message.payload {
        tensors[0].columns = vec!["secret".into(), "open".into()];
    }
    message.meta.tags.insert("user".into(), json!("me"));
    call(&*watch, &context("p"), &message, &numbers(&[1.0]));
    log.close(LONG).await;
    let got = receiver.got();
    assert_eq!(got[0].headers["ce-redacted"], "secret,user");
    let body: Value = serde_json::from_slice(&got[0].body).unwrap();
    assert_eq!(body["data"]["ndarray"], json!([[0.0, 8.0]]));
    assert_eq!(body["meta"]["tags"]["user"], "[redacted]");
    assert_eq!(
        message.meta.tags["user"], "me",
        "the request itself is as it was"
    );
}

#[tokio::test]
async fn what_may_work_later_is_tried_again_and_the_rest_is_not() {
    let receiver = Receiver::new(|number| if number < 2 { 503 } else { 200 }).await;
    let flapping = log(settings());
    let watch = flapping.watch(&receiver.target, node("m")).unwrap();
    pass(&*watch, Stage::Call(Method::Predict), &numbers(&[1.0]));
    flapping.close(LONG).await;
    assert_eq!((receiver.seen(), receiver.got().len()), (4, 2));
    // A redirect is no answer either, and is not followed.
    for status in [400, 307] {
        let receiver = Receiver::new(move |_| status).await;
        let refused = log(settings());
        let watch = refused.watch(&receiver.target, node("m")).unwrap();
        pass(&*watch, Stage::Call(Method::Predict), &numbers(&[1.0]));
        refused.close(LONG).await;
        assert_eq!(receiver.seen(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody_and_what_waits_is_bounded() {
    let receiver = Receiver::new(|_| 0).await;
    let settings = Settings {
        queue: 4,
        ..settings()
    };
    let log = log(settings);
    let watch = log.watch(&receiver.target, node("m")).unwrap();
    // Watches have no way to wait: more than fits is simply not there.
    for at in 0..100 {
        call(
            &*watch,
            &context(&at.to_string()),
            &numbers(&[1.0]),
            &numbers(&[1.0]),
        );
    }
    receiver.until(|receiver| receiver.seen() >= 1).await;
    let lost = log.close(Duration::from_millis(50)).await;
    assert!(
        (4..=5).contains(&lost),
        "four waited, one may have been on its way: {lost}"
    );
    assert!(receiver.got().is_empty());
}

#[tokio::test]
async fn bytes_are_bounded_as_well() {
    let receiver = Receiver::new(|_| 0).await;
    let settings = Settings {
        queue_bytes: 64 << 10,
        ..settings()
    };
    let log = log(settings);
    let watch = log.watch(&receiver.target, node("m")).unwrap();
    for at in 0..100 {
        let large = numbers(&vec![1.0; 2000]);
        call(&*watch, &context(&at.to_string()), &large, &large);
    }
    let lost = log.close(Duration::from_millis(50)).await;
    assert!(
        (1..=4).contains(&lost),
        "64 KiB hold three of 16.6 KB: {lost}"
    );
}

#[tokio::test]
async fn several_events_go_as_one_list_if_it_is_asked_for() {
    let receiver = Receiver::new(|_| 200).await;
    let settings = Settings {
        batch: 10,
        ..settings()
    };
    let log = log(settings);
    let watch = log.watch(&receiver.target, node("m")).unwrap();
    for at in 0..10 {
        call(
            &*watch,
            &context(&at.to_string()),
            &numbers(&[1.0]),
            &numbers(&[1.0]),
        );
    }
    log.close(LONG).await;
    let got = receiver.got();
    let lists = got.iter().map(|got| {
        assert_eq!(
            got.headers["content-type"],
            "application/cloudevents-batch+json"
        );
        serde_json::from_slice::<Vec<Value>>(&got.body).unwrap()
    });
    let events: Vec<Value> = lists.flatten().collect();
    assert_eq!(events.len(), 20);
    assert!(got.len() < 20, "{} requests", got.len());
    assert!(
        events
            .iter()
            .all(|event| event["data"]["data"]["ndarray"] == json!([[1.0]]))
    );
}

#[tokio::test]
async fn nodes_of_one_target_share_its_queue() {
    let receiver = Receiver::new(|_| 200).await;
    let log = log(settings());
    let one = log.watch(&receiver.target, node("a")).unwrap();
    let other = log.watch(&receiver.target, node("b")).unwrap();
    assert_eq!(log.workers.len(), 1);
    pass(&*one, Stage::Call(Method::Predict), &numbers(&[1.0]));
    pass(&*other, Stage::Call(Method::Predict), &numbers(&[1.0]));
    // A deployment that goes leaves nothing behind: the workers end once all is sent.
    drop((one, other));
    log.workers.close();
    timeout(LONG, log.workers.wait()).await.unwrap();
    let got = receiver.got();
    let nodes: Vec<&str> = got.iter().map(|got| &*got.headers["ce-modelid"]).collect();
    assert_eq!(nodes, ["a", "a", "b", "b"]);
}

#[test]
fn kafka_takes_the_place_of_http_and_the_default_comes_last() {
    let target = |settings: &Settings, written| log(settings.clone()).target(written).unwrap();
    let plain = Settings::default();
    let http = |url| Some(Target::parse(url).unwrap());
    assert_eq!(target(&plain, None), None);
    assert_eq!(target(&plain, Some("http://a/")), http("http://a/"));
    let endpoint = Settings {
        endpoint: Some("http://broker".into()),
        ..plain.clone()
    };
    assert_eq!(target(&endpoint, None), http("http://broker"));
    assert_eq!(target(&endpoint, Some("http://a/")), http("http://a/"));
    let kafka = Settings {
        kafka_broker: Some("k:9092".into()),
        ..endpoint
    };
    let topic = Some(Target::kafka("k:9092", None));
    assert_eq!(target(&kafka, None), topic);
    assert_eq!(target(&kafka, Some("http://a/")), topic);
    assert_eq!(target(&kafka, Some("/x")), http("/x"));
    let error = log(plain).target(Some("broker")).unwrap_err();
    assert!(
        error
            .message()
            .starts_with("logger.url: expected `http://`"),
        "{error}"
    );
}

/// Records that a cluster got: topic, key, headers, value.
type Published = Arc<Mutex<Vec<(String, Vec<u8>, Vec<(String, String)>, Vec<u8>)>>>;

/// A cluster whose first try fails.
struct Cluster(Published, AtomicU64);

impl crate::Publish for Cluster {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        key: bytes::Bytes,
        headers: Vec<crate::Header>,
        value: bytes::Bytes,
    ) -> hari_core::BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.1.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(Error::unavailable("no leader"));
            }
            let text = |bytes: bytes::Bytes| String::from_utf8(bytes.to_vec()).unwrap();
            let headers = headers.into_iter().map(|(name, value)| (name, text(value)));
            let record = (
                topic.to_owned(),
                key.to_vec(),
                headers.collect(),
                value.to_vec(),
            );
            self.0.lock().unwrap().push(record);
            Ok(())
        })
    }
}

#[tokio::test]
async fn records_of_kafka_have_the_headers_of_the_contract() {
    let got = Published::default();
    let own = got.clone();
    let connect: Connect = Arc::new(move |brokers| {
        assert_eq!(brokers, "k:9092");
        Arc::new(Cluster(own.clone(), AtomicU64::new(0)))
    });
    let log = PayloadLog::new(settings(), connect);
    let watch = log
        .watch(&Target::kafka("k:9092", None), node("m"))
        .unwrap();
    call(&*watch, &context("p"), &numbers(&[1.0]), &numbers(&[2.0]));
    assert_eq!(log.close(LONG).await, 0);
    let got = got.lock().unwrap();
    assert_eq!(got.len(), 2);
    let (topic, key, headers, value) = &got[0];
    assert_eq!((&**topic, &**key), ("seldon", b"p".as_slice()));
    let value: Value = serde_json::from_slice(value).unwrap();
    assert_eq!(value["data"]["ndarray"], json!([[1.0]]));
    for (name, value) in [
        ("type", "io.seldon.serving.inference.request"),
        ("content-type", "application/json"),
        ("modelid", "m"),
        ("requestid", "p"),
        ("inferenceservicename", "dep"),
        ("namespace", "ns"),
        ("endpoint", "main"),
        ("protocol", "seldon"),
    ] {
        assert!(
            headers.contains(&(name.to_owned(), value.to_owned())),
            "{name}: {headers:?}"
        );
    }
}
