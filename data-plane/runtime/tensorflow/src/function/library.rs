//! Graph, functions and operator definitions of a SavedModel, by name.

use std::collections::HashMap;

use hari_error::{Error, Result};
use hari_proto::tensorflow::attr_value::Value;
use hari_proto::tensorflow::{FunctionDef, MetaGraphDef, NodeDef, OpDef};

use super::definitions;
use crate::attrs::Attrs;

/// Nodes by name.
pub(super) type Nodes<'a> = HashMap<&'a str, &'a NodeDef>;

/// A function with its nodes by name.
pub(super) struct Function<'a> {
    pub(super) definition: &'a FunctionDef,
    pub(super) nodes: Nodes<'a>,
}

/// The main graph with its functions and operator definitions, ready to be flattened.
pub(crate) struct Library<'a> {
    pub(super) nodes: Nodes<'a>,
    functions: HashMap<&'a str, Function<'a>>,
    operators: HashMap<&'a str, &'a OpDef>,
}

impl<'a> Library<'a> {
    /// Indexes a meta graph by name.
    pub(crate) fn new(meta: &'a MetaGraphDef) -> Self {
        let graph = meta.graph_def.as_ref();
        let nodes = graph.map_or(&[][..], |graph| &graph.node);
        let library = graph.and_then(|graph| graph.library.as_ref());
        let functions = library.map_or(&[][..], |library| &library.function);
        let info = meta
            .meta_info_def
            .as_ref()
            .and_then(|info| info.stripped_op_list.as_ref());
        let operators = info.map_or(&[][..], |list| &list.op);
        let function = |definition: &'a FunctionDef| {
            let nodes = by_name(&definition.node_def);
            (function_name(definition), Function { definition, nodes })
        };
        Self {
            nodes: by_name(nodes),
            functions: functions.iter().map(function).collect(),
            operators: operators.iter().map(|op| (op.name.as_str(), op)).collect(),
        }
    }

    /// The node of this name in the main graph.
    pub(crate) fn node(&self, name: &str) -> Option<&'a NodeDef> {
        self.nodes.get(name).copied()
    }

    /// The definition of an operator or function.
    pub(super) fn definition(&self, op: &str) -> Result<&'a OpDef> {
        let function = || {
            self.functions
                .get(op)
                .and_then(|function| function.definition.signature.as_ref())
        };
        self.operators
            .get(op)
            .copied()
            .or_else(function)
            .or_else(|| definitions::find(op))
            .ok_or_else(|| {
                Error::model(format!("operation `{op}` is not defined in the SavedModel"))
            })
    }

    /// The function that the node calls, if it is a call.
    pub(super) fn callee(
        &self,
        op: &str,
        attrs: &Attrs<'a>,
    ) -> Result<Option<(&Function<'a>, Attrs<'a>)>> {
        if let Some(function) = self.functions.get(op) {
            return Ok(Some((function, attrs.clone())));
        }
        if !matches!(op, "PartitionedCall" | "StatefulPartitionedCall") {
            return Ok(None);
        }
        let called = attrs.function("f")?;
        let function = self.function(&called.name)?;
        Ok(Some((function, Attrs::of(&called.attr))))
    }

    /// The function of this name.
    pub(super) fn function(&self, name: &str) -> Result<&Function<'a>> {
        self.functions
            .get(name)
            .ok_or_else(|| Error::model(format!("function `{name}` is not in the SavedModel")))
    }
}

fn by_name(nodes: &[NodeDef]) -> Nodes<'_> {
    nodes
        .iter()
        .map(|node| (node.name.as_str(), node))
        .collect()
}

fn function_name(function: &FunctionDef) -> &str {
    function
        .signature
        .as_ref()
        .map_or("", |signature| &signature.name)
}

/// The node's attributes, with those that it leaves out from the definition and those that stand
/// for an attribute of the call from there.
pub(super) fn attributes<'a>(
    node: &'a NodeDef,
    definition: Option<&'a OpDef>,
    call: &Attrs<'a>,
) -> Attrs<'a> {
    let mut all = Attrs::default();
    for attr in definition.map_or(&[][..], |definition| &definition.attr) {
        if let Some(default) = &attr.default_value {
            all.set(&attr.name, default);
        }
    }
    for (name, attr) in &node.attr {
        let attr = match &attr.value {
            Some(Value::Placeholder(of_call)) => call.get(of_call).unwrap_or(attr),
            _ => attr,
        };
        if !name.starts_with('_') {
            all.set(name, attr);
        }
    }
    all
}
