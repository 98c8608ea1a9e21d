//! Weights that lie in files beside the model.
//!
//! A location must be a plain file name, and a regular file in the model's own folder: no
//! sub-folder, no link. The engine takes names that end in `.data` or `.onnx_data` (`.onnx_data_1`
//! and the like too), which is what exporters write. Each file is read once, before anything is checked, so that what was
//! checked is what is loaded.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use bytes::Bytes;
use hari_error::{Error, Result};
use hari_proto::onnx::tensor_proto::DataLocation;
use hari_proto::onnx::{GraphProto, ModelProto, StringStringEntryProto, TensorProto};

use crate::tensors;

/// The content of each file, by its name.
#[derive(Clone, Default)]
pub(crate) struct External(BTreeMap<String, Bytes>);

impl External {
    /// Reads every file that a tensor of the model refers to.
    pub(crate) fn read(folder: &Path, model: &ModelProto) -> Result<Self> {
        let mut wanted = Vec::new();
        if let Some(graph) = &model.graph {
            tensors::each_tensor(graph, &mut |title, tensor| {
                if is_external(tensor) {
                    wanted.push((title(), field(tensor, "location").unwrap_or_default()));
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
        Ok(Self(files))
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
            .0
            .get(name)
            .ok_or("is kept in a file that was not read")?;
        let number = |key| field(tensor, key).and_then(|text| text.parse::<usize>().ok());
        let range = number("offset").zip(number("length"));
        let range = range.and_then(|(start, len)| Some(start..start.checked_add(len)?));
        let range = range.ok_or("gives no offset and length for its elements")?;
        let within = range.end <= content.len();
        let bytes = within.then(|| content.slice(range));
        bytes
            .map(Some)
            .ok_or("ends beyond the file of its elements")
    }

    /// The graph with all its tensors inside. They share the files' bytes.
    pub(crate) fn inline(&self, mut graph: GraphProto) -> GraphProto {
        if self.0.is_empty() {
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
        let files = self.0.into_iter();
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

fn open(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let mut parts = Path::new(name).components();
    let plain = matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    );
    if !plain {
        return Err(Error::model(format!(
            "its file `{name}` is not a plain name: weights must lie beside the model"
        )));
    }
    let ending = Path::new(name)
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    if !ending.starts_with("data") && !ending.starts_with("onnx_data") {
        return Err(Error::model(format!(
            "its file `{name}` ends neither in `.data` nor in `.onnx_data`: save the model again, \
             with all weights in one file of such a name"
        )));
    }
    let path = folder.join(name);
    let regular = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
    if !regular {
        return Err(Error::model(format!(
            "its file `{name}` is not a regular file beside the model"
        )));
    }
    fs::read(&path)
        .map_err(|error| Error::model(format!("its file `{name}` cannot be read: {error}")))
}
