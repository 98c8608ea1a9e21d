//! What was found: a note for each difference, a verdict for each deployment and for all.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use hari_api::Issue;
use serde::Serialize;

use crate::difference::Difference;
use crate::installed::Installed;
use crate::live::LiveObject;

/// How much a difference weighs; the heaviest of a deployment is its verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// There is none.
    #[default]
    Same,
    /// Nothing to do.
    Harmless,
    /// Depends on what the file does not say: someone should look.
    Look,
    /// The file or the installation needs a change.
    Change,
    /// Cannot be served as it is.
    Refused,
}

impl Weight {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Same => "the same",
            Self::Harmless => "different, nothing to do",
            Self::Look => "different, have a look",
            Self::Change => "needs a change",
            Self::Refused => "cannot be served",
        }
    }

    /// Whether something has to be done first.
    #[must_use]
    pub const fn is_in_the_way(self) -> bool {
        matches!(self, Self::Change | Self::Refused)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A difference at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Name of the row of the table.
    pub difference: &'static str,
    /// How much it weighs here.
    pub weight: Weight,
    /// The field; empty for the deployment as a whole.
    pub path: String,
    /// Its line, where there is a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is written there, or what it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What the original does.
    pub before: Cow<'static, str>,
    /// What Hari does.
    pub now: Cow<'static, str>,
    /// What to do about it; empty for nothing.
    pub todo: Cow<'static, str>,
}

impl Note {
    /// A row of the table at a place.
    #[must_use]
    pub fn of(difference: &Difference, path: impl Into<String>) -> Self {
        Self {
            difference: difference.name,
            weight: difference.weight,
            path: path.into(),
            line: None,
            found: None,
            before: Cow::Borrowed(difference.before),
            now: Cow::Borrowed(difference.now),
            todo: Cow::Borrowed(difference.todo),
        }
    }

    /// Adds what was found.
    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// A row whose words are those of an issue.
    #[must_use]
    pub(crate) fn of_issue(difference: &Difference, issue: &Issue) -> Self {
        let mut note = Self::of(difference, issue.path.clone());
        note.line = issue.line;
        note.found.clone_from(&issue.value);
        note.now = Cow::Owned(format!("{} ({})", issue.message, issue.rule));
        if let Some(hint) = &issue.hint {
            note.todo = Cow::Owned(hint.clone());
        }
        note
    }
}

/// One deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// `namespace/name`.
    pub name: String,
    /// The file it was read from; empty for one of a cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Where it begins in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The heaviest of the notes.
    pub verdict: Weight,
    /// Heaviest first, then by field.
    pub notes: Vec<Note>,
    /// What becomes of the objects that are there; none where no cluster was looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<LiveObject>,
}

impl Checked {
    /// Puts the notes in order, and the verdict with them.
    #[must_use]
    pub(crate) fn judged(mut self) -> Self {
        let order = |note: &Note| (std::cmp::Reverse(note.weight), note.line, note.path.clone());
        self.notes.sort_by_key(order);
        self.notes.dedup();
        let heaviest = self.notes.iter().map(|note| note.weight).max();
        self.verdict = heaviest.unwrap_or_default();
        self
    }
}

/// All deployments, and what is around them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order given.
    pub deployments: Vec<Checked>,
    /// Documents of other kinds, by kind.
    pub skipped: BTreeMap<String, usize>,
    /// What the cluster has, if one was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<Installed>,
}

impl Report {
    /// The heaviest of all.
    #[must_use]
    pub fn verdict(&self) -> Weight {
        let weights = self.deployments.iter().map(|checked| checked.verdict);
        let around = self.installed.iter().flat_map(|installed| &installed.notes);
        let all = weights.chain(around.map(|note| note.weight));
        all.max().unwrap_or_default()
    }

    /// Deployments by verdict, the lightest first.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Weight, usize> {
        let mut counts = BTreeMap::new();
        for checked in &self.deployments {
            *counts.entry(checked.verdict).or_default() += 1;
        }
        counts
    }

    /// One line for all of it.
    #[must_use]
    pub fn summary(&self) -> String {
        let all = self.deployments.len();
        let plural = if all == 1 { "" } else { "s" };
        let counts = self.counts();
        let parts: Vec<String> = counts
            .iter()
            .map(|(weight, count)| format!("{count} {weight}"))
            .collect();
        match all {
            0 => "no SeldonDeployment was found".to_owned(),
            _ => format!("{all} deployment{plural}: {}", parts.join("; ")),
        }
    }
}
