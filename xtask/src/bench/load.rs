//! The load generator: its commands, and what it measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::subjects::{Question, Subject};
use super::text;
use crate::workspace;

/// Connections, at saturation and at half of it.
pub(super) const CONNECTIONS: usize = 16;
/// Seconds before those that count.
const WARMUP: f64 = 1.0;

/// The load generator on its core.
pub(super) struct Load {
    program: PathBuf,
    core: usize,
    seconds: f64,
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
        measured(&self.json(&mut self.shaped("closed", question))?)
    }

    /// Requests arrive at `rate` per second.
    pub(super) fn open(&self, question: &Question, rate: f64) -> Result<Measured> {
        let mut command = self.shaped("open", question);
        command.args(["--rate", &rate.to_string()]);
        measured(&self.json(&mut command)?)
    }

    /// So many requests, one after the other.
    pub(super) fn count(&self, question: &Question, requests: u64) -> Result<Measured> {
        let mut command = self.command("count", question);
        command.args(["--requests", &requests.to_string()]);
        measured(&self.json(&mut command)?)
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
        Ok(number(&self.json(&mut command)?, "cold")? / 1e3)
    }

    /// The model of the example, on the core of the servers.
    pub(super) fn inprocess(&self, program: &Path, core: usize) -> Result<InProcess> {
        let examples = workspace::root().join("examples/mnist");
        let mut command = Command::new("taskset");
        command
            .args(["-c", &core.to_string(), &text(program)])
            .arg(examples.join("model/1"))
            .arg(examples.join("requests/v2-infer.json"))
            .arg(self.seconds.to_string());
        let line = self.json(&mut command)?;
        Ok(InProcess {
            p50: number(&line, "p50")?,
            p99: number(&line, "p99")?,
        })
    }

    fn command(&self, name: &str, question: &Question) -> Command {
        let mut command = Command::new("taskset");
        command
            .args(["-c", &self.core.to_string(), &text(&self.program), name])
            .args(["--url", &question.url, "--pointer", question.pointer])
            .args(["--highest", &question.highest.to_string()])
            .arg("--body")
            .arg(&question.body);
        command
    }

    fn shaped(&self, name: &str, question: &Question) -> Command {
        let mut command = self.command(name, question);
        command
            .args(["--connections", &CONNECTIONS.to_string()])
            .args(["--warmup", &WARMUP.to_string()])
            .args(["--seconds", &self.seconds.to_string()]);
        command
    }

    fn json(&self, command: &mut Command) -> Result<Value> {
        let output = run(command)?;
        serde_json::from_slice(&output).with_context(|| format!("reading what {command:?} says"))
    }
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
    fn a_run_with_failures_is_no_figure() {
        let line = |failed: u64| json!({"rate": 10.0, "p50": 5.0, "p99": 9.0, "failed": failed});
        let good = measured(&line(0)).unwrap();
        assert!((good.p99 - 9.0).abs() < f64::EPSILON);
        assert!(measured(&line(1)).is_err());
        assert!(measured(&json!({"rate": 10.0})).is_err());
    }
}
