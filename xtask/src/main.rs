//! Repository tasks: `cargo xtask TASK`. One file for each task.

mod bench;
mod cluster;
mod docs;
mod e2e;
mod engines;
mod generate;
mod image;
mod lint;
mod oci;
mod test;
mod tools;
mod venv;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Tasks of the Hari repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that is checked before a change is taken, step by step.
    Test(test::Args),
    /// Layout, clippy, and the rules of the tree.
    Lint(lint::Args),
    /// Write generated files, or check that they are up to date.
    Gen(generate::Args),
    /// Drive the real binary with clients that others wrote (needs Python 3.11 and curl).
    E2e(e2e::Args),
    /// ONNX's own node tests on every engine (needs Python 3.11, and the network once).
    Engines(engines::Args),
    /// Make an image of Hari, without a container engine (needs Debian's apt-get and dpkg).
    Image(image::Args),
    /// Start, end and ask a Kubernetes on this machine.
    Cluster(cluster::Args),
    /// Compare Hari with its peers and with a server that does nothing (needs Linux, two cores,
    /// Python 3.11 and taskset).
    Bench(bench::Args),
    /// Check the links of the docs, and run the commands of the book.
    Docs(docs::Args),
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Test(args) => test::run(&args),
        Task::Lint(args) => lint::run(&args),
        Task::Docs(args) => docs::run(&args),
        Task::Gen(args) => generate::run(&args),
        Task::Image(args) => image::run(&args),
        Task::Cluster(args) => cluster::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::E2e(args) => e2e::run(&args),
        Task::Engines(args) => engines::run(&args),
    }
}
