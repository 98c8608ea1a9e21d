//! `cargo xtask test`: everything that is checked before a change is taken, step by step.

#![expect(clippy::print_stdout, reason = "what is being done, and how it went")]

mod count;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::workspace;
use count::Count;

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave out the clients of the end-to-end tests, which need Python and the network once
    #[arg(long)]
    quick: bool,
    /// Steps to run; all when left out
    #[arg(value_parser = STEPS.iter().map(|step| step.name).collect::<Vec<_>>())]
    steps: Vec<String>,
}

impl Args {
    fn wants(&self, step: &Step) -> bool {
        match self.steps.as_slice() {
            [] => !(self.quick && step.slow),
            named => named.iter().any(|name| name == step.name),
        }
    }
}

/// One step: a cargo command that can be run alone, too.
struct Step {
    name: &'static str,
    what: &'static str,
    /// Arguments of cargo.
    command: &'static [&'static str],
    /// Whether `--quick` leaves it out.
    slow: bool,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        what: "every file is laid out as rustfmt does",
        command: &["xtask", "lint", "format"],
        slow: false,
    },
    Step {
        name: "clippy",
        what: "the compiler and clippy have nothing to say",
        command: &["xtask", "lint", "clippy"],
        slow: false,
    },
    Step {
        name: "tree",
        what: "crates import what the architecture lets them, and carry licences that we accept",
        command: &["xtask", "lint", "tree"],
        slow: false,
    },
    Step {
        name: "generated",
        what: "generated files are what their sources say",
        command: &["xtask", "gen", "--check"],
        slow: false,
    },
    Step {
        name: "tests",
        what: "unit, property, golden and parity tests; the fuzzers' corpus is replayed",
        command: &["test", "--workspace", "--no-fail-fast"],
        slow: false,
    },
    Step {
        name: "docs",
        what: "links lead somewhere, and the commands of the book do what it says",
        command: &["xtask", "docs"],
        slow: false,
    },
    Step {
        name: "engines",
        what: "ONNX's own node tests on every engine; ONNX Runtime's library",
        command: &["xtask", "engines"],
        slow: true,
    },
    Step {
        name: "e2e",
        what: "the real binary, driven by clients that others wrote",
        command: &["xtask", "e2e"],
        slow: true,
    },
];

/// How a step went.
struct Outcome {
    step: &'static Step,
    took: Duration,
    count: Count,
    ok: bool,
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let steps: Vec<_> = STEPS.iter().filter(|step| args.wants(step)).collect();
    let mut outcomes = Vec::new();
    for (at, &step) in steps.iter().enumerate() {
        println!(
            "\n== {}/{} {}: {}",
            at + 1,
            steps.len(),
            step.name,
            step.what
        );
        println!("   {}", step.line());
        outcomes.push(step.run()?);
    }
    for line in summary(&outcomes) {
        println!("{line}");
    }
    if outcomes.iter().all(|outcome| outcome.ok) {
        Ok(())
    } else {
        bail!("a step failed")
    }
}

impl Step {
    /// The command as a user types it.
    fn line(&self) -> String {
        format!("cargo {}", self.command.join(" "))
    }

    /// Runs the step, with its output shown as it comes.
    fn run(&'static self) -> Result<Outcome> {
        let started = Instant::now();
        let mut command = Command::new(env!("CARGO"));
        command
            .args(self.command)
            .current_dir(workspace::root())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("starting {}", self.line()))?;
        let mut count = Count::default();
        for line in BufReader::new(child.stdout.take().context("no output")?).split(b'\n') {
            let line = line.context("reading the output of a step")?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            count.read(&line);
        }
        let ok = child.wait()?.success();
        Ok(Outcome {
            step: self,
            took: started.elapsed(),
            count: count.or_one(ok),
            ok,
        })
    }
}

/// One line for each step, the failed ones with their command; then the sum over all tests.
fn summary(outcomes: &[Outcome]) -> Vec<String> {
    let mut lines = vec!["\n== summary".to_owned()];
    let mut total = Count::default();
    for Outcome {
        step,
        took,
        count,
        ok,
    } in outcomes
    {
        total.add(*count);
        let word = if *ok { "ok" } else { "FAILED" };
        let seconds = took.as_secs_f64();
        let mut line = format!("   {:<10} {word:<7} {seconds:>7.1} s", step.name);
        if count.any() {
            line.push_str(&format!("  {count}"));
        }
        if !ok {
            line.push_str(&format!("  run it alone: {}", step.line()));
        }
        lines.push(line);
    }
    lines.push(format!("\n{total}"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(at: usize, passed: usize, failed: usize, ok: bool) -> Outcome {
        let count = Count { passed, failed };
        Outcome {
            step: &STEPS[at],
            took: Duration::from_millis(1500),
            count,
            ok,
        }
    }

    #[test]
    fn the_summary_ends_with_the_sum() {
        let lines = summary(&[outcome(0, 0, 0, true), outcome(4, 40, 0, true)]);
        assert_eq!(lines[1], "   format     ok          1.5 s");
        assert!(lines[2].ends_with("40 passed, 0 failed"), "{lines:?}");
        assert_eq!(lines[3], "\n40 passed, 0 failed");
    }

    #[test]
    fn a_failed_step_says_how_to_run_it_alone() {
        let lines = summary(&[outcome(3, 0, 1, false), outcome(4, 40, 2, false)]);
        assert!(
            lines[1].ends_with("run it alone: cargo xtask gen --check"),
            "{lines:?}"
        );
        assert_eq!(lines[3], "\n40 passed, 3 failed");
    }

    #[test]
    fn quick_leaves_out_what_is_slow_and_names_choose() {
        let names = |quick, steps: &[&str]| {
            let steps = steps.iter().map(|&step| step.to_owned()).collect();
            let args = Args { quick, steps };
            let wanted = STEPS.iter().filter(|step| args.wants(step));
            wanted.map(|step| step.name).collect::<Vec<_>>()
        };
        assert_eq!(names(false, &[]).len(), STEPS.len());
        let slow = STEPS.iter().filter(|step| step.slow).count();
        assert_eq!(names(true, &[]).len(), STEPS.len() - slow);
        assert_eq!(names(true, &["e2e", "docs"]), ["docs", "e2e"]);
    }

    #[test]
    fn names_of_steps_are_unique_and_tasks_exist() {
        use clap::CommandFactory as _;
        let tasks = crate::Cli::command();
        for (at, step) in STEPS.iter().enumerate() {
            assert!(STEPS[..at].iter().all(|other| other.name != step.name));
            if let ["xtask", task, ..] = step.command {
                assert!(tasks.find_subcommand(task).is_some(), "{task}");
            }
        }
    }
}
