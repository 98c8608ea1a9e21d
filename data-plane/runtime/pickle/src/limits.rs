//! How much a file may ask for.
//!
//! A file of up to 8 MiB takes at most 64 MiB beyond itself, whatever it holds. A larger one may
//! take eight times itself: a vocabulary of a million short words does, and is worth reading. Raw
//! arrays are not copied, so they count once, as the file itself.

/// Bounds on one file. Each is checked before memory is taken.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes that a compressed file, or an archive, may expand to.
    pub expanded: u64,
    /// How many times its own size a compressed file may expand to.
    pub ratio: u64,
    /// Expanding to fewer bytes than this is fine at any ratio.
    pub ratio_floor: u64,
    /// Bytes of values, names and references that any file may build; what a compressed file
    /// expands to counts too.
    pub structure: u64,
    /// For a larger file: bytes of structure for each byte of it.
    pub structure_per_byte: u64,
    /// Of a compressed file, so many times its size counts as its bytes.
    pub structure_ratio: u64,
    /// Bytes of structure that no file may pass.
    pub structure_cap: u64,
    /// Values waiting to be put into others.
    pub stack: usize,
    /// Open brackets.
    pub marks: usize,
    /// Values inside each other, 250 at most.
    pub depth: usize,
    /// KiB of window that LZMA may ask for.
    pub window_kib: u32,
    /// Files in an archive.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            expanded: 4 << 30,
            ratio: 20,
            ratio_floor: 20 << 20,
            structure: 56 << 20,
            structure_per_byte: 8,
            structure_ratio: 4,
            structure_cap: 4 << 30,
            stack: 4 << 20,
            marks: 10_000,
            depth: 200,
            window_kib: 80 << 10,
            entries: 200_000,
        }
    }
}

impl Limits {
    /// Bytes that a compressed file of this size may expand to.
    pub(crate) fn expanded_from(&self, file: u64) -> u64 {
        let by_ratio = file.saturating_mul(self.ratio).max(self.ratio_floor);
        by_ratio.min(self.expanded)
    }

    /// Bytes of structure that a file of this size may build.
    pub(crate) fn structure_from(&self, file: u64) -> u64 {
        let by_size = file.saturating_mul(self.structure_per_byte);
        by_size.min(self.structure_cap).max(self.structure)
    }

    /// The same of a compressed file that has expanded to so many bytes, which are in memory too.
    pub(crate) fn structure_from_expanded(&self, file: u64, expanded: u64) -> u64 {
        let counted = file.saturating_mul(self.structure_ratio).min(expanded);
        let by_size = counted.saturating_mul(self.structure_per_byte);
        let floor = self.structure.saturating_sub(expanded);
        by_size.min(self.structure_cap).max(floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn small_files_may_expand_to_the_floor_and_none_passes_the_cap() {
        let limits = Limits::default();
        assert_eq!(limits.expanded_from(10), limits.ratio_floor);
        assert_eq!(limits.expanded_from(5 * MIB), 100 * MIB);
        assert_eq!(limits.expanded_from(u64::MAX), limits.expanded);
    }

    #[test]
    fn structure_grows_with_large_files_up_to_the_cap() {
        let limits = Limits::default();
        assert_eq!(limits.structure_from(0), limits.structure);
        assert_eq!(limits.structure_from(7 * MIB), limits.structure);
        assert_eq!(limits.structure_from(100 * MIB), 800 * MIB);
        assert_eq!(limits.structure_from(u64::MAX), limits.structure_cap);
    }

    #[test]
    fn a_small_compressed_file_stays_within_the_floor_with_what_it_expands_to() {
        let limits = Limits::default();
        for file in [100, MIB, MIB + MIB / 2] {
            let expanded = limits.expanded_from(file);
            let built = limits.structure_from_expanded(file, expanded);
            assert!(expanded + built <= 64 * MIB + 20 * file, "{file}");
        }
        // Words that were packed to a third: as many as the file would hold without.
        let built = limits.structure_from_expanded(10 * MIB, 30 * MIB);
        assert_eq!(built, 240 * MIB);
    }
}
