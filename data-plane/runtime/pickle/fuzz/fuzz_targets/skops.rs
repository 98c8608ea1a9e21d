//! A description of skops, in an archive that is sound, with two arrays beside it; and the same
//! bytes as an archive.
#![no_main]

#[path = "../../tests/support/walk.rs"]
mod walk;
#[path = "../../tests/support/zips.rs"]
mod zips;

fn check(file: &[u8]) {
    let limits = hari_pickle::Limits {
        expanded: 16 << 20,
        structure: 8 << 20,
        ..hari_pickle::Limits::default()
    };
    if let Ok(document) = hari_pickle::read(file, &limits) {
        walk::all(&document.root());
    }
}

const ARRAY: &[u8] = b"\x93NUMPY\x01\x00\x3a\x00\
    {'descr': '<u2', 'fortran_order': True, 'shape': (2, 2), }\x01\0\x02\0\x03\0\x04\0";

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    check(data);
    check(&zips::zip(&[
        zips::stored("schema.json", data),
        zips::stored("1.npy", ARRAY),
        zips::deflated("2.npy", data),
    ]));
});
