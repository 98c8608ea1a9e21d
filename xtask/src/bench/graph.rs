//! What a node more costs: chains of nodes that do nothing, in one process and over connections.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};

use super::load::{Load, Measured};
use super::report::{Aim, row, time};
use super::server::Server;
use super::subjects::{Question, Right, Subject, Tools};
use super::{RUNS, SERVER_CORE, free_port, middle, text};
use crate::workspace;

/// Nodes of the longer chain.
const NODES: usize = 10;
/// Microseconds that a node more may cost in one process.
const AIM: f64 = 5.0;

/// What the nodes of a chain are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The built-in model that always answers the same.
    Builtin,
    /// An ONNX model that answers what it is asked.
    Onnx,
    /// The same, each in a process of its own, called in Seldon's protocol over REST.
    Remote,
}

const KINDS: [Kind; 3] = [Kind::Builtin, Kind::Onnx, Kind::Remote];

/// A chain of one node and a chain of ten.
pub(super) struct Line {
    kind: Kind,
    one: Measured,
    ten: Measured,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Builtin => "built in (SIMPLE_MODEL)",
            Self::Onnx => "ONNX identity, in this process",
            Self::Remote => "ONNX identity, `hari serve` for each",
        }
    }

    /// Index of the highest number of the answer to the row of four numbers.
    fn highest(self) -> usize {
        usize::from(self == Self::Builtin)
    }
}

impl Line {
    /// Microseconds for each node after the first, at p50.
    fn each(&self) -> f64 {
        (self.ten.p50 - self.one.p50) / (NODES - 1) as f64
    }
}

/// Chains of every kind, asked by one connection.
pub(super) fn measure(tools: &Tools<'_>, load: &Load) -> Result<Vec<Line>> {
    let line = |kind| {
        Ok(Line {
            kind,
            one: chain(tools, load, kind, 1)?,
            ten: chain(tools, load, kind, NODES)?,
        })
    };
    KINDS.into_iter().map(line).collect()
}

fn chain(tools: &Tools<'_>, load: &Load, kind: Kind, nodes: usize) -> Result<Measured> {
    let ports: Vec<u16> = (0..nodes).map(|_| free_port()).collect::<Result<_>>()?;
    let remote = match kind {
        Kind::Remote => components(tools, load, &ports)?,
        _ => Vec::new(),
    };
    let file = tools.scratch.join(format!("chain-{kind:?}-{nodes}.yaml"));
    fs::write(&file, manifest(kind, &ports)).context("writing a chain")?;
    let (mut subject, port) = tools.hari("chain", &text(&file))?;
    subject.questions = vec![question(port, "/api/v1.0/predictions", kind)];
    let server = Server::start(&subject, SERVER_CORE)?;
    let question = subject.questions.first().context("nothing to ask")?;
    load.wait(question)?;
    let measured = middle(RUNS, || load.sequential(question))?;
    drop((server, remote));
    Ok(measured)
}

fn question(port: u16, path: &str, kind: Kind) -> Question {
    Question {
        name: "chain",
        url: format!("http://127.0.0.1:{port}{path}"),
        body: workspace::root().join("bench/models/row-4.json"),
        pointer: "/data/ndarray/0",
        right: Right::Highest(kind.highest()),
    }
}

/// A process for each port, on the core of the server, ready to be called.
fn components(tools: &Tools<'_>, load: &Load, ports: &[u16]) -> Result<Vec<Server>> {
    let start = |(at, port): (usize, &u16)| {
        let subject = component(tools, at, *port);
        let server = Server::start(&subject, SERVER_CORE)?;
        load.wait(&question(*port, "/predict", Kind::Remote))?;
        Ok(server)
    };
    ports.iter().enumerate().map(start).collect()
}

fn component(tools: &Tools<'_>, at: usize, port: u16) -> Subject {
    let model = workspace::root().join("bench/models/identity.onnx");
    let mut command = vec![text(&tools.built.join("hari")), "serve".to_owned()];
    for (flag, value) in [
        ("--name", format!("node-{at}")),
        ("--model-uri", text(&model)),
        ("--host", "127.0.0.1".to_owned()),
        ("--http-port", port.to_string()),
        ("--grpc-port", "0".to_owned()),
        ("--metrics-port", "0".to_owned()),
    ] {
        command.extend([flag.to_owned(), value]);
    }
    Subject {
        name: "component",
        command,
        env: Vec::new(),
        folder: workspace::root().to_owned(),
        log: tools.scratch.join(format!("component-{at}.log")),
        questions: Vec::new(),
        starts: 1,
    }
}

/// A deployment whose graph is a chain, each node the only child of the one before it.
fn manifest(kind: Kind, ports: &[u16]) -> String {
    let model = workspace::root().join("bench/models/identity.onnx");
    let mut text = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n\
                    metadata: {name: chain}\nspec:\n  predictors:\n  - name: main\n    graph:\n"
        .to_owned();
    for (at, port) in ports.iter().enumerate() {
        let indent = " ".repeat(6 + 4 * at);
        let (first, rest) = match at {
            0 => (indent.clone(), indent),
            _ => (format!("{}- ", " ".repeat(4 + 4 * at)), indent),
        };
        let what = match kind {
            Kind::Builtin => "implementation: SIMPLE_MODEL".to_owned(),
            Kind::Onnx => format!(
                "implementation: ONNX_SERVER\n{rest}modelUri: {}",
                model.display()
            ),
            Kind::Remote => format!(
                "type: MODEL\n{rest}endpoint: {{service_host: 127.0.0.1, service_port: {port}, \
                 type: REST}}"
            ),
        };
        // Writing to a String does not fail.
        let _ = writeln!(text, "{first}name: node-{at}\n{rest}{what}");
        if at + 1 < ports.len() {
            let _ = writeln!(text, "{rest}children:");
        }
    }
    text
}

pub(super) fn aims(lines: &[Line]) -> Vec<Aim> {
    let within = lines.iter().filter(|line| line.kind != Kind::Remote);
    let aim = |line: &Line| Aim {
        what: format!("a node more, {}", line.kind.name()),
        aim: format!("below {AIM} µs"),
        found: format!("{:.1} µs", line.each()),
        met: line.each() < AIM,
    };
    within.map(aim).collect()
}

pub(super) fn table(lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n## Graphs: chains of nodes that do nothing, one request after the other\n\n\
         | nodes | one: p50 | p99 | {NODES}: p50 | p99 | a node more |\n|---|---|---|---|---|---|\n"
    );
    for line in lines {
        let columns = [
            line.kind.name().to_owned(),
            time(line.one.p50),
            time(line.one.p99),
            time(line.ten.p50),
            time(line.ten.p99),
            time(line.each()),
        ];
        row(&mut text, &columns);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: Kind, one: f64, ten: f64) -> Line {
        let measured = |p50| Measured {
            p50,
            ..Measured::default()
        };
        Line {
            kind,
            one: measured(one),
            ten: measured(ten),
        }
    }

    #[test]
    fn a_node_more_is_a_ninth_of_nine_more() {
        let lines = [
            line(Kind::Builtin, 100.0, 127.0),
            line(Kind::Onnx, 100.0, 190.0),
            line(Kind::Remote, 300.0, 3000.0),
        ];
        let aims = aims(&lines);
        let found: Vec<_> = aims.iter().map(|aim| (&*aim.found, aim.met)).collect();
        assert_eq!(found, [("3.0 µs", true), ("10.0 µs", false)]);
        assert!(table(&lines).contains("| ONNX identity, `hari serve` for each | "));
        assert!(table(&[]).is_empty());
    }

    #[test]
    fn a_chain_has_each_node_below_the_one_before() {
        let expected = "    graph:\n      name: node-0\n      implementation: SIMPLE_MODEL\n      \
                        children:\n        - name: node-1\n          implementation: SIMPLE_MODEL\n";
        let found = manifest(Kind::Builtin, &[1, 2]);
        assert!(found.ends_with(expected), "{found}");
        let remote = manifest(Kind::Remote, &[7]);
        assert!(remote.contains("service_port: 7,"), "{remote}");
        assert!(!remote.contains("children"));
        assert!(manifest(Kind::Onnx, &[1]).contains("identity.onnx"));
    }
}
