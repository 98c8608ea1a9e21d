//! `RNN`, `GRU` and `LSTM`: all directions and layouts.

use hari_core::Tensor;
use hari_error::{Error, Result};

use super::activation as act;
use crate::Inputs;
use crate::array::ints;
use crate::compile::{Entry, Node};
use crate::convert::convert;
use crate::matrix::Matrix;
use crate::number::{FLOATS, Real, by_real};
use crate::rule::{Built, Rule, computed_many};
use crate::size;
use crate::view::View;

mod activation;
mod row;

use activation::Activation;
use row::Row;

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("GRU", 1, |node| recurrent(node, Kind::Gru)),
    Entry::onnx("LSTM", 1, |node| recurrent(node, Kind::Lstm)),
    Entry::onnx("RNN", 1, |node| recurrent(node, Kind::Rnn)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rnn,
    Gru,
    Lstm,
}

impl Kind {
    /// Matrices of weights that stand one on the other.
    fn gates(self) -> usize {
        match self {
            Self::Rnn => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    fn defaults(self) -> &'static [&'static str] {
        match self {
            Self::Rnn => &["Tanh"],
            Self::Gru => &["Sigmoid", "Tanh"],
            Self::Lstm => &["Sigmoid", "Tanh", "Tanh"],
        }
    }
}

/// What the attributes say.
struct Layer {
    kind: Kind,
    /// For each direction whether it runs backwards.
    directions: Vec<bool>,
    activations: Vec<Activation>,
    clip: Option<f64>,
    batch_first: bool,
    /// LSTM: the forget gate is what the input gate leaves.
    coupled: bool,
    /// GRU: the reset gate acts on the product, not on the state.
    after: bool,
}

fn recurrent(node: &mut Node<'_>, kind: Kind) -> Built {
    let attributes = node.attributes;
    let directions = match attributes.text("direction")?.unwrap_or("forward") {
        "forward" => vec![false],
        "reverse" => vec![true],
        "bidirectional" => vec![false, true],
        other => {
            return Err(Error::model(format!(
                "attribute `direction`: expected forward, reverse or bidirectional, found `{other}`"
            )));
        }
    };
    let layer = Layer {
        kind,
        activations: Activation::list(attributes, kind, directions.len())?,
        directions,
        clip: attributes
            .float("clip")?
            .filter(|&clip| clip > 0.0)
            .map(f64::from),
        batch_first: attributes.flag("layout", false)?,
        coupled: attributes.flag("input_forget", false)?,
        after: attributes.flag("linear_before_reset", false)?,
    };
    computed_many(
        FLOATS,
        vec![Rule::Like(0); 3],
        move |inputs| by_real!(inputs.tensor(0)?.dtype(), T => layer.run::<T>(inputs)),
    )
}

/// Sizes of one run.
#[derive(Clone, Copy)]
struct Size {
    steps: usize,
    batch: usize,
    input: usize,
    hidden: usize,
}

/// One step of one direction.
#[derive(Clone, Copy)]
struct Turn<'a> {
    number: usize,
    step: usize,
    size: Size,
    /// How many steps each row has.
    lengths: &'a [usize],
}

/// The weights of one direction.
struct Weights<T> {
    /// From inputs to gates: input x (gates * hidden).
    input: Vec<T>,
    /// From the state to gates: hidden x (gates * hidden).
    state: Vec<T>,
    /// Biases of both, one after the other.
    bias: Vec<T>,
    /// LSTM: what the cell adds to input, output and forget gates.
    peephole: Vec<T>,
}

/// States of one direction, batch x hidden each.
struct State<T> {
    hidden: Vec<T>,
    cell: Vec<T>,
}

impl Layer {
    fn run<T: Real + Matrix>(&self, inputs: Inputs<'_>) -> Result<Vec<crate::Value>> {
        let x = self.time_first(inputs.tensor(0)?)?;
        let size = self.size(&x, inputs)?;
        let lengths = lengths(inputs, size)?;
        let x = x.values::<T>()?;
        let count = self.directions.len();
        let per_step = size.batch * size.hidden;
        let full = [size.steps, count, size.batch, size.hidden];
        let mut all = vec![T::zero(); size::count(&full, T::DTYPE)?];
        let (mut hiddens, mut cells) = (Vec::new(), Vec::new());
        for (number, &backwards) in self.directions.iter().enumerate() {
            let weights = self.weights::<T>(inputs, number, size)?;
            let mut state = State {
                hidden: self.initial(inputs, 5, number, size)?,
                cell: self.initial(inputs, 6, number, size)?,
            };
            let rows = size.steps * size.batch;
            let width = self.kind.gates() * size.hidden;
            let driven = T::multiply(&x, &weights.input, [rows, size.input, width])?;
            for step in 0..size.steps {
                let next = self.step(
                    &driven,
                    &weights,
                    &state,
                    Turn {
                        number,
                        step,
                        size,
                        lengths: &lengths,
                    },
                )?;
                for (item, &length) in lengths.iter().enumerate() {
                    if step >= length {
                        continue;
                    }
                    let at = if backwards { length - 1 - step } else { step };
                    let row = item * size.hidden..(item + 1) * size.hidden;
                    let made = (at * count + number) * per_step + item * size.hidden;
                    all[made..made + size.hidden].copy_from_slice(&next.hidden[row.clone()]);
                    state.hidden[row.clone()].copy_from_slice(&next.hidden[row.clone()]);
                    if self.kind == Kind::Lstm {
                        state.cell[row.clone()].copy_from_slice(&next.cell[row]);
                    }
                }
            }
            hiddens.extend(state.hidden);
            cells.extend(state.cell);
        }
        let last = [count, size.batch, size.hidden];
        let mut made = vec![
            self.batch_back(Tensor::from_vec(full, all)?)?.into(),
            self.batch_back(Tensor::from_vec(last, hiddens)?)?.into(),
        ];
        if self.kind == Kind::Lstm {
            made.push(self.batch_back(Tensor::from_vec(last, cells)?)?.into());
        }
        Ok(made)
    }

    /// The tensor with the batch behind time or directions.
    fn time_first(&self, tensor: &Tensor) -> Result<Tensor> {
        if tensor.shape().len() != 3 {
            return Err(Error::invalid(format!(
                "expected 3 dimensions, found shape {:?}",
                tensor.shape()
            )));
        }
        if !self.batch_first {
            return Ok(tensor.clone());
        }
        View::of(tensor.shape()).permuted(&[1, 0, 2]).copy(tensor)
    }

    /// The batch in front again, if it came so.
    fn batch_back(&self, tensor: Tensor) -> Result<Tensor> {
        let order: &[usize] = match tensor.shape().len() {
            _ if !self.batch_first => return Ok(tensor),
            4 => &[2, 0, 1, 3],
            _ => &[1, 0, 2],
        };
        View::of(tensor.shape()).permuted(order).copy(&tensor)
    }

    fn size(&self, x: &Tensor, inputs: Inputs<'_>) -> Result<Size> {
        let (w, r) = (inputs.tensor(1)?, inputs.tensor(2)?);
        let hidden = r.shape().last().copied().unwrap_or(0);
        let (&[steps, batch, input], count) = (x.shape(), self.directions.len()) else {
            return Err(Error::internal("an input has three axes"));
        };
        let width = self.kind.gates().saturating_mul(hidden);
        if *w.shape() != [count, width, input] || *r.shape() != [count, width, hidden] {
            return Err(Error::invalid(format!(
                "weights of shapes {:?} and {:?} do not fit {count} directions of {input} inputs",
                w.shape(),
                r.shape()
            )));
        }
        Ok(Size {
            steps,
            batch,
            input,
            hidden,
        })
    }

    fn weights<T: Real>(
        &self,
        inputs: Inputs<'_>,
        number: usize,
        size: Size,
    ) -> Result<Weights<T>> {
        let width = self.kind.gates() * size.hidden;
        let turned = |at: usize, columns: usize| -> Result<Vec<T>> {
            let view = View::of(&[self.directions.len(), width, columns]);
            let view = view.cut(0, number, 1, 1).permuted(&[0, 2, 1]);
            Ok(view.pick(&inputs.tensor(at)?.values::<T>()?, width * columns))
        };
        Ok(Weights {
            input: turned(1, size.input)?,
            state: turned(2, size.hidden)?,
            bias: self.part(inputs.optional(3)?, number, 2 * width)?,
            peephole: match self.kind {
                Kind::Lstm => self.part(inputs.optional(7)?, number, 3 * size.hidden)?,
                _ => Vec::new(),
            },
        })
    }

    /// The numbers of one direction; zeros if there are none.
    fn part<T: Real>(
        &self,
        tensor: Option<&Tensor>,
        number: usize,
        length: usize,
    ) -> Result<Vec<T>> {
        let Some(tensor) = tensor else {
            return Ok(vec![T::zero(); length]);
        };
        let values = tensor.values::<T>()?;
        if values.len() != length * self.directions.len() {
            return Err(Error::invalid(format!(
                "expected {length} numbers for each direction, found shape {:?}",
                tensor.shape()
            )));
        }
        Ok(values[number * length..(number + 1) * length].to_vec())
    }

    fn initial<T: Real>(
        &self,
        inputs: Inputs<'_>,
        at: usize,
        number: usize,
        size: Size,
    ) -> Result<Vec<T>> {
        let length = size.batch * size.hidden;
        if at == 6 && self.kind != Kind::Lstm {
            return Ok(Vec::new());
        }
        let given = inputs
            .optional(at)?
            .map(|given| self.time_first(given))
            .transpose()?;
        self.part(given.as_ref(), number, length)
    }

    /// The states after one step of every row, from inputs that are products already.
    fn step<T: Real + Matrix>(
        &self,
        driven: &[T],
        weights: &Weights<T>,
        state: &State<T>,
        turn: Turn<'_>,
    ) -> Result<State<T>> {
        let Turn {
            number,
            step,
            size,
            lengths,
        } = turn;
        let width = self.kind.gates() * size.hidden;
        let backwards = self.directions[number];
        let mut gates = Vec::with_capacity(size.batch * width);
        for (item, &length) in lengths.iter().enumerate() {
            let at = if backwards {
                length.saturating_sub(1 + step)
            } else {
                step
            };
            gates.extend_from_slice(&driven[(at * size.batch + item) * width..][..width]);
        }
        let held = T::multiply(
            &state.hidden,
            &weights.state,
            [size.batch, size.hidden, width],
        )?;
        let each = self.kind.defaults().len();
        let functions = &self.activations[number * each..(number + 1) * each];
        let mut next = State {
            hidden: Vec::with_capacity(state.hidden.len()),
            cell: Vec::with_capacity(state.cell.len()),
        };
        for item in 0..size.batch {
            let row = item * size.hidden..(item + 1) * size.hidden;
            let row = Row {
                gates: gates[item * width..(item + 1) * width].to_vec(),
                held: &held[item * width..(item + 1) * width],
                hidden: &state.hidden[row.clone()],
                cell: state.cell.get(row).unwrap_or_default(),
                weights,
                functions,
            };
            match self.kind {
                Kind::Rnn => next.hidden.extend(row.rnn(self)),
                Kind::Gru => next.hidden.extend(row.gru(self)?),
                Kind::Lstm => {
                    let (hidden, cell) = row.lstm(self);
                    next.hidden.extend(hidden);
                    next.cell.extend(cell);
                }
            }
        }
        Ok(next)
    }

    fn clipped<T: Real>(&self, values: &mut [T]) {
        if let Some(clip) = self.clip {
            let (low, high) = (T::of(-clip), T::of(clip));
            values
                .iter_mut()
                .for_each(|x| *x = act::kept(*x, low, high));
        }
    }
}

/// How many steps each row has.
fn lengths(inputs: Inputs<'_>, size: Size) -> Result<Vec<usize>> {
    let Some(given) = inputs.optional(4)? else {
        return Ok(vec![size.steps; size.batch]);
    };
    let given = size::sizes(&ints(&convert(given, hari_core::DataType::Int64)?)?)?;
    if given.len() != size.batch || given.iter().any(|&length| length > size.steps) {
        return Err(Error::invalid(format!(
            "lengths {given:?} do not fit {} sequences of {} steps",
            size.batch, size.steps
        )));
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, built, run, singles};

    fn close(made: &crate::Value, shape: &[usize], wanted: &[f64]) {
        let made = made.tensor().unwrap();
        assert_eq!(made.shape(), shape);
        let values = made.to_f64().unwrap();
        let near = values.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(
            near && values.len() == wanted.len(),
            "{values:?} {wanted:?}"
        );
    }

    /// One unit, all weights one, no bias.
    fn ones(gates: usize, directions: usize) -> [Tensor; 2] {
        let weights = singles(&[directions, gates, 1], &vec![1.0; gates * directions]);
        [weights.clone(), weights]
    }

    fn steps(values: &[f32]) -> Tensor {
        singles(&[values.len(), 1, 1], values)
    }

    #[test]
    fn a_plain_layer_in_both_directions() {
        let [w, r] = ones(1, 2);
        let relu = Attr::Texts(vec!["Relu", "Relu"]);
        let both = [
            ("direction", Attr::Text("bidirectional")),
            ("activations", relu),
        ];
        let made = run("RNN", 14, &both, &[steps(&[1.0, 2.0, 4.0]), w, r]).unwrap();
        close(&made[0], &[3, 2, 1, 1], &[1.0, 7.0, 3.0, 6.0, 7.0, 4.0]);
        close(&made[1], &[2, 1, 1], &[7.0, 7.0]);
    }

    #[test]
    fn rows_end_at_their_length() {
        let [w, r] = ones(1, 1);
        let x = singles(&[2, 2, 1], &[1.0, 1.0, 1.0, 1.0]);
        let lengths = Tensor::from_vec([2], vec![2_i32, 1]).unwrap();
        let attributes = [("activations", Attr::Texts(vec!["Affine"]))];
        let inputs = [Some(x), Some(w), Some(r), None, Some(lengths)];
        let inputs: Vec<_> = inputs.map(|given| given.map(crate::Value::from)).to_vec();
        let made = built("RNN", 14, &attributes)
            .unwrap()
            .run(Inputs(&inputs))
            .unwrap();
        close(&made[0], &[2, 1, 2, 1], &[1.0, 1.0, 2.0, 0.0]);
        close(&made[1], &[1, 2, 1], &[2.0, 1.0]);
    }

    #[test]
    fn one_step_of_a_gated_layer_by_hand() {
        let [w, r] = ones(3, 1);
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (first, state) = (steps(&[0.5]), singles(&[1, 1, 1], &[0.25]));
        let (z, h) = (sigmoid(0.75), 0.25);
        let inputs = [Some(first), Some(w), Some(r), None, None, Some(state)];
        let inputs: Vec<_> = inputs.map(|given| given.map(crate::Value::from)).to_vec();
        for after in [0, 1] {
            let attributes = [("linear_before_reset", Attr::Int(after))];
            let made = built("GRU", 14, &attributes)
                .unwrap()
                .run(Inputs(&inputs))
                .unwrap();
            let fresh = (0.5 + z * h).tanh();
            close(&made[1], &[1, 1, 1], &[(1.0 - z) * fresh + z * h]);
        }
    }

    #[test]
    fn one_step_of_a_layer_with_a_cell_by_hand() {
        let [w, r] = ones(4, 1);
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let made = run("LSTM", 14, &[], &[steps(&[0.5]), w.clone(), r.clone()]).unwrap();
        let cell = sigmoid(0.5) * 0.5_f64.tanh();
        close(&made[2], &[1, 1, 1], &[cell]);
        close(&made[1], &[1, 1, 1], &[sigmoid(0.5) * cell.tanh()]);
        let batch_first = [("layout", Attr::Int(1))];
        let made = run("LSTM", 14, &batch_first, &[steps(&[0.5, 0.5]), w, r]).unwrap();
        assert_eq!(made[0].tensor().unwrap().shape(), [2, 1, 1, 1]);
    }

    #[test]
    fn wrong_weights_and_names_are_refused() {
        let [w, r] = ones(3, 1);
        assert!(run("LSTM", 14, &[], &[steps(&[1.0]), w, r]).is_err());
        let names = [("activations", Attr::Texts(vec!["Tanh", "Cube"]))];
        let error = built("GRU", 14, &names).err().unwrap();
        assert!(error.message().contains("`Cube`"), "{error}");
        assert!(built("RNN", 14, &[("direction", Attr::Text("up"))]).is_err());
    }
}
