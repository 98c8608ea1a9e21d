//! `AVERAGE_COMBINER`: the element-wise mean of the children's tensors.

use std::sync::Arc;

use hari_core::{
    BoxFuture, Context, DataType, Input, Message, Method, ModelMetadata, NamedTensor, Payload,
    Tensor, Unit,
};
use hari_error::{Error, Result};

use super::{metadata, unimplemented};

/// Answers the element-wise mean of its children's numeric tensors, under the names of the first
/// child's.
///
/// The only tensors of all children are averaged whatever their names; of several, those of the
/// same name. All must have the same shape. The mean is computed in double precision and has the
/// children's type if that is one float type, else FP64.
#[derive(Clone, Debug)]
pub struct AverageCombiner(Arc<ModelMetadata>);

impl AverageCombiner {
    /// A unit of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::new(metadata(name)))
    }
}

impl Unit for AverageCombiner {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            match (method, input) {
                (Method::Aggregate, Input::Many(replies)) => combine(&replies),
                (other, _) => Err(unimplemented("AVERAGE_COMBINER", other)),
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.0.clone()
    }
}

fn combine(replies: &[Message]) -> Result<Message> {
    let all: Vec<&[NamedTensor]> = replies
        .iter()
        .enumerate()
        .map(tensors)
        .collect::<Result<_>>()?;
    let Some((first, others)) = all.split_first() else {
        return Err(Error::invalid(
            "expected the replies of children to average, found none",
        ));
    };
    same_count(first, others)?;
    let means = first.iter().map(|named| mean(named, others));
    Ok(Message::tensors(means.collect::<Result<_>>()?))
}

fn tensors((child, reply): (usize, &Message)) -> Result<&[NamedTensor]> {
    match &reply.payload {
        Payload::Tensors(tensors) => Ok(tensors),
        other => Err(Error::invalid(format!(
            "the reply of child {child}: expected data to average, found {}",
            other.kind()
        ))),
    }
}

fn same_count(first: &[NamedTensor], others: &[&[NamedTensor]]) -> Result<()> {
    match others.iter().position(|other| other.len() != first.len()) {
        None => Ok(()),
        Some(at) => Err(Error::invalid(format!(
            "the reply of child {}: expected as many tensors as child 0 has, {}, found {}",
            at + 1,
            first.len(),
            others.get(at).map_or(0, |other| other.len())
        ))),
    }
}

/// The mean of `named`, a tensor of the first child, and its likes of the other children.
fn mean(named: &NamedTensor, others: &[&[NamedTensor]]) -> Result<NamedTensor> {
    let (mut sums, mut dtype) = (numbers(0, named)?, float_type(named));
    for (at, tensors) in others.iter().enumerate() {
        let like = like(at + 1, tensors, named)?;
        add(&mut sums, &numbers(at + 1, like)?);
        dtype = if dtype == float_type(like) {
            dtype
        } else {
            DataType::Fp64
        };
    }
    let count = (others.len() + 1) as f64;
    sums.iter_mut().for_each(|sum| *sum /= count);
    let tensor = Tensor::from_vec(named.tensor.shape(), sums)?.cast(dtype)?;
    let columns = named.columns.clone();
    Ok(NamedTensor {
        columns,
        ..NamedTensor::new(&*named.name, tensor)
    })
}

fn add(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// The tensor of `child` that goes with the first child's `named`, of the same shape.
fn like<'a>(
    child: usize,
    tensors: &'a [NamedTensor],
    named: &NamedTensor,
) -> Result<&'a NamedTensor> {
    let found = match tensors {
        [only] => Some(only),
        several => several.iter().find(|tensor| tensor.name == named.name),
    };
    let found = found.ok_or_else(|| {
        Error::invalid(format!(
            "child {child} has no tensor `{}` as child 0 has",
            named.name
        ))
    })?;
    if found.tensor.shape() == named.tensor.shape() {
        return Ok(found);
    }
    Err(Error::invalid(format!(
        "cannot average `{}` {:?} of child 0 and `{}` {:?} of child {child}: the shapes must be \
         the same",
        named.name,
        named.tensor.shape(),
        found.name,
        found.tensor.shape()
    )))
}

fn numbers(child: usize, named: &NamedTensor) -> Result<Vec<f64>> {
    if named.tensor.dtype().is_numeric() {
        return named.tensor.to_f64();
    }
    Err(Error::invalid(format!(
        "tensor `{}` of child {child}: expected numbers to average, found {}",
        named.name,
        named.tensor.dtype()
    )))
}

/// The type that a mean of such tensors has.
fn float_type(named: &NamedTensor) -> DataType {
    let dtype = named.tensor.dtype();
    if dtype.is_float() {
        dtype
    } else {
        DataType::Fp64
    }
}
