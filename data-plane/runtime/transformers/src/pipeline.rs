//! A folder that is loaded, as a model of texts.
//!
//! Its signature has one tensor of BYTES for each text that the task reads, and `parameters`: a JSON
//! object for each row, or nothing. Rows with different parameters may run together. The answer is
//! `output`, BYTES `[-1, 1]`, a JSON text for each row; embeddings come as FP32 too.

mod answer;
mod embedding;
mod fill_mask;
mod question_answering;
mod text_classification;
mod token_classification;
mod zero_shot;

use std::path::Path;

use bytes::Bytes;
use hari_core::{Call, DataType, Dim, Model, Signature, SignatureMethod, Tensor, TensorSpec};
use hari_error::{Error, Result};
use tokenizers::Encoding;

use crate::config::Config;
use crate::folder::Folder;
use crate::graph::Head;
use crate::network::{self, Network, Per, Row, Wanted};
use crate::options::Options;
use crate::parameters::Parameters;
use crate::pooling::Modules;
use crate::task::Task;
use crate::tokenizer::{Cut, Tokenizer};

/// Name of the answer.
pub(crate) const OUTPUT: &str = "output";
/// Name of the answer as numbers.
pub(crate) const EMBEDDING: &str = "embedding";
/// Name of the input that holds the parameters of each row.
pub(crate) const PARAMETERS: &str = "parameters";

/// A tokenizer, a network, and what makes an answer of its numbers.
pub struct Pipeline {
    task: Task,
    config: Config,
    labels: Vec<String>,
    tokenizer: Tokenizer,
    network: Network,
    /// What follows the network, for embeddings.
    modules: Option<Modules>,
    defaults: serde_json::Map<String, serde_json::Value>,
    signatures: Vec<Signature>,
    platform: String,
}

/// One row of a request.
struct Asked<'a> {
    first: &'a str,
    second: &'a str,
    parameters: Parameters,
}

/// The answers to the rows of a request.
enum Answers {
    /// JSON texts.
    Texts(Vec<String>),
    /// Vectors.
    Vectors(Vec<Vec<f32>>),
}

impl Pipeline {
    /// Loads the folder at `path`.
    ///
    /// # Errors
    /// `Model` if a file is missing or damaged, `Unimplemented` for a task or architecture that is not
    /// served, `InvalidInput` for parameters that the task does not have.
    pub fn load(path: &Path, options: &Options) -> Result<Self> {
        let root = Folder::new(path);
        let modules = Modules::read(&root)?;
        let inner = modules.as_ref().map_or("", |modules| &*modules.transformer);
        let folder = root.inside(inner)?;
        let config = Config::read(&folder)?;
        let task = match (options.task, &modules) {
            (Some(task), _) => task,
            (None, Some(_)) => Task::SentenceEmbeddings,
            (None, None) => config.task()?,
        };
        let tokenizer = Tokenizer::read(&tokenizer_folder(&folder, options), &config)?;
        let file = network::file(&folder, options.file.as_deref())?;
        let made = (&config, Head::of(task));
        let network = Network::load(&folder, &file, made, &options.engine, tokenizer.pad)?;
        let modules = match task {
            Task::SentenceEmbeddings | Task::SentenceSimilarity => {
                Some(embedding::modules(modules, &options.parameters)?)
            }
            _ => None,
        };
        let platform = format!("transformers_{}", network.platform());
        let mut pipeline = Self {
            labels: config.labels(),
            task,
            config,
            tokenizer,
            network,
            modules,
            defaults: options.parameters.clone(),
            signatures: Vec::new(),
            platform,
        };
        pipeline.check()?;
        pipeline.signatures = vec![signature(
            task,
            width(&pipeline.config, pipeline.modules.as_ref()),
        )];
        Ok(pipeline)
    }

    /// What it does.
    #[must_use]
    pub fn task(&self) -> Task {
        self.task
    }

    /// Inputs and outputs as callers see them: parameters come under names of their own.
    #[must_use]
    pub fn described(&self) -> Signature {
        describe(self.task, width(&self.config, self.modules.as_ref()))
    }

    /// The labels that it answers, in the network's order; none for a task without.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        match self.task {
            Task::TextClassification | Task::TokenClassification => &self.labels,
            _ => &[],
        }
    }

    /// What a task needs beyond its files.
    fn check(&self) -> Result<()> {
        if self.task == Task::FillMask && self.tokenizer.mask.is_none() {
            return Err(Error::model(
                "the tokenizer has no `mask_token`, which fill-mask needs",
            ));
        }
        for name in self.defaults.keys() {
            crate::forms::check_parameter(name, self.task)?;
        }
        self.outputs().map(drop)
    }

    /// Where the outputs that the task needs are.
    fn outputs(&self) -> Result<Vec<Wanted>> {
        let named = |names: &[&str], per| {
            let only = (self.network.outputs().len() == 1).then_some(0);
            let at = self.network.find(names).or(only).ok_or_else(|| {
                let found: Vec<_> = self
                    .network
                    .outputs()
                    .iter()
                    .map(|spec| &*spec.name)
                    .collect();
                Error::model(format!(
                    "task {} needs the output `{}` of the network, which has {}",
                    self.task,
                    names.first().copied().unwrap_or_default(),
                    found.join(", ")
                ))
            });
            at.map(|at| Wanted { at, per })
        };
        Ok(match Head::of(self.task) {
            Head::Classes => vec![named(&["logits"], Per::Row)?],
            Head::Tokens | Head::Mask => vec![named(&["logits"], Per::Token)?],
            Head::Span => vec![
                named(&["start_logits"], Per::Token)?,
                named(&["end_logits"], Per::Token)?,
            ],
            Head::Hidden => vec![named(
                &["last_hidden_state", "token_embeddings"],
                Per::Token,
            )?],
        })
    }

    /// Tokens of a text, or two, as parameters say; refused if they are too many.
    fn encode(&self, text: &str, pair: Option<&str>, parameters: &Parameters) -> Result<Encoding> {
        let cut = self.truncation(parameters)?;
        let whole = self.tokenizer.encode(text, pair, cut)?.into_iter().next();
        let whole = whole.ok_or_else(|| Error::internal("a text without tokens"))?;
        match self.limit() {
            Some(limit) if whole.len() > limit => Err(Error::invalid(format!(
                "a text has {} tokens, the model takes {limit}: send parameter `truncation` true to cut it",
                whole.len()
            ))),
            _ => Ok(whole),
        }
    }

    /// How a text is cut if the parameters ask for it; a `max_length` asks too.
    fn truncation(&self, parameters: &Parameters) -> Result<Option<Cut>> {
        let length = parameters.count("max_length")?;
        let wanted = match parameters.text("truncation") {
            Ok(Some(strategy)) => strategy != "do_not_truncate" && strategy != "false",
            _ => parameters.flag("truncation")?.unwrap_or(length.is_some()),
        };
        let length = [length, self.limit()].into_iter().flatten().min();
        Ok(length.filter(|_| wanted).map(Cut::at))
    }

    /// The most tokens of a row.
    fn limit(&self) -> Option<usize> {
        [self.tokenizer.limit, self.network.length()]
            .into_iter()
            .flatten()
            .min()
    }

    fn answer(&self, asked: &[Asked<'_>]) -> Result<Answers> {
        Ok(match self.task {
            Task::TextClassification => Answers::Texts(self.classify_texts(asked)?),
            Task::TokenClassification => Answers::Texts(self.classify_tokens(asked)?),
            Task::QuestionAnswering => Answers::Texts(self.answer_questions(asked)?),
            Task::FillMask => Answers::Texts(self.fill_masks(asked)?),
            Task::FeatureExtraction => Answers::Texts(self.features(asked)?),
            Task::SentenceEmbeddings => Answers::Vectors(self.embed(asked)?),
            Task::SentenceSimilarity => Answers::Texts(self.compare(asked)?),
            Task::ZeroShotClassification => Answers::Texts(self.classify_freely(asked)?),
        })
    }

    /// The outputs of the network for rows of tokens.
    fn compute(&self, encodings: &[Encoding]) -> Result<Vec<Vec<network::Part>>> {
        let row = |encoding| {
            let encoding: &Encoding = encoding;
            let types = if self.tokenizer.types {
                encoding.get_type_ids()
            } else {
                &[]
            };
            Row {
                ids: encoding.get_ids(),
                types,
            }
        };
        let rows: Vec<Row<'_>> = encodings.iter().map(row).collect();
        self.network.run(&rows, &self.outputs()?)
    }
}

/// The tokenizer's own folder, if a parameter names one that is there.
fn tokenizer_folder(folder: &Folder, options: &Options) -> Folder {
    let Some(name) = &options.tokenizer else {
        return folder.clone();
    };
    match folder.inside(name) {
        Ok(own) if folder.has_folder(name) => own,
        _ => {
            tracing::warn!(
                pretrained_tokenizer = name,
                "no such folder in the model's: its own tokenizer is used"
            );
            folder.clone()
        }
    }
}

/// The texts that a task reads.
pub(crate) const fn inputs(task: Task) -> &'static [&'static str] {
    match task {
        Task::QuestionAnswering => &["question", "context"],
        Task::SentenceSimilarity => &["source_sentence", "sentences"],
        _ => &["args"],
    }
}

/// The signature of a task, `parameters` included, for vectors of this width.
fn signature(task: Task, width: Dim) -> Signature {
    let spec = |name: &str, dtype, more: Vec<Dim>| TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: Some(std::iter::once(Dim::Dynamic(None)).chain(more).collect()),
    };
    let names = inputs(task).iter().copied().chain([PARAMETERS]);
    let mut outputs = Vec::new();
    if task.embeds() {
        outputs.push(spec(EMBEDDING, DataType::Fp32, vec![width]));
    }
    outputs.push(spec(OUTPUT, DataType::Bytes, vec![Dim::Fixed(1)]));
    Signature {
        name: Signature::DEFAULT.to_owned(),
        method: SignatureMethod::Predict,
        inputs: names
            .map(|name| spec(name, DataType::Bytes, Vec::new()))
            .collect(),
        outputs,
    }
}

/// The signature that callers see: `parameters` come under names of their own.
pub(crate) fn describe(task: Task, width: Dim) -> Signature {
    let mut signature = signature(task, width);
    signature.inputs.retain(|input| input.name != PARAMETERS);
    signature
}

/// The width of a text's vector, if the configuration says the network's.
pub(crate) fn width(config: &Config, modules: Option<&Modules>) -> Dim {
    match (config.size(&["hidden_size", "dim"]), modules) {
        (Ok(hidden), Some(modules)) => Dim::Fixed(modules.width(hidden)),
        _ => Dim::Dynamic(None),
    }
}

impl Model for Pipeline {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        let texts = inputs(self.task);
        let columns = call
            .inputs
            .iter()
            .map(Tensor::strings)
            .collect::<Result<Vec<_>>>()?;
        if columns.len() != texts.len() + 1 {
            return Err(Error::internal(format!(
                "{} inputs for {}",
                columns.len(),
                self.task
            )));
        }
        let rows = columns.first().map_or(0, |column| column.len());
        let cell = |column: usize, row: usize| -> &Bytes {
            static EMPTY: Bytes = Bytes::new();
            columns
                .get(column)
                .and_then(|column| column.get(row))
                .unwrap_or(&EMPTY)
        };
        let asked = |row: usize| {
            Ok(Asked {
                first: text(cell(0, row), texts, 0)?,
                second: if texts.len() > 1 {
                    text(cell(1, row), texts, 1)?
                } else {
                    ""
                },
                parameters: Parameters::read(cell(texts.len(), row), &self.defaults)?,
            })
        };
        let asked = (0..rows).map(asked).collect::<Result<Vec<_>>>()?;
        let answers = self.answer(&asked)?;
        self.tensors(&answers, &call.outputs)
    }

    fn platform(&self) -> &str {
        &self.platform
    }

    fn engine(&self) -> &str {
        self.network.engine()
    }

    fn memory_bytes(&self) -> u64 {
        self.network.memory_bytes()
    }
}

fn text<'a>(bytes: &'a Bytes, names: &[&str], at: usize) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| {
        let name = names.get(at).copied().unwrap_or_default();
        Error::invalid(format!("input `{name}`: a text is not UTF-8"))
    })
}
