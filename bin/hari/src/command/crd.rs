//! `hari crd`: the CustomResourceDefinition of SeldonDeployment.

use anyhow::Context as _;

use crate::output;

/// Print the CustomResourceDefinition of SeldonDeployment
#[derive(Debug, clap::Args)]
pub(crate) struct Crd {
    /// Print JSON instead of YAML
    #[arg(long)]
    json: bool,
}

impl Crd {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let text = match self.json {
            true => serde_json::to_string_pretty(&hari_api::crd()).context("cannot write JSON")?,
            false => hari_api::crd_yaml(),
        };
        output::line(text.trim_end());
        Ok(())
    }
}
