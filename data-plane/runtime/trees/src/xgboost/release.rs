//! What changed in how XGBoost computes, by the release that wrote a file.
//!
//! Found by comparing the answers of 0.90, 1.0, and each of 1.2 to 1.7, bit for bit.

/// A release, as its first two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Release(i64, i64);

impl Release {
    /// The release of a file's version; the newest if the file has none.
    pub(super) fn of(version: &[i64]) -> Self {
        match *version {
            [major, minor, ..] => Self(major, minor),
            _ => Self(i64::MAX, 0),
        }
    }

    /// Whether the base score is added to the sum of the trees, rather than the trees to it.
    pub(super) fn base_last(self, booster: &str) -> bool {
        match booster {
            "gbtree" => self < Self(1, 3),
            "dart" => self < Self(1, 4),
            _ => false,
        }
    }

    /// Whether the base score of `binary:logitraw` is a probability.
    pub(super) fn raw_is_probability(self) -> bool {
        self < Self(1, 3)
    }

    /// Whether a sigmoid has no bound, and comes to zero for sums far below it.
    pub(super) fn sigmoid_is_free(self) -> bool {
        self < Self(1, 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_version_is_of_the_newest() {
        let newest = Release::of(&[]);
        assert!(!newest.base_last("gbtree") && !newest.sigmoid_is_free());
    }

    #[test]
    fn releases_have_their_ways() {
        let old = Release::of(&[0, 90]);
        assert!(old.base_last("gbtree") && old.raw_is_probability() && !old.base_last("gblinear"));
        let middle = Release::of(&[1, 3, 3]);
        assert!(!middle.base_last("gbtree") && middle.base_last("dart"));
        assert!(middle.sigmoid_is_free() && !Release::of(&[1, 6, 0]).sigmoid_is_free());
    }
}
