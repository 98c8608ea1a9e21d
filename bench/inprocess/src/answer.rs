//! Whether the model answers what another program answered.

use std::path::Path;

use anyhow::{Result, ensure};
use hari_core::Tensor;

use crate::case;

/// What numbers may differ by, and the share of themselves beside it.
const TOLERANCE: (f64, f64) = (1e-6, 1e-5);

/// Holds an answer against a file of 64-bit floats, little endian.
pub(crate) fn check(answer: &Tensor, path: &Path) -> Result<()> {
    let expected = case::numbers(path, f64::from_le_bytes)?;
    let found = answer.to_f64()?;
    let (count, wanted) = (found.len(), expected.len());
    ensure!(count == wanted, "expected {wanted} numbers, found {count}");
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        // Not the other way round: no comparison holds for a NaN.
        let near = (found - expected).abs() <= TOLERANCE.0 + expected.abs() * TOLERANCE.1;
        ensure!(near, "number {at}: expected {expected}, found {found}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answer");
        let bytes: Vec<u8> = [0.5_f64, 100.0].map(f64::to_le_bytes).concat();
        std::fs::write(&file, bytes).unwrap();
        let held = |numbers: Vec<f32>| {
            let answer = Tensor::from_vec([numbers.len()], numbers).unwrap();
            check(&answer, &file)
        };
        assert!(held(vec![0.5, 100.0005]).is_ok());
        assert!(held(vec![0.5, 100.01]).is_err());
        assert!(held(vec![0.5, f32::NAN]).is_err());
        assert!(held(vec![0.5]).is_err());
    }
}
