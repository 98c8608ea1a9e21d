//! A graph in parts, some on an engine and some on our own operators, and one run of it.

mod build;
mod pieces;
mod schedule;

use hari_error::{Error, Result};
use hari_operators::{Inputs, Operator, Value};

use crate::engine::Segment;
pub(crate) use build::Source;
pub(crate) use schedule::Schedule;

/// The place of a value while the graph runs.
pub(crate) type Slot = usize;

/// A graph, ready to run.
pub(crate) struct Program {
    /// In an order in which each follows what it uses.
    steps: Vec<Step>,
    /// The values of constants, by slot; as many as there are slots.
    constants: Vec<Option<Value>>,
    inputs: Vec<Slot>,
    outputs: Vec<Slot>,
    /// The run that computes every output.
    all: Schedule,
}

enum Step {
    /// One node on our own operators. An input that is left out has no slot, nor has an output.
    Own {
        operator: Box<dyn Operator>,
        title: String,
        inputs: Vec<Option<Slot>>,
        outputs: Vec<Option<Slot>>,
    },
    /// Several nodes on the engine.
    Engine(OnEngine),
}

struct OnEngine {
    segment: Box<dyn Segment>,
    inputs: Vec<Slot>,
    outputs: Vec<Slot>,
    /// For each output, which of the inputs have to be there, by their places.
    needs: Vec<Vec<usize>>,
}

impl Program {
    /// Computes all outputs. An input that is not given is none.
    pub(crate) fn run(&self, inputs: Vec<Option<Value>>) -> Result<Vec<Value>> {
        self.compute(inputs, &self.all)
    }

    /// How to compute the outputs at these places.
    pub(crate) fn schedule(&self, outputs: &[usize]) -> Schedule {
        let wanted = outputs
            .iter()
            .filter_map(|&at| self.outputs.get(at).copied());
        Schedule::new(&self.steps, self.constants.len(), wanted.collect())
    }

    /// Computes what the schedule asks for.
    pub(crate) fn compute(
        &self,
        inputs: Vec<Option<Value>>,
        schedule: &Schedule,
    ) -> Result<Vec<Value>> {
        let mut values = Values {
            computed: vec![None; self.constants.len()],
            constants: &self.constants,
        };
        for (&slot, value) in self.inputs.iter().zip(inputs) {
            values.set(slot, value);
        }
        for turn in &schedule.turns {
            let step = self.steps.get(turn.step);
            match step.ok_or_else(|| Error::internal("a step that is not there"))? {
                Step::Own {
                    operator,
                    title,
                    inputs,
                    outputs,
                } => values
                    .own(&**operator, inputs, outputs)
                    .map_err(|error| error.context(title.clone()))?,
                Step::Engine(part) => values.engine(part, &turn.outputs)?,
            }
            turn.last.iter().for_each(|&slot| values.set(slot, None));
        }
        schedule
            .wanted
            .iter()
            .map(|&slot| values.get(slot).cloned())
            .collect()
    }
}

/// The values that are there.
struct Values<'a> {
    computed: Vec<Option<Value>>,
    constants: &'a [Option<Value>],
}

impl Values<'_> {
    fn find(&self, slot: Slot) -> Option<&Value> {
        let computed = self.computed.get(slot).and_then(Option::as_ref);
        computed.or_else(|| self.constants.get(slot).and_then(Option::as_ref))
    }

    fn get(&self, slot: Slot) -> Result<&Value> {
        self.find(slot)
            .ok_or_else(|| Error::internal("a value is used before it is there"))
    }

    fn set(&mut self, slot: Slot, value: Option<Value>) {
        if let Some(place) = self.computed.get_mut(slot) {
            *place = value;
        }
    }

    fn own(
        &mut self,
        operator: &dyn Operator,
        inputs: &[Option<Slot>],
        outputs: &[Option<Slot>],
    ) -> Result<()> {
        let given = inputs
            .iter()
            .map(|slot| slot.map(|slot| self.get(slot).cloned()).transpose());
        let given = given.collect::<Result<Vec<_>>>()?;
        let made = operator.run(Inputs(&given))?;
        if made.len()
            < outputs
                .iter()
                .rposition(Option::is_some)
                .map_or(0, |last| last + 1)
        {
            return Err(Error::internal("an operator left out an output"));
        }
        for (slot, value) in outputs.iter().zip(made) {
            if let Some(slot) = slot {
                self.set(*slot, Some(value));
            }
        }
        Ok(())
    }

    fn engine(&mut self, part: &OnEngine, wanted: &[usize]) -> Result<()> {
        let mut needed: Vec<usize> = wanted
            .iter()
            .flat_map(|&output| part.needs.get(output).into_iter().flatten().copied())
            .collect();
        needed.sort_unstable();
        needed.dedup();
        let given = needed
            .into_iter()
            .filter_map(|at| Some((at, *part.inputs.get(at)?)));
        let given = given.map(|(at, slot)| Ok((at, self.get(slot)?)));
        let made = part
            .segment
            .run(&given.collect::<Result<Vec<_>>>()?, wanted)?;
        for (at, value) in wanted.iter().zip(made) {
            if let Some(&slot) = part.outputs.get(*at) {
                self.set(slot, Some(value));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
