//! A JSON body of the Seldon protocol.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hari_protocol_fuzz::seldon_json::check(data));
