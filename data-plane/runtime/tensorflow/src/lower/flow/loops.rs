//! `While` as ONNX's `Loop`.
//!
//! What is the same in each turn is read from outside, so variables of the model stay constants.
//! A list that gets one element in each turn is an output that the loop collects; every other list
//! is carried as one tensor. The sizes of what is carried are found by trying: the body is lowered
//! until what comes out has the shape of what went in, where a size that changes may be any.

use super::super::{Context, Lowered};
use super::counted::Seen;
use super::recurrent;
use super::{Kind, common, tensor};
use crate::dtype::{self, DataType};
use crate::emit::{Attr, Content, Id, List, OnnxNode};
use crate::graph::{Edge, Flat};
use crate::refusal::Refusal;
use crate::shape::Dim;

/// How often the body is lowered at most. Each time at least one size is found to change, or one
/// list to be written to.
const MAX_ATTEMPTS: usize = 32;

pub(super) fn lower(c: &mut Context<'_>) -> Lowered {
    let node = c.node;
    let [condition, body] = node.bodies.as_slice() else {
        return Err(Refusal::new("it has no body"));
    };
    let initial = c.inputs.clone();
    if initial.len() != body.fetches.len() {
        return Err(Refusal::new("its inputs are not those of its body"));
    }
    let seen = Seen {
        condition,
        body,
        initial: &initial,
    };
    let turns = seen.turns(c.builder);
    let variables: Vec<_> = (0..initial.len())
        .map(|at| Variable::of(c, &seen, at))
        .collect();
    let mut plan = Plan {
        condition,
        body,
        variables: variables.into_iter().collect::<Result<_, _>>()?,
        turns,
        before: c.builder.symbols.mark(),
    };
    for _ in 0..MAX_ATTEMPTS {
        let turn = plan.turn(c)?;
        if !plan.learn(c, &turn)? {
            return plan.write(c, turn);
        }
    }
    Err(Refusal::new("the shapes of its variables do not settle"))
}

/// What becomes of a variable of the loop.
pub(super) enum Role {
    /// It is the same in each turn.
    Constant,
    /// A tensor that is handed from turn to turn, as it is before the first.
    Carried { start: Id, kind: Kind },
    /// The same for the elements of a list.
    List { start: Id, kind: Kind },
    /// A list that was not written to so far.
    Untouched(List),
    /// A list that gets this element in each turn.
    Collected { list: List, item: Edge },
}

pub(super) struct Variable {
    initial: Id,
    pub(super) role: Role,
    /// Whether it is the number of turns taken.
    pub(super) counts: bool,
}

impl Variable {
    fn of(c: &mut Context<'_>, seen: &Seen<'_, '_>, at: usize) -> Result<Self, Refusal> {
        let initial = c.input(at)?;
        let role = match c.builder.find_list(initial).cloned() {
            _ if seen.is_constant(at) => Role::Constant,
            Some(list) => match (seen.collected(c.builder, at), list.content) {
                (Some(item), _) => Role::Collected { list, item },
                (None, Content::Zeros(_)) => Role::Untouched(list),
                (None, Content::Stacked(start)) => Role::List {
                    start,
                    kind: kind(c, start),
                },
            },
            None if dtype::held_as(c.builder.dtype(initial)).is_none() => {
                let name = dtype::name(c.builder.dtype(initial));
                return Err(Refusal::new(format!("one of its variables is a {name}")));
            }
            None => Role::Carried {
                start: initial,
                kind: kind(c, initial),
            },
        };
        let counts = seen.counts(c.builder, at);
        Ok(Self {
            initial,
            role,
            counts,
        })
    }
}

fn kind(c: &Context<'_>, id: Id) -> Kind {
    (c.builder.dtype(id), c.builder.value(id).shape.clone())
}

/// One turn, lowered.
pub(super) struct Turn {
    pub(super) nodes: Vec<OnnxNode>,
    /// What the body is given for what is carried.
    pub(super) inputs: Vec<Id>,
    /// What comes out: for each variable, and then each element that is collected.
    pub(super) values: Vec<Id>,
    /// The tensors of what comes out and is carried.
    pub(super) carried: Vec<Option<Id>>,
    /// Whether there is another turn.
    goes_on: Id,
}

/// What comes out of the body, the tensors of it that are carried, and whether there is another turn.
type Outcome = (Vec<Id>, Vec<Option<Id>>, Id);

pub(super) struct Plan<'l, 'a> {
    condition: &'l Flat<'a>,
    body: &'l Flat<'a>,
    pub(super) variables: Vec<Variable>,
    pub(super) turns: Option<Dim>,
    pub(super) before: u32,
}

impl Plan<'_, '_> {
    /// Lowers the body, and then the condition for what comes out of it.
    fn turn(&self, c: &mut Context<'_>) -> Result<Turn, Refusal> {
        let mut inputs = Vec::new();
        let mut feeds = Vec::new();
        for variable in &self.variables {
            feeds.push(match &variable.role {
                Role::Carried { kind, .. } => given(c, kind, &mut inputs),
                Role::List { kind, .. } => {
                    let stacked = given(c, kind, &mut inputs);
                    c.builder.list_of(stacked)
                }
                _ => variable.initial,
            });
        }
        let around = c.builder.open();
        let turn = self.inside(c, &feeds);
        let nodes = c.builder.close(around);
        let (values, carried, goes_on) = turn?;
        Ok(Turn {
            nodes,
            inputs,
            values,
            carried,
            goes_on,
        })
    }

    fn inside(&self, c: &mut Context<'_>, feeds: &[Id]) -> Result<Outcome, Refusal> {
        let items: Vec<_> = self.variables.iter().filter_map(item).collect();
        let values = c.inside(self.body, feeds, &items)?;
        let mut carried = Vec::new();
        for (variable, &value) in self.variables.iter().zip(&values) {
            carried.push(match &variable.role {
                Role::Carried { .. } => Some(value),
                Role::List { .. } => Some(tensor(c.builder, value)?),
                Role::Untouched(_) if value != variable.initial => Some(tensor(c.builder, value)?),
                _ => None,
            });
        }
        let goes_on = self.goes_on(c, &values)?;
        Ok((values, carried, goes_on))
    }

    /// The condition for these values of the variables.
    fn goes_on(&self, c: &mut Context<'_>, values: &[Id]) -> Result<Id, Refusal> {
        let pairs = self.variables.iter().zip(values);
        let feed = |(variable, &value): (&Variable, &Id)| match variable.role {
            Role::Constant | Role::Collected { .. } => variable.initial,
            _ => value,
        };
        let feeds: Vec<_> = pairs.map(feed).collect();
        let decided = c.inside(self.condition, &feeds, &[])?;
        let decided = decided.first().copied();
        c.truth(decided.ok_or_else(|| Refusal::new("it has no condition"))?)
    }

    /// Compares what came out with what went in; says whether anything is other than thought.
    fn learn(&mut self, c: &mut Context<'_>, turn: &Turn) -> Result<bool, Refusal> {
        let mut changed = false;
        for (variable, &out) in self.variables.iter_mut().zip(&turn.carried) {
            let Some(out) = out else { continue };
            match &mut variable.role {
                Role::Carried { kind, .. } | Role::List { kind, .. } => {
                    changed |= widen(c, kind, out, self.before)?;
                }
                Role::Untouched(list) => {
                    let dims = c.builder.dims(out)?;
                    let element = dims.get(1..).unwrap_or_default();
                    list.element = Some(outside(element, list.element.as_deref(), self.before));
                    let start = c.builder.stacked(list)?;
                    let kind = common(c.builder, (start, out), self.before)?;
                    variable.role = Role::List { start, kind };
                    changed = true;
                }
                _ => {}
            }
        }
        Ok(changed)
    }

    /// Writes the loop and gives what its variables are after it.
    fn write(&self, c: &mut Context<'_>, turn: Turn) -> Lowered {
        if let Some(outputs) = recurrent::write(c.builder, self, &turn)? {
            return self.results(c, &outputs);
        }
        let initial: Vec<_> = self
            .variables
            .iter()
            .map(|variable| variable.initial)
            .collect();
        let begins = self.goes_on(c, &initial)?;
        let counter = c.builder.inner_input(DataType::DtInt64, Some(Vec::new()));
        let goes_on = c.builder.inner_input(DataType::DtBool, Some(Vec::new()));
        let items = turn.values.get(self.variables.len()..).unwrap_or_default();
        let mut results = vec![turn.goes_on];
        results.extend(turn.carried.iter().flatten());
        results.extend(items);
        let given = [counter, goes_on].into_iter().chain(turn.inputs);
        let body = c.builder.subgraph(turn.nodes, given.collect(), &results);
        let mut inputs = vec![None, Some(begins)];
        inputs.extend(self.variables.iter().filter_map(start).map(Some));
        let mut kinds: Vec<_> = self
            .variables
            .iter()
            .filter_map(|variable| self.after(c, variable))
            .collect();
        kinds.extend(items.iter().map(|&item| self.collected(c, item)));
        let attrs = vec![("body", Attr::Graph(body))];
        let outputs = c.builder.node_with_outputs("Loop", inputs, attrs, kinds);
        self.results(c, &outputs)
    }

    /// What a carried variable is after the loop.
    fn after(&self, c: &mut Context<'_>, variable: &Variable) -> Option<Kind> {
        match &variable.role {
            Role::Carried { kind, .. } | Role::List { kind, .. } => {
                Some((kind.0, self.leave(c, kind.1.as_deref())))
            }
            _ => None,
        }
    }

    /// What the elements that are collected are together.
    fn collected(&self, c: &mut Context<'_>, item: Id) -> Kind {
        let dims = c.builder.value(item).shape.clone();
        let dims = self.leave(c, dims.as_deref());
        let turns = self.turns.unwrap_or_else(|| c.builder.symbols.fresh());
        let dims = dims.map(|dims| [turns].into_iter().chain(dims).collect());
        (c.builder.dtype(item), dims)
    }

    /// A shape inside the loop, after it: sizes that were made inside may be any.
    fn leave(&self, c: &mut Context<'_>, dims: Option<&[Dim]>) -> Option<Vec<Dim>> {
        let outer = |&dim: &Dim| match dim.is_after(self.before) {
            true => c.builder.symbols.fresh(),
            false => dim,
        };
        dims.map(|dims| dims.iter().map(outer).collect())
    }

    fn results(&self, c: &mut Context<'_>, outputs: &[Id]) -> Lowered {
        let carried = self.variables.iter().filter_map(start).count();
        let (carried, collected) = outputs.split_at_checked(carried).unwrap_or_default();
        let (mut carried, mut collected) = (carried.iter(), collected.iter());
        let missing = || Refusal::new("it has too few results");
        let mut results = Vec::new();
        for variable in &self.variables {
            results.push(match &variable.role {
                Role::Constant | Role::Untouched(_) => variable.initial,
                Role::Carried { .. } => *carried.next().ok_or_else(missing)?,
                Role::List { .. } => {
                    let stacked = *carried.next().ok_or_else(missing)?;
                    c.builder.list_of(stacked)
                }
                Role::Collected { list, .. } => {
                    let stacked = *collected.next().ok_or_else(missing)?;
                    self.filled(c, list, stacked)?
                }
            });
        }
        Ok(results)
    }

    /// A list of the elements that were collected, with zeros for turns that were not taken.
    fn filled(&self, c: &mut Context<'_>, list: &List, stacked: Id) -> Result<Id, Refusal> {
        c.builder.refine_rows(stacked, list.element.as_deref());
        let collected = c.builder.list_of(stacked);
        let Content::Zeros(length) = list.content else {
            return Ok(collected);
        };
        let known = c.builder.known_length(list);
        if known.is_some() && known == self.turns {
            return Ok(collected);
        }
        let collected = c.builder.list(collected)?;
        c.builder.list_at_least(&collected, length)
    }
}

fn item(variable: &Variable) -> Option<Edge> {
    match variable.role {
        Role::Collected { item, .. } => Some(item),
        _ => None,
    }
}

fn start(variable: &Variable) -> Option<Id> {
    match variable.role {
        Role::Carried { start, .. } | Role::List { start, .. } => Some(start),
        _ => None,
    }
}

fn given(c: &mut Context<'_>, kind: &Kind, inputs: &mut Vec<Id>) -> Id {
    let id = c.builder.inner_input(kind.0, kind.1.clone());
    inputs.push(id);
    id
}

/// Lets sizes be any that are others after a turn; says whether one was not any before.
fn widen(c: &mut Context<'_>, kind: &mut Kind, out: Id, before: u32) -> Result<bool, Refusal> {
    if kind.0 != c.builder.dtype(out) {
        let (from, to) = (dtype::name(kind.0), dtype::name(c.builder.dtype(out)));
        return Err(Refusal::new(format!(
            "one of its variables is {from} and becomes {to}"
        )));
    }
    let Some(own) = &mut kind.1 else {
        return Ok(false);
    };
    let other = c
        .builder
        .shape(out)
        .filter(|other| other.len() == own.len());
    let Some(other) = other.map(<[Dim]>::to_vec) else {
        kind.1 = None;
        return Ok(true);
    };
    let mut changed = false;
    for (own, other) in own.iter_mut().zip(other) {
        if *own != other && !own.is_after(before) {
            *own = c.builder.symbols.fresh();
            changed = true;
        }
    }
    Ok(changed)
}

/// The shape of elements as it can be known before the loop.
fn outside(element: &[Dim], known: Option<&[Dim]>, before: u32) -> Vec<Dim> {
    let known = |at: usize| known.and_then(|known| known.get(at)).copied();
    let pick = |(at, &dim): (usize, &Dim)| match known(at) {
        Some(known) if dim.is_after(before) => known,
        _ => dim,
    };
    element.iter().enumerate().map(pick).collect()
}
