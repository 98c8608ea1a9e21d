//! The network of a folder: which file it is in, and one run over rows of different lengths.

mod groups;

use hari_core::{Call, DataType, Dim, Model as _, Signature, Tensor, TensorSpec};
use hari_error::{Error, Result};
use hari_onnx::OnnxModel;

use crate::config::Config;
use crate::folder::Folder;
use crate::graph::{self, Head};
use crate::weights::Weights;

/// Files that a network may be in, the first that is there wins.
const FILES: [&str; 4] = [
    "model.onnx",
    "onnx/model.onnx",
    "model.safetensors",
    "model.safetensors.index.json",
];

/// Tokens of one run at most, padding included; a single row may have more.
const MOST_TOKENS: usize = 8192;
/// Floats of an output of one run at most.
const MOST_FLOATS: usize = 16 << 20;

/// A loaded network.
pub(crate) struct Network {
    model: OnnxModel,
    feeds: Vec<Feed>,
    pad: u32,
    /// Rows and tokens of a run, if the export fixed them.
    rows: Option<usize>,
    length: Option<usize>,
}

/// An input of the network.
struct Feed {
    what: What,
    dtype: DataType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Ids,
    Mask,
    Types,
    Positions,
}

/// The tokens of one text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) ids: &'a [u32],
    pub(crate) types: &'a [u32],
}

/// What an output has one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Per {
    /// A vector for each row.
    Row,
    /// A vector for each token, or a number.
    Token,
}

/// An output that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its place among the network's outputs.
    pub(crate) at: usize,
    pub(crate) per: Per,
}

/// An output for one row: vectors of `width`, one behind the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) width: usize,
    pub(crate) values: Vec<f32>,
}

impl Part {
    /// The vectors.
    pub(crate) fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

/// The file of the network in a folder.
///
/// # Errors
/// If there is none, or not the one that is wanted.
pub(crate) fn file(folder: &Folder, wanted: Option<&str>) -> Result<String> {
    if let Some(wanted) = wanted {
        let beside = [wanted.to_owned(), format!("onnx/{wanted}")];
        return beside
            .into_iter()
            .find(|name| folder.has(name))
            .ok_or_else(|| {
                Error::model(format!(
                    "parameter `file_name`: the folder has no `{wanted}`"
                ))
            });
    }
    let found = FILES.iter().find(|name| folder.has(name));
    found.map(|&name| name.to_owned()).ok_or_else(|| {
        let instead = if folder.has("pytorch_model.bin") {
            "; `pytorch_model.bin` is a pickle, which is not read: save the model again with safe_serialization"
        } else {
            ""
        };
        Error::model(format!("the folder has no network: expected {}{instead}", FILES.join(", ")))
    })
}

impl Network {
    /// Loads the network of `file`, which ends in `head`.
    pub(crate) fn load(
        folder: &Folder,
        file: &str,
        (config, head): (&Config, Head),
        options: &hari_onnx::Options,
        pad: u32,
    ) -> Result<Self> {
        let model = if file.ends_with(".onnx") {
            OnnxModel::load_file(&folder.path(file)?, options)?
        } else {
            let weights = Weights::read(folder, file)?;
            let graph = graph::write(config, &weights, head)?;
            OnnxModel::load_graph(&graph.model, vec![graph.signature], options)?
        };
        Self::new(model, pad)
    }

    fn new(model: OnnxModel, pad: u32) -> Result<Self> {
        let inputs = &signature(&model)?.inputs;
        let feeds = inputs.iter().map(Feed::of).collect::<Result<Vec<_>>>()?;
        let fixed = |axis: usize| {
            let dims = inputs
                .iter()
                .filter_map(|input| input.shape.as_ref()?.get(axis));
            dims.filter_map(|dim| match dim {
                Dim::Fixed(size) => Some(*size),
                Dim::Dynamic(_) => None,
            })
            .min()
        };
        let (rows, length) = (fixed(0), fixed(1));
        Ok(Self {
            rows,
            length,
            model,
            feeds,
            pad,
        })
    }

    /// Tokens of a row, if the export fixed or bounded them.
    pub(crate) fn length(&self) -> Option<usize> {
        self.length
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        self.model.memory_bytes()
    }

    pub(crate) fn engine(&self) -> &str {
        self.model.engine()
    }

    pub(crate) fn platform(&self) -> &str {
        self.model.platform()
    }

    /// Places of the outputs of these names, each the first that is there.
    pub(crate) fn find(&self, names: &[&str]) -> Option<usize> {
        let outputs = &self.model.signatures().first()?.outputs;
        names
            .iter()
            .find_map(|name| outputs.iter().position(|output| output.name == *name))
    }

    /// How many outputs there are.
    pub(crate) fn outputs(&self) -> &[TensorSpec] {
        self.model
            .signatures()
            .first()
            .map_or(&[], |signature| &signature.outputs)
    }

    /// Computes the wanted outputs of every row, in the order of the rows.
    pub(crate) fn run(&self, rows: &[Row<'_>], wanted: &[Wanted]) -> Result<Vec<Vec<Part>>> {
        let mut answers: Vec<Vec<Part>> = vec![Vec::new(); rows.len()];
        let lengths: Vec<usize> = rows.iter().map(|row| row.ids.len()).collect();
        let bounds = groups::Bounds {
            rows: self.rows.unwrap_or(32),
            tokens: MOST_TOKENS.min(MOST_FLOATS / self.width(wanted)).max(1),
        };
        for group in groups::by_length(&lengths, bounds) {
            let members: Vec<Row<'_>> = group
                .iter()
                .filter_map(|&at| rows.get(at).copied())
                .collect();
            for (at, parts) in group.into_iter().zip(self.group(&members, wanted)?) {
                if let Some(answer) = answers.get_mut(at) {
                    *answer = parts;
                }
            }
        }
        Ok(answers)
    }

    /// Floats that a token takes in the widest output.
    fn width(&self, wanted: &[Wanted]) -> usize {
        let specs = wanted
            .iter()
            .filter_map(|wanted| self.outputs().get(wanted.at));
        let last = specs.filter_map(|spec| match spec.shape.as_deref()?.last()? {
            Dim::Fixed(width) => Some(*width),
            Dim::Dynamic(_) => None,
        });
        last.max().unwrap_or(4096).max(1)
    }

    fn group(&self, rows: &[Row<'_>], wanted: &[Wanted]) -> Result<Vec<Vec<Part>>> {
        let longest = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
        let length = self.length.unwrap_or(longest).max(1);
        if longest > length {
            return Err(Error::invalid(format!(
                "a text has {longest} tokens, the network takes {length}"
            )));
        }
        let count = self.rows.unwrap_or(rows.len()).max(1);
        let inputs = self
            .feeds
            .iter()
            .map(|feed| feed.tensor(rows, (count, length), self.pad));
        let call = Call {
            signature: 0,
            inputs: inputs.collect::<Result<Vec<_>>>()?,
            outputs: wanted.iter().map(|wanted| wanted.at).collect(),
        };
        let outputs = self.model.run(call)?;
        let lengths: Vec<usize> = rows.iter().map(|row| row.ids.len()).collect();
        let mut answers: Vec<Vec<Part>> = vec![Vec::with_capacity(wanted.len()); rows.len()];
        for (wanted, tensor) in wanted.iter().zip(outputs) {
            let parts = cut(&tensor, wanted.per, (count, length), &lengths)?;
            for (answer, part) in answers.iter_mut().zip(parts) {
                answer.push(part);
            }
        }
        Ok(answers)
    }
}

fn signature(model: &OnnxModel) -> Result<&Signature> {
    model
        .signatures()
        .first()
        .ok_or_else(|| Error::model("the network has no signature"))
}

impl Feed {
    fn of(spec: &TensorSpec) -> Result<Self> {
        let what = match &*spec.name {
            "input_ids" => What::Ids,
            "attention_mask" => What::Mask,
            "token_type_ids" => What::Types,
            "position_ids" => What::Positions,
            _ => {
                return Err(Error::model(format!(
                    "the network takes {spec}: expected input_ids, attention_mask, token_type_ids or position_ids"
                )));
            }
        };
        if !matches!(spec.dtype, DataType::Int64 | DataType::Int32) {
            return Err(Error::model(format!(
                "the network takes {spec}: expected INT64 or INT32"
            )));
        }
        Ok(Self {
            what,
            dtype: spec.dtype,
        })
    }

    /// `[count, length]`; rows that are not there are padding.
    fn tensor(
        &self,
        rows: &[Row<'_>],
        (count, length): (usize, usize),
        pad: u32,
    ) -> Result<Tensor> {
        let filler = if self.what == What::Ids {
            i64::from(pad)
        } else {
            0
        };
        let mut values = vec![filler; count * length];
        for (slot, row) in values.chunks_exact_mut(length).zip(rows) {
            self.fill(slot, *row);
        }
        if self.dtype == DataType::Int64 {
            return Tensor::from_vec([count, length], values);
        }
        let narrow = values
            .iter()
            .map(|&value| i32::try_from(value).unwrap_or(i32::MAX))
            .collect();
        Tensor::from_vec::<i32>([count, length], narrow)
    }

    fn fill(&self, slot: &mut [i64], row: Row<'_>) {
        match self.what {
            What::Ids => copy(slot, row.ids),
            What::Types => copy(slot, row.types),
            What::Mask => slot
                .iter_mut()
                .zip(row.ids)
                .for_each(|(value, _)| *value = 1),
            What::Positions => slot.iter_mut().zip(0..).for_each(|(value, at)| *value = at),
        }
    }
}

fn copy(slot: &mut [i64], from: &[u32]) {
    for (value, &id) in slot.iter_mut().zip(from) {
        *value = i64::from(id);
    }
}

/// The rows of an output, without their padding.
fn cut(
    tensor: &Tensor,
    per: Per,
    (count, length): (usize, usize),
    lengths: &[usize],
) -> Result<Vec<Part>> {
    let (shape, found) = (tensor.shape(), tensor.dtype());
    let width = match (per, shape) {
        (Per::Row, &[rows, width]) if rows == count => Some(width),
        (Per::Token, &[rows, tokens]) if (rows, tokens) == (count, length) => Some(1),
        (Per::Token, &[rows, tokens, width]) if (rows, tokens) == (count, length) => Some(width),
        _ => None,
    };
    let width = width.filter(|&width| width > 0).ok_or_else(|| {
        let expected = if per == Per::Row { "[rows, width]" } else { "[rows, tokens, width]" };
        Error::model(format!(
            "the network answered {found} {shape:?} for {count} rows of {length} tokens: expected {expected}"
        ))
    })?;
    let tensor = if found == DataType::Fp32 {
        tensor.clone()
    } else {
        tensor.clone().cast(DataType::Fp32)?
    };
    let values = tensor.values::<f32>()?;
    let per_row = values.len() / count.max(1);
    let rows = values.chunks_exact(per_row.max(1)).zip(lengths);
    let part = |(row, &length): (&[f32], &usize)| {
        let kept = if per == Per::Row {
            width
        } else {
            length * width
        };
        Part {
            width,
            values: row.get(..kept).unwrap_or(row).to_vec(),
        }
    };
    Ok(rows.map(part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_cut_off() {
        let tensor = Tensor::from_vec([2, 3, 1], vec![1.0_f32, 2.0, 0.0, 3.0, 4.0, 5.0]).unwrap();
        let parts = cut(&tensor, Per::Token, (2, 3), &[2, 3]).unwrap();
        assert_eq!(parts[0].values, [1.0, 2.0]);
        assert_eq!(
            parts[1].vectors().map(|one| one[0]).collect::<Vec<_>>(),
            [3.0, 4.0, 5.0]
        );
    }

    #[test]
    fn an_output_of_another_shape_is_the_models_fault() {
        let tensor = Tensor::from_vec([2, 3], vec![0.0_f32; 6]).unwrap();
        let error = cut(&tensor, Per::Row, (3, 3), &[3, 3, 3]).unwrap_err();
        assert!(error.message().contains("FP32 [2, 3]"), "{error}");
        assert_eq!(cut(&tensor, Per::Row, (2, 9), &[9, 9]).unwrap()[1].width, 3);
    }

    #[test]
    fn inputs_are_padded_to_the_longest() {
        let spec = |name: &str, dtype| TensorSpec {
            name: name.to_owned(),
            dtype,
            shape: None,
        };
        let rows = [
            Row {
                ids: &[5, 6],
                types: &[0, 1],
            },
            Row {
                ids: &[7],
                types: &[0],
            },
        ];
        let values = |name, dtype| {
            let feed = Feed::of(&spec(name, dtype)).unwrap();
            feed.tensor(&rows, (2, 2), 9)
                .unwrap()
                .cast(DataType::Int64)
                .unwrap()
                .to_vec::<i64>()
                .unwrap()
        };
        assert_eq!(values("input_ids", DataType::Int64), [5, 6, 7, 9]);
        assert_eq!(values("attention_mask", DataType::Int32), [1, 1, 1, 0]);
        assert_eq!(values("token_type_ids", DataType::Int64), [0, 1, 0, 0]);
        assert_eq!(values("position_ids", DataType::Int64), [0, 1, 0, 1]);
        assert!(Feed::of(&spec("pixel_values", DataType::Fp32)).is_err());
    }
}
