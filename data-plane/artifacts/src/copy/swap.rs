//! Replacing what lies in a folder by renames inside it: a volume cannot be renamed itself. A file
//! says what is to be done until it is done, so that a call that was cut short is ended by the next.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};
use serde::{Deserialize, Serialize};

use super::target::names;
use crate::place::{sync_folder, unwritable};

/// In the staging folder, while renames are under way.
const PLAN: &str = "swap.json";
/// In the staging folder: what was there before.
const OLD: &str = "old";

#[derive(Serialize, Deserialize)]
struct Plan {
    /// The model's folder, relative to the staging folder.
    made: PathBuf,
    /// Names in the folder that go.
    old: Vec<OsString>,
    /// Names that come.
    new: Vec<OsString>,
}

/// Puts what lies in `staging/made` into `dir`, in the place of `old`.
pub(super) fn swap(dir: &Path, staging: &Path, made: &Path, old: Vec<OsString>) -> Result<()> {
    let plan = Plan {
        new: names(&staging.join(made))?,
        made: made.to_owned(),
        old,
    };
    let text = serde_json::to_vec(&plan)
        .map_err(|error| Error::internal("a plan of renames").with_source(error))?;
    let path = staging.join(PLAN);
    let draft = path.with_extension("new");
    let write = || -> io::Result<()> {
        fs::write(&draft, text)?;
        File::open(&draft)?.sync_all()?;
        fs::rename(&draft, &path)
    };
    write().map_err(unwritable)?;
    sync_folder(staging)?;
    carry_out(dir, staging, &plan).map_err(unwritable)?;
    sync_folder(dir)
}

/// Ends what an earlier call began; true if there was something to end.
pub(super) fn recover(dir: &Path, staging: &Path) -> Result<bool> {
    let Ok(text) = fs::read(staging.join(PLAN)) else {
        return Ok(false);
    };
    let plan: Plan = serde_json::from_slice(&text).map_err(|error| {
        Error::internal("the target folder: a plan of renames is damaged").with_source(error)
    })?;
    carry_out(dir, staging, &plan).map_err(unwritable)?;
    sync_folder(dir)?;
    Ok(true)
}

fn carry_out(dir: &Path, staging: &Path, plan: &Plan) -> io::Result<()> {
    let made = staging.join(&plan.made);
    let old = staging.join(OLD);
    fs::create_dir_all(&old)?;
    for name in &plan.old {
        // What has come already has the name of what went.
        let came = plan.new.contains(name) && !made.join(name).exists();
        if !came && dir.join(name).exists() {
            fs::rename(dir.join(name), old.join(name))?;
        }
    }
    for name in plan.new.iter().filter(|name| made.join(name).exists()) {
        fs::rename(made.join(name), dir.join(name))?;
    }
    fs::remove_file(staging.join(PLAN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::folder;

    fn cut_after(steps: usize) -> tempfile::TempDir {
        let root = folder(&[
            ("out/a", "old"),
            ("out/gone", "old"),
            ("out/.s/content/a", "new"),
            ("out/.s/content/b", "new"),
        ]);
        let (dir, staging) = (root.path().join("out"), root.path().join("out/.s"));
        let plan = Plan {
            made: "content".into(),
            old: vec!["a".into(), "gone".into()],
            new: vec!["a".into(), "b".into()],
        };
        fs::write(staging.join(PLAN), serde_json::to_vec(&plan).unwrap()).unwrap();
        fs::create_dir(staging.join(OLD)).unwrap();
        let renames = [
            ("a", ".s/old/a"),
            ("gone", ".s/old/gone"),
            (".s/content/a", "a"),
            (".s/content/b", "b"),
        ];
        for (from, to) in renames.iter().take(steps) {
            fs::rename(dir.join(from), dir.join(to)).unwrap();
        }
        root
    }

    #[test]
    fn wherever_it_is_cut_the_next_call_ends_it() {
        for steps in 0..=4 {
            let root = cut_after(steps);
            let dir = root.path().join("out");
            assert!(recover(&dir, &dir.join(".s")).unwrap());
            for name in ["a", "b"] {
                assert_eq!(
                    fs::read_to_string(dir.join(name)).unwrap(),
                    "new",
                    "{steps} {name}"
                );
            }
            assert!(!dir.join("gone").exists(), "{steps}");
            assert!(!recover(&dir, &dir.join(".s")).unwrap());
        }
    }
}
