//! From a node to an operator: the table of all operators, by domain, name and version.

use std::fmt;

use hari_error::{Error, Result};
use hari_proto::onnx::NodeProto;

use crate::attributes::Attributes;
use crate::families;
use crate::operator::{Bodies, Operator};

/// A node that can be run, and what it needs beside its inputs.
pub struct Compiled {
    /// The operator.
    pub operator: Box<dyn Operator>,
    /// Values of outer graphs that follow the node's own inputs when it runs.
    pub captures: Vec<String>,
}

/// Why a node cannot be compiled.
#[derive(Debug)]
pub enum Refusal {
    /// No operator of this name is known in the domain, or not in this version.
    Unknown,
    /// The operator is known, but not in this form: what is wrong.
    Form(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Form(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such operator is known"),
            Self::Form(error) => f.write_str(error.message()),
        }
    }
}

/// What a builder of operators is given.
pub(crate) struct Node<'a> {
    /// The node's attributes, checked as they are read.
    pub(crate) attributes: Attributes<'a>,
    /// The version of the node's domain that the model declares.
    pub(crate) version: i64,
    /// Which outputs are used: an unused optional output has an empty name.
    pub(crate) outputs: &'a [String],
    /// How many inputs the node names, absent ones included.
    pub(crate) inputs: usize,
    /// Compiles graphs inside the node.
    pub(crate) bodies: &'a dyn Bodies,
    /// Values of outer graphs that the node turns out to need.
    pub(crate) captures: Vec<String>,
}

/// Makes an operator of a node, or says why not.
pub(crate) type Builder = fn(&mut Node<'_>) -> Result<Box<dyn Operator>>;

/// One operator of the table.
pub(crate) struct Entry {
    /// Empty for ONNX's own.
    pub(crate) domain: &'static str,
    pub(crate) name: &'static str,
    /// The first version of the domain whose meaning the builder knows.
    pub(crate) since: i64,
    pub(crate) build: Builder,
}

impl Entry {
    /// An operator of ONNX's own domain.
    pub(crate) const fn onnx(name: &'static str, since: i64, build: Builder) -> Self {
        Self {
            domain: "",
            name,
            since,
            build,
        }
    }
}

/// Makes `node` ready to run, `version` being the one that the model declares for its domain.
///
/// # Errors
/// See [`Refusal`].
pub fn compile(
    node: &NodeProto,
    version: i64,
    bodies: &dyn Bodies,
) -> std::result::Result<Compiled, Refusal> {
    let entry = find(node.domain(), node.op_type(), version).ok_or(Refusal::Unknown)?;
    let mut given = Node {
        attributes: Attributes::of(node),
        version,
        outputs: &node.output,
        inputs: node.input.len(),
        bodies,
        captures: Vec::new(),
    };
    let operator = (entry.build)(&mut given)?;
    Ok(Compiled {
        operator,
        captures: given.captures,
    })
}

/// Every operator that is known: domain (empty for ONNX's own), name and first version.
pub fn known() -> impl Iterator<Item = (&'static str, &'static str, i64)> {
    entries().map(|entry| (entry.domain, entry.name, entry.since))
}

/// The entry with the newest meaning that is not newer than `version`.
fn find(domain: &str, name: &str, version: i64) -> Option<&'static Entry> {
    let domain = if domain == "ai.onnx" { "" } else { domain };
    entries()
        .filter(|entry| entry.domain == domain && entry.name == name && entry.since <= version)
        .max_by_key(|entry| entry.since)
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    families::ALL.iter().copied().flatten()
}
