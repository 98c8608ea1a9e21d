//! The operators, by what they do. Each family has a table of its own.

mod activation;
mod binary;
mod identity;
mod select;
mod unary;
mod variadic;

use crate::compile::Entry;

/// The tables of all families.
pub(crate) const ALL: &[&[Entry]] = &[
    identity::TABLE,
    binary::ARITHMETIC,
    binary::COMPARISONS,
    binary::BITS,
    binary::OTHERS,
    select::TABLE,
    unary::REALS,
    unary::NUMERIC,
    unary::OTHERS,
    variadic::TABLE,
];
