//! The graph of a SavedModel.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    _ = hari_tensorflow_fuzz::saved_model::read(data);
});
