//! Which steps a set of outputs needs, and when each value is used for the last time.

use std::collections::HashSet;

use super::{Slot, Step};

/// One way to run a program: for some of its outputs.
pub(crate) struct Schedule {
    /// The steps, in order.
    pub(super) turns: Vec<Turn>,
    /// Slots of the wanted outputs.
    pub(super) wanted: Vec<Slot>,
}

/// One step of a run.
pub(super) struct Turn {
    /// Its place among the program's steps.
    pub(super) step: usize,
    /// For a step on the engine, the places of the outputs that are wanted of it.
    pub(super) outputs: Vec<usize>,
    /// Slots of values that nothing uses after this step.
    pub(super) last: Vec<Slot>,
}

impl Schedule {
    /// What the slots in `wanted` need, `slots` being the number of all.
    pub(super) fn new(steps: &[Step], slots: usize, wanted: Vec<Slot>) -> Self {
        let mut needed = vec![false; slots];
        let mark = |needed: &mut Vec<bool>, slot: Slot| match needed.get_mut(slot) {
            Some(known) => !std::mem::replace(known, true),
            None => false,
        };
        wanted.iter().for_each(|&slot| {
            mark(&mut needed, slot);
        });
        let mut turns = Vec::new();
        for (at, step) in steps.iter().enumerate().rev() {
            let outputs = step.wanted(&needed);
            if outputs.is_empty() {
                continue;
            }
            let mut used: HashSet<Slot> = step.used(&outputs).collect();
            used.retain(|&slot| mark(&mut needed, slot));
            let mut last: Vec<Slot> = used.into_iter().collect();
            last.sort_unstable();
            turns.push(Turn {
                step: at,
                outputs,
                last,
            });
        }
        turns.reverse();
        Self { turns, wanted }
    }
}

impl Step {
    /// The places of its outputs that are needed.
    fn wanted(&self, needed: &[bool]) -> Vec<usize> {
        let is = |slot: Slot| needed.get(slot).copied().unwrap_or(false);
        match self {
            Self::Own { outputs, .. } => {
                let slots = outputs.iter().enumerate();
                slots
                    .filter(|(_, slot)| slot.is_some_and(is))
                    .map(|(at, _)| at)
                    .collect()
            }
            Self::Engine(part) => {
                let slots = part.outputs.iter().enumerate();
                slots
                    .filter(|(_, slot)| is(**slot))
                    .map(|(at, _)| at)
                    .collect()
            }
        }
    }

    /// The slots that the outputs at these places need.
    fn used<'a>(&'a self, outputs: &'a [usize]) -> Box<dyn Iterator<Item = Slot> + 'a> {
        match self {
            Self::Own { inputs, .. } => Box::new(inputs.iter().copied().flatten()),
            Self::Engine(part) => {
                let needs = outputs
                    .iter()
                    .filter_map(|&at| part.needs.get(at))
                    .flatten();
                Box::new(needs.filter_map(|&at| part.inputs.get(at).copied()))
            }
        }
    }
}
