//! A JSON body of the TensorFlow Serving API.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hari_protocol_fuzz::tf_json::check(data));
