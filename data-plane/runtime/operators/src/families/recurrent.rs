//! `RNN`, `GRU` and `LSTM`: all directions and layouts.

use hari_core::Tensor;
use hari_error::{Error, Result};

use super::activation as act;
use crate::Inputs;
use crate::array::ints;
use crate::attributes::Attributes;
use crate::compile::{Entry, Node};
use crate::convert::convert;
use crate::matrix::Matrix;
use crate::number::{FLOATS, Real, by_real};
use crate::rule::{Built, Rule, computed_many};
use crate::size;
use crate::view::View;

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

/// A function by its name, with up to two numbers.
#[derive(Clone, Debug)]
struct Activation {
    name: String,
    alpha: f64,
    beta: f64,
}

impl Activation {
    /// The numbers are taken from the lists by those functions that have them.
    fn list(attributes: Attributes<'_>, kind: Kind, directions: usize) -> Result<Vec<Self>> {
        let names: Vec<String> = match attributes.strings("activations")? {
            Some(names) => names
                .iter()
                .map(|name| String::from_utf8_lossy(name).into())
                .collect(),
            None => {
                let names = kind.defaults().repeat(directions);
                names.into_iter().map(str::to_owned).collect()
            }
        };
        let mut alphas = attributes
            .floats("activation_alpha")?
            .unwrap_or_default()
            .iter();
        let mut betas = attributes
            .floats("activation_beta")?
            .unwrap_or_default()
            .iter();
        let made = names.into_iter().map(|name| {
            let (alpha, beta) = match name.to_ascii_lowercase().as_str() {
                "affine" | "scaledtanh" => (Some(1.0), Some(0.0)),
                "hardsigmoid" => (Some(0.2), Some(0.5)),
                "leakyrelu" => (Some(0.01), None),
                "elu" | "thresholdedrelu" => (Some(1.0), None),
                "relu" | "sigmoid" | "softplus" | "softsign" | "tanh" => (None, None),
                _ => {
                    return Err(Error::model(format!(
                        "attribute `activations`: no activation is called `{name}`"
                    )));
                }
            };
            let take = |list: &mut std::slice::Iter<'_, f32>, default: Option<f64>| {
                default.map_or(0.0, |default| {
                    list.next().map_or(default, |&given| given.into())
                })
            };
            Ok(Self {
                alpha: take(&mut alphas, alpha),
                beta: take(&mut betas, beta),
                name: name.to_ascii_lowercase(),
            })
        });
        let made: Vec<Self> = made.collect::<Result<_>>()?;
        let wanted = kind.defaults().len() * directions;
        if made.len() != wanted {
            return Err(Error::model(format!(
                "attribute `activations`: expected {wanted}, found {}",
                made.len()
            )));
        }
        Ok(made)
    }

    fn apply<T: Real>(&self, values: &mut [T]) {
        let (alpha, beta) = (T::of(self.alpha), T::of(self.beta));
        let one = |x: T| match self.name.as_str() {
            "affine" => act::affine(x, alpha, beta),
            "elu" => act::elu(x, alpha),
            "hardsigmoid" => act::hard_sigmoid(x, alpha, beta),
            "leakyrelu" => act::leaky_relu(x, alpha),
            "relu" => act::relu(x),
            "scaledtanh" => act::scaled_tanh(x, alpha, beta),
            "sigmoid" => act::sigmoid(x),
            "softplus" => act::softplus(x),
            "softsign" => act::softsign(x),
            "thresholdedrelu" => act::thresholded_relu(x, alpha),
            _ => x.tanh(),
        };
        values.iter_mut().for_each(|x| *x = one(*x));
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

/// One row of a batch in one step.
struct Row<'a, T> {
    /// What the inputs give.
    gates: Vec<T>,
    /// What the state gives.
    held: &'a [T],
    hidden: &'a [T],
    cell: &'a [T],
    weights: &'a Weights<T>,
    functions: &'a [Activation],
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

    fn rnn(&self, layer: &Layer) -> Vec<T> {
        self.active(layer, self.gate(0), 0)
    }

    /// Gates: update, reset, hidden.
    fn gru(&self, layer: &Layer) -> Result<Vec<T>> {
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
    fn lstm(&self, layer: &Layer) -> (Vec<T>, Vec<T>) {
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
