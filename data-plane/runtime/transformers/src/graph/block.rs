//! What the architectures share: sizes of a request, attention, a post-norm layer.

use hari_error::{Error, Result};

use super::build::{Build, Value};
use super::proto::Attr;

/// What is masked gets the lowest number there is.
const LOWEST: f32 = f32::MIN;

/// Sizes that are known when the network runs, each a vector of one.
pub(super) struct Sizes {
    pub(super) batch: Value,
    pub(super) length: Value,
}

impl Sizes {
    pub(super) fn of(build: &mut Build<'_>) -> Self {
        let ids = build.input("input_ids");
        let size = |build: &mut Build<'_>, at: i64| {
            build.op(
                "Shape",
                &[&ids],
                &[("start", Attr::Int(at)), ("end", Attr::Int(at + 1))],
            )
        };
        Self {
            batch: size(build, 0),
            length: size(build, 1),
        }
    }

    /// `[batch * length, width]` as `[batch, length, width]`.
    pub(super) fn rows(&self, build: &mut Build<'_>, x: &Value) -> Value {
        let open = build.ints(&[1], &[-1]);
        let shape = build.concat(&[&self.batch, &self.length, &open]);
        build.op("Reshape", &[x, &shape], &[])
    }

    /// The first token of every row: `[batch, width]`.
    pub(super) fn first(&self, build: &mut Build<'_>, x: &Value) -> Value {
        let rows = self.rows(build, x);
        let zero = build.ints(&[], &[0]);
        build.op("Gather", &[&rows, &zero], &[("axis", Attr::Int(1))])
    }
}

/// `[batch, length, width]` as `[batch * length, width]`.
pub(super) fn flat(build: &mut Build<'_>, x: &Value, width: usize) -> Result<Value> {
    let width = i64::try_from(width).map_err(|_| Error::model("a layer is too wide"))?;
    let shape = build.ints(&[2], &[-1, width]);
    Ok(build.op("Reshape", &[x, &shape], &[]))
}

/// What is added to the scores of attention: nothing for a token, the lowest number for padding;
/// `[batch, 1, 1, length]`.
pub(super) fn mask(build: &mut Build<'_>) -> Value {
    let mask = build.input("attention_mask");
    let mask = build.op("Cast", &[&mask], &[("to", Attr::Int(1))]);
    let one = build.float(1.0);
    let gone = build.op("Sub", &[&one, &mask], &[]);
    let low = build.scaled(&gone, LOWEST);
    let axes = build.ints(&[2], &[1, 2]);
    build.op("Unsqueeze", &[&low, &axes], &[])
}

/// Names of the weights of a layer, below its prefix.
pub(super) struct Names {
    pub(super) query: &'static str,
    pub(super) key: &'static str,
    pub(super) value: &'static str,
    pub(super) out: &'static str,
    pub(super) attention_norm: &'static str,
    pub(super) up: &'static str,
    pub(super) down: &'static str,
    pub(super) norm: &'static str,
}

/// A post-norm layer as BERT has it.
pub(super) struct Block<'a> {
    pub(super) names: &'a Names,
    pub(super) heads: usize,
    /// Width of a head.
    pub(super) size: usize,
    pub(super) activation: &'a str,
    pub(super) sizes: &'a Sizes,
    pub(super) mask: &'a Value,
    /// Added to the scores: `[1, heads, length, length]`.
    pub(super) bias: Option<&'a Value>,
}

impl<'a> Block<'a> {
    /// As `config.json` describes it under BERT's names.
    pub(super) fn read(
        build: &Build<'a>,
        names: &'a Names,
        sizes: &'a Sizes,
        (mask, bias): (&'a Value, Option<&'a Value>),
    ) -> Result<Self> {
        let config = build.config;
        let heads = config.size(&["num_attention_heads"])?;
        Ok(Self {
            names,
            heads,
            size: head_size(config.size(&["hidden_size"])?, heads)?,
            activation: config.text("hidden_act").unwrap_or("gelu"),
            sizes,
            mask,
            bias,
        })
    }

    /// The layer named `prefix` for `[batch * length, hidden]`.
    pub(super) fn layer(&self, build: &mut Build<'_>, x: &Value, prefix: &str) -> Result<Value> {
        let attended = self.attention(build, x, prefix)?;
        self.after(build, &attended, x, prefix)
    }

    /// What follows attention.
    pub(super) fn after(
        &self,
        build: &mut Build<'_>,
        attended: &Value,
        x: &Value,
        prefix: &str,
    ) -> Result<Value> {
        let name = |part: &str| format!("{prefix}.{part}");
        let attended = build.linear(attended, &name(self.names.out))?;
        let sum = build.add(&attended, x);
        let x = build.norm(&sum, &name(self.names.attention_norm))?;
        let up = build.linear(&x, &name(self.names.up))?;
        let up = build.activation(&up, self.activation)?;
        let down = build.linear(&up, &name(self.names.down))?;
        let sum = build.add(&down, &x);
        build.norm(&sum, &name(self.names.norm))
    }

    fn attention(&self, build: &mut Build<'_>, x: &Value, prefix: &str) -> Result<Value> {
        let project = |build: &mut Build<'_>, part: &str, order: &[i64]| {
            let projected = build.linear(x, &format!("{prefix}.{part}"))?;
            self.split(build, &projected, order)
        };
        let query = project(build, self.names.query, &[0, 2, 1, 3])?;
        let key = project(build, self.names.key, &[0, 2, 3, 1])?;
        let value = project(build, self.names.value, &[0, 2, 1, 3])?;
        let scores = build.op("MatMul", &[&query, &key], &[]);
        let mut scores = build.scaled(&scores, scale(self.size));
        if let Some(bias) = self.bias {
            scores = build.add(&scores, bias);
        }
        let scores = build.add(&scores, self.mask);
        self.gathered(build, &scores, &value)
    }

    /// `[batch * length, heads * size]` as `[batch, length, heads, size]`, in another order.
    pub(super) fn split(&self, build: &mut Build<'_>, x: &Value, order: &[i64]) -> Result<Value> {
        let (heads, size) = (whole(self.heads)?, whole(self.size)?);
        let heads = build.ints(&[2], &[heads, size]);
        let shape = build.concat(&[&self.sizes.batch, &self.sizes.length, &heads]);
        let split = build.op("Reshape", &[x, &shape], &[]);
        Ok(build.op("Transpose", &[&split], &[("perm", Attr::Ints(order))]))
    }

    /// The values weighed by the scores, `[batch * length, heads * size]`.
    pub(super) fn gathered(
        &self,
        build: &mut Build<'_>,
        scores: &Value,
        value: &Value,
    ) -> Result<Value> {
        let weights = build.op("Softmax", &[scores], &[("axis", Attr::Int(-1))]);
        let gathered = build.op("MatMul", &[&weights, value], &[]);
        let gathered = build.op(
            "Transpose",
            &[&gathered],
            &[("perm", Attr::Ints(&[0, 2, 1, 3]))],
        );
        flat(build, &gathered, self.heads * self.size)
    }
}

/// One over the root of a width.
#[expect(clippy::cast_precision_loss, reason = "widths are small")]
pub(super) fn scale(width: usize) -> f32 {
    1.0 / (width as f32).sqrt()
}

/// A size as ONNX writes it.
pub(super) fn whole(size: usize) -> Result<i64> {
    i64::try_from(size).map_err(|_| Error::model("a layer is too wide"))
}

/// Width of a head, which has to divide the hidden size.
pub(super) fn head_size(hidden: usize, heads: usize) -> Result<usize> {
    if hidden.is_multiple_of(heads) {
        return Ok(hidden / heads);
    }
    Err(Error::model(format!(
        "`config.json`: hidden size {hidden} is not a multiple of {heads} attention heads"
    )))
}

/// Positions of tokens, counted from `pad + 1`, padding left out: `[batch, length]`, as RoBERTa has
/// them.
pub(super) fn counted(build: &mut Build<'_>, pad: i64) -> Value {
    let ids = build.input("input_ids");
    let pad = build.ints(&[], &[pad]);
    let padding = build.op("Equal", &[&ids, &pad], &[]);
    let tokens = build.op("Not", &[&padding], &[]);
    let tokens = build.op("Cast", &[&tokens], &[("to", Attr::Int(7))]);
    let axis = build.ints(&[], &[1]);
    let counted = build.op("CumSum", &[&tokens, &axis], &[]);
    let counted = build.op("Mul", &[&counted, &tokens], &[]);
    build.add(&counted, &pad)
}

/// The first rows of a table of positions, one for each token of a row: `[length, width]`.
pub(super) fn in_order(build: &mut Build<'_>, sizes: &Sizes, table: &str) -> Result<Value> {
    let table = build.weight(table)?;
    let zero = build.ints(&[1], &[0]);
    Ok(build.op("Slice", &[&table, &zero, &sizes.length, &zero], &[]))
}

/// Rows of a table by the numbers of `ids`.
pub(super) fn looked_up(build: &mut Build<'_>, table: &str, ids: &Value) -> Result<Value> {
    let table = build.weight(table)?;
    Ok(build.op("Gather", &[&table, ids], &[("axis", Attr::Int(0))]))
}
