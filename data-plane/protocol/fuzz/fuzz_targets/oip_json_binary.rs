//! A body of the open inference protocol, with or without binary data.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hari_protocol_fuzz::oip_json_binary::check(data));
