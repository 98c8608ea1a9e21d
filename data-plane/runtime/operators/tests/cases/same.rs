//! Whether an answer is the expected one: exact, and close for floating-point numbers.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, ensure};
use hari_core::Tensor;
use hari_operators::{Key, Value};

/// Compares every answer that the file names. Floating-point numbers may be off by `close`:
/// absolutely up to one, else relatively.
pub(crate) fn all(
    found: &HashMap<String, Value>,
    answers: &BTreeMap<String, Tensor>,
    close: f64,
) -> Result<()> {
    for (name, expected) in answers {
        let (output, part) = name.split_once('#').unwrap_or((name, ""));
        let value = found
            .get(output)
            .with_context(|| format!("no output `{output}`"))?;
        let tensor = match part {
            "" => value.tensor()?.clone(),
            part => of_maps(value, part == "keys")?,
        };
        same(&tensor, expected, close).with_context(|| format!("output `{name}`"))?;
    }
    Ok(())
}

/// The keys or the values of a sequence of maps, row by row.
fn of_maps(value: &Value, keys: bool) -> Result<Tensor> {
    let maps = value.sequence()?;
    let mut parts = Vec::new();
    let mut columns = 0;
    for map in maps {
        let Value::Map(map) = map else {
            anyhow::bail!("expected a map, found {}", map.kind());
        };
        columns = map.len();
        for (key, value) in map {
            parts.push(if keys {
                of_key(key)?
            } else {
                value.tensor()?.clone().reshape([1])?
            });
        }
    }
    Ok(Tensor::concat_rows(&parts)?.reshape([maps.len(), columns])?)
}

fn of_key(key: &Key) -> Result<Tensor> {
    Ok(match key {
        Key::Int(key) => Tensor::from_vec([1], vec![*key])?,
        Key::String(key) => Tensor::from_strings([1], vec![key.clone()])?,
    })
}

fn same(found: &Tensor, expected: &Tensor, close: f64) -> Result<()> {
    ensure!(
        found.dtype() == expected.dtype() && found.shape() == expected.shape(),
        "expected {} {:?}, found {} {:?}",
        expected.dtype(),
        expected.shape(),
        found.dtype(),
        found.shape()
    );
    if !expected.dtype().is_float() {
        ensure!(found == expected, "expected {expected:?}, found {found:?}");
        return Ok(());
    }
    let (found, expected) = (found.to_f64()?, expected.to_f64()?);
    let near = |a: f64, b: f64| {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= close * b.abs().max(1.0)
    };
    let mut off = found.iter().zip(&expected).enumerate();
    match off.find(|(_, (a, b))| !near(**a, **b)) {
        None => Ok(()),
        Some((at, (a, b))) => anyhow::bail!("element {at}: expected {b}, found {a}"),
    }
}
