//! Values of the data plane lent to the engine, and the engine's copied out.

mod copy;
mod lend;
mod types;

pub(crate) use copy::copy;
pub(crate) use lend::lend;
pub(crate) use types::r#type;
