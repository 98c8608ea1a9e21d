//! One row of a batch in one step: the formulas of each kind of layer.

use hari_error::Result;

use super::activation::Activation;
use super::{Layer, Weights};
use crate::matrix::Matrix;
use crate::number::Real;

/// One row of a batch in one step.
pub(super) struct Row<'a, T> {
    /// What the inputs give.
    pub(super) gates: Vec<T>,
    /// What the state gives.
    pub(super) held: &'a [T],
    pub(super) hidden: &'a [T],
    pub(super) cell: &'a [T],
    pub(super) weights: &'a Weights<T>,
    pub(super) functions: &'a [Activation],
}

impl<T: Real + Matrix> Row<'_, T> {
    /// The sum of inputs, state and biases for one gate.
    fn gate(&self, number: usize) -> Vec<T> {
        let (size, width) = (self.hidden.len(), self.gates.len());
        let at = |unit: usize| number * size + unit;
        (0..size)
            .map(|unit| {
                let bias = self.weights.bias[at(unit)] + self.weights.bias[width + at(unit)];
                self.gates[at(unit)] + self.held[at(unit)] + bias
            })
            .collect()
    }

    fn active(&self, layer: &Layer, mut values: Vec<T>, function: usize) -> Vec<T> {
        layer.clipped(&mut values);
        self.functions[function].apply(&mut values);
        values
    }

    pub(super) fn rnn(&self, layer: &Layer) -> Vec<T> {
        self.active(layer, self.gate(0), 0)
    }

    /// Gates: update, reset, hidden.
    pub(super) fn gru(&self, layer: &Layer) -> Result<Vec<T>> {
        let (size, width) = (self.hidden.len(), self.gates.len());
        let update = self.active(layer, self.gate(0), 0);
        let reset = self.active(layer, self.gate(1), 0);
        let (bias, state_bias) = self.weights.bias.split_at(width);
        let inner: Vec<T> = if layer.after {
            let held = self.held[2 * size..].iter().zip(&state_bias[2 * size..]);
            held.zip(&reset)
                .map(|((&held, &bias), &reset)| reset * (held + bias))
                .collect()
        } else {
            let kept: Vec<T> = reset
                .iter()
                .zip(self.hidden)
                .map(|(&r, &h)| r * h)
                .collect();
            let product = T::multiply(&kept, &self.weights.state, [1, size, width])?;
            let held = product[2 * size..].iter().zip(&state_bias[2 * size..]);
            held.map(|(&held, &bias)| held + bias).collect()
        };
        let given = self.gates[2 * size..].iter().zip(&bias[2 * size..]);
        let sum = given
            .zip(&inner)
            .map(|((&given, &bias), &inner)| given + bias + inner);
        let fresh = self.active(layer, sum.collect(), 1);
        let mixed = update.iter().zip(&fresh).zip(self.hidden);
        Ok(mixed
            .map(|((&z, &new), &old)| (T::one() - z) * new + z * old)
            .collect())
    }

    /// Gates: input, output, forget, cell. Peepholes stand in the order input, output, forget.
    pub(super) fn lstm(&self, layer: &Layer) -> (Vec<T>, Vec<T>) {
        let size = self.hidden.len();
        let peeped = |gate: Vec<T>, number: usize, cell: &[T]| -> Vec<T> {
            let peephole = &self.weights.peephole[number * size..(number + 1) * size];
            let pairs = peephole.iter().zip(cell);
            gate.iter()
                .zip(pairs)
                .map(|(&gate, (&p, &c))| gate + p * c)
                .collect()
        };
        let input = self.active(layer, peeped(self.gate(0), 0, self.cell), 0);
        let forget = if layer.coupled {
            input.iter().map(|&input| T::one() - input).collect()
        } else {
            self.active(layer, peeped(self.gate(2), 2, self.cell), 0)
        };
        let fresh = self.active(layer, self.gate(3), 1);
        let kept = forget.iter().zip(self.cell).map(|(&f, &c)| f * c);
        let added = input.iter().zip(&fresh).map(|(&i, &new)| i * new);
        let cell: Vec<T> = kept.zip(added).map(|(kept, added)| kept + added).collect();
        let output = self.active(layer, peeped(self.gate(1), 1, &cell), 0);
        let mut shown = cell.clone();
        self.functions[2].apply(&mut shown);
        let hidden = output.iter().zip(&shown).map(|(&o, &c)| o * c).collect();
        (hidden, cell)
    }
}
