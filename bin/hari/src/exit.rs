//! Exit codes: 0 ok, 1 the input is at fault, 2 usage, 3 the environment is at fault.

#![expect(clippy::print_stderr, reason = "the last words of a failed command")]

use std::process::ExitCode;

use hari_error::{Blame, Error};

/// The input is at fault, and everything was said already.
#[derive(Debug)]
pub(crate) struct Said;

impl std::fmt::Display for Said {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Said {}

/// Prints what went wrong and tells the shell whose fault it is.
pub(crate) fn code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    if error.is::<Said>() {
        return ExitCode::from(1);
    }
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    ExitCode::from(
        match error
            .downcast_ref::<Error>()
            .map(|error| error.kind().blame())
        {
            Some(Blame::Caller | Blame::Model) => 1,
            Some(Blame::Infrastructure) | None => 3,
        },
    )
}
