//! Which nodes a walk came by, and which branch each took.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::tree::Step;

/// No branch has this number: it marks a node that was not visited.
const UNSEEN: i32 = i32::MIN;

/// One place for each node from the entry down, written by children that run side by side.
pub(super) struct Visits {
    /// The number of the entry.
    base: usize,
    branches: Box<[AtomicI32]>,
}

impl Visits {
    pub(super) fn of(entry: &Step) -> Self {
        let branches = (0..entry.size).map(|_| AtomicI32::new(UNSEEN)).collect();
        Self {
            base: entry.index,
            branches,
        }
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
