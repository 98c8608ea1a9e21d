//! Operators made of a rule for their types and a function.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::convert::convert;
use crate::{Inputs, Operator, Type, Value};

/// What a builder returns.
pub(crate) type Built = Result<Box<dyn Operator>>;

/// The type of one output.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    /// The type of the input at this place.
    Like(usize),
    /// A tensor of these elements.
    Is(DataType),
    /// This type, if any is known.
    Known(Option<Type>),
    /// What the types of the inputs say.
    By(fn(&[Option<Type>]) -> Option<Type>),
}

/// An operator of one output that moves elements of any type.
pub(crate) fn moved(
    rule: Rule,
    run: impl Fn(Inputs<'_>) -> Result<Tensor> + Send + Sync + 'static,
) -> Built {
    moved_many(vec![rule], move |inputs| Ok(vec![run(inputs)?.into()]))
}

/// An operator that moves values of any type.
pub(crate) fn moved_many(
    rules: Vec<Rule>,
    run: impl Fn(Inputs<'_>) -> Result<Vec<Value>> + Send + Sync + 'static,
) -> Built {
    Ok(Box::new(Ruled {
        takes: None,
        rules,
        run,
    }))
}

/// An operator of one output that computes. Its first input has elements of `takes`; FP16 and BF16
/// reach `run` as FP32 and its outputs are rounded back.
pub(crate) fn computed(
    takes: &'static [DataType],
    rule: Rule,
    run: impl Fn(Inputs<'_>) -> Result<Tensor> + Send + Sync + 'static,
) -> Built {
    computed_many(takes, vec![rule], move |inputs| {
        Ok(vec![run(inputs)?.into()])
    })
}

/// As [`computed`], with any number of outputs.
pub(crate) fn computed_many(
    takes: &'static [DataType],
    rules: Vec<Rule>,
    run: impl Fn(Inputs<'_>) -> Result<Vec<Value>> + Send + Sync + 'static,
) -> Built {
    Ok(Box::new(Ruled {
        takes: Some(takes),
        rules,
        run,
    }))
}

struct Ruled<F> {
    takes: Option<&'static [DataType]>,
    rules: Vec<Rule>,
    run: F,
}

impl<F> Operator for Ruled<F>
where
    F: Fn(Inputs<'_>) -> Result<Vec<Value>> + Send + Sync,
{
    fn types(&self, inputs: &[Option<Type>]) -> Result<Vec<Option<Type>>> {
        if let (Some(takes), Some(Some(first))) = (self.takes, inputs.first()) {
            taken(takes, first)?;
        }
        Ok(self.rules.iter().map(|rule| rule.of(inputs)).collect())
    }

    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        if self.takes.is_none() || !inputs.0.iter().any(is_half) {
            return (self.run)(inputs);
        }
        let given: Vec<_> = inputs
            .0
            .iter()
            .map(|value| value.as_ref().map(kind))
            .collect();
        let rules = self.types(&given)?;
        let wide: Result<Vec<_>> = inputs.0.iter().map(widened).collect();
        let made = (self.run)(Inputs(&wide?))?;
        let mut rules = rules.into_iter().chain(std::iter::repeat(None));
        made.into_iter()
            .map(|value| narrowed(value, rules.next().flatten()))
            .collect()
    }
}

impl Rule {
    fn of(&self, inputs: &[Option<Type>]) -> Option<Type> {
        match self {
            Self::Like(at) => inputs.get(*at).cloned().flatten(),
            Self::Is(dtype) => Some(Type::Tensor(*dtype)),
            Self::Known(known) => known.clone(),
            Self::By(rule) => rule(inputs),
        }
    }
}

fn taken(takes: &[DataType], first: &Type) -> Result<()> {
    if matches!(first, Type::Tensor(dtype) if takes.contains(dtype)) {
        return Ok(());
    }
    let names: Vec<_> = takes.iter().map(|dtype| dtype.name()).collect();
    Err(Error::model(format!(
        "expected a tensor of {}, found {first}",
        names.join(", ")
    )))
}

/// The type of a value, as far as its elements tell.
fn kind(value: &Value) -> Type {
    let nothing = || Type::Tensor(DataType::Fp32);
    match value {
        Value::Tensor(tensor) => Type::Tensor(tensor.dtype()),
        Value::Sequence(values) => {
            Type::Sequence(Box::new(values.first().map_or_else(nothing, kind)))
        }
        Value::Map(entries) => {
            let value = entries
                .first()
                .map_or_else(nothing, |(_, value)| kind(value));
            Type::Map(DataType::Int64, Box::new(value))
        }
        Value::Optional(inner) => {
            Type::Optional(Box::new(inner.as_deref().map_or_else(nothing, kind)))
        }
    }
}

fn half(dtype: DataType) -> bool {
    matches!(dtype, DataType::Fp16 | DataType::Bf16)
}

fn is_half(value: &Option<Value>) -> bool {
    matches!(value, Some(Value::Tensor(tensor)) if half(tensor.dtype()))
}

fn widened(value: &Option<Value>) -> Result<Option<Value>> {
    match value {
        Some(Value::Tensor(tensor)) if half(tensor.dtype()) => {
            Ok(Some(convert(tensor, DataType::Fp32)?.into()))
        }
        other => Ok(other.clone()),
    }
}

fn narrowed(value: Value, rule: Option<Type>) -> Result<Value> {
    match (value, rule) {
        (Value::Tensor(tensor), Some(Type::Tensor(dtype))) if half(dtype) => {
            Ok(convert(&tensor, dtype)?.into())
        }
        (other, _) => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;
    use crate::number::FLOATS;

    fn doubled() -> Box<dyn Operator> {
        computed(FLOATS, Rule::Like(0), |inputs| {
            let tensor = inputs.tensor(0)?;
            let twice = tensor.values::<f32>()?.iter().map(|x| x * 2.0).collect();
            Tensor::from_vec(tensor.shape(), twice)
        })
        .unwrap()
    }

    #[test]
    fn half_precision_is_computed_in_single() {
        let half = Tensor::from_vec([1], vec![f16::from_f32(1.5)]).unwrap();
        let made = doubled().run(Inputs(&[Some(half.into())])).unwrap();
        let made = made[0].tensor().unwrap().to_vec::<f16>().unwrap();
        assert_eq!(made, [f16::from_f32(3.0)]);
    }

    #[test]
    fn what_is_not_taken_is_named() {
        let strings = [Some(Type::Tensor(DataType::Bytes))];
        let error = doubled().types(&strings).unwrap_err();
        assert_eq!(
            error.message(),
            "expected a tensor of FP16, BF16, FP32, FP64, found tensor(BYTES)"
        );
        assert_eq!(doubled().types(&[None]).unwrap(), [None]);
    }
}
