//! Attributes of a node, typed and checked as they are read.

use hari_core::Tensor;
use hari_error::{Error, Result};
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::{AttributeProto, GraphProto, NodeProto, SparseTensorProto, TypeProto};

use crate::constant::constant;

/// The attributes of one node.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'a> {
    node: &'a NodeProto,
}

impl<'a> Attributes<'a> {
    pub(crate) fn of(node: &'a NodeProto) -> Self {
        Self { node }
    }

    /// Whether the attribute was written.
    pub(crate) fn has(self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(self, name: &str) -> Option<&'a AttributeProto> {
        let mut attributes = self.node.attribute.iter();
        attributes.find(|attribute| attribute.name() == name)
    }

    /// The attribute if it has the type `wanted`. Files older than version 2 of the format do not
    /// write the type, which then is what its fields say.
    fn typed(self, name: &str, wanted: AttributeType) -> Result<Option<&'a AttributeProto>> {
        let Some(attribute) = self.find(name) else {
            return Ok(None);
        };
        let found = attribute.r#type();
        if found == wanted || found == AttributeType::Undefined {
            return Ok(Some(attribute));
        }
        Err(Error::model(format!(
            "attribute `{name}`: expected {}, found {}",
            wanted.as_str_name(),
            found.as_str_name()
        )))
    }

    /// An integer.
    pub(crate) fn int(self, name: &str) -> Result<Option<i64>> {
        let found = self.typed(name, AttributeType::Int)?;
        Ok(found.map(AttributeProto::i))
    }

    /// An integer, or what it is when left out.
    pub(crate) fn int_or(self, name: &str, default: i64) -> Result<i64> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    /// Zero or one, as ONNX writes truth.
    pub(crate) fn flag(self, name: &str, default: bool) -> Result<bool> {
        Ok(self.int(name)?.map_or(default, |value| value != 0))
    }

    /// A number.
    pub(crate) fn float(self, name: &str) -> Result<Option<f32>> {
        let found = self.typed(name, AttributeType::Float)?;
        Ok(found.map(AttributeProto::f))
    }

    /// A number, or what it is when left out.
    pub(crate) fn float_or(self, name: &str, default: f32) -> Result<f32> {
        Ok(self.float(name)?.unwrap_or(default))
    }

    /// A text in UTF-8.
    pub(crate) fn text(self, name: &str) -> Result<Option<&'a str>> {
        let Some(found) = self.typed(name, AttributeType::String)? else {
            return Ok(None);
        };
        std::str::from_utf8(found.s())
            .map(Some)
            .map_err(|_| Error::model(format!("attribute `{name}` is not UTF-8")))
    }

    /// Integers, none if left out.
    pub(crate) fn ints(self, name: &str) -> Result<Option<&'a [i64]>> {
        let found = self.typed(name, AttributeType::Ints)?;
        Ok(found.map(|attribute| attribute.ints.as_slice()))
    }

    /// Numbers, none if left out.
    pub(crate) fn floats(self, name: &str) -> Result<Option<&'a [f32]>> {
        let found = self.typed(name, AttributeType::Floats)?;
        Ok(found.map(|attribute| attribute.floats.as_slice()))
    }

    /// Byte strings, none if left out.
    pub(crate) fn strings(self, name: &str) -> Result<Option<&'a [bytes::Bytes]>> {
        let found = self.typed(name, AttributeType::Strings)?;
        Ok(found.map(|attribute| attribute.strings.as_slice()))
    }

    /// A tensor, none if left out.
    pub(crate) fn tensor(self, name: &str) -> Result<Option<Tensor>> {
        let found = self.typed(name, AttributeType::Tensor)?;
        let tensor = found.and_then(|attribute| attribute.t.as_ref());
        tensor.map(constant).transpose()
    }

    /// A tensor of which only some elements are written, none if left out.
    pub(crate) fn sparse(self, name: &str) -> Result<Option<&'a SparseTensorProto>> {
        let found = self.typed(name, AttributeType::SparseTensor)?;
        Ok(found.and_then(|attribute| attribute.sparse_tensor.as_ref()))
    }

    /// A type, none if left out.
    pub(crate) fn type_of(self, name: &str) -> Result<Option<&'a TypeProto>> {
        let found = self.typed(name, AttributeType::TypeProto)?;
        Ok(found.and_then(|attribute| attribute.tp.as_ref()))
    }

    /// A graph.
    pub(crate) fn graph(self, name: &str) -> Result<&'a GraphProto> {
        let found = self.typed(name, AttributeType::Graph)?;
        found
            .and_then(|attribute| attribute.g.as_ref())
            .ok_or_else(|| Error::model(format!("attribute `{name}` is missing")))
    }
}
