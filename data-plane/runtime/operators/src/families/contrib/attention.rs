//! `Attention` and `MultiHeadAttention`, without what was said before.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::{Doubles, FLOATS};
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integers, operator};
use crate::families::linear::product;
use crate::families::text::broadcast;
use crate::{Inputs, Operator, size};

/// What both operators have.
#[derive(Clone, Copy)]
struct Heads {
    count: usize,
    scale: Option<f64>,
    /// No place sees those behind it.
    causal: bool,
    /// What is added to the score of a place that is masked.
    filter: f64,
}

impl Heads {
    fn of(node: &Node<'_>) -> Result<Self> {
        let attributes = node.attributes;
        let count = size::sizes(&[attributes.int_or("num_heads", 0)?])?[0];
        if count == 0 {
            return Err(Error::model("attribute `num_heads` is missing"));
        }
        let scale = attributes.float("scale")?.filter(|&scale| scale != 0.0);
        Ok(Self {
            count,
            scale: scale.map(f64::from),
            causal: attributes.flag("unidirectional", false)?,
            filter: attributes.float_or("mask_filter_value", -10_000.0)?.into(),
        })
    }
}

/// Rows of one batch: `[length, width]`, the heads side by side.
struct Rows<'a> {
    values: &'a [f64],
    width: usize,
}

impl<'a> Rows<'a> {
    /// The rows of batch `at` of `batches`.
    fn of(all: &'a Doubles, at: usize, batches: usize) -> Self {
        let count = all.values.len() / batches.max(1);
        Self {
            values: all.values.get(at * count..(at + 1) * count).unwrap_or(&[]),
            width: all.width(),
        }
    }

    /// The part of a row that belongs to a head.
    fn at(&self, row: usize, head: usize, heads: usize) -> &'a [f64] {
        let each = self.width / heads;
        let from = row * self.width + head * each;
        self.values.get(from..from + each).unwrap_or(&[])
    }
}

/// Queries, keys and values: `[batch, length, width]`.
struct Given {
    query: Doubles,
    key: Doubles,
    value: Doubles,
}

/// What is added to the scores `[batch, heads, queries, keys]`.
struct Extra {
    values: Vec<f64>,
    places: Vec<usize>,
}

impl Extra {
    fn of(bias: Option<&Tensor>, shape: &[usize]) -> Result<Option<Self>> {
        let Some(bias) = bias else {
            return Ok(None);
        };
        if broadcast::shape(&[bias.shape(), shape])? != shape {
            return Err(Error::invalid(format!(
                "a bias of shape {:?} does not fit scores {shape:?}",
                bias.shape()
            )));
        }
        Ok(Some(Self {
            places: broadcast::places(bias.shape(), shape),
            values: bias.to_f64()?,
        }))
    }

    fn at(&self, place: usize) -> f64 {
        let found = self.places.get(place).and_then(|&at| self.values.get(at));
        found.copied().unwrap_or_default()
    }
}

/// Which keys each batch, and each query of it, does not see, as 0 or 1 of `[batch, queries, keys]`.
fn mask(given: Option<&Tensor>, shape: [usize; 3]) -> Result<Vec<bool>> {
    let [batch, queries, keys] = shape;
    let Some(given) = given else {
        return Ok(Vec::new());
    };
    let values = integers(given)?;
    let number = |at: usize| values.get(at).copied().unwrap_or_default();
    let all =
        (0..batch).flat_map(|b| (0..queries).flat_map(move |q| (0..keys).map(move |k| (b, q, k))));
    let hidden = |(b, q, k): (usize, usize, usize)| match *given.shape() {
        [_] if values.len() >= 2 * batch => {
            (k as i64) >= number(b) || (k as i64) < number(batch + b)
        }
        [_] => k as i64 >= number(b),
        [_, _] => number(b * keys + k) == 0,
        _ => number((b * queries + q) * keys + k) == 0,
    };
    let fits = match *given.shape() {
        [count] => count == batch || count == 2 * batch,
        [rows, columns] => rows == batch && columns == keys,
        [one, two, three] => [one, two, three] == shape,
        _ => false,
    };
    if !fits {
        return Err(Error::invalid(format!(
            "a mask of shape {:?} does not fit {shape:?}",
            given.shape()
        )));
    }
    Ok(all.map(hidden).collect())
}

impl Given {
    /// Batch, queries and keys.
    fn shape(&self, heads: usize) -> Result<[usize; 3]> {
        let (&[batch, queries, width], &[b, keys, w], &[c, k, v]) = (
            &self.query.shape[..],
            &self.key.shape[..],
            &self.value.shape[..],
        ) else {
            return Err(Error::invalid(
                "expected [batch, length, width] three times",
            ));
        };
        let fits = [b, c] == [batch; 2] && w == width && k == keys;
        if fits && width % heads == 0 && v % heads == 0 {
            return Ok([batch, queries, keys]);
        }
        Err(Error::invalid(format!(
            "{:?}, {:?} and {:?} do not fit each other and {heads} heads",
            self.query.shape, self.key.shape, self.value.shape
        )))
    }

    fn attend(
        &self,
        heads: Heads,
        hidden: Option<&Tensor>,
        bias: Option<&Tensor>,
    ) -> Result<Tensor> {
        let [batch, queries, keys] = self.shape(heads.count)?;
        let shape = [batch, heads.count, queries, keys];
        size::count(&shape, DataType::Fp64)?;
        let table = Table {
            shape,
            heads,
            scale: heads.scale.unwrap_or_else(|| {
                let each = self.query.width() / heads.count;
                1.0 / (each as f64).sqrt()
            }),
            hidden: mask(hidden, [batch, queries, keys])?,
            bias: Extra::of(bias, &shape)?,
        };
        let wide = self.value.width();
        let mut made = Vec::with_capacity(batch * queries * wide);
        for b in 0..batch {
            let all = [&self.query, &self.key, &self.value].map(|all| Rows::of(all, b, batch));
            for place in (0..queries).flat_map(|q| (0..heads.count).map(move |head| (b, head, q))) {
                made.extend(table.answer(&all, place));
            }
        }
        let made = Doubles {
            shape: vec![batch, queries, wide],
            values: made,
            dtype: self.query.dtype,
        };
        made.tensor()
    }
}

/// What decides how much each query sees of each key.
struct Table {
    /// Batch, heads, queries and keys.
    shape: [usize; 4],
    heads: Heads,
    scale: f64,
    hidden: Vec<bool>,
    bias: Option<Extra>,
}

impl Table {
    /// What a head makes of one query: values, weighted.
    fn answer(
        &self,
        [query, key, value]: &[Rows<'_>; 3],
        place: (usize, usize, usize),
    ) -> Vec<f64> {
        let ([.., keys], (_, head, q), count) = (self.shape, place, self.heads.count);
        let own = query.at(q, head, count);
        let scores = (0..keys).map(|k| {
            let products = own.iter().zip(key.at(k, head, count));
            let dot: f64 = products.map(|(a, b)| a * b).sum();
            dot * self.scale + self.added(place, k)
        });
        let mut made = vec![0.0; value.width / count];
        for (k, weight) in softmax(scores.collect()).into_iter().enumerate() {
            let row = made.iter_mut().zip(value.at(k, head, count));
            row.for_each(|(sum, value)| *sum += weight * value);
        }
        made
    }

    /// Bias and mask of a key.
    fn added(&self, (b, head, q): (usize, usize, usize), k: usize) -> f64 {
        let [_, heads, queries, keys] = self.shape;
        let place = ((b * heads + head) * queries + q) * keys + k;
        let bias = self.bias.as_ref().map_or(0.0, |bias| bias.at(place));
        let masked = self.hidden.get((b * queries + q) * keys + k) == Some(&true);
        let behind = self.heads.causal && k + queries > q + keys;
        if masked || behind {
            bias + self.heads.filter
        } else {
            bias
        }
    }
}

fn softmax(mut scores: Vec<f64>) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores
        .iter_mut()
        .for_each(|score| *score = (*score - largest).exp());
    let sum: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
    scores
}

/// Columns `from..to` of every row.
fn columns(all: &Doubles, from: usize, to: usize) -> Doubles {
    let rows = all.values.chunks(all.width().max(1));
    let values = rows.flat_map(|row| row.get(from..to).unwrap_or(&[]).iter().copied());
    let mut shape = all.shape.clone();
    if let Some(last) = shape.last_mut() {
        *last = to - from;
    }
    Doubles {
        values: values.collect(),
        shape,
        dtype: all.dtype,
    }
}

/// Past keys and values, and what goes with them, belong to the writing of text.
fn without(inputs: Inputs<'_>, places: &[usize]) -> Result<()> {
    match places.iter().find(|&&at| inputs.get(at).is_some()) {
        None => Ok(()),
        Some(at) => Err(Error::model(format!(
            "input {at}: attention with a past is not served"
        ))),
    }
}

/// Queries, keys and values are made of the input by one product.
struct Attention {
    heads: Heads,
    /// The widths of the three, equal if none are given.
    widths: Option<[usize; 3]>,
}

pub(super) fn attention(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    if node.attributes.flag("do_rotary", false)? {
        return Err(Error::model("attribute `do_rotary` is not known"));
    }
    let widths = size::sizes(node.attributes.ints("qkv_hidden_sizes")?.unwrap_or(&[]))?;
    let widths = match widths[..] {
        [] => None,
        [q, k, v] => Some([q, k, v]),
        _ => return Err(Error::model("attribute `qkv_hidden_sizes`: expected three")),
    };
    let heads = Heads::of(node)?;
    operator(Attention { heads, widths })
}

impl Kernel for Attention {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.one_of(0, FLOATS)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        without(inputs, &[4, 6])?;
        let mut all = Doubles::of(&product(inputs.tensor(0)?, inputs.tensor(1)?)?)?;
        if let Some(bias) = inputs.optional(2)? {
            all.add(bias)?;
        }
        let third = all.width() / 3;
        let [q, k, v] = self.widths.unwrap_or([third; 3]);
        let total = q.checked_add(k).and_then(|sum| sum.checked_add(v));
        if total != Some(all.width()) {
            return Err(Error::invalid(format!(
                "{} columns are not queries, keys and values",
                all.width()
            )));
        }
        let given = Given {
            query: columns(&all, 0, q),
            key: columns(&all, q, q + k),
            value: columns(&all, q + k, q + k + v),
        };
        let bias = inputs.optional(5)?;
        Ok(vec![given.attend(self.heads, inputs.optional(3)?, bias)?])
    }
}

/// Queries, keys and values are inputs.
struct MultiHead {
    heads: Heads,
}

pub(super) fn multi_head(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let heads = Heads::of(node)?;
    operator(MultiHead { heads })
}

impl Kernel for MultiHead {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.one_of(0, FLOATS)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        without(inputs, &[6, 7, 8, 9])?;
        let [mut query, mut key, mut value] = [
            Doubles::of(inputs.tensor(0)?)?,
            Doubles::of(inputs.tensor(1)?)?,
            Doubles::of(inputs.tensor(2)?)?,
        ];
        if let Some(bias) = inputs.optional(3)? {
            let mut from = 0_usize;
            for part in [&mut query, &mut key, &mut value] {
                let to = from.saturating_add(part.width());
                if to > bias.len() {
                    return Err(Error::invalid("input 3: expected a bias for all three"));
                }
                part.add(&bias.slice_rows(from..to)?)?;
                from = to;
            }
        }
        let given = Given { query, key, value };
        let bias = inputs.optional(5)?;
        Ok(vec![given.attend(self.heads, inputs.optional(4)?, bias)?])
    }
}
