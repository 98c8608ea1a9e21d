//! A pickle in each compressed form that joblib writes: read as it is without.
#![no_main]

#[path = "../../tests/support/packed.rs"]
mod packed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let limits = hari_pickle::Limits {
        structure: 8 << 20,
        window_kib: 16 << 10,
        ..hari_pickle::Limits::default()
    };
    let plain = hari_pickle::read(data, &limits).map(|document| document.root().describe());
    for (form, pack) in packed::PACKERS {
        let found = hari_pickle::read(&pack(data), &limits);
        let found = found.map(|document| document.root().describe());
        // What is packed already, or is an archive, is not looked into twice.
        if let (Ok(found), Ok(plain)) = (found, &plain) {
            assert_eq!(found, *plain, "{form}");
        }
    }
});
