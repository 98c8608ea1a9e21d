//! `Attention` with caches and masks, and `RotaryEmbedding`.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::join::joined;
use super::linear::product;
use crate::array::{expanded, ints};
use crate::cell::taken;
use crate::compile::{Entry, Node};
use crate::convert::of_doubles;
use crate::number::FLOATS;
use crate::rule::{Built, Rule, computed, computed_many};
use crate::size;
use crate::view::View;
use crate::{Inputs, Value};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("Attention", 23, attention),
    Entry::onnx("RotaryEmbedding", 23, rotary),
];

/// What the attributes say.
struct Attention {
    heads: [Option<usize>; 2],
    causal: bool,
    scale: Option<f64>,
    softcap: f64,
    /// How far back and ahead a query sees; none is without bound.
    window: [Option<i64>; 2],
    /// Which step the fourth output shows.
    shown: i64,
}

fn attention(node: &mut Node<'_>) -> Built {
    let attributes = node.attributes;
    let heads = |name: &str| heads(node, name);
    let bound = |name: &str| Ok::<_, Error>(attributes.int(name)?.filter(|&bound| bound >= 0));
    let layer = Attention {
        heads: [heads("q_num_heads")?, heads("kv_num_heads")?],
        causal: attributes.flag("is_causal", false)?,
        scale: attributes.float("scale")?.map(f64::from),
        softcap: attributes.float_or("softcap", 0.0)?.into(),
        window: [bound("left_window_size")?, bound("right_window_size")?],
        shown: attributes.int_or("qk_matmul_output_mode", 0)?,
    };
    let rules = vec![Rule::Like(0), Rule::Like(1), Rule::Like(2), Rule::Like(0)];
    computed_many(FLOATS, rules, move |inputs| layer.run(inputs))
}

fn heads(node: &Node<'_>, name: &str) -> Result<Option<usize>> {
    let heads = node.attributes.int(name)?.filter(|&heads| heads != 0);
    let wrong = |_| Error::model(format!("attribute `{name}` is negative"));
    heads.map(usize::try_from).transpose().map_err(wrong)
}

/// Batch, heads, sequence, size of a head; three axes hold the heads side by side.
fn in_heads(tensor: &Tensor, heads: Option<usize>) -> Result<Tensor> {
    match (tensor.shape(), heads) {
        (&[_, _, _, _], _) => Ok(tensor.clone()),
        (&[batch, steps, width], Some(heads)) if width % heads == 0 => {
            let shape = [batch, steps, heads, width / heads];
            View::of(&shape).permuted(&[0, 2, 1, 3]).copy(tensor)
        }
        (shape, _) => Err(Error::invalid(format!(
            "shape {shape:?} does not hold {heads:?} heads"
        ))),
    }
}

impl Attention {
    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        let q = in_heads(inputs.tensor(0)?, self.heads[0])?;
        let k = self.cached(inputs, 1, 4)?;
        let v = self.cached(inputs, 2, 5)?;
        let (&[batch, queries, steps, width], &[_, keys, total, _]) = (q.shape(), k.shape()) else {
            return Err(Error::invalid("queries and keys have four axes"));
        };
        if keys == 0 || queries % keys != 0 {
            return Err(Error::invalid(format!(
                "{queries} heads cannot share {keys}"
            )));
        }
        let shared = |tensor: &Tensor| {
            let places: Vec<_> = (0..queries)
                .map(|head| Some(head / (queries / keys)))
                .collect();
            taken(tensor, 1, &places, None)
        };
        let turned = View::of(k.shape()).permuted(&[0, 1, 3, 2]).copy(&k)?;
        let raw = product(&q, &shared(&turned)?)?;
        let scale = self.scale.unwrap_or_else(|| (width as f64).sqrt().recip());
        let mut scores: Vec<f64> = raw.to_f64()?.iter().map(|score| score * scale).collect();
        let mut shown = vec![scores.clone()];
        if self.softcap > 0.0 {
            scores
                .iter_mut()
                .for_each(|x| *x = (*x / self.softcap).tanh() * self.softcap);
        }
        shown.push(scores.clone());
        let shape = [batch, queries, steps, total];
        let past = total - inputs.tensor(1).map(sequence)?;
        self.mask(inputs, shape, past, &mut scores)?;
        shown.push(scores.clone());
        scores.chunks_mut(total.max(1)).for_each(softmax);
        shown.push(scores.clone());
        let shown = usize::try_from(self.shown)
            .ok()
            .and_then(|at| shown.get(at).cloned());
        let shown =
            shown.ok_or_else(|| Error::model("attribute `qk_matmul_output_mode` is unknown"))?;
        let weights = of_doubles(&shape, v.dtype(), scores)?;
        let made = product(&weights, &shared(&v)?)?;
        let made = match inputs.tensor(0)?.shape() {
            &[_, _, _] => {
                let width = queries * v.shape()[3];
                let turned = View::of(made.shape()).permuted(&[0, 2, 1, 3]).copy(&made)?;
                turned.reshape([batch, steps, width])?
            }
            _ => made,
        };
        let shown = of_doubles(&shape, q.dtype(), shown)?;
        Ok(vec![made.into(), k.into(), v.into(), shown.into()])
    }

    /// Keys or values behind those of the cache.
    fn cached(&self, inputs: Inputs<'_>, new: usize, past: usize) -> Result<Tensor> {
        let new = in_heads(inputs.tensor(new)?, self.heads[1])?;
        match inputs.optional(past)? {
            Some(past) if past.shape().len() == 4 => joined(&[past, &new], 2),
            Some(past) => Err(Error::invalid(format!(
                "a cache has shape {:?}",
                past.shape()
            ))),
            None => Ok(new),
        }
    }

    /// Adds the mask, and takes away what a query must not see.
    fn mask(
        &self,
        inputs: Inputs<'_>,
        shape: [usize; 4],
        past: usize,
        scores: &mut [f64],
    ) -> Result<()> {
        let [batch, queries, steps, total] = shape;
        if let Some(mask) = inputs.optional(3)? {
            for (score, bias) in scores.iter_mut().zip(biases(mask, &shape)?) {
                *score += bias;
            }
        }
        let real = inputs.optional(6)?.map(ints).transpose()?;
        if real.as_ref().is_some_and(|real| real.len() != batch) {
            return Err(Error::invalid(format!("expected {batch} lengths of keys")));
        }
        let row = (queries * steps).max(1);
        for (number, scores) in scores.chunks_mut(total.max(1)).enumerate() {
            let (item, query) = (number / row, (number % steps) as i64);
            let length = real.as_ref().map(|real| real[item]);
            let offset = length.map_or(past as i64, |length| length - steps as i64);
            let here = query + offset;
            for (key, score) in scores.iter_mut().enumerate() {
                let ahead = key as i64 - here;
                let seen = (!self.causal || ahead <= 0)
                    && self.window[0].is_none_or(|left| -ahead <= left)
                    && self.window[1].is_none_or(|right| ahead <= right)
                    && length.is_none_or(|length| (key as i64) < length);
                if !seen {
                    *score = f64::NEG_INFINITY;
                }
            }
        }
        Ok(())
    }
}

/// The length of the sequence, before heads are taken apart or after.
fn sequence(tensor: &Tensor) -> usize {
    match tensor.shape() {
        &[_, steps, _] | &[_, _, steps, _] => steps,
        _ => 0,
    }
}

/// A mask as numbers to be added, repeated to `shape`; keys that it does not reach are hidden.
fn biases(mask: &Tensor, shape: &[usize; 4]) -> Result<Vec<f64>> {
    let mut values = mask.to_f64()?;
    if mask.dtype() == DataType::Bool {
        values
            .iter_mut()
            .for_each(|x| *x = if *x == 0.0 { f64::NEG_INFINITY } else { 0.0 });
    }
    let mut mask = Tensor::from_vec(mask.shape(), values)?;
    if let Some((&last, _)) = mask.shape().split_last()
        && last < shape[3]
        && (last != 1 || shape[3] == 1)
    {
        let hidden = Tensor::from_vec([], vec![f64::NEG_INFINITY])?;
        let places: Vec<_> = (0..shape[3])
            .map(|at| Some(at).filter(|&at| at < last))
            .collect();
        mask = taken(&mask, mask.shape().len() - 1, &places, Some(&hidden))?;
    }
    expanded(&mask, shape)?.to_f64()
}

/// A row of which everything is hidden becomes zeros.
fn softmax(row: &mut [f64]) {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        row.fill(0.0);
        return;
    }
    row.iter_mut().for_each(|x| *x = (*x - most).exp());
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|x| *x /= sum);
}

/// Pairs of elements turned by the angle of their position.
fn rotary(node: &mut Node<'_>) -> Built {
    let interleaved = node.attributes.flag("interleaved", false)?;
    let part = node.attributes.int_or("rotary_embedding_dim", 0)?;
    let part = usize::try_from(part)
        .map_err(|_| Error::model("attribute `rotary_embedding_dim` is negative"))?;
    let count = heads(node, "num_heads")?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let given = inputs.tensor(0)?;
        let tensor = in_heads(given, count)?;
        let &[batch, heads, steps, width] = tensor.shape() else {
            return Err(Error::internal("heads have four axes"));
        };
        let part = if part == 0 { width } else { part };
        let half = part / 2;
        if part > width || half * 2 != part {
            return Err(Error::invalid(format!(
                "{part} of {width} elements cannot be turned"
            )));
        }
        let angles = |at: usize| angles(inputs, at, [batch, steps, half]);
        let (cos, sin) = (angles(1)?, angles(2)?);
        let mut values = tensor.to_f64()?;
        for (number, row) in values.chunks_mut(width.max(1)).enumerate() {
            let (item, step) = (number / (heads * steps), number % steps);
            let first = (item * steps + step) * half;
            for pair in 0..half {
                let (a, b) = if interleaved {
                    (2 * pair, 2 * pair + 1)
                } else {
                    (pair, half + pair)
                };
                let (x, y) = (row[a], row[b]);
                let (cos, sin) = (cos[first + pair], sin[first + pair]);
                row[a] = cos * x - sin * y;
                row[b] = sin * x + cos * y;
            }
        }
        let made = of_doubles(tensor.shape(), tensor.dtype(), values)?;
        if given.shape().len() == 4 {
            return Ok(made);
        }
        let turned = View::of(made.shape()).permuted(&[0, 2, 1, 3]).copy(&made)?;
        turned.reshape(given.shape())
    })
}

/// Sines or cosines for each position: by the ids of positions, or as they stand.
fn angles(inputs: Inputs<'_>, at: usize, shape: [usize; 3]) -> Result<Vec<f64>> {
    let cache = inputs.tensor(at)?;
    let [batch, steps, half] = shape;
    let table = match inputs.optional(3)? {
        None => cache.clone(),
        Some(ids) => {
            let rows = cache.rows();
            let places = ints(ids)?
                .into_iter()
                .map(|id| size::index(id, rows).map(Some));
            let places: Vec<_> = places.collect::<Result<_>>()?;
            if cache.shape().len() != 2 {
                return Err(Error::invalid("a table of angles has two axes"));
            }
            taken(cache, 0, &places, None)?
        }
    };
    if table.len() != batch * steps * half {
        return Err(Error::invalid(format!(
            "input {at}: angles of shape {:?} do not fit {batch} sequences of {steps} steps and \
             {half} pairs",
            cache.shape()
        )));
    }
    table.to_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, run, run_some, singles};

    fn near(made: &Tensor, wanted: &[f64]) {
        let made = made.to_f64().unwrap();
        let close = made.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close && made.len() == wanted.len(), "{made:?}");
    }

    #[test]
    fn equal_keys_share_the_attention() {
        let q = singles(&[1, 1, 1, 1], &[3.0]);
        let k = singles(&[1, 1, 2, 1], &[1.0, 1.0]);
        let v = singles(&[1, 1, 2, 1], &[2.0, 4.0]);
        let made = run("Attention", 23, &[], &[q, k, v]).unwrap();
        near(made[0].tensor().unwrap(), &[3.0]);
    }

    #[test]
    fn a_query_does_not_see_ahead() {
        let x = singles(&[1, 1, 2, 1], &[1.0, 1.0]);
        let v = singles(&[1, 1, 2, 1], &[2.0, 4.0]);
        let causal = [("is_causal", Attr::Int(1))];
        let inputs = [x.clone(), x, v];
        near(
            &first("Attention", 23, &causal, &inputs).unwrap(),
            &[2.0, 3.0],
        );
        let mask = Tensor::from_bools([2, 2], &[false, false, false, true]).unwrap();
        let inputs = [&inputs[..], &[mask]].concat();
        near(&first("Attention", 23, &[], &inputs).unwrap(), &[0.0, 4.0]);
    }

    #[test]
    fn the_cache_grows() {
        let one = |value| Some(singles(&[1, 1, 1, 1], &[value]));
        let inputs = [one(1.0), one(1.0), one(4.0), None, one(1.0), one(2.0)];
        let made = run_some("Attention", 23, &[("is_causal", Attr::Int(1))], &inputs).unwrap();
        near(made[0].tensor().unwrap(), &[3.0]);
        assert_eq!(
            made[2].tensor().unwrap(),
            &singles(&[1, 1, 2, 1], &[2.0, 4.0])
        );
    }

    #[test]
    fn pairs_are_turned_by_their_position() {
        let x = singles(&[1, 1, 2], &[1.0, 2.0]);
        let tables = [singles(&[2, 1], &[1.0, 0.0]), singles(&[2, 1], &[0.0, 1.0])];
        let [cos, sin] = tables;
        let heads = [("num_heads", Attr::Int(1))];
        let at = |id| [x.clone(), cos.clone(), sin.clone(), longs(&[1, 1], &[id])];
        near(
            &first("RotaryEmbedding", 23, &heads, &at(0)).unwrap(),
            &[1.0, 2.0],
        );
        near(
            &first("RotaryEmbedding", 23, &heads, &at(1)).unwrap(),
            &[-2.0, 1.0],
        );
        assert!(first("RotaryEmbedding", 23, &heads, &at(2)).is_err());
        assert!(first("RotaryEmbedding", 23, &[], &at(0)).is_err());
    }
}
