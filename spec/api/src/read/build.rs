//! Events of a parser -> a value and its positions, within bounds.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::position::{Below, Position, Positions};
use super::{MAX_DEPTH, MAX_EXPANDED_BYTES, MAX_NODES};
use crate::issue::Issue;
use crate::path;

/// A document that was read.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) value: Value,
    pub(super) positions: Positions,
    pub(super) issues: Vec<Issue>,
}

impl Tree {
    /// A document that could not be read.
    pub(super) fn failed(issue: Issue) -> Self {
        Self {
            issues: vec![issue],
            ..Self::default()
        }
    }
}

/// A value with its positions, and how much it holds.
#[derive(Clone, Debug)]
pub(super) struct Node {
    value: Value,
    positions: Positions,
    nodes: usize,
    bytes: usize,
    height: usize,
}

/// A list or mapping that is not closed yet.
#[derive(Debug)]
struct Open {
    here: Position,
    anchor: usize,
    nodes: usize,
    bytes: usize,
    height: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Items(Vec<Value>, Vec<Positions>),
    Fields(Fields),
}

#[derive(Debug, Default)]
struct Fields {
    values: Map<String, Value>,
    positions: HashMap<String, Positions>,
    /// The name whose value comes next.
    name: Option<Name>,
    /// What `<<` brings in: only where the mapping does not say otherwise.
    merged: Vec<Node>,
}

#[derive(Debug)]
enum Name {
    Field(String, Position),
    /// `<<`: the value is merged into the mapping.
    Merge,
}

/// How much more may be read of this file.
#[derive(Debug)]
pub(super) struct Budget {
    nodes: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            nodes: MAX_NODES,
            bytes: MAX_EXPANDED_BYTES,
        }
    }
}

impl Budget {
    fn take(&mut self, nodes: usize, bytes: usize) -> Result<(), &'static str> {
        let nodes = self.nodes.checked_sub(nodes);
        let bytes = self.bytes.checked_sub(bytes);
        let (Some(nodes), Some(bytes)) = (nodes, bytes) else {
            return Err("too many values, counted after aliases are expanded");
        };
        *self = Self { nodes, bytes };
        Ok(())
    }
}

/// Builds one document. After an `Err` nothing more is to be added.
#[derive(Debug, Default)]
pub(super) struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    issues: Vec<Issue>,
}

impl Builder {
    /// A list begins. `anchor` is 0 where it has none.
    pub(super) fn start_list(&mut self, here: Position, anchor: usize) -> Result<(), &'static str> {
        self.start(here, anchor, Content::Items(Vec::new(), Vec::new()))
    }

    /// A mapping begins. `anchor` is 0 where it has none.
    pub(super) fn start_map(&mut self, here: Position, anchor: usize) -> Result<(), &'static str> {
        self.start(here, anchor, Content::Fields(Fields::default()))
    }

    fn start(
        &mut self,
        here: Position,
        anchor: usize,
        content: Content,
    ) -> Result<(), &'static str> {
        if self.wants_name() {
            return Err("a list or mapping is no name of a field");
        }
        if self.open.len() >= MAX_DEPTH {
            return Err("lists and mappings are nested too deeply");
        }
        self.open.push(Open {
            here,
            anchor,
            nodes: 1,
            bytes: 0,
            height: 1,
            content,
        });
        Ok(())
    }

    /// The innermost list or mapping ends.
    pub(super) fn end(&mut self, budget: &mut Budget) -> Result<(), &'static str> {
        let Some(open) = self.open.pop() else {
            return Err("nothing is open here");
        };
        budget.take(1, 0)?;
        let Open {
            here,
            anchor,
            nodes,
            bytes,
            height,
            content,
        } = open;
        let (value, below) = match content {
            Content::Items(values, positions) => (Value::Array(values), Below::Items(positions)),
            Content::Fields(fields) => fields.close(),
        };
        let positions = Positions {
            here: Some(here),
            below,
        };
        self.keep(
            Node {
                value,
                positions,
                nodes,
                bytes,
                height,
            },
            anchor,
            budget,
        )
    }

    /// Whether the next scalar is the name of a field.
    pub(super) fn wants_name(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: Content::Fields(Fields { name: None, .. }),
                ..
            })
        )
    }

    /// The name of a field.
    pub(super) fn name(
        &mut self,
        name: String,
        here: Position,
        budget: &mut Budget,
    ) -> Result<(), &'static str> {
        budget.take(0, name.len())?;
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        open.bytes += name.len();
        let Content::Fields(fields) = &mut open.content else {
            return Ok(());
        };
        let repeated = fields.values.contains_key(&name).then(|| name.clone());
        fields.name = Some(Name::Field(name, here));
        if let Some(name) = repeated {
            self.report_repeated(&name, here);
        }
        Ok(())
    }

    /// The merge key: the value that follows fills what the mapping does not say.
    pub(super) fn merge_key(&mut self) {
        if let Some(Open {
            content: Content::Fields(fields),
            ..
        }) = self.open.last_mut()
        {
            fields.name = Some(Name::Merge);
        }
    }

    fn report_repeated(&mut self, name: &str, here: Position) {
        if self.issues.len() >= crate::MAX_ISSUES {
            return;
        }
        let quoted = path::shortened(name);
        let message = format!("the field {quoted:?} is written twice: the last one counts");
        let issue = Issue::error("duplicate-field", path::field(&self.path(), name), message)
            .with_hint("keep one of them")
            .with_position(here);
        self.issues.push(issue);
    }

    /// The path of the innermost list or mapping that is open.
    fn path(&self) -> String {
        let parents = self.open.iter().take(self.open.len().saturating_sub(1));
        parents.fold(String::new(), |path, open| match &open.content {
            Content::Items(values, _) => path::item(&path, values.len()),
            Content::Fields(fields) => match &fields.name {
                Some(Name::Field(name, _)) => path::field(&path, name),
                Some(Name::Merge) | None => path,
            },
        })
    }

    /// A value that holds no others. `anchor` is 0 where it has none.
    pub(super) fn scalar(
        &mut self,
        value: Value,
        (here, anchor): (Position, usize),
        budget: &mut Budget,
    ) -> Result<(), &'static str> {
        let bytes = value.as_str().map_or(0, str::len);
        budget.take(1, bytes)?;
        let positions = Positions {
            here: Some(here),
            below: Below::Nothing,
        };
        self.keep(
            Node {
                value,
                positions,
                nodes: 1,
                bytes,
                height: 0,
            },
            anchor,
            budget,
        )
    }

    /// What an anchor holds, once more.
    pub(super) fn alias(
        &mut self,
        anchor: usize,
        here: Position,
        budget: &mut Budget,
    ) -> Result<(), &'static str> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err("the alias stands for something that is not closed yet");
        };
        if self.wants_name() {
            return Err("an alias is no name of a field");
        }
        if self.open.len() + node.height > MAX_DEPTH {
            return Err("lists and mappings are nested too deeply, once aliases are expanded");
        }
        budget.take(node.nodes, node.bytes)?;
        let mut node = node.clone();
        node.positions.here = Some(here);
        self.place(node)
    }

    /// Keeps a value for the aliases of its anchor, and puts it in its place.
    fn keep(&mut self, node: Node, anchor: usize, budget: &mut Budget) -> Result<(), &'static str> {
        if anchor != 0 {
            budget.take(node.nodes, node.bytes)?; // anchors inside anchors multiply as aliases do
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), &'static str> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.nodes += node.nodes;
        open.bytes += node.bytes;
        open.height = open.height.max(node.height + 1);
        match &mut open.content {
            Content::Fields(fields) => return fields.put(node),
            Content::Items(values, positions) => {
                values.push(node.value);
                positions.push(node.positions);
            }
        }
        Ok(())
    }

    /// Whether nothing, or nothing but null, was read.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.root.as_ref().is_none_or(|root| root.value.is_null())
    }

    /// The document.
    pub(super) fn finish(self) -> Tree {
        match self.root {
            Some(Node {
                value, positions, ..
            }) => Tree {
                value,
                positions,
                issues: self.issues,
            },
            None => Tree {
                issues: self.issues,
                ..Tree::default()
            },
        }
    }
}

impl Fields {
    fn put(&mut self, node: Node) -> Result<(), &'static str> {
        match self.name.take() {
            None => Err("a value without the name of its field"),
            Some(Name::Merge) => self.merge(node),
            Some(Name::Field(name, here)) => {
                let positions = Positions {
                    here: Some(here),
                    ..node.positions
                };
                self.positions.insert(name.clone(), positions);
                self.values.insert(name, node.value);
                Ok(())
            }
        }
    }

    fn merge(&mut self, node: Node) -> Result<(), &'static str> {
        match &node.value {
            Value::Object(_) => self.merged.push(node),
            Value::Array(items) if items.iter().all(Value::is_object) => self.merged.push(node),
            _ => return Err("`<<` takes a mapping, or a list of mappings"),
        }
        Ok(())
    }

    /// The mapping, with what it merges. What comes first wins.
    fn close(mut self) -> (Value, Below) {
        for node in std::mem::take(&mut self.merged) {
            self.fill(node.value, node.positions);
        }
        (Value::Object(self.values), Below::Fields(self.positions))
    }

    fn fill(&mut self, value: Value, positions: Positions) {
        match (value, positions.below) {
            (Value::Object(values), Below::Fields(mut places)) => {
                for (name, value) in values {
                    let place = places.remove(&name).unwrap_or_default();
                    self.fill_one(name, value, place);
                }
            }
            (Value::Array(items), Below::Items(places)) => {
                for (item, place) in items.into_iter().zip(places) {
                    self.fill(item, place);
                }
            }
            _ => {}
        }
    }

    fn fill_one(&mut self, name: String, value: Value, place: Positions) {
        if !self.values.contains_key(&name) {
            self.positions.insert(name.clone(), place);
            self.values.insert(name, value);
        }
    }
}
