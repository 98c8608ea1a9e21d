//! Loops that are an LSTM or a GRU, as the ONNX operator of that name.
//!
//! What is recognised is a body of one cell: its input is the row of a list that the turn has, its
//! gates are parts of sums of products with constant matrices, its states are all that is carried
//! beside counters, and nothing but the hidden state goes into lists. Every other loop, so also one
//! with a mask or with other activations, stays one. Engines lack the GRU whose reset gate comes
//! before the product, so that stays a loop too.

mod body;

use hari_core::Tensor;

use self::body::Body;
use super::loops::{Plan, Role, Turn};
use crate::constant;
use crate::dtype::DataType;
use crate::emit::{Attr, Builder, Id};
use crate::refusal::Refusal;
use crate::shape::Dim;

/// What the loop would give for what it carries and then for what it collects, if it is a cell.
pub(super) fn write(
    builder: &mut Builder,
    plan: &Plan<'_, '_>,
    turn: &Turn,
) -> Result<Option<Vec<Id>>, Refusal> {
    let Some(cell) = Cell::of(builder, plan, turn) else {
        return Ok(None);
    };
    let made = cell.emit(builder)?;
    let mut outputs = Vec::new();
    for carried in &cell.carried {
        outputs.push(match carried {
            Carried::Count(dtype) => {
                let list = builder.list_of(cell.series);
                let list = builder.list(list)?;
                builder.list_length(&list, *dtype)?
            }
            Carried::State(at) => {
                let state = made.get(at + 1).copied();
                let state = state.ok_or_else(|| Refusal::new("it has no such state"))?;
                builder.squeeze(state, &[0])?
            }
            Carried::Last => made.get(1).copied().unwrap_or(cell.series),
        });
    }
    for _ in 0..cell.collected {
        outputs.push(builder.squeeze(made.first().copied().unwrap_or(cell.series), &[1])?);
    }
    Ok(Some(outputs))
}

/// What is carried from turn to turn.
#[derive(Clone, Copy)]
enum Carried {
    /// The number of turns.
    Count(DataType),
    /// A state, the hidden one first.
    State(usize),
    /// A list of one element, which is the hidden state.
    Last,
}

/// A recurrent cell over a series.
struct Cell {
    /// What comes in: `[steps, batch, inputs]`.
    series: Id,
    /// The states before the first step: `[batch, units]` each, the hidden one first.
    starts: Vec<Id>,
    units: usize,
    gates: Gates,
    carried: Vec<Carried>,
    collected: usize,
}

/// The constants of a cell, gates in ONNX's order.
struct Gates {
    /// `[inputs, gates * units]`.
    kernel: Tensor,
    /// `[units, gates * units]`.
    recurrent: Tensor,
    /// `gates * units` for the input and then for the state.
    bias: Vec<f32>,
}

impl Cell {
    fn of(builder: &Builder, plan: &Plan<'_, '_>, turn: &Turn) -> Option<Self> {
        let steps = plan.turns?;
        let body = Body::of(builder, turn);
        let mut states = Vec::new();
        let mut lasts = Vec::new();
        let mut inputs = turn.inputs.iter();
        let mut counters = Vec::new();
        for (variable, out) in plan.variables.iter().zip(&turn.carried) {
            let (input, out) = match &variable.role {
                Role::Carried { start, .. } | Role::List { start, .. } => {
                    ((*inputs.next()?, *start), (*out)?)
                }
                _ => continue,
            };
            match &variable.role {
                Role::List { .. } => lasts.push(out),
                _ if variable.counts => counters.push(input.0),
                _ => states.push(State {
                    input: input.0,
                    start: input.1,
                    out,
                }),
            }
        }
        let found = Found::of(&body, &states)?;
        let collected = turn.values.get(plan.variables.len()..)?;
        let hidden = found.hidden(&states)?;
        let only_hidden = collected.iter().all(|&item| item == hidden)
            && lasts.iter().all(|&last| body.is_list_of(last, hidden));
        let series = body.row(found.input, &counters).filter(|_| only_hidden)?;
        let starts: Vec<_> = found
            .order
            .iter()
            .filter_map(|&at| states.get(at))
            .collect();
        let cell = Self {
            series,
            starts: starts.iter().map(|state| state.start).collect(),
            units: found.units,
            carried: carried(plan, &found.order)?,
            gates: found.gates,
            collected: collected.len(),
        };
        cell.fits(builder, steps).then_some(cell)
    }

    /// Whether the sizes are those that the operator takes.
    fn fits(&self, builder: &Builder, steps: Dim) -> bool {
        let Some(&[length, batch, inputs]) = builder.shape(self.series) else {
            return false;
        };
        let units = Dim::Known(self.units as i64);
        let kernel = self
            .gates
            .kernel
            .shape()
            .first()
            .map(|&size| Dim::Known(size as i64));
        let state = |&start: &Id| builder.shape(start) == Some(&[batch, units]);
        length == steps && kernel == Some(inputs) && self.starts.iter().all(state)
    }

    /// The operator's outputs: all hidden states `[steps, 1, batch, units]`, and the last of each
    /// state `[1, batch, units]`.
    fn emit(&self, builder: &mut Builder) -> Result<Vec<Id>, Refusal> {
        let transposed = |builder: &mut Builder, matrix: &Tensor| {
            let matrix = constant::transpose(matrix, &[1, 0])?;
            let shape = [&[1], matrix.shape()].concat();
            builder.computed(matrix.reshape(shape)?)
        };
        let kernel = transposed(builder, &self.gates.kernel)?;
        let recurrent = transposed(builder, &self.gates.recurrent)?;
        let bias = builder.floats(&[1, self.gates.bias.len()], self.gates.bias.clone())?;
        let mut inputs = vec![
            Some(self.series),
            Some(kernel),
            Some(recurrent),
            Some(bias),
            None,
        ];
        for &start in &self.starts {
            inputs.push(Some(builder.unsqueeze(start, &[0])?));
        }
        let mut attrs = vec![("hidden_size", Attr::Int(self.units as i64))];
        let op = if self.starts.len() == 2 {
            "LSTM"
        } else {
            "GRU"
        };
        if op == "GRU" {
            attrs.push(("linear_before_reset", Attr::Int(1)));
        }
        let dims = builder.dims(self.series)?;
        let (one, units) = (Dim::Known(1), Dim::Known(self.units as i64));
        let &[steps, batch, _] = dims.as_slice() else {
            return Err(Refusal::new("its series is not of rank 3"));
        };
        let state = (DataType::DtFloat, Some(vec![one, batch, units]));
        let mut kinds = vec![(DataType::DtFloat, Some(vec![steps, one, batch, units]))];
        kinds.extend(self.starts.iter().map(|_| state.clone()));
        Ok(builder.node_with_outputs(op, inputs, attrs, kinds))
    }
}

/// What each carried variable is, in their order.
fn carried(plan: &Plan<'_, '_>, order: &[usize]) -> Option<Vec<Carried>> {
    let mut states = 0;
    let mut carried = Vec::new();
    for variable in &plan.variables {
        match &variable.role {
            Role::List { .. } => carried.push(Carried::Last),
            Role::Carried { kind, .. } if variable.counts => {
                carried.push(Carried::Count(kind.0));
            }
            Role::Carried { .. } => {
                let place = order.iter().position(|&at| at == states)?;
                carried.push(Carried::State(place));
                states += 1;
            }
            _ => {}
        }
    }
    Some(carried)
}

/// A state inside the body.
struct State {
    input: Id,
    start: Id,
    out: Id,
}

/// A cell's formula, found in the body.
struct Found {
    /// The row of the series.
    input: Id,
    /// Which state is the hidden one, and which the other.
    order: Vec<usize>,
    units: usize,
    gates: Gates,
}

impl Found {
    fn of(body: &Body<'_>, states: &[State]) -> Option<Self> {
        match states {
            [hidden] => Self::gru(body, hidden),
            [a, b] => Self::lstm(body, (a, b), [0, 1]).or_else(|| Self::lstm(body, (b, a), [1, 0])),
            _ => None,
        }
    }

    fn hidden(&self, states: &[State]) -> Option<Id> {
        Some(states.get(*self.order.first()?)?.out)
    }

    /// `c' = s(f) c + s(i) tanh(g)`, `h' = s(o) tanh(c')`, gates parts of `x K + h R + b`.
    fn lstm(body: &Body<'_>, (hidden, cell): (&State, &State), order: [usize; 2]) -> Option<Self> {
        let (output, _) = body.both(hidden.out, "Mul", |a, b| {
            let through = body.unary(b, "Tanh").filter(|&inner| inner == cell.out)?;
            Some((body.unary(a, "Sigmoid")?, through))
        })?;
        let (forget, (input, new)) = body.both(cell.out, "Add", |kept, added| {
            let forget = body.both(kept, "Mul", |gate, state| {
                let gate = body.unary(gate, "Sigmoid")?;
                (state == cell.input).then_some(gate)
            })?;
            let added = body.both(added, "Mul", |gate, new| {
                Some((body.unary(gate, "Sigmoid")?, body.unary(new, "Tanh")?))
            })?;
            Some((forget, added))
        })?;
        // ONNX's order of gates.
        let (sum, columns, units) = body.parts(&[input, output, forget, new])?;
        let sum = body.sum(sum, hidden.input)?;
        let (input, kernel) = sum.input?;
        let recurrent = sum.recurrent?;
        let mut bias = body.bias(&sum.bias, &columns)?;
        bias.resize(2 * columns.len(), 0.0);
        let gates = Gates {
            kernel: columns_of(&kernel, &columns)?,
            recurrent: columns_of(&recurrent, &columns)?,
            bias,
        };
        let order = order.to_vec();
        Some(Self {
            input,
            order,
            units,
            gates,
        })
    }

    /// `h' = z h + (1 - z) tanh(xh + r rh)`, `z = s(xz + rz)`, `r = s(xr + rr)`, where x is parts of
    /// `x K + b` and r parts of `h R + b`.
    fn gru(body: &Body<'_>, state: &State) -> Option<Self> {
        let (update, new) = body.both(state.out, "Add", |kept, added| {
            let update = body.both(kept, "Mul", |gate, own| {
                (own == state.input).then_some(gate)
            })?;
            let new = body.both(added, "Mul", |rest, new| {
                let (one, gate) = body.pair(rest, "Sub")?;
                let rest = body.is_one(one) && gate == update;
                body.unary(new, "Tanh").filter(|_| rest)
            })?;
            Some((body.unary(update, "Sigmoid")?, new))
        })?;
        let (new_input, (reset, new_state)) = body.both(new, "Add", |input, product| {
            let product = body.both(product, "Mul", |reset, state| {
                Some((body.unary(reset, "Sigmoid")?, state))
            })?;
            Some((input, product))
        })?;
        let split = |gate: Id, known: Id| {
            let known = body.part(known)?.source;
            body.both(gate, "Add", |input, state| {
                (body.part(input)?.source == known).then_some((input, state))
            })
        };
        let (update_input, update_state) = split(update, new_input)?;
        let (reset_input, reset_state) = split(reset, new_input)?;
        let inputs = body.parts(&[update_input, reset_input, new_input])?;
        let states = body.parts(&[update_state, reset_state, new_state])?;
        let units = inputs.2;
        let of_input = body.sum(inputs.0, state.input)?;
        let of_state = body.sum(states.0, state.input)?;
        if states.2 != units || of_input.recurrent.is_some() || of_state.input.is_some() {
            return None;
        }
        let (input, kernel) = of_input.input?;
        let mut bias = body.bias(&of_input.bias, &inputs.1)?;
        bias.extend(body.bias(&of_state.bias, &states.1)?);
        let gates = Gates {
            kernel: columns_of(&kernel, &inputs.1)?,
            recurrent: columns_of(&of_state.recurrent?, &states.1)?,
            bias,
        };
        Some(Self {
            input,
            order: vec![0],
            units,
            gates,
        })
    }
}

fn columns_of(matrix: &Tensor, columns: &[i64]) -> Option<Tensor> {
    constant::part(matrix, 1, columns).ok()
}
