//! MPNet: positions counted as RoBERTa does, and a bias by the distance of tokens as T5 has it.

use hari_error::{Error, Result};

use super::block::{Block, Names, Sizes, counted, flat, looked_up, mask};
use super::build::{Build, Value};
use super::proto::Attr;
use super::{Head, heads};

const NAMES: Names = Names {
    query: "attention.attn.q",
    key: "attention.attn.k",
    value: "attention.attn.v",
    out: "attention.attn.o",
    attention_norm: "attention.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    norm: "output.LayerNorm",
};

/// The architecture counts positions from the second on, whatever pads.
const PAD: i64 = 1;
/// Rows of the table of distances.
const BUCKETS: usize = 32;
/// Distances from here on share a bucket.
const FAR: f64 = 128.0;

pub(super) fn write(build: &mut Build<'_>, head: Head) -> Result<Vec<Value>> {
    let sizes = Sizes::of(build);
    let hidden = build.config.size(&["hidden_size"])?;
    let ids = build.input("input_ids");
    let words = looked_up(build, "embeddings.word_embeddings.weight", &ids)?;
    let positions = counted(build, PAD);
    let positions = looked_up(build, "embeddings.position_embeddings.weight", &positions)?;
    let sum = build.add(&words, &positions);
    let sum = flat(build, &sum, hidden)?;
    let mut x = build.norm(&sum, "embeddings.LayerNorm")?;
    let (mask, bias) = (mask(build), bias(build, &sizes)?);
    let block = Block::read(build, &NAMES, &sizes, (&mask, Some(&bias)))?;
    for layer in 0..build.config.size(&["num_hidden_layers"])? {
        x = block.layer(build, &x, &format!("encoder.layer.{layer}"))?;
    }
    heads::mpnet(build, head, &sizes, &x)
}

/// `[1, heads, length, length]`: the row of the table for every distance, then by two tokens.
fn bias(build: &mut Build<'_>, sizes: &Sizes) -> Result<Value> {
    let table = "encoder.relative_attention_bias.weight";
    let (rows, _) = build.matrix(table)?;
    if rows != BUCKETS {
        return Err(Error::model(format!(
            "weight `{table}`: expected {BUCKETS} rows, found {rows}"
        )));
    }
    let most = build.config.size(&["max_position_embeddings"])?;
    let reach = i64::try_from(most).unwrap_or(i64::MAX);
    let buckets: Vec<i64> = (1 - reach..reach).map(bucket).collect();
    let buckets = build.ints(&[buckets.len()], &buckets);
    let by_distance = looked_up(build, table, &buckets)?;
    let distances = distances(build, sizes, reach - 1);
    let bias = build.op(
        "Gather",
        &[&by_distance, &distances],
        &[("axis", Attr::Int(0))],
    );
    let bias = build.op("Transpose", &[&bias], &[("perm", Attr::Ints(&[2, 0, 1]))]);
    let axis = build.ints(&[1], &[0]);
    Ok(build.op("Unsqueeze", &[&bias, &axis], &[]))
}

/// Column less row, moved by `offset`: `[length, length]`.
pub(super) fn distances(build: &mut Build<'_>, sizes: &Sizes, offset: i64) -> Value {
    let (zero, one) = (build.ints(&[], &[0]), build.ints(&[], &[1]));
    let length = build.op("Squeeze", &[&sizes.length], &[]);
    let steps = build.op("Range", &[&zero, &length, &one], &[]);
    let (rows, columns) = (build.ints(&[1], &[1]), build.ints(&[1], &[0]));
    let row = build.op("Unsqueeze", &[&steps, &rows], &[]);
    let column = build.op("Unsqueeze", &[&steps, &columns], &[]);
    let distance = build.op("Sub", &[&column, &row], &[]);
    let offset = build.ints(&[], &[offset]);
    build.add(&distance, &offset)
}

/// The bucket of a distance (Raffel 2020): near ones have their own, farther ones share more and
/// more, as the logarithm grows.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "distances are small"
)]
fn bucket(distance: i64) -> i64 {
    let half = BUCKETS as i64 / 2;
    let exact = half / 2;
    let side = if distance > 0 { half } else { 0 };
    let away = distance.abs();
    if away < exact {
        return side + away;
    }
    let far = f64::from((away as f32 / exact as f32).ln()) / (FAR / exact as f64).ln();
    let far = exact + (far as f32 * (half - exact) as f32) as i64;
    side + far.min(half - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_distances_have_a_bucket_of_their_own() {
        let found: Vec<_> = [0, -1, -7, -8, -16, -127, -500, 1, 7, 8, 500]
            .map(bucket)
            .to_vec();
        assert_eq!(found, [0, 1, 7, 8, 10, 15, 15, 17, 23, 24, 31]);
    }
}
