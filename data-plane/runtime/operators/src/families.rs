//! The operators, by what they do. Each family has a table of its own.

mod identity;

use crate::compile::Entry;

/// The tables of all families.
pub(crate) const ALL: &[&[Entry]] = &[identity::TABLE];
