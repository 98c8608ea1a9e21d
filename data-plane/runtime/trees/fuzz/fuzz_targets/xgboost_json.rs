#![no_main]
//! JSON of XGBoost, and three rows for what is read.

#[path = "../../tests/support/ask.rs"]
mod ask;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ask::read_and_ask(data, hari_trees::Family::Xgboost);
});
