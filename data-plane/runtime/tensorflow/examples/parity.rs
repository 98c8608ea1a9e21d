//! `parity MODEL CASES`: replays the answers in a file such as `tests/applications.py` writes, and
//! prints the greatest deviation and the greatest output.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use hari_core::{Call, Model as _, Tensor};
use hari_tensorflow::{Options, load};
use serde_json::Value;

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(model), Some(cases), None) = (args.next(), args.next(), args.next()) else {
        bail!("usage: parity MODEL CASES");
    };
    let (deviation, greatest) =
        worst(&model, &cases).with_context(|| format!("{}", model.display()))?;
    #[expect(clippy::print_stdout, reason = "the result is for whoever called")]
    {
        println!("{deviation:e} {greatest:e}");
    }
    Ok(())
}

/// The greatest deviation of any output, and the greatest output: input and output are little-endian float32 in files beside
/// the cases.
fn worst(model: &Path, cases: &Path) -> Result<(f64, f64)> {
    let model = load(model, &Options::default())?;
    let folder = cases.parent().unwrap_or(Path::new("."));
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(cases)?)?;
    let (mut worst, mut greatest) = (0.0_f64, 0.0_f64);
    for case in &cases {
        let inputs = vec![tensor(folder, &case["input"])?];
        let expected = tensor(folder, &case["output"])?;
        let call = Call {
            signature: 0,
            inputs,
            outputs: vec![0],
        };
        let found = model.run(call)?;
        let found = found.first().context("no output")?;
        ensure!(
            found.shape() == expected.shape(),
            "shape {:?}",
            found.shape()
        );
        for (expected, found) in expected.to_f64()?.into_iter().zip(found.to_f64()?) {
            worst = worst.max((expected - found).abs());
            greatest = greatest.max(expected.abs());
        }
    }
    Ok((worst, greatest))
}

fn tensor(folder: &Path, value: &Value) -> Result<Tensor> {
    let file = value["file"].as_str().context("no file")?;
    let sizes = value["shape"].as_array().context("no shape")?.iter();
    let shape = sizes.map(|size| size.as_u64().and_then(|size| usize::try_from(size).ok()));
    let shape = shape.collect::<Option<Vec<_>>>().context("no size")?;
    let bytes = std::fs::read(folder.join(file))?;
    Ok(Tensor::from_bytes(hari_core::DataType::Fp32, shape, bytes)?)
}
