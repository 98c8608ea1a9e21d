//! Models over tables: Hari against MLServer, the Python wrapper, and the libraries themselves.

mod in_process;
mod judged;
mod served;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::load::Load;
use super::subjects::Tools;
use super::{report, requirements};
use crate::venv::{self, Venv};
use crate::workspace;
use in_process::Own;
pub(super) use judged::{aims, text};
use served::Served;

/// Numbers of rows in one request.
const ROWS: [usize; 2] = [1, 1000];

/// What the tables need.
pub(super) struct Material {
    /// Where `bench/models/tables.py` wrote.
    models: PathBuf,
    /// Python with MLServer, its runtimes, and the libraries.
    mlserver: Venv,
    /// Python with the wrapper and scikit-learn.
    wrapper: Venv,
}

/// What was measured.
#[derive(Default)]
pub(super) struct Measured {
    /// Servers of a pipeline of scikit-learn.
    iris: Vec<report::Line>,
    /// Models without a server, one with each number of rows.
    own: Vec<Own>,
    /// Servers of boosters.
    served: Vec<Served>,
}

impl Material {
    /// Python environments and models; made if they are not there.
    pub(super) fn ready(models: Option<&Path>) -> Result<Self> {
        let mlserver = Venv::ready(&requirements("tables"))?;
        let wrapper = Venv::ready(&requirements("wrapper-sklearn"))?;
        let models = match models {
            Some(folder) => std::path::absolute(folder)?,
            None => venv::cache_dir()?.join("bench-tables"),
        };
        make(&mlserver, &models, &[])?;
        make(&wrapper, &models.join("wrapper"), &["--iris-only"])?;
        Ok(Self {
            models,
            mlserver,
            wrapper,
        })
    }

    /// A request, with its tensors in the form of the name.
    fn case(&self, rows: usize, form: &str) -> PathBuf {
        self.models.join(format!("trees-{rows}-{form}.json"))
    }
}

/// Makes the models, unless they are there.
fn make(venv: &Venv, folder: &Path, options: &[&str]) -> Result<()> {
    // Written last.
    if folder.join("made").exists() {
        return Ok(());
    }
    let script = workspace::root().join("bench/models/tables.py");
    let mut python = venv.python();
    venv::run(python.arg(script).arg(folder).args(options))
}

/// Everything there is to measure.
pub(super) fn measure(
    tools: &Tools<'_>,
    load: &Load,
    material: &Material,
    starts: usize,
) -> Result<Measured> {
    // What the libraries answer is what the servers' answers are held against.
    let own = in_process::measure(tools, load, material)?;
    Ok(Measured {
        own,
        iris: served::iris(tools, load, material, starts)?,
        served: served::boosters(tools, load, material)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_makes_what_is_measured() {
        let script = workspace::root().join("bench/models/tables.py");
        let script = std::fs::read_to_string(script).unwrap();
        for model in in_process::MODELS {
            assert!(script.contains(&format!("home(folder, \"{}\")", model.folder)));
            assert!(script.contains(&format!("\"{}\"", model.file)));
        }
        let rows = ROWS.map(|rows| rows.to_string()).join(", ");
        assert!(script.contains(&format!("for count in [{rows}]")));
    }
}
