//! The operators, by what they do. Each family has a table of its own.

mod activation;
mod attention;
mod binary;
mod boxes;
mod contrib;
mod conv;
mod create;
mod einsum;
mod flow;
mod gather;
mod geometry;
mod identity;
mod index;
mod join;
mod kernel;
mod layout;
mod linear;
mod loss;
mod ml;
mod norm;
mod pad;
mod pool;
mod quantise;
mod ragged;
mod random;
mod ranking;
mod recurrent;
mod reduce;
mod resize;
mod sample;
mod scan;
mod scatter;
mod select;
mod sequence;
mod shape;
mod signal;
mod table;
mod text;
mod unary;
mod unique;
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
    shape::TABLE,
    join::TABLE,
    gather::TABLE,
    scatter::TABLE,
    create::TABLE,
    layout::TABLE,
    pad::TABLE,
    unique::TABLE,
    ml::TABLE,
    text::TABLE,
    table::TABLE,
    ragged::TABLE,
    contrib::TABLE,
    linear::TABLE,
    reduce::TABLE,
    ranking::TABLE,
    flow::TABLE,
    scan::TABLE,
    sequence::TABLE,
    conv::TABLE,
    pool::TABLE,
    norm::TABLE,
    quantise::TABLE,
    recurrent::TABLE,
    resize::TABLE,
    random::TABLE,
    einsum::TABLE,
    attention::TABLE,
    sample::TABLE,
    boxes::TABLE,
    loss::TABLE,
    signal::TABLE,
];
