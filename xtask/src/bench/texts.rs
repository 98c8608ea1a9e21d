//! Texts through a Hugging Face folder: Hari on each engine against MLServer's own runtime.

#![expect(clippy::print_stderr, reason = "what takes minutes says so")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::load::{Load, Measured};
use super::report::row;
use super::server::Server;
use super::subjects::{Question, Right, Subject, Tools};
use super::{RUNS, SERVER_CORE, middle, text};
use crate::venv::Venv;
use crate::workspace;

/// Numbers of texts, and where an answer has the vectors of the last.
const BATCHES: [(usize, &str); 2] = [(1, "/outputs/0/data/0"), (32, "/outputs/0/data/31")];

/// One server with one number of texts.
pub(super) struct Line {
    server: &'static str,
    batch: usize,
    measured: Measured,
}

/// What the texts need.
pub(super) struct Peers<'a> {
    /// Where `bench/models/make.py` wrote.
    pub(super) models: &'a Path,
    /// The folder of ONNX Runtime's library.
    pub(super) library: PathBuf,
    /// Python with MLServer's Hugging Face runtime.
    pub(super) mlserver: &'a Venv,
}

/// Each server with each number of texts.
pub(super) fn measure(tools: &Tools<'_>, load: &Load, peers: &Peers<'_>) -> Result<Vec<Line>> {
    let subjects = [
        peers.hari(tools, "Hari, rten", "rten")?,
        peers.hari(tools, "Hari, onnxruntime", "onnxruntime")?,
        peers.mlserver(tools, "MLServer, optimum", true)?,
        peers.mlserver(tools, "MLServer, torch", false)?,
    ];
    let mut lines = Vec::new();
    for subject in subjects {
        let _server = Server::start(&subject, SERVER_CORE)?;
        for (question, (batch, _)) in subject.questions.iter().zip(BATCHES) {
            eprintln!("{}, {batch} texts", subject.name);
            load.wait(question)?;
            let measured = middle(RUNS, || load.sequential(question))?;
            lines.push(Line {
                server: subject.name,
                batch,
                measured,
            });
        }
    }
    Ok(lines)
}

impl Peers<'_> {
    fn hari(&self, tools: &Tools<'_>, name: &'static str, engine: &'static str) -> Result<Subject> {
        let (mut subject, port) = tools.hari(name, &text(&self.models.join("minilm")))?;
        subject.env.push(("HARI_ENGINE", engine.into()));
        subject.env.push(("HARI_ONNXRUNTIME", text(&self.library)));
        subject.questions = questions(self.models, port)?;
        Ok(subject)
    }

    /// One process, as it is fastest with one model.
    fn mlserver(&self, tools: &Tools<'_>, name: &'static str, optimum: bool) -> Result<Subject> {
        let folder = workspace::root().join("bench/peers/huggingface");
        let (mut subject, port) = tools.mlserver_in(self.mlserver, name, folder)?;
        subject.env.extend([
            (
                "MLSERVER_MODEL_HUGGINGFACE_TASK",
                "feature-extraction".into(),
            ),
            (
                "MLSERVER_MODEL_HUGGINGFACE_PRETRAINED_MODEL",
                text(&self.models.join("minilm")),
            ),
            (
                "MLSERVER_MODEL_HUGGINGFACE_OPTIMUM_MODEL",
                optimum.to_string(),
            ),
            ("HF_HUB_OFFLINE", "1".into()),
        ]);
        subject.questions = questions(self.models, port)?;
        Ok(subject)
    }
}

/// Texts of 32 tokens each; the answer has a vector for each token.
fn questions(models: &Path, port: u16) -> Result<Vec<Question>> {
    let question = |(batch, pointer)| {
        let body = models.join(format!("text-{batch}.json"));
        let highest = std::fs::read_to_string(body.with_extension("highest"));
        let highest = highest.context("reading what is right for the texts")?;
        Ok(Question {
            name: "texts",
            url: format!("http://127.0.0.1:{port}/v2/models/minilm/infer"),
            body,
            pointer,
            right: Right::Highest(highest.trim().parse()?),
        })
    };
    BATCHES.into_iter().map(question).collect()
}

/// The section of the texts; empty if none were measured.
pub(super) fn table(lines: &[Line]) -> String {
    let mut text = String::new();
    if lines.is_empty() {
        return text;
    }
    text.push_str(
        "\n## Texts to vectors, MiniLM-L6 as a Hugging Face folder\n\n\
         | server | texts | p50 | p99 | to MLServer, optimum |\n|---|---:|---:|---:|---:|\n",
    );
    for line in lines {
        row(&mut text, &columns(line, lines));
    }
    let _ = writeln!(
        text,
        "\nThe pipeline `feature-extraction`: 32 tokens in each text, 384 numbers out for each \
         token, as JSON over REST; one request after the other."
    );
    text
}

fn columns(line: &Line, lines: &[Line]) -> [String; 5] {
    let peer = lines
        .iter()
        .find(|peer| peer.server == "MLServer, optimum" && peer.batch == line.batch);
    let ratio = peer.map_or(f64::NAN, |peer| line.measured.p50 / peer.measured.p50);
    let time = |micros: f64| format!("{:.1} ms", micros / 1e3);
    [
        line.server.to_owned(),
        line.batch.to_string(),
        time(line.measured.p50),
        time(line.measured.p99),
        format!("{ratio:.2}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_stands_beside_its_peer() {
        let line = |server, batch, p50| Line {
            server,
            batch,
            measured: Measured {
                p50,
                ..Measured::default()
            },
        };
        let lines = [
            line("Hari, rten", 1, 5000.0),
            line("MLServer, optimum", 1, 10_000.0),
            line("MLServer, optimum", 32, 20_000.0),
        ];
        let text = table(&lines);
        assert!(
            text.contains("| Hari, rten | 1 | 5.0 ms | 0.0 ms | 0.50 |"),
            "{text}"
        );
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn what_is_asked_says_what_is_right() {
        let folder = tempfile::tempdir().unwrap();
        for (batch, _) in BATCHES {
            std::fs::write(folder.path().join(format!("text-{batch}.highest")), "7\n").unwrap();
        }
        let asked = questions(folder.path(), 1).unwrap();
        assert!(
            asked
                .iter()
                .all(|question| question.right == Right::Highest(7))
        );
        assert!(questions(Path::new("none"), 1).is_err());
    }
}
