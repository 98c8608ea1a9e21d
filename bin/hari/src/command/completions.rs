//! `hari completions`: what a shell needs to complete commands and flags.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Arguments;
use crate::output;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hari completions bash > /etc/bash_completion.d/hari
  hari completions zsh > \"${fpath[1]}/_hari\"
  hari completions fish > ~/.config/fish/completions/hari.fish")]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "hari", &mut script);
        output::line(String::from_utf8_lossy(&script).trim_end());
        Ok(())
    }
}
