//! The `hari` command: parses the arguments and hands over.

mod cli;
mod command;
mod exit;
mod output;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    exit::code(command::run(arguments))
}
