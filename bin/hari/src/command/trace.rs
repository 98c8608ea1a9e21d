//! `hari trace`: what every node of a recorded request was asked and answered.

use std::path::PathBuf;

use hari_error::Error;
use hari_recorder::{Entry, Folder, Recording, Style, tree};

use crate::output;

/// Recordings that are looked through for the slowest.
const LOOKED_AT: usize = 10_000;

/// Show a recorded request as a tree: what every node was asked and answered, and when
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hari run iris.yaml --record recordings
  hari trace                       the last requests
  hari trace 5f0c                  the one whose id begins so
  hari trace --slowest")]
pub(crate) struct Trace {
    /// Id of the request (header `Seldon-Puid`), or its beginning [default: list the last]
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Folder that `hari run --record` writes to
    #[arg(long, default_value = "recordings", value_name = "DIR")]
    dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Show the request that took longest
    #[arg(long, conflicts_with = "id")]
    slowest: bool,
    /// How many requests are listed
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    last: usize,
}

impl Trace {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let folder = Folder::at(&self.dir);
        match &self.id {
            Some(id) => self.show(&folder.find(id)?),
            None => {
                let entries = folder.entries()?;
                if entries.is_empty() {
                    let folder = self.dir.display();
                    let words =
                        format!("nothing is recorded in {folder}: send a request, and look again");
                    return Err(Error::not_found(words).into());
                }
                match self.slowest {
                    true => self.show(&slowest(&entries)?),
                    false => self.list(&entries),
                }
            }
        }
    }

    fn show(&self, recording: &Recording) -> anyhow::Result<()> {
        if self.json {
            output::line(serde_json::to_string_pretty(recording)?);
        } else {
            let colour = output::coloured();
            output::line(tree(recording, Style { colour }).trim_end());
        }
        Ok(())
    }

    fn list(&self, entries: &[Entry]) -> anyhow::Result<()> {
        let last: Vec<Recording> = read(entries).take(self.last).collect();
        if self.json {
            output::line(serde_json::to_string_pretty(&last)?);
            return Ok(());
        }
        let rows: Vec<_> = last.iter().map(row).collect();
        output::table(
            &[
                "ID",
                "TIME",
                "DEPLOYMENT",
                "PREDICTOR",
                "TOOK",
                "NODES",
                "ERROR",
            ],
            &rows,
        );
        Ok(())
    }
}

/// Those that can be read: the oldest may be removed, and others written, meanwhile.
fn read(entries: &[Entry]) -> impl Iterator<Item = Recording> {
    entries.iter().filter_map(|entry| match entry.read() {
        Ok(recording) => Some(recording),
        Err(error) => {
            tracing::debug!(%error, "a recording was passed over");
            None
        }
    })
}

fn slowest(entries: &[Entry]) -> anyhow::Result<Recording> {
    read(entries)
        .take(LOOKED_AT)
        .max_by_key(|recording| recording.took)
        .ok_or_else(|| Error::not_found("no recording could be read").into())
}

fn row(recording: &Recording) -> Vec<String> {
    let asked = |name: &str| recording.events.iter().any(|event| event.node == name);
    let nodes = recording.graph.iter().filter(|node| asked(&node.name));
    let mut events = recording.events.iter().rev();
    let error = events.find_map(|event| event.error.as_ref());
    let error = error.map_or("", |error| &*error.reason);
    vec![
        recording.id.clone(),
        recording.time.clone(),
        recording.deployment.clone(),
        recording.predictor.clone(),
        format!("{:.3} ms", recording.took as f64 / 1000.0),
        nodes.count().to_string(),
        error.to_owned(),
    ]
}
