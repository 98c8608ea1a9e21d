//! DistilBERT: BERT without token types and pooler, under names of its own.

use hari_error::Result;

use super::block::{Block, Names, Sizes, flat, head_size, in_order, looked_up, mask};
use super::build::{Build, Value};
use super::{Head, heads};

const NAMES: Names = Names {
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    out: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    up: "ffn.lin1",
    down: "ffn.lin2",
    norm: "output_layer_norm",
};

pub(super) fn write(build: &mut Build<'_>, head: Head) -> Result<Vec<Value>> {
    let sizes = Sizes::of(build);
    let width = build.config.size(&["dim", "hidden_size"])?;
    let attention_heads = build.config.size(&["n_heads", "num_attention_heads"])?;
    let ids = build.input("input_ids");
    let words = looked_up(build, "embeddings.word_embeddings.weight", &ids)?;
    let positions = in_order(build, &sizes, "embeddings.position_embeddings.weight")?;
    let sum = build.add(&words, &positions);
    let sum = flat(build, &sum, width)?;
    let mut x = build.norm(&sum, "embeddings.LayerNorm")?;
    let mask = mask(build);
    let block = Block {
        names: &NAMES,
        heads: attention_heads,
        size: head_size(width, attention_heads)?,
        activation: build.config.text("activation").unwrap_or("gelu"),
        sizes: &sizes,
        mask: &mask,
        bias: None,
    };
    for layer in 0..build.config.size(&["n_layers", "num_hidden_layers"])? {
        x = block.layer(build, &x, &format!("transformer.layer.{layer}"))?;
    }
    heads::distilbert(build, head, &sizes, &x)
}
