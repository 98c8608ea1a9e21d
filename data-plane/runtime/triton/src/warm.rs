//! `model_warmup`: requests that are run before the model is ready.

use std::fs;
use std::path::Path;

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use hari_proto::inference::ModelConfig;
use hari_proto::inference::model_warmup::Input;
use hari_proto::inference::model_warmup::input::InputDataType;
use prost::bytes::Bytes;

use crate::agree::data_type;
use crate::serve::plain;

/// One input of a request may have this many bytes.
const MOST_BYTES: usize = 64 << 20;
/// A request is run this often at most.
const MOST_RUNS: u32 = 1000;

/// A request to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Warmup {
    /// Its name, for messages.
    pub name: String,
    /// Inputs by name, the batch included.
    pub inputs: Vec<(String, Tensor)>,
    /// How often it is run.
    pub runs: u32,
}

/// The requests that `config` lists; files lie in `folder/warmup`.
///
/// # Errors
/// `Model`, naming request and input, if a tensor cannot be made of what is written.
pub fn warmups(config: &ModelConfig, folder: &Path) -> Result<Vec<Warmup>> {
    let mut requests = Vec::new();
    for warmup in &config.model_warmup {
        let rows = (config.max_batch_size > 0).then_some(warmup.batch_size.max(1));
        let mut inputs = Vec::new();
        for (name, input) in &warmup.inputs {
            let tensor = tensor(input, rows, folder).map_err(|error| {
                error.context(format!("model_warmup `{}`, input `{name}`", warmup.name))
            })?;
            inputs.push((name.clone(), tensor));
        }
        requests.push(Warmup {
            name: warmup.name.clone(),
            inputs,
            runs: warmup.count.clamp(1, MOST_RUNS),
        });
    }
    Ok(requests)
}

fn tensor(input: &Input, rows: Option<u32>, folder: &Path) -> Result<Tensor> {
    let dtype = data_type(input.data_type())
        .ok_or_else(|| Error::model("expected a data_type, found none"))?;
    let shape = shape(&input.dims, rows)?;
    let count = elements(&shape, dtype)?;
    match &input.input_data_type {
        Some(InputDataType::ZeroData(_)) | None => filled(dtype, shape, count, false),
        Some(InputDataType::RandomData(_)) => filled(dtype, shape, count, true),
        Some(InputDataType::InputDataFile(name)) => {
            let path = folder.join("warmup").join(plain(name)?);
            let bytes = fs::read(path).map_err(|error| {
                Error::model(format!("`warmup/{name}` cannot be read: {error}"))
            })?;
            from_file(dtype, shape, count, bytes.into())
        }
    }
}

fn shape(dims: &[i64], rows: Option<u32>) -> Result<Vec<usize>> {
    let rows = rows.into_iter().map(i64::from);
    let size = |dim: i64| {
        usize::try_from(dim)
            .map_err(|_| Error::model(format!("dims: expected sizes of 0 or more, found {dim}")))
    };
    rows.chain(dims.iter().copied()).map(size).collect()
}

fn elements(shape: &[usize], dtype: DataType) -> Result<usize> {
    let size = dtype.size().unwrap_or(1);
    let count = shape
        .iter()
        .try_fold(1_usize, |product, &dim| product.checked_mul(dim));
    count
        .filter(|count| {
            count
                .checked_mul(size)
                .is_some_and(|bytes| bytes <= MOST_BYTES)
        })
        .ok_or_else(|| Error::model(format!("shape {shape:?} is larger than {MOST_BYTES} bytes")))
}

/// Zeros, or numbers that look random and are the same every time; strings are empty.
fn filled(dtype: DataType, shape: Vec<usize>, count: usize, random: bool) -> Result<Tensor> {
    let Some(size) = dtype.size() else {
        return Tensor::from_strings(shape, vec![Bytes::new(); count]);
    };
    if !random || !dtype.is_numeric() {
        return Tensor::from_bytes(dtype, shape, vec![0_u8; count * size]);
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut unit = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u32 << 24) as f32
    };
    if dtype.is_float() {
        let values: Vec<f32> = (0..count).map(|_| unit()).collect();
        return Tensor::from_vec(shape, values)?.cast(dtype);
    }
    let values: Vec<i32> = (0..count).map(|_| (unit() * 100.0) as i32).collect();
    Tensor::from_vec(shape, values)?.cast(dtype)
}

/// Raw elements; strings each with four bytes of length before them.
fn from_file(dtype: DataType, shape: Vec<usize>, count: usize, bytes: Bytes) -> Result<Tensor> {
    if dtype != DataType::Bytes {
        return Tensor::from_bytes(dtype, shape, bytes);
    }
    let mut strings = Vec::new();
    let mut rest = bytes;
    while strings.len() < count {
        let length = rest
            .get(..4)
            .and_then(|head| <[u8; 4]>::try_from(head).ok());
        let length = length.map(|head| u32::from_le_bytes(head) as usize);
        let Some(length) = length.filter(|length| rest.len() - 4 >= *length) else {
            return Err(Error::model("the file ends before its last string"));
        };
        strings.push(rest.slice(4..4 + length));
        rest = rest.slice(4 + length..);
    }
    Tensor::from_strings(shape, strings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Warmup>> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("warmup")).unwrap();
        fs::write(
            folder.path().join("warmup/two"),
            [1_u8, 0, 0, 0, b'a', 0, 0, 0, 0],
        )
        .unwrap();
        fs::write(folder.path().join("warmup/raw"), 1.5_f32.to_le_bytes()).unwrap();
        warmups(&crate::parse(text).unwrap(), folder.path())
    }

    fn one(input: &str) -> String {
        format!(
            "max_batch_size: 4 model_warmup {{ name: 'w' batch_size: 2 count: 3 \
             inputs {{ key: 'x' value {{ {input} }} }} }}"
        )
    }

    #[test]
    fn tensors_have_the_batch_before_their_dimensions() {
        let zeros = read(&one("data_type: TYPE_INT64 dims: 3 zero_data: true")).unwrap();
        let (name, tensor) = &zeros[0].inputs[0];
        assert_eq!(
            (&**name, tensor.shape(), zeros[0].runs),
            ("x", &[2, 3][..], 3)
        );
        let random = read(&one("data_type: TYPE_FP32 dims: 3 random_data: true")).unwrap();
        let values = random[0].inputs[0].1.to_vec::<f32>().unwrap();
        assert!(values.iter().all(|&value| (0.0..1.0).contains(&value)) && values[0] != values[1]);
    }

    #[test]
    fn files_hold_raw_elements_and_strings_with_lengths() {
        let text = read(&one(
            "data_type: TYPE_STRING dims: [] input_data_file: 'two'",
        ))
        .unwrap();
        assert_eq!(text[0].inputs[0].1.strings().unwrap(), [&b"a"[..], b""]);
        let wrong = read(&one("data_type: TYPE_FP32 dims: 1 input_data_file: 'raw'")).unwrap_err();
        assert!(
            wrong.message().contains("needs 8 bytes, found 4"),
            "{wrong}"
        );
        let out = read(&one(
            "data_type: TYPE_FP32 dims: 1 input_data_file: '../raw'",
        ))
        .unwrap_err();
        assert!(out.message().contains("plain name"), "{out}");
    }

    #[test]
    fn nothing_is_made_of_an_impossible_shape() {
        for dims in ["-1", "[99999999, 99999999]", "9223372036854775807"] {
            assert!(
                read(&one(&format!("data_type: TYPE_FP32 dims: {dims}"))).is_err(),
                "{dims}"
            );
        }
        assert!(
            read(&one("dims: 1"))
                .unwrap_err()
                .message()
                .contains("data_type")
        );
    }
}
