//! Models that XGBoost and LightGBM wrote: predictions equal theirs, and damaged files are
//! refused or answered.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail like the tests themselves"
)]

mod abuse;
#[path = "../support/ask.rs"]
mod ask;
mod catboost;
mod corpus;
mod fixture;
mod parity;
mod serving;
mod tables;
