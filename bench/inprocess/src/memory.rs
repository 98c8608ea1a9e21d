//! Memory of this process, as the kernel counts it.

use std::fs;

use anyhow::{Context as _, Result};

/// Bytes that were resident before something is done.
pub(crate) struct Before(u64);

/// Bytes that something took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Took {
    /// Resident once it was done.
    pub(crate) memory: u64,
    /// The most that was resident on the way.
    pub(crate) peak: u64,
}

impl Before {
    /// Begins to count; the peak starts anew.
    pub(crate) fn now() -> Result<Self> {
        fs::write("/proc/self/clear_refs", "5").context("resetting the peak of memory")?;
        status("VmRSS:").map(Self)
    }

    /// What has come since.
    pub(crate) fn took(&self) -> Result<Took> {
        Ok(Took {
            memory: status("VmRSS:")?.saturating_sub(self.0),
            peak: status("VmHWM:")?.saturating_sub(self.0),
        })
    }
}

/// Bytes under a key of `/proc/self/status`.
fn status(key: &str) -> Result<u64> {
    let text = fs::read_to_string("/proc/self/status").context("this tool needs Linux")?;
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let number = number.with_context(|| format!("no {key} in /proc/self/status"))?;
    Ok(number.trim().parse::<u64>()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_is_in_the_peak_alone() {
        const SIZE: usize = 64 << 20;
        let before = Before::now().unwrap();
        drop(std::hint::black_box(vec![1_u8; SIZE]));
        let took = before.took().unwrap();
        assert!(took.peak >= SIZE as u64 / 2, "{took:?}");
        assert!(took.memory < took.peak, "{took:?}");
    }
}
