//! A pickle or joblib file, and every question that a cursor answers about it.
#![no_main]

#[path = "../../tests/support/walk.rs"]
mod walk;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let limits = hari_pickle::Limits {
        expanded: 16 << 20,
        structure: 8 << 20,
        window_kib: 16 << 10,
        ..hari_pickle::Limits::default()
    };
    if let Ok(document) = hari_pickle::read(data, &limits) {
        walk::all(&document.root());
    }
});
