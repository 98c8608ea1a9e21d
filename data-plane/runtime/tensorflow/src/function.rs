//! From graph and function library to one flat graph: calls are inlined depth first.
//!
//! Only what the wanted outputs read is visited, and within a function only what its results read.
//! A reference is `node:index` in the main graph and `node:argument:index` in a function; where an
//! argument starts among a node's outputs is in the operator's definition.

mod bodies;
mod branches;
mod copy;
mod definitions;
mod frames;
mod library;
mod reference;

use std::collections::HashMap;

use hari_error::{Error, Result};
use hari_proto::tensorflow::{FunctionDef, NodeDef};

use crate::attrs::Attrs;
pub(crate) use crate::graph::Flat;
use crate::graph::{Edge, FEED, Graph, Node};
pub(crate) use library::Library;
use library::{Function, Nodes, attributes};
use reference::Reference;

const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 1_000_000;
const MAX_PATH: usize = 200;

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

/// Inlines all calls on the way to the fetches.
///
/// # Errors
/// If a reference leads nowhere, if functions call each other in a circle or more than 64 deep, or
/// if there are more than a million nodes.
pub(crate) fn flatten<'a>(library: &Library<'a>, wanted: &Wanted) -> Result<Flat<'a>> {
    let effects = !wanted.targets.is_empty();
    let mut flattener = Flattener {
        library,
        graph: Graph::default(),
        effects,
        visited: 0,
    };
    let mut main = Scope::new(&library.nodes);
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
    let graph = flattener.graph;
    let flat = Flat { graph, fetches };
    Ok(if effects { flat } else { structured(flat) })
}

/// The graph with the loops and choices of TensorFlow 1 written as those of TensorFlow 2.
fn structured(flat: Flat<'_>) -> Flat<'_> {
    branches::structured(frames::structured(flat))
}

fn feed_node(name: &str) -> Node<'static> {
    Node {
        name: name.to_owned(),
        op: FEED,
        outputs: 1,
        ..Node::default()
    }
}

/// The main graph or the body of one call.
struct Scope<'l, 'a> {
    nodes: &'l Nodes<'a>,
    /// Arguments of the function, each as many tensors as it stands for.
    arguments: HashMap<&'a str, Vec<Edge>>,
    feeds: HashMap<(String, usize), Edge>,
    /// Outputs of the nodes that were visited.
    outputs: HashMap<&'a str, Vec<Edge>>,
    /// Attributes of the call, for placeholders in the body.
    attrs: Attrs<'a>,
    prefix: String,
    depth: usize,
    is_function: bool,
    /// Ends of loops of TensorFlow 1 whose inputs are still to be visited.
    loop_ends: Vec<(usize, &'a NodeDef)>,
}

impl<'l, 'a> Scope<'l, 'a> {
    fn new(nodes: &'l Nodes<'a>) -> Self {
        Self {
            nodes,
            arguments: HashMap::new(),
            feeds: HashMap::new(),
            outputs: HashMap::new(),
            attrs: Attrs::default(),
            prefix: String::new(),
            depth: 0,
            is_function: false,
            loop_ends: Vec::new(),
        }
    }

    /// The node's name for messages; of a node in a function, the end of a long path is left out.
    fn path(&self, name: &str) -> String {
        if !self.is_function {
            return name.to_owned();
        }
        self.prefix
            .chars()
            .chain(name.chars())
            .take(MAX_PATH)
            .collect()
    }

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
    graph: Graph<'a>,
    effects: bool,
    visited: usize,
}

impl<'l, 'a> Flattener<'l, 'a> {
    /// Emits these nodes and all that they read, without recursion within the scope.
    fn visit<'r>(
        &mut self,
        scope: &mut Scope<'l, 'a>,
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
        self.close_loops(scope)
    }

    /// The next node that this one reads and that was not emitted.
    fn next_input(
        &self,
        scope: &Scope<'l, 'a>,
        node: &'a NodeDef,
        position: &mut usize,
    ) -> Result<Option<(&'a str, &'a NodeDef)>> {
        if scope.outputs.contains_key(node.name.as_str()) || frames::is_loop_end(&node.op) {
            return Ok(None);
        }
        while let Some(input) = node.input.get(*position) {
            *position += 1;
            let reference = scope.parse(input);
            let skipped = reference.is_control && !self.effects && !scope.waits(node, reference);
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

    fn emit(&mut self, scope: &mut Scope<'l, 'a>, name: &'a str, node: &'a NodeDef) -> Result<()> {
        if scope.outputs.contains_key(name) {
            return Ok(());
        }
        self.spend(1)?;
        let outputs = self
            .outputs_of(scope, node)
            .map_err(|error| located(error, &scope.path(name)))?;
        if frames::is_loop_end(&node.op)
            && let Some(edge) = outputs.first()
        {
            scope.loop_ends.push((edge.node, node));
        }
        scope.outputs.insert(name, outputs);
        Ok(())
    }

    fn outputs_of(&mut self, scope: &Scope<'l, 'a>, node: &'a NodeDef) -> Result<Vec<Edge>> {
        let attrs = attributes(node, self.library.definition(&node.op).ok(), &scope.attrs);
        let data = node
            .input
            .iter()
            .map(|input| scope.parse(input))
            .filter(|r| !r.is_control);
        // The edge back into a loop of TensorFlow 1 is added when the whole loop is there.
        let data = data.filter(|_| !frames::is_loop_end(&node.op));
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
        let bodies = self.bodies(scope, &node.op, &attrs)?;
        let name = scope.path(&node.name);
        let made = self.graph.push(Node {
            name,
            op: &node.op,
            inputs,
            attrs,
            outputs,
            bodies,
        });
        let references = node.input.iter().map(|input| scope.parse(input));
        let mut pivots = references.filter(|&reference| scope.waits(node, reference));
        match pivots.next() {
            Some(pivot) => self.behind(scope, made, pivot),
            None => Ok(made),
        }
    }

    fn call(
        &mut self,
        caller: &Scope<'l, 'a>,
        name: &str,
        function: &'l Function<'a>,
        (attrs, inputs): (Attrs<'a>, Vec<Edge>),
    ) -> Result<Vec<Edge>> {
        let depth = caller.depth + 1;
        if depth > MAX_DEPTH {
            return Err(Error::model(format!(
                "functions call each other more than {MAX_DEPTH} deep, or in a circle"
            )));
        }
        let signature = function.definition.signature.as_ref();
        let parameters = signature.map_or(&[][..], |signature| &signature.input_arg);
        let mut arguments = HashMap::new();
        let mut inputs = inputs.into_iter();
        for parameter in parameters {
            let count = attrs.count(&parameter.number_attr, &parameter.type_list_attr)?;
            let given: Vec<_> = inputs.by_ref().take(count).collect();
            arguments.insert(parameter.name.as_str(), given);
        }
        let mut scope = Scope {
            arguments,
            attrs,
            prefix: caller.path(name) + "/",
            depth,
            is_function: true,
            ..Scope::new(&function.nodes)
        };
        self.body(&mut scope, function.definition)
    }

    fn body(&mut self, scope: &mut Scope<'l, 'a>, function: &'a FunctionDef) -> Result<Vec<Edge>> {
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
    fn resolve(&self, scope: &Scope<'l, 'a>, reference: Reference<'_>) -> Result<Edge> {
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
    fn offset(&self, scope: &Scope<'l, 'a>, reference: Reference<'_>) -> Result<usize> {
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

/// Names the innermost operation in which it happened.
fn located(error: Error, path: &str) -> Error {
    if error.message().starts_with("operation `") {
        return error;
    }
    error.context(format!("operation `{path}`"))
}

fn circle(name: &str) -> Error {
    Error::model(format!("the graph goes round in a circle at `{name}`"))
}

#[cfg(test)]
mod tests;
