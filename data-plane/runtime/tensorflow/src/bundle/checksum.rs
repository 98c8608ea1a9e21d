//! Masked CRC-32C, as tables and bundles store it.

const DELTA: u32 = 0xa282_ead8;

/// Rotates and shifts a checksum, so that the checksum of data that holds checksums stays good.
pub(super) fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(DELTA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_twice_is_not_masking_once() {
        let crc = crc32c::crc32c(b"foo");
        assert_ne!(mask(crc), crc);
        assert_ne!(mask(mask(crc)), crc);
        // The check value of CRC-32C for "123456789" is e3069283; rotated by 15 and shifted.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(mask(0xe306_9283), 0x2507_c60d_u32.wrapping_add(DELTA));
    }
}
