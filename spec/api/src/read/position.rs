//! Where each field of a document is.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::path::{Step, steps};

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Where each field of a document is: a tree of the shape of the document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Positions {
    /// Of a field: its name. Of an item or the document: its first character.
    pub(super) here: Option<Position>,
    pub(super) below: Below,
}

/// The positions inside a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Below {
    #[default]
    Nothing,
    Fields(HashMap<String, Positions>),
    Items(Vec<Positions>),
}

impl Positions {
    /// Where the field of this path is: its name, or for an item of a list its beginning.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Position> {
        let mut at = self;
        for step in steps(path) {
            at = at.step(&step)?;
        }
        at.here
    }

    /// Where the field of this path is, or the nearest field around it that is there.
    #[must_use]
    pub fn nearest(&self, path: &str) -> Option<Position> {
        self.nearest_of(steps(path))
    }

    pub(crate) fn nearest_of<'a>(&self, steps: impl Iterator<Item = Step<'a>>) -> Option<Position> {
        let mut at = self;
        let mut found = at.here;
        for step in steps {
            let Some(next) = at.step(&step) else { break };
            at = next;
            found = at.here.or(found);
        }
        found
    }

    fn step(&self, step: &Step<'_>) -> Option<&Self> {
        match (&self.below, step) {
            (Below::Fields(fields), Step::Field(name)) => fields.get(name.as_ref()),
            (Below::Items(items), Step::Item(index)) => items.get(*index),
            _ => None,
        }
    }

    /// The positions of the items of a list, taken out.
    pub(super) fn take_items(&mut self, name: &str) -> Vec<Self> {
        let Below::Fields(fields) = &mut self.below else {
            return Vec::new();
        };
        match fields.remove(name).map(|list| list.below) {
            Some(Below::Items(items)) => items,
            _ => Vec::new(),
        }
    }
}
