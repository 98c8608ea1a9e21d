//! A reply of another server, in any protocol.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hari_protocol_fuzz::replies::check(data));
