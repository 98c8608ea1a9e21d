//! What is recorded, and how much of it.

use std::path::PathBuf;

/// What is recorded, and how much of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Where the files are; made if it is missing, for its owner alone.
    pub folder: PathBuf,
    /// Share of the requests, from 0 to 1, chosen by their ids.
    pub sample: f64,
    /// Bytes of all files; beyond them the oldest are removed.
    pub max_bytes: u64,
    /// Whether tensors and texts are kept whole.
    pub full: bool,
}

impl Options {
    /// A gibibyte.
    pub const MAX_BYTES: u64 = 1 << 30;

    /// All requests, up to [`Self::MAX_BYTES`], long tensors and texts abbreviated.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            sample: 1.0,
            max_bytes: Self::MAX_BYTES,
            full: false,
        }
    }

    /// Whether the request of this id is among those that are kept (FNV-1a).
    pub(crate) fn keeps(&self, id: &str) -> bool {
        let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // FNV's low bits are its good ones: mixed upwards, then 53 of them make the fraction.
        let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed >> 11) as f64 / (1_u64 << 53) as f64) < self.sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(sample: f64) -> Options {
        Options {
            sample,
            ..Options::new("r")
        }
    }

    #[test]
    fn a_share_of_the_ids_is_kept() {
        let kept = |sample: f64| {
            let options = sampled(sample);
            (0..10_000)
                .filter(|n| options.keeps(&format!("id-{n}")))
                .count()
        };
        assert_eq!((kept(0.0), kept(1.0)), (0, 10_000));
        assert!((900..1100).contains(&kept(0.1)), "{}", kept(0.1));
        assert!((4700..5300).contains(&kept(0.5)), "{}", kept(0.5));
    }
}
