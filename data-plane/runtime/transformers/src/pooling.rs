//! From the vectors of tokens to one vector for each text: the modules of sentence-transformers.

use hari_error::{Error, Result};
use serde_json::Value;

use crate::folder::Folder;
use crate::network::Part;
use crate::weights::Weights;

/// The most modules in a row.
const MOST_MODULES: usize = 16;

/// What follows the network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Modules {
    /// The folder in the folder that has the network.
    pub(crate) transformer: String,
    /// Tokens that a text is cut at.
    pub(crate) length: Option<usize>,
    pub(crate) lowercase: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Pool(Vec<Pool>),
    Dense(Dense),
    Normalize,
}

/// How the vectors of tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    Cls,
    Max,
    Mean,
    /// The sum over the root of the number of tokens.
    MeanSqrt,
    /// The mean, where a later token counts more.
    Weighted,
    Last,
}

#[derive(Clone, Debug)]
struct Dense {
    /// One row for each output.
    weight: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    tanh: bool,
}

impl Modules {
    /// Reads `modules.json`; none if there is none.
    pub(crate) fn read(folder: &Folder) -> Result<Option<Self>> {
        let Some(listed) = folder.json("modules.json")? else {
            return Ok(None);
        };
        let listed = listed
            .as_array()
            .filter(|listed| listed.len() <= MOST_MODULES);
        let listed =
            listed.ok_or_else(|| Error::model("`modules.json` is not a short list of modules"))?;
        let mut modules = Self::default();
        for module in listed {
            modules.add(folder, module)?;
        }
        if !modules
            .steps
            .iter()
            .any(|step| matches!(step, Step::Pool(_)))
        {
            return Err(Error::model(
                "`modules.json` has no Pooling: nothing makes one vector of many",
            ));
        }
        Ok(Some(modules))
    }

    /// For a folder that does not say: pooling by its name, and perhaps vectors of length one.
    pub(crate) fn plain(pooling: &str, normalize: bool) -> Result<Self> {
        let pool = Pool::named(pooling)?;
        let mut steps = vec![Step::Pool(vec![pool])];
        steps.extend(normalize.then_some(Step::Normalize));
        Ok(Self {
            steps,
            ..Self::default()
        })
    }

    fn add(&mut self, folder: &Folder, module: &Value) -> Result<()> {
        let kind = module["type"].as_str().unwrap_or_default();
        let path = module["path"].as_str().unwrap_or_default();
        match kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" => {
                path.clone_into(&mut self.transformer);
                let config = folder
                    .inside(path)?
                    .json("sentence_bert_config.json")?
                    .unwrap_or_default();
                let length = config["max_seq_length"].as_u64();
                self.length = length
                    .and_then(|length| usize::try_from(length).ok())
                    .filter(|&length| length > 0);
                self.lowercase = config["do_lower_case"] == true;
            }
            "Pooling" => {
                let config = folder
                    .inside(path)?
                    .json("config.json")?
                    .unwrap_or_default();
                self.steps.push(Step::Pool(pools(&config)?));
            }
            "Dense" => self
                .steps
                .push(Step::Dense(Dense::read(&folder.inside(path)?)?)),
            "Normalize" => self.steps.push(Step::Normalize),
            "Dropout" => {}
            other => {
                return Err(Error::unimplemented(format!(
                    "module `{other}` of sentence-transformers is not served; served are Transformer, Pooling, \
                     Dense and Normalize"
                )));
            }
        }
        Ok(())
    }

    /// The width of a text's vector, for a network of this width.
    pub(crate) fn width(&self, hidden: usize) -> usize {
        self.steps.iter().fold(hidden, |width, step| match step {
            Step::Pool(pools) => width * pools.len(),
            Step::Dense(dense) => dense.bias.len(),
            Step::Normalize => width,
        })
    }

    /// One vector for the vectors of a text's tokens.
    pub(crate) fn apply(&self, tokens: &Part) -> Result<Vec<f32>> {
        let mut vector = Vec::new();
        for step in &self.steps {
            vector = match step {
                Step::Pool(pools) => pools.iter().flat_map(|pool| pool.apply(tokens)).collect(),
                Step::Dense(dense) => dense.apply(&vector)?,
                Step::Normalize => normalized(vector),
            };
        }
        Ok(vector)
    }
}

/// The vector with length one; nothing stays nothing.
pub(crate) fn normalized(vector: Vec<f32>) -> Vec<f32> {
    let length = vector
        .iter()
        .map(|value| value * value)
        .sum::<f32>()
        .sqrt()
        .max(1e-12);
    vector.into_iter().map(|value| value / length).collect()
}

/// The new form names one or several, the old form has a flag for each.
fn pools(config: &Value) -> Result<Vec<Pool>> {
    const FLAGS: [(&str, &str); 6] = [
        ("pooling_mode_cls_token", "cls"),
        ("pooling_mode_max_tokens", "max"),
        ("pooling_mode_mean_tokens", "mean"),
        ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
        ("pooling_mode_weightedmean_tokens", "weightedmean"),
        ("pooling_mode_lasttoken", "lasttoken"),
    ];
    let named: Vec<&str> = match &config["pooling_mode"] {
        Value::String(name) => name.split('+').collect(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => FLAGS
            .iter()
            .filter(|(flag, _)| config[*flag] == true)
            .map(|(_, name)| *name)
            .collect(),
    };
    if named.is_empty() {
        return Err(Error::model(
            "`config.json` of the module Pooling names no pooling",
        ));
    }
    named.into_iter().map(Pool::named).collect()
}

impl Pool {
    fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "cls" => Self::Cls,
            "max" => Self::Max,
            "mean" => Self::Mean,
            "mean_sqrt_len_tokens" => Self::MeanSqrt,
            "weightedmean" => Self::Weighted,
            "lasttoken" => Self::Last,
            other => {
                return Err(Error::unimplemented(format!(
                    "pooling `{other}` is not served; served are mean, cls, max, mean_sqrt_len_tokens, weightedmean \
                     and lasttoken"
                )));
            }
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "texts have few tokens")]
    fn apply(self, tokens: &Part) -> Vec<f32> {
        let count = tokens.vectors().count();
        let even = |_: usize| 1.0;
        match self {
            Self::Cls => tokens.vectors().next().unwrap_or_default().to_vec(),
            Self::Last => tokens.vectors().last().unwrap_or_default().to_vec(),
            Self::Max => highest(tokens),
            Self::Mean => sum(tokens, even, count as f32),
            Self::MeanSqrt => sum(tokens, even, (count as f32).sqrt()),
            Self::Weighted => sum(
                tokens,
                |at| (at + 1) as f32,
                (count * (count + 1) / 2) as f32,
            ),
        }
    }
}

fn sum(tokens: &Part, weight: impl Fn(usize) -> f32, over: f32) -> Vec<f32> {
    let mut sum = vec![0.0_f32; tokens.width];
    for (at, vector) in tokens.vectors().enumerate() {
        let weight = weight(at);
        sum.iter_mut()
            .zip(vector)
            .for_each(|(sum, value)| *sum += value * weight);
    }
    let over = over.max(1e-9);
    sum.iter_mut().for_each(|value| *value /= over);
    sum
}

fn highest(tokens: &Part) -> Vec<f32> {
    let mut highest = vec![f32::NEG_INFINITY; tokens.width];
    for vector in tokens.vectors() {
        highest
            .iter_mut()
            .zip(vector)
            .for_each(|(high, value)| *high = high.max(*value));
    }
    highest
}

impl Dense {
    fn read(folder: &Folder) -> Result<Self> {
        let config = folder.json("config.json")?.unwrap_or_default();
        let activation = config["activation_function"].as_str().unwrap_or("Tanh");
        let tanh = match activation.rsplit('.').next().unwrap_or_default() {
            "Tanh" => true,
            "Identity" => false,
            other => {
                return Err(Error::unimplemented(format!(
                    "activation `{other}` of the module Dense is not served"
                )));
            }
        };
        let weights = Weights::read(folder, "model.safetensors")?;
        let weight = weights.get("linear.weight")?;
        let &[outputs, inputs] = &*weight.shape else {
            return Err(Error::model(format!(
                "weight `linear.weight`: expected two dimensions, found {:?}",
                weight.shape
            )));
        };
        let bias = match weights.has("linear.bias") {
            true => floats(&weights.get("linear.bias")?.bytes),
            false => vec![0.0; outputs],
        };
        if bias.len() != outputs {
            return Err(Error::model(format!(
                "weight `linear.bias`: expected {outputs} numbers, found {}",
                bias.len()
            )));
        }
        Ok(Self {
            weight: floats(&weight.bytes),
            bias,
            inputs,
            tanh,
        })
    }

    fn apply(&self, vector: &[f32]) -> Result<Vec<f32>> {
        if vector.len() != self.inputs {
            return Err(Error::model(format!(
                "the module Dense takes {} numbers, found {}",
                self.inputs,
                vector.len()
            )));
        }
        let rows = self.weight.chunks_exact(self.inputs.max(1)).zip(&self.bias);
        let output = |(row, bias): (&[f32], &f32)| {
            let sum = bias
                + row
                    .iter()
                    .zip(vector)
                    .map(|(weight, value)| weight * value)
                    .sum::<f32>();
            if self.tanh { sum.tanh() } else { sum }
        };
        Ok(rows.map(output).collect())
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&chunk| f32::from_le_bytes(chunk))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn tokens() -> Part {
        Part {
            width: 2,
            values: vec![1.0, -2.0, 3.0, 4.0],
        }
    }

    fn pooled(name: &str) -> Vec<f32> {
        Modules::plain(name, false)
            .unwrap()
            .apply(&tokens())
            .unwrap()
    }

    #[test]
    fn tokens_become_one_vector() {
        assert_eq!(pooled("cls"), [1.0, -2.0]);
        assert_eq!(pooled("lasttoken"), [3.0, 4.0]);
        assert_eq!(pooled("mean"), [2.0, 1.0]);
        assert_eq!(pooled("max"), [3.0, 4.0]);
        assert_eq!(pooled("weightedmean"), [7.0 / 3.0, 2.0]);
        assert!((pooled("mean_sqrt_len_tokens")[0] - 4.0 / 2.0_f32.sqrt()).abs() < 1e-6);
        assert!(Modules::plain("median", false).is_err());
        let unit = Modules::plain("lasttoken", true)
            .unwrap()
            .apply(&tokens())
            .unwrap();
        assert_eq!(unit, [0.6, 0.8]);
        assert_eq!(normalized(vec![0.0]), [0.0]);
    }

    #[test]
    fn pooling_is_read_in_both_forms() {
        assert_eq!(
            pools(&json!({"pooling_mode": "cls+max"})).unwrap(),
            [Pool::Cls, Pool::Max]
        );
        let old = json!({"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true});
        assert_eq!(pools(&old).unwrap(), [Pool::Mean]);
        assert!(pools(&json!({})).is_err());
    }

    #[test]
    fn a_module_that_is_not_served_is_named() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path());
        assert!(Modules::read(&folder).unwrap().is_none());
        let write = |text: &str| fs::write(root.path().join("modules.json"), text).unwrap();
        write(r#"[{"type": "sentence_transformers.models.WKPooling", "path": "1"}]"#);
        assert!(
            Modules::read(&folder)
                .unwrap_err()
                .message()
                .contains("`WKPooling`")
        );
        write(r#"[{"type": "x.Transformer", "path": ""}]"#);
        assert!(
            Modules::read(&folder)
                .unwrap_err()
                .message()
                .contains("no Pooling")
        );
        write(r#"[{"type": "x.Pooling", "path": "../1"}]"#);
        assert!(Modules::read(&folder).is_err());
    }
}
