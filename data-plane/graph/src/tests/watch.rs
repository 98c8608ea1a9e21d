//! Those who look on: what they are told, in which order, and that it is the unit's own.

use std::sync::Mutex;

use hari_core::{Asked, Feedback, Meta, Moment, Stage, Watch};
use hari_error::{Error, Kind};
use hari_testkit::{Failing, Gated};

use super::double::{Double, Log};
use super::*;

/// Writes down what it is told, one line each.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, moment: &Moment<'_>, word: &str, what: &str) {
        let (kind, method) = match moment.stage {
            Stage::Node(method) => ("node", method),
            Stage::Call(method) => ("call", method),
        };
        let line = format!("{} {kind} {} {word} {what}", moment.node, method.path());
        assert_eq!(&*moment.context.puid, "puid");
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn shown(message: &Message) -> String {
    let payload = match &message.payload {
        hari_core::Payload::Text(words) => words.as_str(),
        other => other.kind(),
    };
    let tags: Vec<_> = message.meta.tags.keys().cloned().collect();
    format!("{payload}[{}]", tags.join(" "))
}

impl Watch for Notes {
    fn asked(&self, moment: &Moment<'_>, asked: Asked<'_>) {
        let what = match asked {
            Asked::One(message) => shown(message),
            Asked::Many(messages) => messages.iter().map(shown).collect::<Vec<_>>().join("+"),
            Asked::Feedback(feedback) => format!("reward {}", feedback.reward),
        };
        self.add(moment, "<", &what);
    }

    fn answered(&self, moment: &Moment<'_>, answer: Result<&Message, &Error>, took: Duration) {
        let what = match answer {
            Ok(message) => shown(message),
            Err(error) => error.to_string(),
        };
        assert!(took < PATIENCE);
        self.add(moment, ">", &what);
    }
}

fn watched(notes: &Notes, node: Node) -> Node {
    let watch: Option<Arc<dyn Watch>> = Some(Arc::new(notes.clone()));
    Node { watch, ..node }
}

/// Answers its name, with a tag of its name.
fn tagging(name: &str, calls: Calls, children: Vec<Node>) -> Node {
    let tags = [(name.to_owned(), serde_json::Value::from(1))];
    let meta = Meta {
        tags: tags.into_iter().collect(),
        ..Meta::default()
    };
    node(name, calls, Double::saying(name, meta), children)
}

#[tokio::test]
async fn a_node_is_told_around_its_calls_and_a_calls_meta_is_its_own() {
    let notes = Notes::default();
    let model = watched(&notes, tagging("m", MODEL, vec![]));
    let both = Calls {
        transform_output: true,
        ..TRANSFORMER
    };
    let root = watched(&notes, tagging("t", both, vec![model]));
    predict(root, text("in")).await.unwrap();
    let told = [
        "t node predict < in[]",
        "t call transform-input < in[]",
        "t call transform-input > t[t]",
        "m node predict < t[t]",
        "m call predict < t[t]",
        "m call predict > m[m]",
        "m node predict > m[t m]",
        "t call transform-output < m[t m]",
        "t call transform-output > t[t]",
        "t node predict > t[t m]",
    ];
    assert_eq!(notes.lines(), told);
}

#[tokio::test]
async fn one_call_alone_is_a_node_too() {
    let notes = Notes::default();
    predict(watched(&notes, tagging("m", MODEL, vec![])), text("in"))
        .await
        .unwrap();
    let told = [
        "m node predict < in[]",
        "m call predict < in[]",
        "m call predict > m[m]",
        "m node predict > m[m]",
    ];
    assert_eq!(notes.lines(), told);
}

#[tokio::test]
async fn combiners_and_routers_show_what_they_got() {
    let notes = Notes::default();
    let log = Log::default();
    let leaf = |name| spelling(name, MODEL, &log, vec![]);
    let combiner = spelling("c", COMBINER, &log, vec![leaf("a"), leaf("b")]);
    let root = router("r", 0, &log, vec![watched(&notes, combiner)]);
    predict(watched(&notes, root), text("in")).await.unwrap();
    let told = [
        "r node predict < in[]",
        "r call route < in[]",
        "r call route > data[]",
        "c node predict < in[]",
        "c call aggregate < in.a[]+in.b[]",
        "c call aggregate > (in.a,in.b).c[]",
        "c node predict > (in.a,in.b).c[]",
        "r node predict > (in.a,in.b).c[]",
    ];
    assert_eq!(notes.lines(), told);
}

#[tokio::test]
async fn a_failure_is_told_at_every_node_it_passes() {
    let notes = Notes::default();
    let failing = node("m", MODEL, Failing::new("m", Kind::Model, "bad"), vec![]);
    let root = watched(
        &notes,
        bare("root", NOTHING, vec![watched(&notes, failing)]),
    );
    predict(root, text("in")).await.unwrap_err();
    let told = [
        "root node predict < in[]",
        "m node predict < in[]",
        "m call predict < in[]",
        "m call predict > node `m`: bad",
        "m node predict > node `m`: bad",
        "root node predict > node `m`: bad",
    ];
    assert_eq!(notes.lines(), told);
}

#[tokio::test]
async fn feedback_is_told_and_a_model_that_knows_none_accepts_it() {
    let notes = Notes::default();
    let deaf = Failing::new("m", Kind::Unimplemented, "no feedback");
    let model = watched(&notes, node("m", MODEL, deaf, vec![]));
    let root = graph(watched(&notes, bare("root", TRANSFORMER, vec![model])));
    let feedback = Feedback {
        reward: 0.5,
        ..Feedback::default()
    };
    let input = Input::Feedback(Box::new(feedback));
    root.call(Method::SendFeedback, input, &context())
        .await
        .unwrap();
    let told = [
        "root node send-feedback < reward 0.5",
        "m node send-feedback < reward 0.5",
        "m call send-feedback < reward 0.5",
        "m call send-feedback > an empty message[]",
        "m node send-feedback > an empty message[]",
        "root node send-feedback > an empty message[]",
    ];
    assert_eq!(notes.lines(), told);
}

#[tokio::test]
async fn a_call_that_is_not_made_or_dropped_is_not_answered() {
    let notes = Notes::default();
    let gate = Gated::new("gate");
    let slow = watched(&notes, node("slow", MODEL, gate.clone(), vec![]));
    let call = tokio::spawn(predict(slow, text("in")));
    soon(gate.until_waiting(1)).await;
    call.abort();
    soon(gate.until_waiting(0)).await;
    let told = ["slow node predict < in[]", "slow call predict < in[]"];
    assert_eq!(notes.lines(), told);
}
