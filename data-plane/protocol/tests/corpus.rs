//! What the fuzzer found worth keeping, replayed: `fuzz/corpus/<target>` through the same checks.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

#[expect(
    unreachable_pub,
    clippy::expect_used,
    reason = "the fuzz crate shares it; a check that fails says which"
)]
#[path = "../fuzz/src/lib.rs"]
mod checks;

/// The most memory that the whole corpus may take, in kibibytes.
const MEMORY: u64 = 32 << 10;

/// Replays a target: every file of its corpus.
fn replay(target: &str, check: fn(&[u8])) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("fuzz/corpus").join(target);
    let mut files = 0;
    for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
        check(&fs::read(entry?.path())?);
        files += 1;
    }
    ensure!(files > 10, "{target} has only {files} files");
    Ok(())
}

/// The most memory that this process has had so far, in kibibytes.
fn peak() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no VmHWM")?.parse()?)
}

#[test]
fn nothing_in_the_corpus_is_a_panic_or_takes_much_memory() -> Result<()> {
    replay("seldon_json", checks::seldon_json::check)?;
    replay("oip_json_binary", checks::oip_json_binary::check)?;
    replay("tf_json", checks::tf_json::check)?;
    replay("protobuf", checks::protobuf::check)?;
    replay("replies", checks::replies::check)?;
    let peak = peak()?;
    ensure!(peak < MEMORY, "{peak} KiB, expected less than {MEMORY}");
    Ok(())
}
