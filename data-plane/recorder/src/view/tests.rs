//! Trees as they are printed, whole.

use serde_json::json;

use super::*;
use crate::recording::Fault;

fn graph(nodes: &[(&str, usize)]) -> Vec<GraphNode> {
    let node = |&(name, depth): &(&str, usize)| GraphNode {
        name: name.to_owned(),
        depth,
    };
    nodes.iter().map(node).collect()
}

fn event(node: &str, stage: &str, method: &str, start: u64, took: u64) -> Event {
    Event {
        node: node.to_owned(),
        stage: stage.to_owned(),
        method: method.to_owned(),
        start,
        took: Some(took),
        ..Event::default()
    }
}

fn numbers(name: &str, values: &[f64]) -> Content {
    Content {
        tensors: vec![Tensor {
            name: name.to_owned(),
            datatype: "FP64".to_owned(),
            shape: vec![1, values.len()],
            values: values.iter().map(|value| json!(value)).collect(),
            ..Tensor::default()
        }],
        ..Content::default()
    }
}

fn routed() -> Recording {
    Recording {
        id: "abc".to_owned(),
        time: "2026-11-22T23:01:02.123456Z".to_owned(),
        deployment: "default/ab".to_owned(),
        predictor: "main".to_owned(),
        took: 1000,
        graph: graph(&[("ab", 0), ("scale", 1), ("model", 2), ("other", 1)]),
        events: vec![
            Event {
                asked: vec![numbers("x", &[1.0, 2.0])],
                answer: Some(numbers("y", &[3.0])),
                ..event("ab", "node", "predict", 0, 1000)
            },
            Event {
                asked: vec![numbers("x", &[1.0, 2.0])],
                answer: Some(numbers("", &[0.0])),
                branch: Some(0),
                ..event("ab", "call", "route", 0, 100)
            },
            event("scale", "node", "predict", 100, 900),
            Event {
                asked: vec![numbers("x", &[1.0, 2.0])],
                answer: Some(numbers("x", &[0.5, 1.0])),
                ..event("scale", "call", "transform-input", 100, 200)
            },
            event("model", "node", "predict", 300, 600),
            Event {
                asked: vec![numbers("x", &[0.5, 1.0])],
                answer: Some(numbers("y", &[3.0])),
                ..event("model", "call", "predict", 300, 600)
            },
        ],
    }
}

#[test]
fn a_router_shows_its_branch_and_who_was_not_asked() {
    let expected = "\
abc
default/ab  main  2026-11-22T23:01:02.123456Z  1.000 ms

ab                          ████████████████████████    0.000 ms +1.000 ms
│  route                    ██······················    0.000 ms +0.100 ms
│    in  x FP64 [1, 2] 1.0 2.0
│    -> branch 0: scale
├─ scale                    ··██████████████████████    0.100 ms +0.900 ms
│  │  transform-input       ··█████·················    0.100 ms +0.200 ms
│  │    in  x FP64 [1, 2] 1.0 2.0
│  │    out x FP64 [1, 2] 0.5 1.0
│  └─ model                 ·······██████████████···    0.300 ms +0.600 ms
│       predict             ·······██████████████···    0.300 ms +0.600 ms
│         in  x FP64 [1, 2] 0.5 1.0
│         out y FP64 [1, 1] 3.0
└─ other  not asked
";
    let found = tree(&routed(), Style::default());
    // Where the bars begin is of no interest here: runs of blanks are one.
    let squeezed = |text: &str| {
        let words = |line: &str| {
            let kept = line.trim_start_matches(['│', ' ', '├', '─', '└']);
            let lead = line.chars().count() - kept.chars().count();
            (lead, kept.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        text.lines().map(words).collect::<Vec<_>>()
    };
    assert_eq!(squeezed(&found), squeezed(expected), "{found}");
    let bars: Vec<usize> = found
        .lines()
        .filter_map(|line| line.chars().position(|c| "█·".contains(c)))
        .collect();
    assert_eq!(bars.len(), 6);
    assert!(bars.iter().all(|at| *at == bars[0]), "{found}");
}

#[test]
fn failures_feedback_and_what_never_answered_are_said() {
    let mut recording = routed();
    recording.graph = graph(&[("m", 0)]);
    recording.events = vec![
        Event {
            asked: vec![Content {
                part: "truth".to_owned(),
                text: Some("a\u{1b}[31mb\n".to_owned()),
                tags: json!({"k": 1}).as_object().unwrap().clone(),
                ..Content::default()
            }],
            reward: Some(0.5),
            error: Some(Fault {
                reason: "MODEL_ERROR".to_owned(),
                message: "it broke".to_owned(),
                node: None,
            }),
            ..event("m", "call", "send-feedback", 0, 10)
        },
        Event {
            took: None,
            ..event("m", "call", "predict", 990, 0)
        },
    ];
    let found = tree(&recording, Style::default());
    for line in [
        "    truth text a\\u{1b}[31mb\\n",
        "    truth tag k=1",
        "    reward 0.5",
        "    !! MODEL_ERROR: it broke",
    ] {
        assert!(found.lines().any(|found| found == line), "{line}\n{found}");
    }
    assert!(found.contains("0.990 ms +no answer"), "{found}");
    assert!(!found.contains('\u{1b}'));
    let coloured = tree(&recording, Style { colour: true });
    assert!(coloured.contains("\u{1b}[31mMODEL_ERROR: it broke\u{1b}[0m"));
}

#[test]
fn branches_are_named_as_far_as_they_are_there() {
    let recording = routed();
    let page = Page {
        recording: &recording,
        style: Style::default(),
        width: 0,
    };
    let said = |branch| page.branch("ab", branch);
    assert_eq!(said(1), "branch 1: other");
    assert_eq!(said(2), "branch 2, which is not there");
    assert_eq!(
        (said(-1), said(-2)),
        ("all branches".into(), "no branch".into())
    );
}

#[test]
fn long_values_are_cut_and_bars_stay_in_their_room() {
    let mut content = numbers("x", &[0.25; 20]);
    content.tensors[0].more = 5;
    let said = tensor(&content.tensors[0]);
    assert!(said.ends_with("0.25 ... 17 more"), "{said}");
    assert_eq!(shortened(&"a".repeat(100)).len(), TEXT + 3);
    for (start, took) in [(0, 0), (0, 1000), (999, 1), (1000, 1000), (5000, u64::MAX)] {
        assert_eq!(
            bar(start, took, 1000).chars().count(),
            BAR,
            "{start} {took}"
        );
    }
}
