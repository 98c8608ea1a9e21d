//! DeBERTa v2 and v3: attention by content and, apart from it, by distance.

use hari_error::{Error, Result};

use super::block::{Block, Names, Sizes, flat, in_order, looked_up, mask, scale, whole};
use super::build::{Build, Value};
use super::mpnet::distances;
use super::proto::Attr;
use super::{Head, heads};

const NAMES: Names = Names {
    query: "attention.self.query_proj",
    key: "attention.self.key_proj",
    value: "attention.self.value_proj",
    out: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    norm: "output.LayerNorm",
};

/// What is attended to by distance, and where the rows of distances are.
struct Relative {
    /// Distances that have a row, to one side.
    span: usize,
    /// Content attends to positions, and positions to content.
    content: bool,
    position: bool,
    shared: bool,
    /// `[2 span, hidden]`.
    table: Value,
    /// `[length, length]`: the row of the table for query and key, and for key and query.
    of_query: Value,
    of_key: Value,
}

pub(super) fn write(build: &mut Build<'_>, head: Head) -> Result<Vec<Value>> {
    if build.config.integer("conv_kernel_size").unwrap_or(0) > 0 {
        return Err(Error::unimplemented(
            "`config.json`: `conv_kernel_size` is not served; export the model to ONNX",
        ));
    }
    let sizes = Sizes::of(build);
    let mut x = embeddings(build, &sizes)?;
    let mask = mask(build);
    let relative = match build.config.flag("relative_attention") {
        Some(true) => Some(Relative::read(build, &sizes)?),
        _ => None,
    };
    let block = Block::read(build, &NAMES, &sizes, (&mask, None))?;
    for layer in 0..build.config.size(&["num_hidden_layers"])? {
        let prefix = format!("encoder.layer.{layer}");
        let attended = attention(build, &block, relative.as_ref(), &x, &prefix)?;
        x = block.after(build, &attended, &x, &prefix)?;
    }
    heads::deberta(build, head, &sizes, &x)
}

fn embeddings(build: &mut Build<'_>, sizes: &Sizes) -> Result<Value> {
    let ids = build.input("input_ids");
    let mut sum = looked_up(build, "embeddings.word_embeddings.weight", &ids)?;
    let position = "embeddings.position_embeddings.weight";
    if build.config.flag("position_biased_input") != Some(false) && build.find(position).is_some() {
        let positions = in_order(build, sizes, position)?;
        sum = build.add(&sum, &positions);
    }
    let kinds = "embeddings.token_type_embeddings.weight";
    if build.find(kinds).is_some() {
        let types = build.input("token_type_ids");
        let types = looked_up(build, kinds, &types)?;
        sum = build.add(&sum, &types);
    }
    let (_, width) = build.matrix("embeddings.word_embeddings.weight")?;
    let mut x = flat(build, &sum, width)?;
    if build.find("embeddings.embed_proj.weight").is_some() {
        x = build.linear(&x, "embeddings.embed_proj")?;
    }
    build.norm(&x, "embeddings.LayerNorm")
}

fn attention(
    build: &mut Build<'_>,
    block: &Block<'_>,
    relative: Option<&Relative>,
    x: &Value,
    prefix: &str,
) -> Result<Value> {
    let project = |build: &mut Build<'_>, part: &str| {
        let projected = build.linear(x, &format!("{prefix}.{part}"))?;
        block.split(build, &projected, &[0, 2, 1, 3])
    };
    let query = project(build, NAMES.query)?;
    let key = project(build, NAMES.key)?;
    let value = project(build, NAMES.value)?;
    let turned = build.op("Transpose", &[&key], &[("perm", Attr::Ints(&[0, 1, 3, 2]))]);
    let mut scores = build.op("MatMul", &[&query, &turned], &[]);
    let kinds = relative.map_or(0, |relative| {
        usize::from(relative.content) + usize::from(relative.position)
    });
    if let Some(relative) = relative {
        if relative.content {
            let by_position = relative.content(build, block, &query, prefix)?;
            scores = build.add(&scores, &by_position);
        }
        if relative.position {
            let by_position = relative.position(build, block, &key, prefix)?;
            scores = build.add(&scores, &by_position);
        }
    }
    let scores = build.scaled(&scores, scale(block.size * (1 + kinds)));
    let scores = build.add(&scores, block.mask);
    block.gathered(build, &scores, &value)
}

impl Relative {
    fn read(build: &mut Build<'_>, sizes: &Sizes) -> Result<Self> {
        let most = build.config.size(&["max_position_embeddings"])?;
        let reach = positive(build, "max_relative_positions").unwrap_or(most);
        let buckets = positive(build, "position_buckets");
        let span = buckets.unwrap_or(reach);
        let (kinds, shared) = (
            kinds(build),
            build.config.flag("share_att_key") == Some(true),
        );
        let rows = [whole(2 * span)?];
        let table = build.weight("encoder.rel_embeddings.weight")?;
        let zero = build.ints(&[1], &[0]);
        let rows = build.ints(&[1], &rows);
        let mut table = build.op("Slice", &[&table, &zero, &rows, &zero], &[]);
        if build
            .config
            .text("norm_rel_ebd")
            .is_some_and(|norm| norm.to_lowercase().contains("layer_norm"))
        {
            table = build.norm(&table, "encoder.LayerNorm")?;
        }
        let place = Place {
            span: whole(span)?,
            buckets: buckets.map(whole).transpose()?,
            reach: whole(reach)?,
        };
        let most = whole(most)?;
        let by = distances(build, sizes, most - 1);
        let rows_of = |build: &mut Build<'_>, sign: i64| {
            // The key's position less the query's, while the formulas count the other way.
            let rows: Vec<i64> = (1 - most..most)
                .map(|ahead| place.row(-ahead, sign))
                .collect();
            let rows = build.ints(&[rows.len()], &rows);
            build.op("Gather", &[&rows, &by], &[("axis", Attr::Int(0))])
        };
        Ok(Self {
            span,
            content: kinds.0,
            position: kinds.1,
            shared,
            table,
            of_query: rows_of(build, 1),
            of_key: rows_of(build, -1),
        })
    }

    /// Content of the query, place of the key.
    fn content(
        &self,
        build: &mut Build<'_>,
        block: &Block<'_>,
        query: &Value,
        prefix: &str,
    ) -> Result<Value> {
        let own = if self.shared {
            NAMES.key
        } else {
            "attention.self.pos_key_proj"
        };
        let places = self.places(build, block, &format!("{prefix}.{own}"))?;
        let scores = build.op("MatMul", &[query, &places], &[]);
        Ok(taken(build, &scores, &self.of_query, block.sizes))
    }

    /// Content of the key, place of the query.
    fn position(
        &self,
        build: &mut Build<'_>,
        block: &Block<'_>,
        key: &Value,
        prefix: &str,
    ) -> Result<Value> {
        let own = if self.shared {
            NAMES.query
        } else {
            "attention.self.pos_query_proj"
        };
        let places = self.places(build, block, &format!("{prefix}.{own}"))?;
        let scores = build.op("MatMul", &[key, &places], &[]);
        let taken = taken(build, &scores, &self.of_key, block.sizes);
        Ok(build.op(
            "Transpose",
            &[&taken],
            &[("perm", Attr::Ints(&[0, 1, 3, 2]))],
        ))
    }

    /// The table through a layer of weights: `[heads, size, 2 span]`.
    fn places(&self, build: &mut Build<'_>, block: &Block<'_>, name: &str) -> Result<Value> {
        let places = build.linear(&self.table, name)?;
        let shape = [
            whole(2 * self.span)?,
            whole(block.heads)?,
            whole(block.size)?,
        ];
        let shape = build.ints(&[3], &shape);
        let places = build.op("Reshape", &[&places, &shape], &[]);
        Ok(build.op("Transpose", &[&places], &[("perm", Attr::Ints(&[1, 2, 0]))]))
    }
}

/// Of each row of scores `[batch, heads, length, 2 span]`, those of `rows` `[length, length]`.
fn taken(build: &mut Build<'_>, scores: &Value, rows: &Value, sizes: &Sizes) -> Value {
    let front = build.op(
        "Shape",
        &[scores],
        &[("start", Attr::Int(0)), ("end", Attr::Int(2))],
    );
    let shape = build.concat(&[&front, &sizes.length, &sizes.length]);
    let rows = build.op("Expand", &[rows, &shape], &[]);
    build.op(
        "GatherElements",
        &[scores, &rows],
        &[("axis", Attr::Int(3))],
    )
}

fn positive(build: &Build<'_>, name: &str) -> Option<usize> {
    let size = build.config.integer(name)?;
    usize::try_from(size).ok().filter(|&size| size > 0)
}

/// Whether `c2p` and `p2c` are there.
fn kinds(build: &Build<'_>) -> (bool, bool) {
    let kinds = build
        .config
        .value("pos_att_type")
        .map(ToString::to_string)
        .unwrap_or_default();
    (kinds.contains("c2p"), kinds.contains("p2c"))
}

/// Where the row of a distance is.
struct Place {
    span: i64,
    buckets: Option<i64>,
    reach: i64,
}

impl Place {
    /// The row of a distance, which counts with `sign`.
    fn row(&self, distance: i64, sign: i64) -> i64 {
        let place = self
            .buckets
            .map_or(distance, |buckets| self.bucket(distance, buckets));
        (sign * place + self.span).clamp(0, 2 * self.span - 1)
    }

    /// Near distances count themselves, farther ones by their logarithm.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "distances are small"
    )]
    fn bucket(&self, distance: i64, buckets: i64) -> i64 {
        let half = buckets / 2;
        let away = if distance < half && distance > -half {
            half - 1
        } else {
            distance.abs()
        };
        if away <= half {
            return distance;
        }
        let (half_wide, reach) = (half as f32, self.reach as f32);
        let far =
            (away as f32 / half_wide).ln() / ((reach - 1.0) / half_wide).ln() * (half_wide - 1.0);
        (far.ceil() + half_wide) as i64 * distance.signum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_distances_count_themselves_and_far_ones_share() {
        let place = Place {
            span: 8,
            buckets: Some(8),
            reach: 48,
        };
        let found: Vec<_> = [0, 3, 4, 5, 12, 47, -5, -47]
            .map(|d| place.bucket(d, 8))
            .to_vec();
        assert_eq!(found, [0, 3, 4, 5, 6, 7, -5, -7]);
        assert_eq!(
            (place.row(47, 1), place.row(47, -1), place.row(-47, 1)),
            (15, 1, 1)
        );
        let plain = Place {
            span: 4,
            buckets: None,
            reach: 4,
        };
        assert_eq!((plain.row(9, 1), plain.row(-9, 1)), (7, 0));
    }
}
