//! What is known of the values of a graph and of the graphs around it.

use std::collections::{BTreeSet, HashMap};

use hari_core::DataType;
use hari_operators::Type;
use hari_proto::onnx::{GraphProto, NodeProto, TensorProto, ValueInfoProto};

use crate::extent::Extent;
use crate::{element, tensors};

/// What is known of a value before it is there.
#[derive(Clone, Debug)]
pub(crate) struct Known<'a> {
    /// Its type; none if nothing says it.
    pub(crate) kind: Option<Type>,
    /// How large its elements can get, if they are INT64.
    pub(crate) extent: Extent,
    /// Its elements, if the file holds them.
    pub(crate) constant: Option<&'a TensorProto>,
}

impl<'a> Known<'a> {
    /// A value of which the type alone is known.
    pub(crate) fn typed(kind: Option<Type>) -> Self {
        Self {
            kind,
            extent: Extent::Any,
            constant: None,
        }
    }

    /// A constant of the file.
    pub(crate) fn constant(tensor: &'a TensorProto) -> Self {
        Self {
            kind: element::data_type(tensor.data_type()).map(Type::Tensor),
            extent: Extent::of_constant(tensor),
            constant: Some(tensor),
        }
    }

    /// Whether its elements are INT64 that 32 bits may not hold.
    pub(crate) fn is_wide(&self) -> bool {
        self.kind == Some(Type::Tensor(DataType::Int64)) && !self.extent.fits()
    }
}

/// The values that a graph's nodes can use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope<'a> {
    outer: Option<&'a Scope<'a>>,
    values: HashMap<String, Known<'a>>,
}

impl<'a> Scope<'a> {
    /// An empty scope inside another.
    pub(crate) fn inside(outer: &'a Scope<'a>) -> Self {
        Self {
            outer: Some(outer),
            values: HashMap::new(),
        }
    }

    /// Adds a value.
    pub(crate) fn add(&mut self, name: &str, known: Known<'a>) {
        self.values.insert(name.to_owned(), known);
    }

    /// What is known of the value of this name, here or in a graph around.
    pub(crate) fn get(&self, name: &str) -> Option<&Known<'a>> {
        let outer = || self.outer.and_then(|outer| outer.get(name));
        self.values.get(name).or_else(outer)
    }
}

/// Values of outer graphs that the graph uses, by name.
pub(crate) fn free(graph: &GraphProto) -> BTreeSet<&str> {
    let mut used: BTreeSet<&str> = graph.node.iter().flat_map(uses).collect();
    used.extend(graph.output.iter().map(ValueInfoProto::name));
    for name in made(graph) {
        used.remove(name);
    }
    used.remove("");
    used
}

/// All values that a node uses: its inputs, and what the graphs inside it use of those around.
pub(crate) fn uses(node: &NodeProto) -> BTreeSet<&str> {
    let inner = node.attribute.iter().flat_map(tensors::subgraphs);
    let mut used: BTreeSet<&str> = inner.flat_map(free).collect();
    used.extend(node.input.iter().map(String::as_str));
    used.remove("");
    used
}

/// Which of `nodes`, each after what it uses, the values in `wanted` need; and all values that these
/// nodes use, with `wanted`.
pub(crate) fn needed<'a>(
    nodes: &'a [NodeProto],
    wanted: &[&'a str],
) -> (Vec<bool>, BTreeSet<&'a str>) {
    let mut used: BTreeSet<&str> = wanted.iter().copied().collect();
    let mut needed = vec![false; nodes.len()];
    for (node, needed) in nodes.iter().zip(&mut needed).rev() {
        *needed = node.output.iter().any(|name| used.contains(name.as_str()));
        if *needed {
            used.extend(uses(node));
        }
    }
    (needed, used)
}

fn made(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let inputs = graph.input.iter().map(ValueInfoProto::name);
    let constants = graph.initializer.iter().map(TensorProto::name);
    let outputs = graph.node.iter().flat_map(|node| &node.output);
    inputs.chain(constants).chain(outputs.map(String::as_str))
}

#[cfg(test)]
mod tests {
    use hari_proto::onnx::tensor_proto::DataType as Elem;

    use super::*;
    use crate::fixture::{graph, int64s, node, subgraph, value, with};

    #[test]
    fn a_graph_uses_what_it_does_not_make() {
        let inner = graph(
            vec![value("i", Elem::Float, &[])],
            vec![
                node("Add", &["i", "outer"], &["sum"]),
                node("Add", &["sum", ""], &["last"]),
            ],
            vec![
                value("last", Elem::Float, &[]),
                value("passed", Elem::Float, &[]),
            ],
        );
        assert_eq!(
            free(&inner).into_iter().collect::<Vec<_>>(),
            ["outer", "passed"]
        );
        let holder = with(
            node("Loop", &["n", "", "x"], &["y"]),
            subgraph("body", inner),
        );
        let used: Vec<_> = uses(&holder).into_iter().collect();
        assert_eq!(used, ["n", "outer", "passed", "x"]);
    }

    #[test]
    fn a_scope_sees_the_graphs_around_it() {
        let weight = int64s("w", &[1 << 40]);
        let mut outer = Scope::default();
        outer.add("w", Known::constant(&weight));
        let mut inner = Scope::inside(&outer);
        inner.add("x", Known::typed(Some(Type::Tensor(DataType::Fp32))));
        assert!(inner.get("w").unwrap().is_wide() && !inner.get("x").unwrap().is_wide());
        assert!(outer.get("x").is_none());
    }
}
