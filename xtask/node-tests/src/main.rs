//! `node-tests`: ONNX's own node tests on every engine of Hari.
//!
//! ```text
//! node-tests FOLDER              run them and print a table
//! node-tests FOLDER --check      and fail if a case fails that passed when the record was written
//! node-tests FOLDER --record     and write the record
//! node-tests FOLDER --why NAME   and say why cases with NAME in their name fail
//! ```
//!
//! `write_cases.py` makes FOLDER from the `onnx` package. The record is `passes.tsv` beside this
//! crate's manifest; the page on ONNX operators is made from it. Every engine runs in a process of
//! its own, so that a crash or a case that never ends costs that case alone.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what the tests show is its output"
)]

mod case;
mod compare;
mod engine;
mod message;
mod record;
mod report;
mod worker;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use case::Case;
use engine::Engine;
use record::Record;
use worker::Outcome;

const USAGE: &str = "usage: node-tests FOLDER [--check | --record | --why NAME]";

/// What to do with the outcomes.
enum Task {
    Show,
    Check,
    Record,
    Why(String),
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [folder, "--worker", engine] => worker::serve(Path::new(folder), Engine::named(engine)?),
        [folder] => run(Path::new(folder), &Task::Show),
        [folder, "--check"] => run(Path::new(folder), &Task::Check),
        [folder, "--record"] => run(Path::new(folder), &Task::Record),
        [folder, "--why", name] => run(Path::new(folder), &Task::Why((*name).to_owned())),
        _ => bail!(USAGE),
    }
}

fn run(folder: &Path, task: &Task) -> Result<()> {
    let wanted = match task {
        Task::Why(name) => name,
        _ => "",
    };
    let cases = Case::all(folder)?;
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let names: Vec<&str> = names
        .into_iter()
        .filter(|name| name.contains(wanted))
        .collect();
    ensure!(!names.is_empty(), "no case has `{wanted}` in its name");
    let mut outcomes = Vec::new();
    for engine in Engine::ALL {
        if engine.is_here()? {
            outcomes.push((engine, worker::drive(folder, engine, &names)?));
        } else {
            eprintln!("{}: not here, so not run", engine.name());
        }
    }
    if let Task::Why(_) = task {
        report::why(&names, &outcomes);
        return Ok(());
    }
    let record = Record::of(&cases, &names, &outcomes);
    report::table(&record, &outcomes);
    finish(task, &record, &outcomes)
}

fn finish(task: &Task, record: &Record, outcomes: &[(Engine, Vec<Outcome>)]) -> Result<()> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("passes.tsv");
    match task {
        Task::Check => {
            let text = std::fs::read_to_string(&file).context("reading passes.tsv")?;
            let ran: Vec<Engine> = outcomes.iter().map(|(engine, _)| *engine).collect();
            report::judge(&Record::read(&text)?, record, &ran)
        }
        Task::Record => std::fs::write(&file, record.text()).context("writing passes.tsv"),
        Task::Show | Task::Why(_) => Ok(()),
    }
}
