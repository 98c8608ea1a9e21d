//! A Python class that gives back what it gets: Hari's workers against the original's wrapper, one
//! worker each, on the same interpreter.

#![expect(clippy::print_stderr, reason = "what takes minutes says so")]

use std::fs;

use anyhow::Result;

use super::load::{self, Load};
use super::report::{Aim, Line, row, servers};
use super::server::Server;
use super::subjects::{Question, Right, Subject, Tools};
use super::{RUNS, SERVER_CORE, middle, text as path_text};
use crate::venv::Venv;
use crate::workspace;

/// What Hari has to answer for each answer of the wrapper.
const TIMES: f64 = 3.0;
/// The method that both have over gRPC.
const METHOD: &str = "/seldon.protos.Model/Predict";
/// What is sent over gRPC.
const VALUES: [f64; 4] = [4.0, 3.0, 2.0, 1.0];

/// What was measured.
#[derive(Default)]
pub(super) struct Measured {
    rest: Vec<Line>,
    /// Requests one after the other.
    grpc: Vec<(&'static str, load::Measured)>,
}

/// Python with the wrapper; Hari's workers run in it, too.
pub(super) fn venv() -> Result<Venv> {
    Venv::ready(&workspace::root().join("e2e/local/requirements/seldon-core.txt"))
}

/// Both servers in both transports.
pub(super) fn measure(
    tools: &Tools<'_>,
    load: &Load,
    venv: &Venv,
    starts: usize,
) -> Result<Measured> {
    let mut measured = Measured::default();
    for (subject, _) in subjects(tools, venv)? {
        measured
            .rest
            .extend(super::measure(&subject, load, starts)?);
    }
    let message = tools.scratch.join("message");
    let expected = tools.scratch.join("values");
    fs::write(&message, encoded(&VALUES))?;
    fs::write(&expected, VALUES.map(f64::to_le_bytes).concat())?;
    for (subject, port) in over_grpc(tools, venv)? {
        eprintln!("{}: gRPC", subject.name);
        let _server = Server::start(&subject, SERVER_CORE)?;
        let run = || load.message(port, METHOD, [&message, &expected]);
        measured.grpc.push((subject.name, middle(RUNS, run)?));
    }
    Ok(measured)
}

fn hari(tools: &Tools<'_>, venv: &Venv) -> Result<(Subject, u16)> {
    let (mut subject, port) = tools.hari("Hari", "bench/models/echo.yaml")?;
    subject
        .env
        .push(("HARI_PYTHON", path_text(&venv.interpreter())));
    subject.questions = vec![question(port)];
    Ok((subject, port))
}

/// REST: the wrapper in both of its forms.
fn subjects(tools: &Tools<'_>, venv: &Venv) -> Result<Vec<(Subject, u16)>> {
    let mut subjects = vec![hari(tools, venv)?];
    for threads in [1, 4] {
        let folder = workspace::root().join("bench/peers/wrapper");
        let (mut wrapper, port) = tools.wrapper_in(venv, threads, "Echo", folder)?;
        wrapper.questions = vec![question(port)];
        subjects.push((wrapper, port));
    }
    Ok(subjects)
}

/// gRPC: one worker with one thread, its default.
fn over_grpc(tools: &Tools<'_>, venv: &Venv) -> Result<Vec<(Subject, u16)>> {
    let folder = workspace::root().join("bench/peers/wrapper");
    let (mut wrapper, _) = tools.wrapper_in(venv, 1, "Echo", folder)?;
    let mut port = 0;
    let mut flag = String::new();
    for word in &mut wrapper.command {
        match flag.as_str() {
            "--grpc-workers" => "1".clone_into(word),
            "--grpc-port" => port = word.parse()?,
            _ => {}
        }
        flag.clone_from(word);
    }
    Ok(vec![hari(tools, venv)?, (wrapper, port)])
}

fn question(port: u16) -> Question {
    Question {
        name: "4 numbers",
        url: format!("http://127.0.0.1:{port}/api/v1.0/predictions"),
        body: workspace::root().join("bench/models/row-4.json"),
        pointer: "/data/ndarray/0",
        right: Right::Highest(0),
    }
}

/// A `SeldonMessage` with `data.tensor`, one row: fields 3, 2, then the shape and the values.
fn encoded(values: &[f64]) -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap_or_default();
        [&[number << 3 | 2, length], content].concat()
    };
    let columns = u8::try_from(values.len()).unwrap_or_default();
    let numbers: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let tensor = [field(1, &[1, columns]), field(2, &numbers)].concat();
    field(3, &field(2, &tensor))
}

/// Hari's rate as a multiple of the faster form of its peer.
fn times<'a>(rates: impl Iterator<Item = (&'a str, f64)> + Clone) -> Option<f64> {
    let ours = rates.clone().find(|(name, _)| *name == "Hari")?.1;
    let peers = rates.filter(|(name, _)| *name != "Hari");
    let best = peers.map(|(_, rate)| rate).reduce(f64::max)?;
    Some(ours / best)
}

/// What was aimed at.
pub(super) fn aims(measured: &Measured) -> Vec<Aim> {
    let rest = measured.rest.iter();
    let rest = times(rest.map(|line| (&*line.server, line.saturated.rate)));
    let grpc = times(measured.grpc.iter().map(|(name, run)| (*name, run.rate)));
    let aim = |(transport, found): (&str, Option<f64>)| {
        let found = found?;
        Some(Aim {
            what: format!("a trivial Python class over {transport}, as a multiple of the wrapper"),
            aim: format!("at least {TIMES}"),
            found: format!("{found:.1}"),
            met: found >= TIMES,
        })
    };
    let both = [("REST", rest), ("gRPC", grpc)];
    both.into_iter().filter_map(aim).collect()
}

/// The part of the report.
pub(super) fn text(measured: &Measured) -> String {
    let mut text = String::new();
    if measured.rest.is_empty() {
        return text;
    }
    text.push_str(
        "\n## A Python class that does nothing, one worker\n\nOver REST, one row of JSON:\n\n",
    );
    servers(&mut text, &measured.rest);
    text.push_str("\nOver gRPC, one request after the other:\n\n");
    text.push_str("| server | requests/s | p50, µs | p99, µs |\n|---|---:|---:|---:|\n");
    for (name, run) in &measured.grpc {
        let numbers = [run.rate, run.p50, run.p99].map(|number| format!("{number:.0}"));
        let [rate, p50, p99] = numbers;
        row(&mut text, &[(*name).to_owned(), rate, p50, p99]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_a_row_of_a_tensor() {
        let bytes = encoded(&[1.0]);
        let expected = [
            0x1a, 16, 0x12, 14, 0x0a, 2, 1, 1, 0x12, 8, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f,
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn the_faster_peer_counts() {
        let rates = [
            ("Hari", 900.0),
            ("wrapper", 100.0),
            ("wrapper, 4 threads", 300.0),
        ];
        assert_eq!(times(rates.into_iter()), Some(3.0));
        assert_eq!(times([("Hari", 900.0)].into_iter()), None);
    }

    #[test]
    fn what_is_served_exists() {
        let root = workspace::root();
        assert!(root.join("bench/models/echo.yaml").is_file());
        assert!(root.join("bench/peers/wrapper/Echo.py").is_file());
        assert!(question(1).body.is_file());
    }
}
