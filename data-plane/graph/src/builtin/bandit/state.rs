//! The file in which a router keeps what it learnt: JSON, versioned, written beside and renamed.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;

use hari_error::{Error, Result};
use serde::{Deserialize, Serialize};

use super::StatePlace;
use super::arm::Arm;
use super::reward::Reward;

/// The form of the file.
const VERSION: u32 = 1;
/// Most bytes of a file that is read.
const MAX_BYTES: u64 = 1 << 20;
/// Most rewards that are kept.
const MAX_HISTORY: usize = 1000;

/// One reward of the history.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    branch: String,
    rows: u64,
    successes: u64,
}

/// The last rewards, oldest first.
pub(super) struct History(VecDeque<Entry>);

impl History {
    pub(super) fn of(mut entries: Vec<Entry>) -> Self {
        let spare = entries.len().saturating_sub(MAX_HISTORY);
        entries.drain(..spare);
        Self(entries.into())
    }

    pub(super) fn push(&mut self, branch: &str, reward: &Reward) {
        if self.0.len() >= MAX_HISTORY {
            self.0.pop_front();
        }
        self.0.push_back(Entry {
            branch: branch.to_owned(),
            rows: reward.rows,
            successes: reward.successes,
        });
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.0.iter().cloned().collect()
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    router: String,
    branches: BTreeMap<String, Arm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<Entry>,
}

/// The file of one router.
pub(super) struct Store {
    router: String,
    file: PathBuf,
}

impl Store {
    /// The file of the router at this place; its folder is made.
    pub(super) fn at(place: StatePlace) -> Result<Self> {
        let StatePlace { folder, router } = place;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let name: String = router
            .chars()
            .map(|letter| if plain(letter) { letter } else { '_' })
            .collect();
        fs::create_dir_all(&folder).map_err(|error| failed("make the folder", error))?;
        Ok(Self {
            file: folder.join(format!("{name}.json")),
            router,
        })
    }

    /// What is known of these branches: those that are new start afresh, those that are gone are
    /// forgotten.
    pub(super) fn read(&self, branches: &[String]) -> Result<(Vec<Arm>, Vec<Entry>)> {
        let Some(state) = self.load()? else {
            return Ok((vec![Arm::default(); branches.len()], Vec::new()));
        };
        let arm = |branch| state.branches.get(branch).copied().unwrap_or_default();
        Ok((branches.iter().map(arm).collect(), state.history))
    }

    fn load(&self) -> Result<Option<State>> {
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open the file", error)),
        };
        let mut bytes = Vec::new();
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
        let size = read.map_err(|error| failed("read the file", error))?;
        if size as u64 > MAX_BYTES {
            return Err(self.refused(&format!("it has more than {MAX_BYTES} bytes")));
        }
        let state: State =
            serde_json::from_slice(&bytes).map_err(|error| self.refused(&error.to_string()))?;
        self.check(&state)?;
        Ok(Some(state))
    }

    fn check(&self, state: &State) -> Result<()> {
        if state.version != VERSION {
            let words = format!("expected version {VERSION}, found {}", state.version);
            return Err(self.refused(&words));
        }
        if state.router != self.router {
            let words = format!(
                "expected router `{}`, found `{}`",
                self.router, state.router
            );
            return Err(self.refused(&words));
        }
        let odd = |arm: &Arm| !(0.0..=arm.trials() as f64).contains(&arm.reward);
        match state.branches.iter().find(|(_, arm)| odd(arm)) {
            None => Ok(()),
            Some((branch, arm)) => Err(self.refused(&format!(
                "branch `{branch}`: expected a reward from 0 to its {} rows, found {}",
                arm.trials(),
                arm.reward
            ))),
        }
    }

    fn refused(&self, words: &str) -> Error {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        Error::invalid(format!(
            "state `{name}`: {words}; mend the file, or remove it to start afresh"
        ))
    }

    /// Another reader sees the old file or the new one, whole.
    pub(super) fn write(
        &self,
        branches: &[String],
        arms: &[Arm],
        history: Vec<Entry>,
    ) -> Result<()> {
        let state = State {
            version: VERSION,
            router: self.router.clone(),
            branches: branches.iter().cloned().zip(arms.iter().copied()).collect(),
            history,
        };
        let text = serde_json::to_vec(&state)
            .map_err(|error| Error::internal("the state has no form").with_source(error))?;
        let partial = self.file.with_extension("partial");
        let write = || {
            let mut file = File::create(&partial)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&partial, &self.file)
        };
        write().map_err(|error| failed("write the file", error))
    }
}

fn failed(what: &str, error: std::io::Error) -> Error {
    Error::invalid(format!("state: cannot {what}: {}", error.kind())).with_source(error)
}
