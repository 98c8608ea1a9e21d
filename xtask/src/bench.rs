//! `cargo xtask bench`: Hari, its peers and the limit, on the same cores in one run.

#![expect(clippy::print_stderr, reason = "what takes minutes says so")]

mod facts;
mod graph;
mod load;
mod networks;
mod python;
mod report;
mod server;
mod subjects;
mod tables;
mod texts;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::venv::Venv;
use crate::workspace;
use load::{Load, Measured};
use networks::Material;
use report::{Line, Report};
use server::Server;
use subjects::{Question, Subject, Tools};

/// Compare Hari with its peers and with a server that does nothing (needs Linux, two cores,
/// Python 3.11 and taskset).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Cargo profile of Hari and of the tools
    #[arg(long, default_value = SHIPPED)]
    profile: String,
    /// Seconds of each timed run; each figure is the median of three runs
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Cold starts of each server
    #[arg(long, default_value_t = 10)]
    starts: usize,
    /// Only build, and make the Python environments
    #[arg(long)]
    prepare: bool,
    /// Folder of Hari and the tools, built before with the profile
    #[arg(long)]
    built: Option<PathBuf>,
    /// Leave the peers out, and write no file
    #[arg(long)]
    alone: bool,
    /// Networks that `bench/models/make.py` wrote before
    #[arg(long)]
    models: Option<PathBuf>,
    /// Models over tables that `bench/models/tables.py` wrote before
    #[arg(long)]
    tables: Option<PathBuf>,
    /// Measure only one part: servers of a small model, networks of three sizes, models over
    /// tables, chains of nodes, or a Python class
    #[arg(long)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Servers,
    Networks,
    Tables,
    Graph,
    Python,
}

impl Args {
    fn measures(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

/// The profile of what ships.
const SHIPPED: &str = "dist";
/// Core of the server.
const SERVER_CORE: usize = 0;
/// Core of the load.
const LOAD_CORE: usize = 1;
/// What is built beside Hari.
const TOOLS: [&str; 3] = [
    "hari-bench-load",
    "hari-bench-constant",
    "hari-bench-inprocess",
];
/// Runs of which the median is taken.
const RUNS: usize = 3;
/// Requests before memory is read.
const REQUESTS_BEFORE_MEMORY: u64 = 1000;

pub(crate) fn run(args: &Args) -> Result<()> {
    let small = args.measures(Part::Servers) || args.measures(Part::Networks);
    let class = (!args.alone && args.measures(Part::Python))
        .then(python::venv)
        .transpose()?;
    let venvs = (small && !args.alone).then(venvs).transpose()?;
    let material = match &venvs {
        Some((_, mlserver)) if args.measures(Part::Networks) => {
            Some(Material::ready(args.models.as_deref(), mlserver.clone())?)
        }
        _ => None,
    };
    let over_tables = (!args.alone && args.measures(Part::Tables))
        .then(|| tables::Material::ready(args.tables.as_deref()))
        .transpose()?;
    let built = match &args.built {
        Some(folder) => std::path::absolute(folder)?,
        None => build(&args.profile)?,
    };
    if args.prepare {
        return Ok(());
    }
    let scratch = workspace::scratch("bench")?;
    let tools = Tools::new(&built, &scratch, venvs.as_ref());
    let load = Load::new(built.join("hari-bench-load"), LOAD_CORE, args.seconds);
    let mut report = Report::new(facts::facts(&args.profile)?);
    if args.profile == SHIPPED {
        report.binary_bytes = Some(std::fs::metadata(built.join("hari"))?.len());
    }
    if let Some(material) = &material {
        report.networks = networks::measure(&tools, &load, material)?;
        report.texts = texts::measure(&tools, &load, &material.texts()?)?;
    }
    if let Some(material) = &over_tables {
        report.tables = tables::measure(&tools, &load, material, args.starts)?;
    }
    if args.measures(Part::Graph) {
        report.graphs = graph::measure(&tools, &load)?;
    }
    if let Some(venv) = &class {
        report.python = python::measure(&tools, &load, venv, args.starts)?;
    }
    if args.measures(Part::Servers) {
        servers(&tools, &load, args.starts, &mut report)?;
    }
    tell(&report, args)
}

/// Prints the report, and writes it unless the peers were left out.
fn tell(report: &Report, args: &Args) -> Result<()> {
    let text = report.text();
    eprintln!("{text}");
    if args.alone {
        return Ok(());
    }
    let part = match args.only {
        None => "",
        Some(Part::Servers) => "-servers",
        Some(Part::Networks) => "-networks",
        Some(Part::Tables) => "-tables",
        Some(Part::Graph) => "-graph",
        Some(Part::Python) => "-python",
    };
    let file = results(&format!("{}{part}", report.facts.date));
    std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    eprintln!("written to {}", file.display());
    Ok(())
}

/// A small model on every server, and servers that do nothing.
fn servers(tools: &Tools<'_>, load: &Load, starts: usize, report: &mut Report) -> Result<()> {
    let example = workspace::root().join("examples/mnist");
    report.model = load.inprocess(
        &tools.built.join("hari-bench-inprocess"),
        &example.join("model/1"),
        &example.join("requests/v2-infer.json"),
        SERVER_CORE,
    )?;
    for subject in tools.subjects()? {
        report.lines.extend(measure(&subject, load, starts)?);
    }
    report.idle = limits(tools, load)?;
    Ok(())
}

fn results(date: &str) -> PathBuf {
    workspace::root()
        .join("bench/results")
        .join(date)
        .with_extension("md")
}

/// A file of pinned Python packages.
fn requirements(name: &str) -> PathBuf {
    let folder = workspace::root().join("bench/requirements");
    folder.join(name).with_extension("txt")
}

/// Environments of the wrapper and of MLServer.
fn venvs() -> Result<(Venv, Venv)> {
    let root = workspace::root();
    let wrapper = Venv::ready(&root.join("e2e/local/requirements/seldon-core.txt"))?;
    let mlserver = Venv::ready(&requirements("mlserver"))?;
    Ok((wrapper, mlserver))
}

/// Builds Hari by itself, as it ships, then the tools; the folder they are in.
fn build(profile: &str) -> Result<PathBuf> {
    workspace::cargo(["build", "--profile", profile, "--package", "hari"])?;
    let mut tools = vec!["build", "--profile", profile];
    for tool in TOOLS {
        tools.extend(["--package", tool]);
    }
    workspace::cargo(tools)?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(workspace::target()?.join(folder))
}

/// Every figure of one server.
fn measure(subject: &Subject, load: &Load, starts: usize) -> Result<Vec<Line>> {
    eprintln!("{}: cold starts", subject.name);
    let starts = starts.clamp(1, subject.starts);
    let mut cold = Vec::with_capacity(starts);
    for _ in 0..starts {
        cold.push(load.cold(subject, SERVER_CORE)?);
    }
    let server = Server::start(subject, SERVER_CORE)?;
    let mut lines = Vec::new();
    for question in &subject.questions {
        load.wait(question)?;
        load.count(question, REQUESTS_BEFORE_MEMORY)?;
        let (resident, proportional) = server.memory()?;
        let saturated = saturate(&server, question, load)?;
        eprintln!("{}, {}: half of saturation", subject.name, question.name);
        let half = middle(RUNS, || load.open(question, saturated.rate / 2.0))?;
        lines.push(Line {
            server: subject.name.to_owned(),
            question: question.name.to_owned(),
            cold: median(&mut cold),
            starts,
            resident,
            proportional,
            saturated,
            half,
        });
    }
    Ok(lines)
}

fn saturate(server: &Server, question: &Question, load: &Load) -> Result<Measured> {
    eprintln!("{}, {}: saturation", server.name, question.name);
    middle(RUNS, || {
        let before = server.processor_seconds()?;
        let mut measured = load.closed(question)?;
        let used = server.processor_seconds()? - before;
        // The warm-up is in both, so the answers of the whole time are estimated from its share.
        let whole = measured.rate * load.whole_seconds();
        measured.processor = used / whole * 1e6;
        Ok(measured)
    })
}

/// The run with the median rate of answers, or of latency where the rate is given.
fn middle(runs: usize, mut run: impl FnMut() -> Result<Measured>) -> Result<Measured> {
    let mut all = Vec::with_capacity(runs);
    for _ in 0..runs {
        all.push(run()?);
    }
    all.sort_by(|a, b| a.p50.total_cmp(&b.p50));
    let middle = all.len() / 2;
    all.into_iter().nth(middle).context("no runs")
}

/// An identity model, and a server that answers the same bytes without looking.
fn limits(tools: &Tools<'_>, load: &Load) -> Result<Vec<report::Limit>> {
    let mut limits = Vec::new();
    for question in tools.rows() {
        let identity = tools.identity(question)?;
        let server = Server::start(&identity, SERVER_CORE)?;
        let [question] = identity.questions.as_slice() else {
            anyhow::bail!("the identity model has one question");
        };
        let reply = tools.scratch.join("reply.json");
        load.save(question, &reply)?;
        let ours = saturate(&server, question, load)?;
        drop(server);
        let constant = tools.constant(question, &reply)?;
        let server = Server::start(&constant, SERVER_CORE)?;
        let [asked] = constant.questions.as_slice() else {
            anyhow::bail!("the constant server has one question");
        };
        load.wait(asked)?;
        let theirs = saturate(&server, asked, load)?;
        limits.push(report::Limit {
            question: question.name.to_owned(),
            identity: ours,
            constant: theirs,
        });
    }
    Ok(limits)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A port that is free now.
fn free_port() -> Result<u16> {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").context("asking for a free port")?;
    Ok(socket.local_addr()?.port())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_median() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        let mut p50 = [9.0, 1.0, 5.0].into_iter();
        let run = || {
            Ok(Measured {
                p50: p50.next().unwrap(),
                ..Measured::default()
            })
        };
        assert!((middle(3, run).unwrap().p50 - 5.0).abs() < f64::EPSILON);
    }

    #[test]
    fn results_are_named_by_the_day() {
        assert!(results("2026-01-31").ends_with("bench/results/2026-01-31.md"));
    }
}
