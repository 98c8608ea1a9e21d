//! From graph and function library to one flat graph: calls are inlined depth first.
//!
//! Only what the wanted outputs read is visited, and within a function only what its results read.
//! A reference is `node:index` in the main graph and `node:argument:index` in a function; where an
//! argument starts among a node's outputs is in the operator's definition.

mod reference;

use std::collections::{BTreeMap, HashMap};

use hari_error::{Error, Result};
use hari_proto::tensorflow::attr_value::Value;
use hari_proto::tensorflow::{AttrValue, FunctionDef, MetaGraphDef, NodeDef, OpDef};

use crate::attrs::Attrs;
use crate::graph::{Edge, FEED, Graph, Node};
use reference::Reference;

const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 1_000_000;

/// The main graph with its functions and operator definitions, ready to be flattened.
pub(crate) struct Library<'a> {
    nodes: HashMap<&'a str, &'a NodeDef>,
    functions: HashMap<&'a str, &'a FunctionDef>,
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
        Self {
            nodes: nodes
                .iter()
                .map(|node| (node.name.as_str(), node))
                .collect(),
            functions: functions.iter().map(|f| (function_name(f), f)).collect(),
            operators: operators.iter().map(|op| (op.name.as_str(), op)).collect(),
        }
    }

    /// The node of this name in the main graph.
    pub(crate) fn node(&self, name: &str) -> Option<&'a NodeDef> {
        self.nodes.get(name).copied()
    }

    fn definition(&self, op: &str) -> Result<&'a OpDef> {
        let function = || {
            self.functions
                .get(op)
                .and_then(|function| function.signature.as_ref())
        };
        self.operators
            .get(op)
            .copied()
            .or_else(function)
            .ok_or_else(|| {
                Error::model(format!("operation `{op}` is not defined in the SavedModel"))
            })
    }

    /// The function that the node calls, if it is a call.
    fn callee(&self, op: &str, attrs: &Attrs) -> Result<Option<(&'a FunctionDef, Attrs)>> {
        if let Some(function) = self.functions.get(op) {
            return Ok(Some((function, attrs.clone())));
        }
        if !matches!(op, "PartitionedCall" | "StatefulPartitionedCall") {
            return Ok(None);
        }
        let called = attrs.function("f")?;
        let function = self.functions.get(called.name.as_str()).ok_or_else(|| {
            Error::model(format!(
                "function `{}` is not in the SavedModel",
                called.name
            ))
        })?;
        Ok(Some((function, Attrs(called.attr.clone()))))
    }
}

fn function_name(function: &FunctionDef) -> &str {
    function
        .signature
        .as_ref()
        .map_or("", |signature| &signature.name)
}

/// What to flatten, and how.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Tensors of the main graph that are given from outside, `node:index`.
    pub(crate) feeds: Vec<String>,
    /// Tensors of the main graph to compute, `node:index`.
    pub(crate) fetches: Vec<String>,
    /// Operations of the main graph that are run for their effects: with what must run before
    /// them, and with the whole body of each function.
    pub(crate) targets: Vec<String>,
}

/// The flat graph. Feeds come first, one node each in their order.
pub(crate) struct Flat {
    pub(crate) graph: Graph,
    /// Where each fetch comes from, in their order.
    pub(crate) fetches: Vec<Edge>,
}

/// Inlines all calls on the way to the fetches.
///
/// # Errors
/// If a reference leads nowhere, if functions call each other in a circle or more than 64 deep, or
/// if there are more than a million nodes.
pub(crate) fn flatten(library: &Library<'_>, wanted: &Wanted) -> Result<Flat> {
    let effects = !wanted.targets.is_empty();
    let mut flattener = Flattener {
        library,
        graph: Graph::default(),
        effects,
        visited: 0,
    };
    let mut main = Scope {
        nodes: library.nodes.clone(),
        ..Scope::default()
    };
    for feed in &wanted.feeds {
        let edges = flattener.graph.push(feed_node(feed));
        main.feeds.extend(
            edges
                .into_iter()
                .map(|edge| (Reference::in_graph(feed).key(), edge)),
        );
    }
    let references: Vec<_> = wanted
        .fetches
        .iter()
        .map(|name| Reference::in_graph(name))
        .collect();
    let roots = references.iter().map(|reference| reference.node);
    flattener.visit(
        &mut main,
        roots.chain(wanted.targets.iter().map(String::as_str)),
    )?;
    let fetches = references
        .iter()
        .map(|reference| flattener.resolve(&main, *reference));
    let fetches = fetches.collect::<Result<_>>()?;
    Ok(Flat {
        graph: flattener.graph,
        fetches,
    })
}

fn feed_node(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        op: FEED.to_owned(),
        inputs: Vec::new(),
        attrs: Attrs::default(),
        outputs: 1,
    }
}

/// The main graph or the body of one call.
#[derive(Default)]
struct Scope<'a> {
    nodes: HashMap<&'a str, &'a NodeDef>,
    /// Arguments of the function, each as many tensors as it stands for.
    arguments: HashMap<&'a str, Vec<Edge>>,
    feeds: HashMap<(String, usize), Edge>,
    /// Outputs of the nodes that were visited.
    outputs: HashMap<&'a str, Vec<Edge>>,
    /// Attributes of the call, for placeholders in the body.
    attrs: Attrs,
    prefix: String,
    depth: usize,
    is_function: bool,
}

impl<'a> Scope<'a> {
    fn parse<'r>(&self, text: &'r str) -> Reference<'r> {
        if self.is_function {
            Reference::in_function(text)
        } else {
            Reference::in_graph(text)
        }
    }

    /// Whether the reference needs no node of this scope.
    fn is_given(&self, reference: Reference<'_>) -> bool {
        self.arguments.contains_key(reference.node)
            || (!self.feeds.is_empty() && self.feeds.contains_key(&reference.key()))
    }

    fn find(&self, name: &str) -> Result<(&'a str, &'a NodeDef)> {
        self.nodes
            .get_key_value(name)
            .map(|(&name, &node)| (name, node))
            .ok_or_else(|| {
                Error::model(format!("the graph refers to `{name}`, which is not in it"))
            })
    }
}

struct Flattener<'l, 'a> {
    library: &'l Library<'a>,
    graph: Graph,
    effects: bool,
    visited: usize,
}

impl<'a> Flattener<'_, 'a> {
    /// Emits these nodes and all that they read, without recursion within the scope.
    fn visit<'r>(
        &mut self,
        scope: &mut Scope<'a>,
        roots: impl Iterator<Item = &'r str>,
    ) -> Result<()> {
        let mut open = HashMap::new();
        for root in roots {
            if scope.is_given(Reference::of_node(root)) {
                continue;
            }
            let mut stack = vec![scope.find(root)?];
            while let Some(&(name, node)) = stack.last() {
                let next = self.next_input(scope, node, open.entry(name).or_insert(0))?;
                match next {
                    Some((input, _)) if open.contains_key(input) => return Err(circle(name)),
                    Some(input) => stack.push(input),
                    None => {
                        stack.pop();
                        open.remove(name);
                        self.emit(scope, name, node)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The next node that this one reads and that was not emitted.
    fn next_input(
        &self,
        scope: &Scope<'a>,
        node: &'a NodeDef,
        position: &mut usize,
    ) -> Result<Option<(&'a str, &'a NodeDef)>> {
        if scope.outputs.contains_key(node.name.as_str()) || node.op == "NextIteration" {
            return Ok(None);
        }
        while let Some(input) = node.input.get(*position) {
            *position += 1;
            let reference = scope.parse(input);
            let skipped = reference.is_control && !self.effects;
            if skipped || scope.is_given(reference) || scope.outputs.contains_key(reference.node) {
                continue;
            }
            return scope.find(reference.node).map(Some);
        }
        Ok(None)
    }

    /// Counts towards the largest graph: operations, their outputs, and bodies of functions.
    fn spend(&mut self, cost: usize) -> Result<()> {
        self.visited = self.visited.saturating_add(cost);
        if self.visited > MAX_NODES {
            return Err(Error::model(format!(
                "the graph has more than {MAX_NODES} operations"
            )));
        }
        Ok(())
    }

    fn emit(&mut self, scope: &mut Scope<'a>, name: &'a str, node: &'a NodeDef) -> Result<()> {
        if scope.outputs.contains_key(name) {
            return Ok(());
        }
        self.spend(1)?;
        let outputs = self
            .outputs_of(scope, node)
            .map_err(|error| error.context(format!("operation `{}{name}`", scope.prefix)))?;
        scope.outputs.insert(name, outputs);
        Ok(())
    }

    fn outputs_of(&mut self, scope: &Scope<'a>, node: &'a NodeDef) -> Result<Vec<Edge>> {
        let attrs = attributes(node, self.library.definition(&node.op).ok(), &scope.attrs);
        let data = node
            .input
            .iter()
            .map(|input| scope.parse(input))
            .filter(|r| !r.is_control);
        // The edge back into a loop of TensorFlow 1 is left out: the loop is refused by name.
        let data = data.filter(|_| node.op != "NextIteration");
        let inputs = data.map(|reference| self.resolve(scope, reference));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        if let Some((function, called)) = self.library.callee(&node.op, &attrs)? {
            return self.call(scope, &node.name, function, (called, inputs));
        }
        let definition = self.library.definition(&node.op)?;
        let mut outputs = 0_usize;
        for argument in &definition.output_arg {
            let count = attrs.count(&argument.number_attr, &argument.type_list_attr)?;
            outputs = outputs.saturating_add(count);
        }
        self.spend(outputs)?;
        let name = format!("{}{}", scope.prefix, node.name);
        Ok(self.graph.push(Node {
            name,
            op: node.op.clone(),
            inputs,
            attrs,
            outputs,
        }))
    }

    fn call(
        &mut self,
        caller: &Scope<'a>,
        name: &str,
        function: &'a FunctionDef,
        (attrs, inputs): (Attrs, Vec<Edge>),
    ) -> Result<Vec<Edge>> {
        let depth = caller.depth + 1;
        if depth > MAX_DEPTH {
            return Err(Error::model(format!(
                "functions call each other more than {MAX_DEPTH} deep, or in a circle"
            )));
        }
        self.spend(function.node_def.len())?;
        let signature = function.signature.as_ref();
        let parameters = signature.map_or(&[][..], |signature| &signature.input_arg);
        let mut arguments = HashMap::new();
        let mut inputs = inputs.into_iter();
        for parameter in parameters {
            let count = attrs.count(&parameter.number_attr, &parameter.type_list_attr)?;
            let given: Vec<_> = inputs.by_ref().take(count).collect();
            arguments.insert(parameter.name.as_str(), given);
        }
        let mut scope = Scope {
            nodes: function
                .node_def
                .iter()
                .map(|node| (node.name.as_str(), node))
                .collect(),
            arguments,
            attrs,
            prefix: format!("{}{name}/", caller.prefix),
            depth,
            is_function: true,
            ..Scope::default()
        };
        self.body(&mut scope, function)
    }

    fn body(&mut self, scope: &mut Scope<'a>, function: &'a FunctionDef) -> Result<Vec<Edge>> {
        if self.effects {
            self.visit(
                scope,
                function.node_def.iter().map(|node| node.name.as_str()),
            )?;
        }
        let signature = function.signature.as_ref();
        let mut results = Vec::new();
        for result in signature.map_or(&[][..], |signature| &signature.output_arg) {
            let text = function.ret.get(&result.name).ok_or_else(|| {
                Error::model(format!("a function does not return `{}`", result.name))
            })?;
            let reference = Reference::in_function(text);
            if !scope.is_given(reference) {
                self.visit(scope, std::iter::once(reference.node))?;
            }
            results.push(self.resolve(scope, reference)?);
        }
        Ok(results)
    }

    /// The edge that a reference stands for. What it refers to was visited.
    fn resolve(&self, scope: &Scope<'a>, reference: Reference<'_>) -> Result<Edge> {
        let nowhere = || {
            Error::model(format!(
                "the graph refers to `{reference}`, which is not in it"
            ))
        };
        if !scope.feeds.is_empty()
            && let Some(edge) = scope.feeds.get(&reference.key())
        {
            return Ok(*edge);
        }
        if let Some(argument) = scope.arguments.get(reference.node) {
            return argument.get(reference.index).copied().ok_or_else(nowhere);
        }
        let outputs = scope.outputs.get(reference.node).ok_or_else(nowhere)?;
        let offset = self.offset(scope, reference)?;
        let index = offset.checked_add(reference.index).ok_or_else(nowhere)?;
        outputs.get(index).copied().ok_or_else(nowhere)
    }

    /// Where the named output argument starts among the outputs of its node.
    fn offset(&self, scope: &Scope<'a>, reference: Reference<'_>) -> Result<usize> {
        let Some(wanted) = reference.argument else {
            return Ok(0);
        };
        let (_, node) = scope.find(reference.node)?;
        let definition = self.library.definition(&node.op)?;
        if let [only] = definition.output_arg.as_slice()
            && only.name == wanted
        {
            return Ok(0);
        }
        let attrs = attributes(node, Some(definition), &scope.attrs);
        let mut offset = 0_usize;
        for argument in &definition.output_arg {
            if argument.name == wanted {
                return Ok(offset);
            }
            let count = attrs.count(&argument.number_attr, &argument.type_list_attr)?;
            offset = offset.saturating_add(count);
        }
        Err(Error::model(format!(
            "operation `{}` has no output `{wanted}`",
            node.op
        )))
    }
}

fn circle(name: &str) -> Error {
    Error::model(format!("the graph goes round in a circle at `{name}`"))
}

/// The node's attributes, with those that it leaves out from the definition and those that stand
/// for an attribute of the call from there.
fn attributes(node: &NodeDef, definition: Option<&OpDef>, call: &Attrs) -> Attrs {
    let mut all: BTreeMap<String, AttrValue> = BTreeMap::new();
    for attr in definition.map_or(&[][..], |definition| &definition.attr) {
        if let Some(default) = &attr.default_value {
            all.insert(attr.name.clone(), default.clone());
        }
    }
    for (name, attr) in &node.attr {
        let attr = match &attr.value {
            Some(Value::Placeholder(of_call)) => call.0.get(of_call).unwrap_or(attr),
            _ => attr,
        };
        if !name.starts_with('_') {
            all.insert(name.clone(), attr.clone());
        }
    }
    Attrs(all)
}

#[cfg(test)]
mod tests;
