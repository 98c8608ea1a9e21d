//! Weights of a checkpoint: `model.safetensors`, or the files that an index names.

use std::collections::HashMap;

use bytes::Bytes;
use half::{bf16, f16};
use hari_error::{Error, Result};
use safetensors::{Dtype, SafeTensors};

use crate::folder::Folder;

/// The most files that an index may name.
const MOST_FILES: usize = 1024;
const INDEX_ENDING: &str = ".index.json";

/// The tensors of a checkpoint, sharing the bytes of its files.
pub(crate) struct Weights {
    tensors: HashMap<String, Stored>,
}

#[derive(Clone)]
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Bytes,
}

/// A tensor of 32-bit floats, little-endian.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weight {
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Bytes,
}

impl Weights {
    /// Reads `name`: a file, or an index of files.
    pub(crate) fn read(folder: &Folder, name: &str) -> Result<Self> {
        let mut tensors = HashMap::new();
        for file in files(folder, name)? {
            let bytes = folder.weights(&file)?;
            add(&mut tensors, &bytes).map_err(|error| {
                Error::model(format!("`{file}` is not a safetensors file: {error}"))
            })?;
        }
        Ok(Self { tensors })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Bytes of all tensors.
    pub(crate) fn bytes(&self) -> u64 {
        let sizes = self.tensors.values().map(|stored| stored.bytes.len());
        sizes
            .map(|size| u64::try_from(size).unwrap_or(u64::MAX))
            .sum()
    }

    /// The dimensions of a tensor.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|stored| &*stored.shape)
    }

    /// A tensor as 32-bit floats; those that are stored so share their bytes.
    pub(crate) fn get(&self, name: &str) -> Result<Weight> {
        let stored = self.tensors.get(name).ok_or_else(|| missing(name))?;
        let bytes = match stored.dtype {
            Dtype::F32 => stored.bytes.clone(),
            Dtype::F16 => widened(&stored.bytes, |pair| f16::from_le_bytes(pair).to_f32()),
            Dtype::BF16 => widened(&stored.bytes, |pair| bf16::from_le_bytes(pair).to_f32()),
            other => {
                return Err(Error::model(format!(
                    "weight `{name}` is {other:?}: expected F32, F16 or BF16"
                )));
            }
        };
        let shape = stored.shape.clone();
        Ok(Weight { shape, bytes })
    }
}

/// A weight that is not there.
pub(crate) fn missing(name: &str) -> Error {
    Error::model(format!(
        "the checkpoint has no weight `{name}`: it was saved for another task or architecture"
    ))
}

fn widened(bytes: &Bytes, widen: impl Fn([u8; 2]) -> f32) -> Bytes {
    let pairs = bytes.as_chunks().0.iter();
    pairs
        .flat_map(|&pair| widen(pair).to_le_bytes())
        .collect::<Vec<u8>>()
        .into()
}

fn files(folder: &Folder, name: &str) -> Result<Vec<String>> {
    if !name.ends_with(INDEX_ENDING) {
        return Ok(vec![name.to_owned()]);
    }
    let index = folder.json(name)?.unwrap_or_default();
    let map = index["weight_map"].as_object();
    let map = map.ok_or_else(|| Error::model(format!("`{name}` has no `weight_map`")))?;
    let parent = name
        .rsplit_once('/')
        .map_or(String::new(), |(parent, _)| format!("{parent}/"));
    let named = map.values().filter_map(|file| file.as_str());
    let mut files: Vec<String> = named.map(|file| format!("{parent}{file}")).collect();
    files.sort();
    files.dedup();
    if files.len() > MOST_FILES {
        return Err(Error::model(format!(
            "`{name}` names more than {MOST_FILES} files"
        )));
    }
    Ok(files)
}

fn add(
    tensors: &mut HashMap<String, Stored>,
    bytes: &Bytes,
) -> Result<(), safetensors::SafeTensorError> {
    for (name, view) in SafeTensors::deserialize(bytes)?.tensors() {
        let stored = Stored {
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            bytes: bytes.slice_ref(view.data()),
        };
        tensors.insert(name, stored);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use safetensors::tensor::TensorView;

    use super::*;

    fn write(root: &std::path::Path, file: &str, name: &str, dtype: Dtype, bytes: &[u8]) {
        let view = TensorView::new(dtype, vec![2], bytes).unwrap();
        fs::write(
            root.join(file),
            safetensors::serialize([(name, view)], None).unwrap(),
        )
        .unwrap();
    }

    fn floats(values: [f32; 2]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }

    #[test]
    fn halves_are_widened_and_singles_shared() {
        let root = tempfile::tempdir().unwrap();
        let halves: Vec<u8> = [1.5, -2.0]
            .iter()
            .flat_map(|&value| f16::from_f32(value).to_le_bytes())
            .collect();
        write(root.path(), "h.safetensors", "h", Dtype::F16, &halves);
        let folder = Folder::new(root.path());
        let weights = Weights::read(&folder, "h.safetensors").unwrap();
        assert_eq!(weights.get("h").unwrap().bytes, floats([1.5, -2.0]));
        assert_eq!(weights.shape("h"), Some(&[2][..]));
        assert!(
            weights
                .get("x")
                .unwrap_err()
                .message()
                .contains("no weight `x`")
        );
    }

    #[test]
    fn an_index_names_files_beside_it() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            "a.safetensors",
            "a",
            Dtype::F32,
            &floats([1.0, 2.0]),
        );
        write(
            root.path(),
            "b.safetensors",
            "b",
            Dtype::I32,
            &floats([3.0, 4.0]),
        );
        let index = |text: &str| fs::write(root.path().join("m.index.json"), text).unwrap();
        let folder = Folder::new(root.path());
        index(r#"{"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}"#);
        let weights = Weights::read(&folder, "m.index.json").unwrap();
        assert_eq!(weights.get("a").unwrap().bytes, floats([1.0, 2.0]));
        assert!(weights.get("b").unwrap_err().message().contains("I32"));
        index(r#"{"weight_map": {"a": "../a.safetensors"}}"#);
        assert!(Weights::read(&folder, "m.index.json").is_err());
        index("{}");
        assert!(
            Weights::read(&folder, "m.index.json")
                .err()
                .unwrap()
                .message()
                .contains("weight_map")
        );
    }

    #[test]
    fn a_damaged_file_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("x.safetensors"), [255; 20]).unwrap();
        let error = Weights::read(&Folder::new(root.path()), "x.safetensors")
            .err()
            .unwrap();
        assert!(
            error
                .message()
                .starts_with("`x.safetensors` is not a safetensors file"),
            "{error}"
        );
    }
}
