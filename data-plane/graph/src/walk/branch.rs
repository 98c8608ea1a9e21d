//! What the number of a branch means, in a router's reply and in a feedback's routing.

use crate::tree::Step;

/// All children.
pub(super) const ALL: i32 = -1;
/// No child.
const NONE: i32 = -2;

/// The children that a message goes to.
pub(super) enum Branch<'a> {
    /// All of several.
    All,
    None,
    One(&'a Step),
}

impl<'a> Branch<'a> {
    /// The children of `step` that `number` stands for; else words that name the node, the number
    /// and what is allowed.
    pub(super) fn of(step: &'a Step, number: i32) -> Result<Self, String> {
        match (number, &*step.children) {
            (NONE, _) => Ok(Self::None),
            (ALL, [only]) => Ok(Self::One(only)),
            (ALL, _) => Ok(Self::All),
            (_, children) => {
                let child = usize::try_from(number).ok().and_then(|at| children.get(at));
                child
                    .map(|child| Self::One(child))
                    .ok_or_else(|| refusal(step, number))
            }
        }
    }
}

fn refusal(step: &Step, number: i32) -> String {
    let last = step.children.len().saturating_sub(1);
    format!(
        "node `{}` has no branch {number}: expected -2 (no child), -1 (all children) or a child \
         from 0 to {last}",
        step.name
    )
}
