//! What a loop is seen to do before it is lowered: which variables count its turns, how many turns
//! it takes, and which lists get one element in each turn.

use crate::constant;
use crate::emit::{Builder, Content, Id};
use crate::graph::{Edge, FEED, Flat, Node};
use crate::shape::Dim;

/// A loop with the values that its variables begin with.
pub(super) struct Seen<'l, 'a> {
    pub(super) condition: &'l Flat<'a>,
    pub(super) body: &'l Flat<'a>,
    pub(super) initial: &'l [Id],
}

impl Seen<'_, '_> {
    /// Whether the variable is the same after each turn.
    pub(super) fn is_constant(&self, variable: usize) -> bool {
        let next = self.body.fetches.get(variable);
        next.and_then(|&next| self.body.feed_behind(next)) == Some(variable)
    }

    /// Whether the variable is 0 in the first turn and one more in each that follows.
    pub(super) fn counts(&self, builder: &Builder, variable: usize) -> bool {
        let begins = self
            .initial
            .get(variable)
            .is_some_and(|&id| is(builder, id, 0));
        let next = self.body.fetches.get(variable);
        let source = next.and_then(|&next| source(self.body, next));
        let Some(add) = source.filter(|node| matches!(node.op, "AddV2" | "Add")) else {
            return false;
        };
        let [a, b] = *add.inputs.as_slice() else {
            return false;
        };
        let own = |edge| self.body.feed_behind(edge) == Some(variable);
        let one = |edge| self.number(builder, self.body, edge) == Some(Dim::Known(1));
        begins && ((own(a) && one(b)) || (own(b) && one(a)))
    }

    /// A number that is the same in each turn.
    fn number(&self, builder: &Builder, flat: &Flat<'_>, edge: Edge) -> Option<Dim> {
        if let Some(variable) = flat.feed_behind(edge) {
            let initial = *self
                .initial
                .get(variable)
                .filter(|_| self.is_constant(variable))?;
            return match builder.content(initial)?.as_slice() {
                [number] => Some(*number),
                _ => None,
            };
        }
        let node = source(flat, edge).filter(|node| node.op == "Const")?;
        let tensor = constant::decode(node.attrs.tensor("value").ok()?).ok()?;
        let tensor = tensor.cast(hari_core::DataType::Int64).ok()?;
        match tensor.to_vec::<i64>().ok()?.as_slice() {
            [number] => Some(Dim::Known(*number)),
            _ => None,
        }
    }

    /// How many turns the loop takes, if its condition is that counts are below limits.
    pub(super) fn turns(&self, builder: &Builder) -> Option<Dim> {
        let mut limits: Option<Dim> = None;
        let mut open = vec![*self.condition.fetches.first()?];
        while let Some(edge) = open.pop() {
            let node = source(self.condition, edge)?;
            let (count, limit) = match (node.op, node.inputs.as_slice()) {
                ("LogicalAnd", inputs) => {
                    open.extend(inputs);
                    continue;
                }
                ("Less", &[count, limit]) | ("Greater", &[limit, count]) => (count, limit),
                _ => return None,
            };
            let count = self.condition.feed_behind(count)?;
            if !self.counts(builder, count) {
                return None;
            }
            let limit = self.number(builder, self.condition, limit)?;
            limits = Some(match (limits, limit) {
                (None, limit) => limit,
                (Some(Dim::Known(a)), Dim::Known(b)) => Dim::Known(a.min(b)),
                (Some(own), limit) if own == limit => own,
                _ => return None,
            });
        }
        limits.map(|limit| match limit {
            Dim::Known(turns) => Dim::Known(turns.max(0)),
            symbol @ Dim::Symbol(_) => symbol,
        })
    }

    /// The element that the variable's list gets in each turn, at the index that the turn has, if
    /// that is all that is done with the list.
    pub(super) fn collected(&self, builder: &Builder, variable: usize) -> Option<Edge> {
        let list = builder.find_list(*self.initial.get(variable)?)?;
        let next = *self.body.fetches.get(variable)?;
        let set_edge = self.body.graph.through_identities(next);
        let set = self.body.graph.source(set_edge)?;
        let (list_at, item_at) = places(set)?;
        let index = self.body.feed_behind(*set.inputs.get(1)?)?;
        let own = self.body.feed_behind(*set.inputs.get(list_at)?) == Some(variable);
        let untouched = matches!(list.content, Content::Zeros(_));
        let alone = self.reads(variable, set_edge) == 1;
        (own && untouched && alone && self.counts(builder, index))
            .then(|| set.inputs.get(item_at).copied())
            .flatten()
    }

    /// How often the list of a variable, or what it becomes, is read within a turn, other than by
    /// being handed on to the next.
    fn reads(&self, variable: usize, set: Edge) -> usize {
        let is_it = |flat: &Flat<'_>, edge: Edge| {
            let edge = flat.graph.through_identities(edge);
            edge == set || flat.feed_behind(edge) == Some(variable)
        };
        let nodes = self.body.graph.nodes.iter();
        let in_body = nodes
            .filter(|node| !node.op.starts_with("Identity"))
            .flat_map(|node| &node.inputs)
            .filter(|&&edge| is_it(self.body, edge));
        let fetches = self.body.fetches.iter().enumerate();
        let fetched = fetches.filter(|&(at, &edge)| at != variable && is_it(self.body, edge));
        let nodes = self.condition.graph.nodes.iter();
        let in_condition = nodes
            .flat_map(|node| &node.inputs)
            .filter(|&&edge| self.condition.feed_behind(edge) == Some(variable));
        in_body.count() + fetched.count() + in_condition.count()
    }
}

/// Which inputs are the list and the element, of an operation that sets one.
fn places(node: &Node<'_>) -> Option<(usize, usize)> {
    match node.op {
        "TensorListSetItem" => Some((0, 2)),
        "TensorArrayWriteV3" => Some((3, 2)),
        _ => None,
    }
}

fn source<'f, 'a>(flat: &'f Flat<'a>, edge: Edge) -> Option<&'f Node<'a>> {
    let node = flat.graph.source(flat.graph.through_identities(edge))?;
    (node.op != FEED).then_some(node)
}

fn is(builder: &Builder, id: Id, number: i64) -> bool {
    builder.content(id).as_deref() == Some(&[Dim::Known(number)])
}
