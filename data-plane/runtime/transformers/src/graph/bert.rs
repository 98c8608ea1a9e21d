//! BERT, ELECTRA, and RoBERTa with XLM-RoBERTa and CamemBERT.

use hari_error::{Error, Result};

use super::block::{Block, Names, Sizes, counted, flat, in_order, looked_up, mask};
use super::build::{Build, Value};
use super::{Head, heads};

/// What tells the three apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bert,
    Electra,
    Roberta,
}

pub(super) const NAMES: Names = Names {
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    out: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    norm: "output.LayerNorm",
};

pub(super) fn write(build: &mut Build<'_>, head: Head, kind: Kind) -> Result<Vec<Value>> {
    absolute(build)?;
    let sizes = Sizes::of(build);
    let mut x = embeddings(build, &sizes, kind)?;
    let mask = mask(build);
    let block = Block::read(build, &NAMES, &sizes, (&mask, None))?;
    for layer in 0..build.config.size(&["num_hidden_layers"])? {
        x = block.layer(build, &x, &format!("encoder.layer.{layer}"))?;
    }
    match kind {
        Kind::Bert => heads::bert(build, head, &sizes, &x),
        Kind::Electra => heads::electra(build, head, &sizes, &x),
        Kind::Roberta => heads::roberta(build, head, &sizes, &x),
    }
}

/// Relative positions of BERT were tried in research and never caught on.
fn absolute(build: &Build<'_>) -> Result<()> {
    match build.config.text("position_embedding_type") {
        None | Some("absolute") => Ok(()),
        Some(other) => Err(Error::unimplemented(format!(
            "`config.json`: `position_embedding_type` {other} is not served; export the model to ONNX"
        ))),
    }
}

fn embeddings(build: &mut Build<'_>, sizes: &Sizes, kind: Kind) -> Result<Value> {
    let ids = build.input("input_ids");
    let words = looked_up(build, "embeddings.word_embeddings.weight", &ids)?;
    let position = "embeddings.position_embeddings.weight";
    let positions = if kind == Kind::Roberta {
        let pad = build.config.integer("pad_token_id").unwrap_or(1);
        let counted = counted(build, pad);
        looked_up(build, position, &counted)?
    } else {
        in_order(build, sizes, position)?
    };
    let types = build.input("token_type_ids");
    let types = looked_up(build, "embeddings.token_type_embeddings.weight", &types)?;
    let sum = build.add(&words, &types);
    let sum = build.add(&sum, &positions);
    let (_, width) = build.matrix("embeddings.word_embeddings.weight")?;
    let x = flat(build, &sum, width)?;
    let x = build.norm(&x, "embeddings.LayerNorm")?;
    match build.find("embeddings_project.weight") {
        Some(_) => build.linear(&x, "embeddings_project"),
        None => Ok(x),
    }
}
