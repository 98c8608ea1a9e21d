//! Weights that lie in files beside the model.
//!
//! A location is the name of a regular file in the model's own folder or in a folder inside it:
//! nothing absolute, no `..`, no link on the way. Each file is read once, before anything is
//! checked, so that what was checked is what is loaded.
//!
//! The built-in engine reads plain names that end in `.data` or `.onnx_data` (`.onnx_data_1` and
//! the like too). Weights in files of other names, which exporters give to the files if each tensor
//! has its own, are put into the graph.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::ops::Range;
use std::path::{Component, Path};

use bytes::Bytes;
use hari_error::{Error, Result};
use hari_proto::onnx::tensor_proto::DataLocation;
use hari_proto::onnx::{GraphProto, ModelProto, StringStringEntryProto, TensorProto};

use crate::tensors;

/// The content of each file, by its name.
#[derive(Clone, Default)]
pub(crate) struct External {
    files: BTreeMap<String, Bytes>,
    /// Whether a tensor lies where the built-in engine would not find it by itself.
    odd: bool,
}

impl External {
    /// Reads every file that a tensor of the model refers to.
    pub(crate) fn read(folder: &Path, model: &ModelProto) -> Result<Self> {
        let (mut wanted, mut odd) = (Vec::new(), false);
        if let Some(graph) = &model.graph {
            tensors::each_tensor(graph, &mut |title, tensor| {
                if is_external(tensor) {
                    wanted.push((title(), field(tensor, "location").unwrap_or_default()));
                    odd |= !is_as_engines_read(tensor);
                }
            });
        }
        let mut files = BTreeMap::new();
        for (title, name) in wanted {
            if !files.contains_key(name) {
                let content = open(folder, name).map_err(|error| error.context(title))?;
                files.insert(name.to_owned(), Bytes::from(content));
            }
        }
        Ok(Self { files, odd })
    }

    /// The bytes of a tensor that lies outside the model; none for one inside.
    ///
    /// # Errors
    /// Says in words what is wrong with the reference.
    pub(crate) fn bytes(&self, tensor: &TensorProto) -> Result<Option<Bytes>, &'static str> {
        if !is_external(tensor) {
            return Ok(None);
        }
        let name = field(tensor, "location").ok_or("names no file for its elements")?;
        let content = self
            .files
            .get(name)
            .ok_or("is kept in a file that was not read")?;
        let range = range(tensor, content.len());
        let range = range.ok_or("gives no usable offset and length for its elements")?;
        let within = range.end <= content.len();
        let bytes = within.then(|| content.slice(range));
        bytes
            .map(Some)
            .ok_or("ends beyond the file of its elements")
    }

    /// Whether the built-in engine would find every tensor by itself.
    pub(crate) fn is_as_engines_read(&self) -> bool {
        !self.odd
    }

    /// The graph with all its tensors inside. They share the files' bytes.
    pub(crate) fn inline(&self, mut graph: GraphProto) -> GraphProto {
        if self.files.is_empty() {
            return graph;
        }
        for tensor in &mut graph.initializer {
            self.bring(tensor);
        }
        for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
            attribute.t.iter_mut().for_each(|tensor| self.bring(tensor));
            attribute.g = attribute.g.take().map(|graph| self.inline(graph));
            let inner = std::mem::take(&mut attribute.graphs);
            attribute.graphs = inner.into_iter().map(|graph| self.inline(graph)).collect();
        }
        graph
    }

    fn bring(&self, tensor: &mut TensorProto) {
        if let Ok(Some(bytes)) = self.bytes(tensor) {
            tensor.raw_data = Some(bytes);
            tensor.data_location = None;
            tensor.external_data.clear();
        }
    }

    /// The files, for the engine.
    pub(crate) fn into_files(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        let files = self.files.into_iter();
        files.map(|(name, content)| (name, content.into()))
    }
}

/// Whether the elements lie outside the model.
pub(crate) fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location() == DataLocation::External
}

fn field<'a>(tensor: &'a TensorProto, key: &str) -> Option<&'a str> {
    tensor
        .external_data
        .iter()
        .find(|entry| entry.key() == key)
        .map(StringStringEntryProto::value)
}

/// Whether the built-in engine would find the tensor's elements.
fn is_as_engines_read(tensor: &TensorProto) -> bool {
    let name = Path::new(field(tensor, "location").unwrap_or_default());
    let ending = name.extension().and_then(OsStr::to_str).unwrap_or_default();
    let named = ending.starts_with("data") || ending.starts_with("onnx_data");
    let placed = ["offset", "length"]
        .iter()
        .all(|key| field(tensor, key).is_some());
    named && placed && name.components().count() == 1
}

/// Where in a file of `size` bytes the elements lie: all of it, unless the tensor says otherwise.
fn range(tensor: &TensorProto, size: usize) -> Option<Range<usize>> {
    let number = |key| field(tensor, key).map(str::parse::<usize>).transpose().ok();
    let start = number("offset")?.unwrap_or(0);
    let len = match number("length")? {
        Some(len) => len,
        None => size.checked_sub(start)?,
    };
    Some(start..start.checked_add(len)?)
}

fn open(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let mut path = folder.to_path_buf();
    for part in Path::new(name).components() {
        let Component::Normal(part) = part else {
            return Err(Error::model(format!(
                "its file `{name}` is not in the model's folder: weights must lie beside the model"
            )));
        };
        path.push(part);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            return Err(Error::model(format!(
                "its file `{name}` is reached by a link: put the file itself beside the model"
            )));
        }
    }
    let regular = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
    if !regular {
        return Err(Error::model(format!(
            "its file `{name}` is not a regular file beside the model"
        )));
    }
    fs::read(&path)
        .map_err(|error| Error::model(format!("its file `{name}` cannot be read: {error}")))
}
