//! Repository tasks: `cargo xtask TASK`. One file for each task.

mod generate;
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
    /// Write generated files, or check that they are up to date.
    Gen(generate::Args),
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Gen(args) => generate::run(&args),
    }
}
