//! What the fuzzer found worth keeping, replayed: `fuzz/corpus/<target>` through the same checks.

#![cfg(target_os = "linux")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use hari_error::Result;
use hari_tensorflow::Inspection;

#[expect(
    unreachable_pub,
    clippy::expect_used,
    reason = "the fuzz crate shares it; a check that fails says which"
)]
#[path = "../fuzz/src/lib.rs"]
mod checks;

/// The most memory that a whole corpus may take, in kibibytes.
const MEMORY: u64 = 64 << 10;

type Read = fn(&[u8]) -> Option<Result<Inspection>>;

fn corpus(target: &str) -> std::io::Result<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = fs::read_dir(root.join("fuzz/corpus").join(target))?;
    folder.map(|entry| Ok(entry?.path())).collect()
}

/// Replays every file of the corpus of a target; gives how many models were read.
fn replay(target: &str, read: Read) -> std::result::Result<usize, Box<dyn Error>> {
    let (files, mut models) = (corpus(target)?, 0);
    for file in &files {
        models += usize::from(matches!(read(&fs::read(file)?), Some(Ok(_))));
    }
    assert!(files.len() > 10, "{target} has only {} files", files.len());
    let peak = peak()?;
    assert!(
        peak < MEMORY,
        "{target}: {peak} KiB, expected less than {MEMORY}"
    );
    Ok(models)
}

/// The most memory that this process has had so far, in kibibytes.
fn peak() -> std::result::Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmHWM")?.parse()?)
}

#[test]
fn no_graph_of_the_corpus_is_a_panic() -> std::result::Result<(), Box<dyn Error>> {
    replay("saved_model", checks::saved_model::read)?;
    Ok(())
}

#[test]
fn no_variables_of_the_corpus_are_a_panic() -> std::result::Result<(), Box<dyn Error>> {
    let models = replay("tensor_bundle", checks::tensor_bundle::read)?;
    assert!(models > 0, "some variables are whole");
    Ok(())
}

/// The inputs that were written by hand, in every form that the check knows, are models: what the
/// fuzzer makes of them gets beyond the checksums.
#[test]
fn variables_written_by_hand_are_read() -> std::result::Result<(), Box<dyn Error>> {
    let is_seed = |file: &PathBuf| file.to_string_lossy().contains("seed-");
    let seeds: Vec<_> = corpus("tensor_bundle")?
        .into_iter()
        .filter(is_seed)
        .collect();
    assert!(seeds.len() > 10, "only {} seeds", seeds.len());
    for seed in seeds {
        let read = checks::tensor_bundle::read(&fs::read(&seed)?);
        let error = read
            .ok_or("no bundle")?
            .err()
            .map(|error| error.to_string());
        assert_eq!(error, None, "{}", seed.display());
    }
    Ok(())
}
