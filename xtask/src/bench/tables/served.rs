//! Servers: a pipeline of scikit-learn with one row, and boosters with few and many.

#![expect(clippy::print_stderr, reason = "what takes minutes says so")]

use std::path::Path;

use anyhow::Result;

use super::in_process::{LIGHTGBM, MODELS, Model, XGBOOST, answer};
use super::{Material, ROWS};
use crate::bench::load::{Load, Measured};
use crate::bench::report;
use crate::bench::server::Server;
use crate::bench::subjects::{Question, Right, Subject, Tools};
use crate::bench::{RUNS, SERVER_CORE, middle, saturate, text};
use crate::workspace;

/// The class of irises that the one row is of.
const CLASS: usize = 0;

/// A booster on one server with one number of rows.
#[derive(Default)]
pub(super) struct Served {
    pub(super) model: &'static str,
    pub(super) server: &'static str,
    pub(super) rows: usize,
    /// One request after the other.
    pub(super) alone: Measured,
    /// As many as it answers.
    pub(super) saturated: Measured,
}

/// Every server of the pipeline, as the servers of a small model are measured.
pub(super) fn iris(
    tools: &Tools<'_>,
    load: &Load,
    material: &Material,
    starts: usize,
) -> Result<Vec<report::Line>> {
    let mut lines = Vec::new();
    for subject in pipelines(tools, material)? {
        lines.extend(crate::bench::measure(&subject, load, starts)?);
    }
    Ok(lines)
}

fn pipelines(tools: &Tools<'_>, material: &Material) -> Result<Vec<Subject>> {
    let models = &material.models;
    let (mut hari, port) = tools.hari("Hari", &text(&models.join("iris/model.joblib")))?;
    hari.questions = vec![seldon(models, port), open_inference(models, port)];
    let folder = models.join("mlserver/iris");
    let (mut mlserver, port) = tools.mlserver_in(&material.mlserver, "MLServer", folder)?;
    mlserver.questions = vec![open_inference(models, port)];
    let mut subjects = vec![hari, mlserver];
    for threads in [1, 4] {
        let folder = workspace::root().join("bench/peers/sklearn");
        let (mut wrapper, port) = tools.wrapper_in(&material.wrapper, threads, "Iris", folder)?;
        // Saved by the wrapper's own version of scikit-learn.
        let model = models.join("wrapper/iris/model.joblib");
        wrapper.env.push(("BENCH_MODEL", text(&model)));
        wrapper.questions = vec![seldon(models, port)];
        subjects.push(wrapper);
    }
    Ok(subjects)
}

fn seldon(models: &Path, port: u16) -> Question {
    Question {
        name: "Seldon protocol",
        url: format!("http://127.0.0.1:{port}/api/v1.0/predictions"),
        body: models.join("iris-seldon.json"),
        pointer: "/data/ndarray/0",
        right: Right::Highest(CLASS),
    }
}

fn open_inference(models: &Path, port: u16) -> Question {
    Question {
        name: "open inference protocol",
        url: format!("http://127.0.0.1:{port}/v2/models/iris/infer"),
        body: models.join("iris-v2.json"),
        pointer: "/outputs/0/data",
        right: Right::Highest(CLASS),
    }
}

/// Each booster on each server with each number of rows.
pub(super) fn boosters(tools: &Tools<'_>, load: &Load, material: &Material) -> Result<Vec<Served>> {
    let mut all = Vec::new();
    let boosters = MODELS.iter();
    for model in boosters.filter(|model| [XGBOOST, LIGHTGBM].contains(&model.name)) {
        for subject in servers(tools, material, model)? {
            let server = Server::start(&subject, SERVER_CORE)?;
            for (question, rows) in subject.questions.iter().zip(ROWS) {
                eprintln!("{}, {}, {rows} rows", subject.name, model.name);
                load.wait(question)?;
                all.push(Served {
                    model: model.name,
                    server: subject.name,
                    rows,
                    alone: middle(RUNS, || load.sequential(question))?,
                    saturated: saturate(&server, question, load)?,
                });
            }
        }
    }
    Ok(all)
}

fn servers(tools: &Tools<'_>, material: &Material, model: &Model) -> Result<[Subject; 2]> {
    let file = material.models.join(model.folder).join(model.file);
    let (mut hari, own) = tools.hari("Hari", &text(&file))?;
    let folder = material.models.join("mlserver").join(model.folder);
    let (mut mlserver, peers) = tools.mlserver_in(&material.mlserver, "MLServer", folder)?;
    let asked = |port| ROWS.map(|rows| rows_of(tools, material, model, (rows, port)));
    hari.questions = asked(own).into();
    mlserver.questions = asked(peers).into();
    Ok([hari, mlserver])
}

/// So many rows as JSON, to a server on this port.
fn rows_of(
    tools: &Tools<'_>,
    material: &Material,
    model: &Model,
    (rows, port): (usize, u16),
) -> Question {
    Question {
        name: model.name,
        url: format!("http://127.0.0.1:{port}/v2/models/{}/infer", model.folder),
        body: material.case(rows, "v2"),
        pointer: "/outputs/0/data",
        right: Right::Numbers(answer(tools.scratch, model.folder, rows)),
    }
}
