//! Which requests are recorded: a share of them, by their id, so that a request and its response
//! are kept or left out together, at every node and in every process alike.

/// Whether the request of this id is in the share, from 0 to 1.
pub(crate) fn keeps(share: f64, request_id: &str) -> bool {
    if share >= 1.0 {
        return true;
    }
    // The upper 53 bits are a number in [0, 1) without rounding.
    let point = (hash(request_id) >> 11) as f64 / (1_u64 << 53) as f64;
    point < share
}

/// FNV-1a, finished as SplitMix64 is, so that ids that count up spread as well.
fn hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_share_is_met() {
        for share in [0.01, 0.1, 0.5, 0.9] {
            let kept = (0..100_000).filter(|id| keeps(share, &id.to_string()));
            let found = kept.count() as f64 / 100_000.0;
            // Five standard deviations of the widest.
            assert!((found - share).abs() < 0.008, "{share}: {found}");
        }
    }

    proptest! {
        #[test]
        fn a_larger_share_keeps_what_a_smaller_one_does(id: String, a in 0.0..1.0, b in 0.0..1.0) {
            prop_assert!(keeps(1.0, &id) && !keeps(0.0, &id));
            let (small, large) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(!keeps(small, &id) || keeps(large, &id));
        }
    }
}
