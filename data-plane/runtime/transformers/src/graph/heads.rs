//! What networks end in, by architecture and task.

use hari_error::Result;

use super::Head;
use super::block::Sizes;
use super::build::{Build, Value};
use super::proto::Attr;

/// Weights of the masked language model of an architecture.
struct Language<'a> {
    dense: &'a str,
    activation: &'a str,
    norm: &'a str,
    /// Tried in turn; the embeddings of words if there is none.
    decoder: &'a [&'a str],
    bias: &'a str,
}

/// Embeddings of words, which the language model shares if it has no decoder of its own.
const WORDS: &str = "embeddings.word_embeddings.weight";

/// BERT: a pooled first token; MLM with a transform.
pub(super) fn bert(
    build: &mut Build<'_>,
    head: Head,
    sizes: &Sizes,
    x: &Value,
) -> Result<Vec<Value>> {
    let activation = build.config.text("hidden_act").unwrap_or("gelu");
    let language = Language {
        dense: "cls.predictions.transform.dense",
        activation,
        norm: "cls.predictions.transform.LayerNorm",
        decoder: &["cls.predictions.decoder.weight"],
        bias: "cls.predictions.bias",
    };
    finish(build, (head, sizes, x), &language, |build, first| {
        let pooled = build.linear(first, "pooler.dense")?;
        let pooled = build.activation(&pooled, "tanh")?;
        build.linear(&pooled, "classifier")
    })
}

/// RoBERTa: a classifier of two layers on the first token.
pub(super) fn roberta(
    build: &mut Build<'_>,
    head: Head,
    sizes: &Sizes,
    x: &Value,
) -> Result<Vec<Value>> {
    finish(build, (head, sizes, x), &LM_HEAD, |build, first| {
        two_layers(build, first, "tanh")
    })
}

/// MPNet ends as RoBERTa does.
pub(super) fn mpnet(
    build: &mut Build<'_>,
    head: Head,
    sizes: &Sizes,
    x: &Value,
) -> Result<Vec<Value>> {
    finish(build, (head, sizes, x), &LM_HEAD, |build, first| {
        two_layers(build, first, "tanh")
    })
}

const LM_HEAD: Language<'static> = Language {
    dense: "lm_head.dense",
    activation: "gelu",
    norm: "lm_head.layer_norm",
    decoder: &["lm_head.decoder.weight"],
    bias: "lm_head.bias",
};

/// ELECTRA: the generator is the language model.
pub(super) fn electra(
    build: &mut Build<'_>,
    head: Head,
    sizes: &Sizes,
    x: &Value,
) -> Result<Vec<Value>> {
    let language = Language {
        dense: "generator_predictions.dense",
        activation: "gelu",
        norm: "generator_predictions.LayerNorm",
        decoder: &["generator_lm_head.weight"],
        bias: "generator_lm_head.bias",
    };
    finish(build, (head, sizes, x), &language, |build, first| {
        two_layers(build, first, "gelu")
    })
}

/// DistilBERT: a classifier of two layers under other names.
pub(super) fn distilbert(
    build: &mut Build<'_>,
    head: Head,
    sizes: &Sizes,
    x: &Value,
) -> Result<Vec<Value>> {
    let activation = build.config.text("activation").unwrap_or("gelu");
    let language = Language {
        dense: "vocab_transform",
        activation,
        norm: "vocab_layer_norm",
        decoder: &["vocab_projector.weight"],
        bias: "vocab_projector.bias",
    };
    finish(build, (head, sizes, x), &language, |build, first| {
        let before = build.linear(first, "pre_classifier")?;
        let before = build.activation(&before, "relu")?;
        build.linear(&before, "classifier")
    })
}

/// ALBERT: as BERT, with narrow words.
pub(super) fn albert(
    build: &mut Build<'_>,
    head: Head,
    sizes: &Sizes,
    x: &Value,
) -> Result<Vec<Value>> {
    let activation = build.config.text("hidden_act").unwrap_or("gelu_new");
    let language = Language {
        dense: "predictions.dense",
        activation,
        norm: "predictions.LayerNorm",
        decoder: &["predictions.decoder.weight"],
        bias: "predictions.bias",
    };
    finish(build, (head, sizes, x), &language, |build, first| {
        let pooled = build.linear(first, "pooler")?;
        let pooled = build.activation(&pooled, "tanh")?;
        build.linear(&pooled, "classifier")
    })
}

/// DeBERTa v2: as BERT with another pooler; the language model has an old and a new form.
pub(super) fn deberta(
    build: &mut Build<'_>,
    head: Head,
    sizes: &Sizes,
    x: &Value,
) -> Result<Vec<Value>> {
    let activation = build.config.text("hidden_act").unwrap_or("gelu");
    let pooling = build.config.text("pooler_hidden_act").unwrap_or("gelu");
    let new = build.find("lm_predictions.lm_head.dense.weight").is_some();
    let language = if new {
        Language {
            dense: "lm_predictions.lm_head.dense",
            activation,
            norm: "lm_predictions.lm_head.LayerNorm",
            decoder: &[],
            bias: "lm_predictions.lm_head.bias",
        }
    } else {
        Language {
            dense: "cls.predictions.transform.dense",
            activation,
            norm: "cls.predictions.transform.LayerNorm",
            decoder: &["cls.predictions.decoder.weight"],
            bias: "cls.predictions.bias",
        }
    };
    finish(build, (head, sizes, x), &language, |build, first| {
        let pooled = build.linear(first, "pooler.dense")?;
        let pooled = build.activation(&pooled, pooling)?;
        build.linear(&pooled, "classifier")
    })
}

fn two_layers(build: &mut Build<'_>, first: &Value, activation: &str) -> Result<Value> {
    let before = build.linear(first, "classifier.dense")?;
    let before = build.activation(&before, activation)?;
    build.linear(&before, "classifier.out_proj")
}

/// The outputs of `head` for hidden states `[batch * length, hidden]`.
fn finish(
    build: &mut Build<'_>,
    (head, sizes, x): (Head, &Sizes, &Value),
    language: &Language<'_>,
    classify: impl FnOnce(&mut Build<'_>, &Value) -> Result<Value>,
) -> Result<Vec<Value>> {
    Ok(match head {
        Head::Hidden => vec![sizes.rows(build, x)],
        Head::Classes => {
            let first = sizes.first(build, x);
            vec![classify(build, &first)?]
        }
        Head::Tokens => {
            let logits = build.linear(x, "classifier")?;
            vec![sizes.rows(build, &logits)]
        }
        Head::Span => span(build, sizes, x)?,
        Head::Mask => {
            let logits = language.logits(build, x)?;
            vec![sizes.rows(build, &logits)]
        }
    })
}

/// Two logits of each token, apart.
fn span(build: &mut Build<'_>, sizes: &Sizes, x: &Value) -> Result<Vec<Value>> {
    let logits = build.linear(x, "qa_outputs")?;
    let logits = sizes.rows(build, &logits);
    let column = |build: &mut Build<'_>, at: i64| {
        let at = build.ints(&[], &[at]);
        build.op("Gather", &[&logits, &at], &[("axis", Attr::Int(2))])
    };
    Ok(vec![column(build, 0), column(build, 1)])
}

impl Language<'_> {
    /// The score of every word at every token.
    fn logits(&self, build: &mut Build<'_>, x: &Value) -> Result<Value> {
        let dense = build.linear(x, self.dense)?;
        let active = build.activation(&dense, self.activation)?;
        let normal = build.norm(&active, self.norm)?;
        let own = self.decoder.iter().find(|name| build.find(name).is_some());
        let decoder = build.weight(own.copied().unwrap_or(WORDS))?;
        let bias = build.weight(self.bias)?;
        Ok(build.gemm(&normal, &decoder, Some(&bias)))
    }
}
