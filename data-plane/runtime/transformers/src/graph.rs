//! The network of a checkpoint as an ONNX graph: architecture from `config.json`, weights from
//! safetensors.
//!
//! The hidden states travel as one row for each token, `[batch * length, hidden]`: so every layer of
//! weights is a `Gemm` that reads them as the checkpoint has them, and nothing is copied or turned
//! around. Only attention looks at `[batch, heads, length, size]`. The formulas are those of the
//! published architectures: BERT (Devlin 2018) and its kin post-norm, MPNet with T5's relative
//! positions, DeBERTa v2 with disentangled attention (He 2020).

mod albert;
mod bert;
mod block;
mod build;
mod deberta;
mod distilbert;
mod heads;
mod mpnet;
mod proto;

use hari_core::{DataType, Dim, Signature, SignatureMethod, TensorSpec};
use hari_error::{Error, Result};
use hari_onnx::BoundSignature;
use hari_proto::onnx::ModelProto;

use crate::config::Config;
use crate::task::Task;
use crate::weights::Weights;
use build::Build;

/// Architectures that are written as graphs, by `model_type`.
pub(crate) const ARCHITECTURES: [&str; 9] = [
    "bert",
    "distilbert",
    "roberta",
    "xlm-roberta",
    "camembert",
    "mpnet",
    "electra",
    "albert",
    "deberta-v2",
];

/// A graph with its one signature.
pub(crate) struct Graph {
    pub(crate) model: ModelProto,
    pub(crate) signature: BoundSignature,
}

/// What a graph ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// `logits` `[batch, labels]`.
    Classes,
    /// `logits` `[batch, length, labels]`.
    Tokens,
    /// `start_logits` and `end_logits` `[batch, length]`.
    Span,
    /// `logits` `[batch, length, vocabulary]`.
    Mask,
    /// `last_hidden_state` `[batch, length, hidden]`.
    Hidden,
}

impl Head {
    /// What a task needs.
    pub(crate) const fn of(task: Task) -> Self {
        match task {
            Task::TextClassification | Task::ZeroShotClassification => Self::Classes,
            Task::TokenClassification => Self::Tokens,
            Task::QuestionAnswering => Self::Span,
            Task::FillMask => Self::Mask,
            Task::FeatureExtraction | Task::SentenceEmbeddings | Task::SentenceSimilarity => {
                Self::Hidden
            }
        }
    }

    /// Names of the outputs.
    pub(crate) const fn outputs(self) -> &'static [&'static str] {
        match self {
            Self::Classes | Self::Tokens | Self::Mask => &["logits"],
            Self::Span => &["start_logits", "end_logits"],
            Self::Hidden => &["last_hidden_state"],
        }
    }

    fn shape(self) -> Vec<Dim> {
        let open = |name: &str| Dim::Dynamic(Some(name.to_owned()));
        match self {
            Self::Classes => vec![open("batch"), open("labels")],
            Self::Span => vec![open("batch"), open("length")],
            Self::Tokens | Self::Mask | Self::Hidden => {
                vec![open("batch"), open("length"), open("width")]
            }
        }
    }
}

/// Writes the network that ends in `head`.
///
/// # Errors
/// `Unimplemented` for another architecture; `Model` if a size or a weight is missing.
pub(crate) fn write(config: &Config, weights: &Weights, head: Head) -> Result<Graph> {
    let architecture = config.model_type();
    let mut build = Build::new(config, weights, prefix(architecture));
    let outputs = match architecture {
        "bert" => bert::write(&mut build, head, bert::Kind::Bert)?,
        "electra" => bert::write(&mut build, head, bert::Kind::Electra)?,
        "roberta" | "xlm-roberta" | "camembert" => {
            bert::write(&mut build, head, bert::Kind::Roberta)?
        }
        "distilbert" => distilbert::write(&mut build, head)?,
        "mpnet" => mpnet::write(&mut build, head)?,
        "albert" => albert::write(&mut build, head)?,
        "deberta-v2" => deberta::write(&mut build, head)?,
        other => return Err(unknown(other)),
    };
    let signature = signature(head, build.takes_types());
    let model = build.finish(&outputs, head)?;
    Ok(Graph { model, signature })
}

fn unknown(architecture: &str) -> Error {
    Error::unimplemented(format!(
        "weights of architecture `{architecture}` cannot be turned into a network; served so are {}; export \
         the model to ONNX: `optimum-cli export onnx --model FOLDER FOLDER`",
        ARCHITECTURES.join(", ")
    ))
}

/// What the names of the weights start with, in a checkpoint with a head.
fn prefix(architecture: &str) -> &str {
    match architecture {
        "xlm-roberta" | "camembert" => "roberta",
        "deberta-v2" => "deberta",
        other => other,
    }
}

fn signature(head: Head, types: bool) -> BoundSignature {
    let mut names = vec!["input_ids", "attention_mask"];
    if types {
        names.push("token_type_ids");
    }
    let spec = |name: &str, dtype, shape| TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: Some(shape),
    };
    let open = |name: &str| Dim::Dynamic(Some(name.to_owned()));
    let rows = || vec![open("batch"), open("length")];
    let inputs = names
        .iter()
        .map(|name| spec(name, DataType::Int64, rows()))
        .collect();
    let outputs = head
        .outputs()
        .iter()
        .map(|name| spec(name, DataType::Fp32, head.shape()))
        .collect();
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    BoundSignature {
        signature: Signature {
            name: Signature::DEFAULT.to_owned(),
            method: SignatureMethod::Predict,
            inputs,
            outputs,
        },
        inputs: owned(&names),
        outputs: owned(head.outputs()),
    }
}
