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

#[cfg(test)]
mod tests {
    use hari_core::Element;
    use hari_error::Kind;
    use proptest::prelude::*;

    use super::*;

    fn reply<T: Element>(name: &str, shape: &[usize], values: Vec<T>) -> Message {
        let tensor = Tensor::from_vec(shape, values).unwrap();
        let columns = vec![format!("column of {name}")];
        Message::tensors(vec![NamedTensor {
            columns,
            ..NamedTensor::new(name, tensor)
        }])
    }

    fn only(message: &Message) -> &NamedTensor {
        &message.as_tensors().unwrap()[0]
    }

    fn refusal(replies: &[Message]) -> String {
        let error = combine(replies).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        error.message().to_owned()
    }

    #[test]
    fn the_mean_has_the_names_of_the_first() {
        let replies = [
            reply("a", &[1, 2], vec![1.0_f32, 2.0]),
            reply("b", &[1, 2], vec![2.0_f32, 4.0]),
        ];
        let mean = combine(&replies).unwrap();
        let named = only(&mean);
        assert_eq!(*named.tensor.values::<f32>().unwrap(), [1.5, 3.0]);
        assert_eq!((&*named.name, named.tensor.shape()), ("a", &[1, 2][..]));
        assert_eq!(named.columns, ["column of a"]);
    }

    #[test]
    fn one_float_type_is_kept_and_any_other_mix_is_double() {
        let single = || reply("a", &[1], vec![1.0_f32]);
        let double = || reply("a", &[1], vec![2.0_f64]);
        let whole = || reply("a", &[1], vec![2_i64]);
        for (replies, dtype, value) in [
            (vec![single(), single()], DataType::Fp32, 1.0),
            (vec![single(), double()], DataType::Fp64, 1.5),
            (vec![whole(), single()], DataType::Fp64, 1.5),
            (
                vec![whole(), reply("a", &[1], vec![3_u8])],
                DataType::Fp64,
                2.5,
            ),
            (vec![single()], DataType::Fp32, 1.0),
        ] {
            let mean = combine(&replies).unwrap();
            assert_eq!(only(&mean).tensor.dtype(), dtype);
            assert_eq!(only(&mean).tensor.to_f64().unwrap(), [value]);
        }
    }

    #[test]
    fn several_tensors_go_by_name() {
        let part = |name: &str, value: f64| {
            NamedTensor::new(name, Tensor::from_vec([1], vec![value]).unwrap())
        };
        let first = Message::tensors(vec![part("x", 1.0), part("y", 10.0)]);
        let second = Message::tensors(vec![part("y", 30.0), part("x", 3.0)]);
        let mean = combine(&[first.clone(), second]).unwrap();
        let found: Vec<_> = mean
            .as_tensors()
            .unwrap()
            .iter()
            .map(|n| (&*n.name, n))
            .collect();
        assert_eq!(found[0].0, "x");
        assert_eq!(found[0].1.tensor.to_f64().unwrap(), [2.0]);
        assert_eq!(found[1].1.tensor.to_f64().unwrap(), [20.0]);
        let other = Message::tensors(vec![part("x", 1.0), part("z", 1.0)]);
        assert_eq!(
            refusal(&[first, other]),
            "child 1 has no tensor `y` as child 0 has"
        );
    }

    #[test]
    fn what_cannot_be_averaged_names_both() {
        let narrow = || reply("a", &[1, 2], vec![1.0_f32, 2.0]);
        let wide = || reply("b", &[1, 3], vec![1.0_f32, 2.0, 3.0]);
        assert_eq!(
            refusal(&[narrow(), narrow(), wide()]),
            "cannot average `a` [1, 2] of child 0 and `b` [1, 3] of child 2: the shapes must be \
             the same"
        );
        let flags = Message::tensor("f", Tensor::from_bools([1], &[true]).unwrap());
        assert_eq!(
            refusal(&[flags]),
            "tensor `f` of child 0: expected numbers to average, found BOOL"
        );
        let text = Message {
            payload: Payload::Text("no".to_owned()),
            ..Message::default()
        };
        assert_eq!(
            refusal(&[narrow(), text]),
            "the reply of child 1: expected data to average, found strData"
        );
        let none = Message::tensors(Vec::new());
        assert_eq!(
            refusal(&[narrow(), none]),
            "the reply of child 1: expected as many tensors as child 0 has, 1, found 0"
        );
        assert_eq!(
            refusal(&[]),
            "expected the replies of children to average, found none"
        );
    }

    proptest! {
        #[test]
        fn the_mean_of_equal_replies_is_the_reply(
            values in prop::collection::vec(-1e6_f64..1e6, 1..20),
            children in 1_usize..8,
        ) {
            let replies = vec![reply("a", &[values.len()], values.clone()); children];
            let mean = combine(&replies).unwrap();
            for (found, expected) in only(&mean).tensor.to_f64().unwrap().iter().zip(&values) {
                prop_assert!((found - expected).abs() <= expected.abs() * 1e-12);
            }
        }
    }
}
