//! Which nodes a walk came by, which branch each took, and which it did without.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::tree::Step;

/// No branch has this number: it marks a node that was not visited.
const UNSEEN: i32 = i32::MIN;

/// One place for each node from the entry down, written by children that run side by side.
pub(super) struct Visits {
    /// The number of the entry.
    base: usize,
    branches: Box<[AtomicI32]>,
    /// The numbers of nodes that failed and that the request went on without.
    skipped: Mutex<BTreeSet<usize>>,
}

impl Visits {
    pub(super) fn of(entry: &Step) -> Self {
        let branches = (0..entry.size).map(|_| AtomicI32::new(UNSEEN)).collect();
        Self {
            base: entry.index,
            branches,
            skipped: Mutex::default(),
        }
    }

    pub(super) fn skip(&self, step: &Step) {
        let skipped = self.skipped.lock();
        skipped
            .unwrap_or_else(PoisonError::into_inner)
            .insert(step.index);
    }

    /// Names of the nodes that were skipped, in the order of the graph.
    pub(super) fn skipped(&self, entry: &Step) -> Vec<String> {
        let skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = Vec::new();
        if !skipped.is_empty() {
            entry.each(&mut |step| {
                if skipped.contains(&step.index) {
                    names.push(step.name.clone());
                }
            });
        }
        names
    }

    pub(super) fn record(&self, step: &Step, branch: i32) {
        if let Some(place) = self.place(step) {
            place.store(branch, Ordering::Relaxed);
        }
    }

    /// Node to branch, for every node that was visited.
    pub(super) fn routing(&self, entry: &Step) -> BTreeMap<String, i32> {
        let mut routing = BTreeMap::new();
        entry.each(&mut |step| {
            let branch = self
                .place(step)
                .map_or(UNSEEN, |place| place.load(Ordering::Relaxed));
            if branch != UNSEEN {
                routing.insert(step.name.clone(), branch);
            }
        });
        routing
    }

    fn place(&self, step: &Step) -> Option<&AtomicI32> {
        self.branches.get(step.index.checked_sub(self.base)?)
    }
}
