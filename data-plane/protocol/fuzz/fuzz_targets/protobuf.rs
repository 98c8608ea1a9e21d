//! A protocol buffer message of any of the protocols.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hari_protocol_fuzz::protobuf::check(data));
