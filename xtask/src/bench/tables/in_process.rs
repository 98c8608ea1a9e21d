//! Models without a server, on one thread: Hari's own evaluation beside that of the libraries.

#![expect(clippy::print_stderr, reason = "what takes minutes says so")]

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Material, ROWS};
use crate::bench::load::{InProcess, Load, json};
use crate::bench::subjects::Tools;
use crate::bench::{RUNS, SERVER_CORE};
use crate::workspace;

/// A model, and what computes it in Python.
pub(super) struct Model {
    pub(super) name: &'static str,
    /// Its folder among the models; the name that servers give it.
    pub(super) folder: &'static str,
    pub(super) file: &'static str,
    /// The form of the numbers that it computes with.
    form: &'static str,
    /// As `bench/peers/tables.py` knows them. The first writes what is right.
    peers: &'static [&'static str],
}

pub(super) const XGBOOST: &str = "XGBoost, 500 trees of depth 6";
pub(super) const LIGHTGBM: &str = "LightGBM, 500 trees of depth 6";
pub(super) const FOREST: &str = "scikit-learn, random forest";

pub(super) const MODELS: [Model; 3] = [
    Model {
        name: XGBOOST,
        folder: "trees",
        file: "model.json",
        form: "f32",
        peers: &["xgboost-c", "xgboost", "treelite"],
    },
    Model {
        name: LIGHTGBM,
        folder: "leaves",
        file: "model.txt",
        form: "f64",
        peers: &["lightgbm"],
    },
    Model {
        name: FOREST,
        folder: "forest",
        file: "model.joblib",
        form: "f64",
        peers: &["sklearn"],
    },
];

/// One model with one number of rows.
#[derive(Default)]
pub(super) struct Own {
    pub(super) model: &'static str,
    pub(super) rows: usize,
    pub(super) hari: InProcess,
    pub(super) peers: Vec<(&'static str, InProcess)>,
}

/// Every model with each number of rows.
pub(super) fn measure(tools: &Tools<'_>, load: &Load, material: &Material) -> Result<Vec<Own>> {
    let bench = Bench {
        tools,
        material,
        seconds: load.seconds,
    };
    let mut all = Vec::new();
    for model in &MODELS {
        for rows in ROWS {
            eprintln!("{}, {rows} rows: in process", model.name);
            all.push(bench.one(model, rows)?);
        }
    }
    Ok(all)
}

/// Where the answer of the libraries is kept.
pub(super) fn answer(scratch: &Path, folder: &str, rows: usize) -> PathBuf {
    scratch.join(format!("{folder}-{rows}.answer"))
}

/// What measuring needs.
struct Bench<'a> {
    tools: &'a Tools<'a>,
    material: &'a Material,
    seconds: f64,
}

impl Bench<'_> {
    /// Runs alternate, so that a slow minute of the machine is everyone's.
    fn one(&self, model: &Model, rows: usize) -> Result<Own> {
        let mut peers: Vec<_> = model.peers.iter().map(|peer| (*peer, Vec::new())).collect();
        let mut hari = Vec::new();
        for _ in 0..RUNS {
            for (peer, runs) in &mut peers {
                runs.push(self.run(self.python(peer), model, rows)?);
            }
            let program = self.tools.built.join("hari-bench-inprocess");
            hari.push(self.run(pinned(&program), model, rows)?);
        }
        let peers = peers.into_iter();
        Ok(Own {
            model: model.name,
            rows,
            hari: InProcess::middle(hari)?,
            peers: peers
                .map(|(peer, runs)| Ok((peer, InProcess::middle(runs)?)))
                .collect::<Result<_>>()?,
        })
    }

    fn python(&self, peer: &str) -> Command {
        let mut command = pinned(&self.material.mlserver.interpreter());
        command.arg(workspace::root().join("bench/peers/tables.py"));
        command.arg(peer);
        command
    }

    fn run(&self, mut command: Command, model: &Model, rows: usize) -> Result<InProcess> {
        let file = self.material.models.join(model.folder).join(model.file);
        command
            .arg(file)
            .arg(self.material.case(rows, model.form))
            .arg(self.seconds.to_string())
            .arg(answer(self.tools.scratch, model.folder, rows));
        InProcess::read(&json(&mut command)?)
    }
}

/// A program on the core of the servers.
fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &SERVER_CORE.to_string()]).arg(program);
    command
}

impl Own {
    /// Hari's time as a multiple of a peer's; not a number if it was not measured.
    pub(super) fn ratio(&self, peer: &str) -> f64 {
        let found = self.peers.iter().find(|(name, _)| *name == peer);
        found.map_or(f64::NAN, |(_, run)| self.hari.p50 / run.p50)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_is_known_to_the_script() {
        let script = workspace::root().join("bench/peers/tables.py");
        let script = std::fs::read_to_string(script).unwrap();
        for peer in MODELS.iter().flat_map(|model| model.peers) {
            assert!(script.contains(&format!("\"{peer}\": ")), "{peer}");
        }
    }

    #[test]
    fn a_ratio_is_of_the_middle_times() {
        let run = |p50| InProcess {
            p50,
            ..InProcess::default()
        };
        let own = Own {
            hari: run(30.0),
            peers: vec![("xgboost", run(60.0))],
            ..Own::default()
        };
        assert!((own.ratio("xgboost") - 0.5).abs() < f64::EPSILON);
        assert!(own.ratio("treelite").is_nan());
    }
}
