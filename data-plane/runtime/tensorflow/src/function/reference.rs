//! References to tensors, as graphs and functions write them.

use std::fmt;

/// A reference, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference<'r> {
    /// The node or the function's argument.
    pub(super) node: &'r str,
    /// The output argument; none in the main graph.
    pub(super) argument: Option<&'r str>,
    /// The index within the output argument, or among all outputs if none is named.
    pub(super) index: usize,
    /// Only an order, no data.
    pub(super) is_control: bool,
}

impl<'r> Reference<'r> {
    /// Output 0 of a node.
    pub(super) fn of_node(node: &'r str) -> Self {
        Self {
            node,
            argument: None,
            index: 0,
            is_control: false,
        }
    }

    /// `node`, `node:index` or `^node`.
    pub(super) fn in_graph(text: &'r str) -> Self {
        if let Some(node) = text.strip_prefix('^') {
            return Self {
                is_control: true,
                ..Self::of_node(node)
            };
        }
        match text
            .rsplit_once(':')
            .map(|(node, index)| (node, index.parse()))
        {
            Some((node, Ok(index))) => Self {
                index,
                ..Self::of_node(node)
            },
            _ => Self::of_node(text),
        }
    }

    /// `argument`, `argument:index`, `node:output:index` or `^node`.
    pub(super) fn in_function(text: &'r str) -> Self {
        let mut parts = text.splitn(3, ':');
        let node = parts.next().unwrap_or_default();
        match (parts.next(), parts.next().map(str::parse)) {
            (Some(argument), Some(Ok(index))) => Self {
                argument: Some(argument),
                index,
                ..Self::of_node(node)
            },
            _ => Self::in_graph(text),
        }
    }

    /// Node and index, for tensors of the main graph.
    pub(super) fn key(&self) -> (String, usize) {
        (self.node.to_owned(), self.index)
    }
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.argument {
            Some(argument) => write!(f, "{}:{argument}:{}", self.node, self.index),
            None => write!(f, "{}:{}", self.node, self.index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_read() {
        let graph = Reference::in_graph("scope/x:2");
        assert_eq!(
            (graph.node, graph.index, graph.is_control),
            ("scope/x", 2, false)
        );
        assert_eq!(Reference::in_graph("x").to_string(), "x:0");
        assert!(Reference::in_graph("^x").is_control);
        let function = Reference::in_function("x:out:3");
        assert_eq!(
            (function.node, function.argument, function.index),
            ("x", Some("out"), 3)
        );
        assert_eq!(Reference::in_function("arg"), Reference::of_node("arg"));
        assert!(Reference::in_function("^x").is_control);
        assert_eq!(Reference::in_function("a:b:c:d").node, "a:b:c:d");
    }
}
