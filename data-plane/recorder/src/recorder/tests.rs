//! Requests through a real graph, and their files.

use std::time::Duration;

use hari_core::{BoxFuture, Feedback, Input, Method, ModelMetadata, Payload, Tensor, Unit};
use hari_error::Kind;
use hari_graph::{Calls, Graph, Node};

use super::*;
use crate::{Folder, Recording};

/// Answers what it is told to; `None` never answers.
struct Scripted(Option<Result<f64, &'static str>>);

impl Unit for Scripted {
    fn call<'a>(&'a self, _: Method, _: Input, _: &'a Context) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            match self.0 {
                Some(Ok(number)) => Ok(message(number)),
                Some(Err(words)) => Err(Error::new(Kind::Model, words)),
                None => std::future::pending().await,
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        Arc::default()
    }

    fn find(&self, _: &str) -> Option<Arc<dyn Unit>> {
        None
    }
}

fn message(number: f64) -> Message {
    Message::tensor("x", Tensor::from_vec([1, 1], vec![number]).unwrap())
}

struct Bench {
    root: tempfile::TempDir,
    recorder: Recorder,
    graph: Graph,
}

impl Bench {
    /// A router that always chooses the second of two models.
    fn new(change: impl FnOnce(&mut Options), second: Option<Result<f64, &'static str>>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut options = Options::new(root.path());
        change(&mut options);
        let recorder = Recorder::new(options).unwrap();
        let layout = |name: &str, depth| GraphNode {
            name: name.into(),
            depth,
        };
        let layout = vec![layout("r", 0), layout("a", 1), layout("b", 1)];
        let node = |name: &str, calls, unit| Node {
            name: name.into(),
            calls,
            unit: Some(Arc::new(Scripted(unit)) as Arc<dyn Unit>),
            watch: Some(recorder.watch("ns/d", "p", layout.clone())),
            ..Node::default()
        };
        let predicts = Calls {
            predict: true,
            ..Calls::default()
        };
        let routes = Calls {
            route: true,
            feedback: true,
            ..Calls::default()
        };
        let mut router = node("r", routes, Some(Ok(1.0)));
        router.children = vec![
            node("a", predicts, Some(Ok(7.0))),
            node("b", predicts, second),
        ];
        Self {
            graph: Graph::new("p".to_owned(), router),
            root,
            recorder,
        }
    }

    async fn ask(&self, context: &Context) -> Result<Message> {
        let input = Input::One(message(3.0));
        self.graph.call(Method::Predict, input, context).await
    }

    fn recordings(&self) -> Vec<Recording> {
        self.recorder.flush();
        let entries = Folder::at(self.root.path()).entries().unwrap();
        entries.iter().map(|entry| entry.read().unwrap()).collect()
    }
}

fn context(id: &str) -> Context {
    Context::new(id, Duration::from_secs(60))
}

/// Node, stage and method of each event.
fn steps(recording: &Recording) -> Vec<String> {
    let step = |event: &crate::Event| format!("{} {} {}", event.node, event.stage, event.method);
    recording.events.iter().map(step).collect()
}

#[tokio::test]
async fn a_request_is_kept_with_what_every_node_saw() {
    let bench = Bench::new(|_| {}, Some(Ok(9.0)));
    bench.ask(&context("one")).await.unwrap();
    let recordings = bench.recordings();
    let [recording] = &recordings[..] else {
        panic!("{recordings:?}")
    };
    assert_eq!((&*recording.id, &*recording.deployment), ("one", "ns/d"));
    assert_eq!(
        steps(recording),
        [
            "r node predict",
            "r call route",
            "b node predict",
            "b call predict"
        ]
    );
    let [root, route, _, model] = &recording.events[..] else {
        panic!("{recording:?}")
    };
    assert_eq!(route.branch, Some(1));
    assert_eq!(model.asked[0].tensors[0].values, [3.0]);
    assert_eq!(model.answer.as_ref().unwrap().tensors[0].values, [9.0]);
    assert_eq!(root.answer.as_ref().unwrap().tensors[0].values, [9.0]);
    assert!(recording.events.iter().all(|event| event.took.is_some()));
}

#[tokio::test]
async fn failures_and_feedback_are_kept() {
    let bench = Bench::new(|_| {}, Some(Err("out of order")));
    bench.ask(&context("bad")).await.unwrap_err();
    let feedback = Feedback {
        request: Some(message(1.0)),
        response: None,
        reward: 0.5,
        truth: Some(Message {
            payload: Payload::Text("yes".into()),
            ..Message::default()
        }),
    };
    let context = context("feedback");
    let input = Input::Feedback(Box::new(feedback));
    bench
        .graph
        .call(Method::SendFeedback, input, &context)
        .await
        .unwrap();
    let recordings = bench.recordings();
    let [feedback, bad] = &recordings[..] else {
        panic!("{recordings:?}")
    };
    let fault = bad.events[3].error.as_ref().unwrap();
    assert_eq!(
        (&*fault.reason, &*fault.message),
        ("MODEL_ERROR", "out of order")
    );
    assert_eq!(fault.node.as_deref(), Some("b"));
    let parts = feedback.events[0]
        .asked
        .iter()
        .map(|content| &*content.part);
    assert_eq!(parts.collect::<Vec<_>>(), ["request", "truth"]);
    assert_eq!(feedback.events[0].reward, Some(0.5));
}

#[tokio::test]
async fn requests_of_one_id_are_kept_apart() {
    let bench = Arc::new(Bench::new(|_| {}, Some(Ok(9.0))));
    let contexts: Vec<Context> = (0..20).map(|_| context("same")).collect();
    let asked: Vec<_> = contexts
        .into_iter()
        .map(|context| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move { bench.ask(&context).await })
        })
        .collect();
    for one in asked {
        one.await.unwrap().unwrap();
    }
    let recordings = bench.recordings();
    assert!(
        recordings
            .iter()
            .all(|recording| recording.events.len() == 4)
    );
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_not() {
    let bench = Bench::new(|options| options.sample = 0.0, Some(Ok(9.0)));
    bench.ask(&context("one")).await.unwrap();
    assert!(bench.recordings().is_empty());
    let bench = Bench::new(|_| {}, Some(Ok(9.0)));
    let skipped = Context {
        skip_logging: true,
        ..context("skipped")
    };
    bench.ask(&skipped).await.unwrap();
    assert!(bench.recordings().is_empty());
}

#[tokio::test]
async fn a_request_whose_caller_went_away_is_kept_once_its_deadline_passed() {
    let bench = Bench::new(|_| {}, None);
    let context = Context::new("gone", Duration::from_millis(1));
    let asked = tokio::time::timeout(Duration::from_millis(5), bench.ask(&context));
    assert!(asked.await.is_err());
    let requests = &bench.recorder.requests;
    let mut under_way = requests.under_way();
    assert_eq!(under_way.requests.len(), 1);
    under_way.swept = Instant::now().checked_sub(2 * SWEEP).unwrap();
    requests.sweep(&mut under_way);
    assert!(under_way.requests.is_empty());
    drop(under_way);
    let recordings = bench.recordings();
    let last = recordings[0].events.last().unwrap();
    assert_eq!((&*last.node, last.took), ("b", None));
}
