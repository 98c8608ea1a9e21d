//! One engine in a process of its own, which is fed the names of cases.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::case::Case;
use crate::compare;
use crate::engine::Engine;

/// Longest time for one case.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a case went on an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Pass,
    /// Why not, in one line.
    Fail(String),
}

/// The worker's side: a line for every name on the standard input.
pub(crate) fn serve(folder: &Path, engine: Engine) -> Result<()> {
    std::panic::set_hook(Box::new(|_| ()));
    for name in std::io::stdin().lines() {
        let answer = match attempt(folder, engine, &name?) {
            Ok(None) => "pass".to_owned(),
            Ok(Some(why)) => format!("fail {why}"),
            Err(error) => format!("fail {error:#}"),
        };
        println!("{}", answer.replace(['\n', '\r', '\t'], " "));
    }
    Ok(())
}

/// Why the case fails; none if it passes.
fn attempt(folder: &Path, engine: Engine, name: &str) -> Result<Option<String>> {
    let case = Case::load(folder, name)?;
    let run = || engine.run(&case);
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    let found = found.unwrap_or_else(|_| Err(anyhow::anyhow!("panicked")))?;
    Ok(match engine {
        Engine::Hari | Engine::Rten => compare::seen(&case.outputs, &found, case.tolerance),
        Engine::Own | Engine::OnnxRuntime => compare::values(&case.outputs, &found, case.tolerance),
    })
}

/// Runs every case on an engine; the outcomes are in the order of `names`.
pub(crate) fn drive(folder: &Path, engine: Engine, names: &[&str]) -> Result<Vec<Outcome>> {
    let mut worker: Option<Worker> = None;
    let mut outcomes = Vec::with_capacity(names.len());
    for name in names {
        let mut running = match worker.take() {
            Some(running) => running,
            None => Worker::start(folder, engine)?,
        };
        match running.ask(name) {
            Answer::Is(outcome) => {
                outcomes.push(outcome);
                worker = Some(running);
            }
            Answer::Gone(why) => outcomes.push(Outcome::Fail(why.to_owned())),
        }
    }
    Ok(outcomes)
}

enum Answer {
    Is(Outcome),
    /// The worker is of no use any more.
    Gone(&'static str),
}

struct Worker {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

impl Worker {
    fn start(folder: &Path, engine: Engine) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(folder).args(["--worker", engine.name()]);
        engine.prepare(&mut command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting a worker")?;
        let input = child.stdin.take().context("a worker without input")?;
        let output = child.stdout.take().context("a worker without output")?;
        let (sender, answers) = sync_channel(1);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            input,
            answers,
        })
    }

    fn ask(&mut self, name: &str) -> Answer {
        if writeln!(self.input, "{name}").is_err() {
            return Answer::Gone("the engine did not start");
        }
        match self.answers.recv_timeout(PATIENCE) {
            Ok(line) if line == "pass" => Answer::Is(Outcome::Pass),
            Ok(line) => {
                let why = line.strip_prefix("fail ").unwrap_or(&line);
                Answer::Is(Outcome::Fail(why.to_owned()))
            }
            Err(RecvTimeoutError::Timeout) => Answer::Gone("takes longer than a minute"),
            Err(RecvTimeoutError::Disconnected) => Answer::Gone("ends the process"),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
