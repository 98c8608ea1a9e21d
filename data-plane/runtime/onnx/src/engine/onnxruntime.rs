//! ONNX Runtime, from a library that is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};
use hari_onnxruntime::{Library, Options as Loading, Session};
use hari_operators::Value;
use hari_proto::onnx::ModelProto;
use prost::Message;

use super::{Part, Segment, Segments, Takes};
use crate::Options;

/// Makes models and parts of them ready to run on ONNX Runtime.
pub(crate) struct OnOrts {
    library: Library,
    loading: Loading,
    empty: ModelProto,
}

impl OnOrts {
    /// On `library`, for parts of `model`. `files` lie beside the model.
    pub(crate) fn new(
        library: Library,
        model: &ModelProto,
        options: &Options,
        files: BTreeMap<String, Arc<[u8]>>,
    ) -> Self {
        Self {
            library,
            loading: Loading {
                threads: options.threads,
                instances: options.instances.max(1),
                device: options.device,
                files,
            },
            empty: ModelProto {
                ir_version: model.ir_version,
                opset_import: model.opset_import.clone(),
                functions: model.functions.clone(),
                ..ModelProto::default()
            },
        }
    }

    /// Loads a whole model, or a part, from bytes.
    pub(crate) fn whole(&self, bytes: &Bytes) -> Result<OnOrt> {
        let session = self.library.load(bytes, &self.loading)?;
        let words = format!("{} on {}", self.words(), session.device());
        Ok(OnOrt { session, words })
    }
}

impl Segments for OnOrts {
    fn takes(&self) -> Takes {
        Takes::Foreign
    }

    fn prunes(&self) -> bool {
        false
    }

    fn words(&self) -> String {
        named(&self.library)
    }

    fn load(&self, part: Part) -> Result<Box<dyn Segment>> {
        let model = ModelProto {
            graph: Some(part.graph),
            ..self.empty.clone()
        };
        let bytes = Bytes::from(model.encode_to_vec());
        drop(model);
        Ok(Box::new(self.whole(&bytes)?))
    }
}

/// A model or a part of one on ONNX Runtime.
pub(crate) struct OnOrt {
    session: Session,
    words: String,
}

/// The engine's name and version.
fn named(library: &Library) -> String {
    format!("onnxruntime {}", library.version())
        .trim_end()
        .to_owned()
}

impl OnOrt {
    /// What computes, in words.
    pub(crate) fn words(&self) -> String {
        self.words.clone()
    }

    /// Bytes of the weights, about.
    pub(crate) fn memory(&self) -> u64 {
        self.session.memory_bytes()
    }
}

impl Segment for OnOrt {
    fn run(&self, inputs: &[(usize, &Value)], outputs: &[usize]) -> Result<Vec<Value>> {
        let missing = || Error::internal("no such value at the border of a part");
        let (ins, outs) = (self.session.inputs(), self.session.outputs());
        let given = inputs.iter().map(|&(at, value)| {
            let port = ins.get(at).ok_or_else(missing)?;
            Ok((port.name.as_str(), value))
        });
        let wanted = outputs.iter().map(|&at| {
            let port = outs.get(at).ok_or_else(missing)?;
            Ok(port.name.as_str())
        });
        let (given, wanted) = (
            given.collect::<Result<Vec<_>>>()?,
            wanted.collect::<Result<Vec<_>>>()?,
        );
        self.session.run(&given, &wanted)
    }
}
