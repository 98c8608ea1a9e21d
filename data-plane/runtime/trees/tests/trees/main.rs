//! Models that XGBoost and LightGBM wrote: predictions equal theirs, and damaged files are
//! refused or answered.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail like the tests themselves"
)]

mod abuse;
mod catboost;
mod fixture;
mod parity;
mod serving;
mod tables;
