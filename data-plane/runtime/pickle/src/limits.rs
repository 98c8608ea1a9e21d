//! How much a file may ask for.

/// Bounds on one file. Each is checked before memory is taken.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes that a compressed file may expand to.
    pub expanded: u64,
    /// How many times its own size a compressed file may expand to.
    pub ratio: u64,
    /// Expanding to fewer bytes than this is fine at any ratio.
    pub ratio_floor: u64,
    /// Bytes of values, names and references that any file may build, arrays and texts aside.
    pub structure: u64,
    /// Further bytes of structure for each byte of the file.
    pub structure_per_byte: u64,
    /// Bytes of structure that no file may pass.
    pub structure_cap: u64,
    /// Values waiting to be put into others.
    pub stack: usize,
    /// Open brackets.
    pub marks: usize,
    /// Values inside each other.
    pub depth: usize,
    /// KiB of window that LZMA may ask for.
    pub window_kib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            expanded: 4 << 30,
            ratio: 100,
            ratio_floor: 16 << 20,
            structure: 32 << 20,
            structure_per_byte: 16,
            structure_cap: 2 << 30,
            stack: 4 << 20,
            marks: 10_000,
            depth: 200,
            window_kib: 80 << 10,
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
        by_size
            .saturating_add(self.structure)
            .min(self.structure_cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_may_expand_to_the_floor_and_none_passes_the_cap() {
        let limits = Limits::default();
        assert_eq!(limits.expanded_from(10), limits.ratio_floor);
        assert_eq!(limits.expanded_from(1 << 20), 100 << 20);
        assert_eq!(limits.expanded_from(u64::MAX), limits.expanded);
    }

    #[test]
    fn structure_grows_with_the_file_up_to_the_cap() {
        let limits = Limits::default();
        assert_eq!(limits.structure_from(0), limits.structure);
        assert_eq!(
            limits.structure_from(1 << 20),
            limits.structure + (16 << 20)
        );
        assert_eq!(limits.structure_from(u64::MAX), limits.structure_cap);
    }
}
