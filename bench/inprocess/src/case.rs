//! The inputs of a request of the open inference protocol, as tensors.
//!
//! An input has its numbers as a list, or names a file beside the request with its numbers as they
//! lie in memory.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use hari_core::Tensor;
use serde_json::Value;

/// Names and tensors of the request in `path`.
pub(crate) fn inputs(path: &Path) -> Result<Vec<(String, Tensor)>> {
    let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let request: Value = serde_json::from_slice(&text)?;
    let inputs = request.get("inputs").and_then(Value::as_array);
    let inputs = inputs.context("the request has no inputs")?;
    let folder = path.parent().unwrap_or(Path::new(""));
    inputs.iter().map(|one| input(folder, one)).collect()
}

fn input(folder: &Path, input: &Value) -> Result<(String, Tensor)> {
    let text = |key: &str| input.get(key).and_then(Value::as_str);
    let name = text("name").context("an input without a name")?;
    let shape = input.get("shape").and_then(Value::as_array);
    let shape = shape.context("an input without a shape")?.iter();
    let shape: Option<Vec<usize>> = shape.map(|dim| Some(dim.as_u64()? as usize)).collect();
    let shape = shape.context("a shape has sizes")?;
    let file = text("file").map(|file| folder.join(file));
    let tensor = match (text("datatype"), file) {
        (Some("FP32"), Some(file)) => Tensor::from_vec(shape, numbers(&file, f32::from_le_bytes)?)?,
        (Some("INT64"), Some(file)) => {
            Tensor::from_vec(shape, numbers(&file, i64::from_le_bytes)?)?
        }
        (Some("FP64"), Some(file)) => Tensor::from_vec(shape, numbers(&file, f64::from_le_bytes)?)?,
        (Some("FP32"), None) => Tensor::from_vec(shape, listed(input, |value| value as f32)?)?,
        (Some("FP64"), None) => Tensor::from_vec(shape, listed(input, |value| value)?)?,
        (datatype, _) => bail!("`{name}`: expected FP32, FP64 or INT64, found {datatype:?}"),
    };
    Ok((name.to_owned(), tensor))
}

/// The numbers of a file, little endian.
pub(crate) fn numbers<const N: usize, T>(
    file: &Path,
    read: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let (numbers, _) = bytes.as_chunks();
    Ok(numbers.iter().map(|number| read(*number)).collect())
}

fn listed<T>(input: &Value, read: impl Fn(f64) -> T) -> Result<Vec<T>> {
    let data = input.get("data").and_then(Value::as_array);
    let data = data.context("an input without data")?.iter();
    let numbers: Option<_> = data.map(|value| Some(read(value.as_f64()?))).collect();
    numbers.context("expected flat numbers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_come_from_the_request() {
        let request = json!({"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [0.5, 1]});
        let (name, tensor) = input(Path::new(""), &request).unwrap();
        assert_eq!((&*name, tensor.shape()), ("x", [1, 2].as_slice()));
        assert_eq!(tensor.to_vec::<f32>().unwrap(), [0.5, 1.0]);
        let wide = json!({"name": "x", "datatype": "FP64", "shape": [1], "data": [0.1]});
        let (_, wide) = input(Path::new(""), &wide).unwrap();
        assert_eq!(wide.to_vec::<f64>().unwrap(), [0.1]);
        let bad = json!({"name": "x", "datatype": "FP32", "shape": [1], "data": ["a"]});
        assert!(input(Path::new(""), &bad).is_err());
    }

    #[test]
    fn numbers_come_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x"), 7i64.to_le_bytes()).unwrap();
        let request = json!({"name": "x", "datatype": "INT64", "shape": [1], "file": "x"});
        let (_, tensor) = input(folder.path(), &request).unwrap();
        assert_eq!(tensor.to_vec::<i64>().unwrap(), [7]);
        let request = json!({"name": "x", "datatype": "FP64", "shape": [1], "file": "x"});
        let (_, tensor) = input(folder.path(), &request).unwrap();
        assert_eq!(tensor.to_vec::<f64>().unwrap(), [f64::from_bits(7)]);
        let request = json!({"name": "x", "datatype": "INT64", "shape": [2], "file": "x"});
        assert!(input(folder.path(), &request).is_err());
    }
}
