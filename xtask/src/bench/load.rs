//! The load generator: its commands, and what it measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::subjects::{Question, Right, Subject};
use super::text;

/// Connections, at saturation and at half of it.
pub(super) const CONNECTIONS: usize = 16;
/// Seconds before those that count.
const WARMUP: f64 = 1.0;

/// The load generator on its core.
pub(super) struct Load {
    program: PathBuf,
    core: usize,
    pub(super) seconds: f64,
}

/// One timed run. Times are in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    /// Answers per second.
    pub(super) rate: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// Processor time of the server per answer.
    pub(super) processor: f64,
}

/// The model without a server. Times are in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InProcess {
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// To load the model.
    pub(super) load: f64,
    /// Bytes, where they were measured; else not a number.
    pub(super) memory: Memory,
}

/// Bytes of a model in memory; not a number where that was not measured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// What loading it left resident.
    pub(super) loaded: f64,
    /// The most that was resident on the way.
    pub(super) peak: f64,
    /// What the model says it keeps.
    pub(super) kept: f64,
}

impl InProcess {
    pub(super) fn read(line: &Value) -> Result<Self> {
        Ok(Self {
            p50: number(line, "p50")?,
            p99: number(line, "p99")?,
            load: number(line, "load")?,
            memory: Memory::read(line),
        })
    }

    /// The run with the median time, but the median of the times to load.
    pub(super) fn middle(mut runs: Vec<Self>) -> Result<Self> {
        let middle = runs.len() / 2;
        runs.sort_by(|a, b| a.load.total_cmp(&b.load));
        let load = runs.get(middle).context("no runs")?.load;
        runs.sort_by(|a, b| a.p50.total_cmp(&b.p50));
        let run = runs.get(middle).context("no runs")?;
        Ok(Self { load, ..*run })
    }
}

impl Memory {
    fn read(line: &Value) -> Self {
        let bytes = |key: &str| line[key].as_f64().unwrap_or(f64::NAN);
        Self {
            loaded: bytes("memory"),
            peak: bytes("peak"),
            kept: bytes("kept"),
        }
    }
}

impl Load {
    pub(super) fn new(program: PathBuf, core: usize, seconds: f64) -> Self {
        Self {
            program,
            core,
            seconds,
        }
    }

    /// Seconds of a run with its warm-up.
    pub(super) fn whole_seconds(&self) -> f64 {
        self.seconds + WARMUP
    }

    /// Each connection asks again as soon as it has its answer.
    pub(super) fn closed(&self, question: &Question) -> Result<Measured> {
        measured(&json(&mut self.shaped("closed", question, CONNECTIONS))?)
    }

    /// One request after the other.
    pub(super) fn sequential(&self, question: &Question) -> Result<Measured> {
        measured(&json(&mut self.shaped("closed", question, 1))?)
    }

    /// Requests arrive at `rate` per second.
    pub(super) fn open(&self, question: &Question, rate: f64) -> Result<Measured> {
        let mut command = self.shaped("open", question, CONNECTIONS);
        command.args(["--rate", &rate.to_string()]);
        measured(&json(&mut command)?)
    }

    /// So many requests, one after the other.
    pub(super) fn count(&self, question: &Question, requests: u64) -> Result<Measured> {
        let mut command = self.command("count", question);
        command.args(["--requests", &requests.to_string()]);
        measured(&json(&mut command)?)
    }

    /// Until the first right answer.
    pub(super) fn wait(&self, question: &Question) -> Result<()> {
        run(&mut self.command("await", question)).map(|_| ())
    }

    /// Writes the body of an answer to `file`.
    pub(super) fn save(&self, question: &Question, file: &Path) -> Result<()> {
        run(self.command("await", question).arg("--save").arg(file)).map(|_| ())
    }

    /// Milliseconds from the start of the server to its first right answer.
    pub(super) fn cold(&self, subject: &Subject, core: usize) -> Result<f64> {
        let question = subject.questions.first().context("nothing to ask")?;
        let mut command = self.command("cold", question);
        command
            .envs(subject.env.iter().cloned())
            .current_dir(&subject.folder)
            .args(["--", "taskset", "-c", &core.to_string()])
            .args(&subject.command);
        Ok(number(&json(&mut command)?, "cold")? / 1e3)
    }

    /// A model on the built-in engine without a server, on the core of the servers.
    pub(super) fn inprocess(
        &self,
        program: &Path,
        model: &Path,
        request: &Path,
        core: usize,
    ) -> Result<InProcess> {
        let mut command = Command::new("taskset");
        command
            .args(["-c", &core.to_string()])
            .arg(program)
            .args([model, request])
            .arg(self.seconds.to_string());
        InProcess::read(&json(&mut command)?)
    }

    /// Binary tensors, one request after the other.
    pub(super) fn tensors(
        &self,
        protocol: &str,
        port: u16,
        model: &str,
        case: &Path,
    ) -> Result<Measured> {
        let mut command = Command::new("taskset");
        command
            .args(["-c", &self.core.to_string(), &text(&self.program)])
            .args(["tensors", "--connections", "1", "--protocol", protocol])
            .args(["--address", &format!("127.0.0.1:{port}")])
            .args(["--model", model, "--case", &text(case)])
            .args(["--expected", &text(&case.with_extension("expected"))])
            .args(["--warmup", &WARMUP.to_string()])
            .args(["--seconds", &self.seconds.to_string()]);
        measured(&json(&mut command)?)
    }

    /// An encoded message over gRPC, one request after the other.
    pub(super) fn message(
        &self,
        port: u16,
        method: &str,
        [message, expected]: [&Path; 2],
    ) -> Result<Measured> {
        let mut command = Command::new("taskset");
        command
            .args(["-c", &self.core.to_string(), &text(&self.program)])
            .args(["message", "--connections", "1", "--method", method])
            .args(["--address", &format!("127.0.0.1:{port}")])
            .args(["--message", &text(message), "--expected", &text(expected)])
            .args(["--warmup", &WARMUP.to_string()])
            .args(["--seconds", &self.seconds.to_string()]);
        measured(&json(&mut command)?)
    }

    fn command(&self, name: &str, question: &Question) -> Command {
        let mut command = Command::new("taskset");
        command
            .args(["-c", &self.core.to_string(), &text(&self.program), name])
            .args(["--url", &question.url, "--pointer", question.pointer])
            .arg("--body")
            .arg(&question.body);
        match &question.right {
            Right::Highest(index) => command.args(["--highest", &index.to_string()]),
            Right::Numbers(file) => command.arg("--numbers").arg(file),
        };
        command
    }

    fn shaped(&self, name: &str, question: &Question, connections: usize) -> Command {
        let mut command = self.command(name, question);
        command
            .args(["--connections", &connections.to_string()])
            .args(["--warmup", &WARMUP.to_string()])
            .args(["--seconds", &self.seconds.to_string()]);
        command
    }
}

/// What the command prints, as JSON.
pub(super) fn json(command: &mut Command) -> Result<Value> {
    let output = run(command)?;
    serde_json::from_slice(&output).with_context(|| format!("reading what {command:?} says"))
}

/// What the command prints.
fn run(command: &mut Command) -> Result<Vec<u8>> {
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    Ok(output.stdout)
}

fn measured(line: &Value) -> Result<Measured> {
    let failed = number(line, "failed")?;
    ensure!(failed < 1.0, "{failed} requests failed: {line}");
    Ok(Measured {
        rate: number(line, "rate")?,
        p50: number(line, "p50")?,
        p99: number(line, "p99")?,
        processor: 0.0,
    })
}

fn number(line: &Value, key: &str) -> Result<f64> {
    let number = line[key].as_f64();
    number.with_context(|| format!("no number `{key}` in {line}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_middle_of_times_and_of_loads() {
        let run = |p50, load| InProcess {
            p50,
            p99: 9.0,
            load,
            ..InProcess::default()
        };
        let middle = InProcess::middle(vec![run(1.0, 30.0), run(3.0, 10.0), run(2.0, 20.0)]);
        let middle = middle.unwrap();
        assert!(
            (middle.p50 - 2.0).abs() < f64::EPSILON && (middle.load - 20.0).abs() < f64::EPSILON
        );
        assert!(InProcess::middle(Vec::new()).is_err());
    }

    #[test]
    fn memory_is_read_where_it_was_measured() {
        let run = |line| InProcess::read(&line).unwrap().memory;
        let memory = run(json!({"p50": 1.0, "p99": 2.0, "load": 3.0, "memory": 4, "peak": 5}));
        assert!((memory.loaded - 4.0).abs() < f64::EPSILON && memory.kept.is_nan());
        assert!((memory.peak - 5.0).abs() < f64::EPSILON);
        assert!(InProcess::read(&json!({"p50": 1.0, "p99": 2.0})).is_err());
    }

    #[test]
    fn what_is_right_is_said_to_the_load() {
        let said = |right| {
            let question = Question {
                name: "",
                url: "http://127.0.0.1:1/".into(),
                body: "body.json".into(),
                pointer: "/data",
                right,
            };
            let load = Load::new("load".into(), 1, 1.0);
            let command = load.command("await", &question);
            let arguments = command.get_args().map(|word| word.to_string_lossy());
            arguments.collect::<Vec<_>>().join(" ")
        };
        assert!(said(Right::Highest(7)).ends_with("--body body.json --highest 7"));
        assert!(said(Right::Numbers("a".into())).ends_with("--body body.json --numbers a"));
    }

    #[test]
    fn a_run_with_failures_is_no_figure() {
        let line = |failed: u64| json!({"rate": 10.0, "p50": 5.0, "p99": 9.0, "failed": failed});
        let good = measured(&line(0)).unwrap();
        assert!((good.p99 - 9.0).abs() < f64::EPSILON);
        assert!(measured(&line(1)).is_err());
        assert!(measured(&json!({"rate": 10.0})).is_err());
    }
}
