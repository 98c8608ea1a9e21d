//! `hari render`: the Kubernetes objects of deployments, or with `--graph` their graphs, drawn.

mod installation;
mod settings;

use std::io::IsTerminal as _;

use clap::ValueEnum;
use hari_plan::Plan;
use hari_plan::drawing::{mermaid, tree};

use super::validate;
use crate::exit::Said;
use crate::output;
use installation::Installation;

/// Print the Kubernetes objects of deployments, or draw their graphs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A flowchart has one box for each predictor, with its share of the requests. A router is a rhombus, a
combiner a trapezoid, a transformer has round ends; branches have the numbers that a router answers.

Examples:
  hari render deployment.yaml
  hari render --gateway infra/public deployment.yaml | kubectl apply -f -
  hari render --settings installation.yaml deployments/
  hari render --graph deployment.yaml
  hari render --graph --format mermaid deployment.yaml >> README.md")]
pub(crate) struct Render {
    /// SeldonDeployment files (YAML or JSON), folders of them, or `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// Draw the graph of each predictor
    #[arg(long)]
    graph: bool,
    /// Form of the drawing [default: tree on a terminal, else mermaid]
    #[arg(long, value_enum, requires = "graph")]
    format: Option<Format>,
    #[command(flatten)]
    installation: Installation,
}

/// How graphs are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A Mermaid flowchart, for pages
    Mermaid,
    /// A tree of box characters, for terminals
    Tree,
}

impl Render {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let given = self.installation.given()?;
        let mut plans = Vec::new();
        for path in &self.paths {
            for source in validate::read(path)? {
                let planned = hari_plan::plan_with(&source.documents, &given.servers);
                if planned.has_errors() {
                    output::issues(&planned.issues);
                    return Err(Said.into());
                }
                plans.extend(planned.deployments);
            }
        }
        let text = match self.graph {
            true => self.drawn(&plans),
            false => self.installation.objects(&plans, given)?,
        };
        output::line(text.trim_end());
        Ok(())
    }

    fn drawn(&self, plans: &[Plan]) -> String {
        let usual = || match std::io::stdout().is_terminal() {
            true => Format::Tree,
            false => Format::Mermaid,
        };
        match self.format.unwrap_or_else(usual) {
            Format::Mermaid => mermaid(plans),
            Format::Tree => tree(plans),
        }
    }
}
