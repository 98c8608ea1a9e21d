//! ALBERT: narrow embeddings, and layers that share their weights.

use hari_error::{Error, Result};

use super::block::{Block, Names, Sizes, flat, in_order, looked_up, mask};
use super::build::{Build, Value};
use super::{Head, heads};

const NAMES: Names = Names {
    query: "attention.query",
    key: "attention.key",
    value: "attention.value",
    out: "attention.dense",
    attention_norm: "attention.LayerNorm",
    up: "ffn",
    down: "ffn_output",
    norm: "full_layer_layer_norm",
};

pub(super) fn write(build: &mut Build<'_>, head: Head) -> Result<Vec<Value>> {
    let sizes = Sizes::of(build);
    let mut x = embeddings(build, &sizes)?;
    let mask = mask(build);
    let block = Block {
        activation: build.config.text("hidden_act").unwrap_or("gelu_new"),
        ..Block::read(build, &NAMES, &sizes, (&mask, None))?
    };
    let layers = build.config.size(&["num_hidden_layers"])?;
    let groups = build.config.size(&["num_hidden_groups"])?;
    let inner = build.config.size(&["inner_group_num"])?;
    if groups > layers {
        return Err(Error::model(format!(
            "`config.json`: {groups} groups of {layers} layers"
        )));
    }
    for layer in 0..layers {
        let group = layer * groups / layers;
        for at in 0..inner {
            let name = format!("encoder.albert_layer_groups.{group}.albert_layers.{at}");
            x = block.layer(build, &x, &name)?;
        }
    }
    heads::albert(build, head, &sizes, &x)
}

fn embeddings(build: &mut Build<'_>, sizes: &Sizes) -> Result<Value> {
    let ids = build.input("input_ids");
    let words = looked_up(build, "embeddings.word_embeddings.weight", &ids)?;
    let types = build.input("token_type_ids");
    let types = looked_up(build, "embeddings.token_type_embeddings.weight", &types)?;
    let positions = in_order(build, sizes, "embeddings.position_embeddings.weight")?;
    let sum = build.add(&words, &types);
    let sum = build.add(&sum, &positions);
    let (_, width) = build.matrix("embeddings.word_embeddings.weight")?;
    let sum = flat(build, &sum, width)?;
    let x = build.norm(&sum, "embeddings.LayerNorm")?;
    build.linear(&x, "encoder.embedding_hidden_mapping_in")
}
