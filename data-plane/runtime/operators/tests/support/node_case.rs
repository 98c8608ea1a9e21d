//! One of ONNX's node tests: a model, inputs and the outputs that are expected.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use hari_core::{DataType, Tensor};
use hari_operators::{Value, constant};
use hari_proto::onnx::{ModelProto, TensorProto, TypeProto, ValueInfoProto, type_proto};
use prost::Message;

use crate::graph;

/// Relative tolerance of ONNX's own runner.
const RELATIVE: f64 = 1e-3;
/// Absolute tolerance of ONNX's own runner.
const ABSOLUTE: f64 = 1e-7;

/// A file that holds a sequence.
#[derive(Clone, PartialEq, Message)]
struct SequenceProto {
    #[prost(int32, optional, tag = "2")]
    elem_type: Option<i32>,
    #[prost(message, repeated, tag = "3")]
    tensors: Vec<TensorProto>,
    #[prost(message, repeated, tag = "5")]
    sequences: Vec<SequenceProto>,
}

/// A file that holds a value which may be absent.
#[derive(Clone, PartialEq, Message)]
struct OptionalProto {
    #[prost(int32, optional, tag = "2")]
    elem_type: Option<i32>,
    #[prost(message, optional, tag = "3")]
    tensor: Option<TensorProto>,
    #[prost(message, optional, tag = "5")]
    sequence: Option<SequenceProto>,
}

/// The model of a case.
pub(crate) fn load(case: &Path) -> Result<ModelProto> {
    let bytes = fs::read(case.join("model.onnx"))?;
    Ok(ModelProto::decode(bytes.as_slice())?)
}

/// Runs every data set of a case.
pub(crate) fn run(case: &Path) -> Result<()> {
    let model = load(case)?;
    let graph = graph::model(&model)?;
    let declared = model.graph.context("no graph")?;
    for set in 0.. {
        let folder = case.join(format!("test_data_set_{set}"));
        if !folder.exists() {
            ensure!(set > 0, "no data");
            return Ok(());
        }
        let given = declared.input.iter().enumerate();
        let given = given.map(|(at, info)| value(&folder.join(format!("input_{at}.pb")), info));
        let made = graph.run_all(given.collect::<Result<_>>()?)?;
        for (at, (info, made)) in declared.output.iter().zip(&made).enumerate() {
            let wanted = value(&folder.join(format!("output_{at}.pb")), info)?;
            let wanted = wanted.context("no output")?;
            alike(made, &wanted).with_context(|| format!("output {at}"))?;
        }
    }
    Ok(())
}

fn value(file: &Path, info: &ValueInfoProto) -> Result<Option<Value>> {
    let Ok(bytes) = fs::read(file) else {
        return Ok(None);
    };
    let kind = info
        .r#type
        .as_ref()
        .and_then(|kind: &TypeProto| kind.value.as_ref());
    Ok(Some(match kind {
        Some(type_proto::Value::SequenceType(_)) => {
            sequence(&SequenceProto::decode(bytes.as_slice())?)?
        }
        Some(type_proto::Value::OptionalType(_)) => {
            let optional = OptionalProto::decode(bytes.as_slice())?;
            let inner = match (optional.tensor, optional.sequence) {
                (Some(tensor), _) => Some(Value::from(constant(&tensor)?)),
                (_, Some(list)) => Some(sequence(&list)?),
                _ => None,
            };
            Value::Optional(inner.map(Box::new))
        }
        _ => constant(&TensorProto::decode(bytes.as_slice())?)?.into(),
    }))
}

fn sequence(list: &SequenceProto) -> Result<Value> {
    let tensors = list
        .tensors
        .iter()
        .map(|tensor| Ok(constant(tensor)?.into()));
    let inner = list.sequences.iter().map(sequence);
    Ok(Value::Sequence(
        tensors.chain(inner).collect::<Result<_>>()?,
    ))
}

fn alike(made: &Value, wanted: &Value) -> Result<()> {
    match (made, wanted) {
        (Value::Tensor(made), Value::Tensor(wanted)) => tensors(made, wanted),
        (Value::Sequence(made), Value::Sequence(wanted)) => {
            ensure!(
                made.len() == wanted.len(),
                "{} values, expected {}",
                made.len(),
                wanted.len()
            );
            made.iter().zip(wanted).try_for_each(|(a, b)| alike(a, b))
        }
        (Value::Optional(Some(made)), Value::Optional(Some(wanted))) => alike(made, wanted),
        (Value::Optional(None), Value::Optional(None)) => Ok(()),
        (made, Value::Optional(Some(wanted))) => alike(made, wanted),
        _ => bail!("found {}, expected {}", made.kind(), wanted.kind()),
    }
}

fn tensors(made: &Tensor, wanted: &Tensor) -> Result<()> {
    let kinds = (made.dtype(), made.shape());
    ensure!(
        kinds == (wanted.dtype(), wanted.shape()),
        "found {kinds:?}, expected {:?}",
        (wanted.dtype(), wanted.shape())
    );
    if made.dtype() == DataType::Bytes {
        ensure!(
            made.strings()? == wanted.strings()?,
            "found {:?}, expected {:?}",
            made.strings()?,
            wanted.strings()?
        );
        return Ok(());
    }
    for (at, (a, b)) in made.to_f64()?.iter().zip(wanted.to_f64()?).enumerate() {
        let near = (a - b).abs() <= ABSOLUTE + RELATIVE * b.abs();
        let same = *a == b || (a.is_nan() && b.is_nan());
        ensure!(near || same, "element {at}: found {a}, expected {b}");
    }
    Ok(())
}
