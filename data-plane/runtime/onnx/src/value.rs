//! Tensors to values of the engine and back, without a copy where the types agree.

use std::borrow::Cow;

use half::f16;
use hari_core::{DataType, Element, Tensor, TensorSpec};
use hari_error::{Error, Result};
use rten::{Value, ValueOrView, ValueView};
use rten_tensor::{Layout, Tensor as Owned, TensorView};

/// The engine's value of an input: borrowed where the type is the engine's own and the bytes are
/// aligned, else converted.
///
/// # Errors
/// `InvalidInput` if an INT64 element does not fit 32 bits.
pub(crate) fn input<'a>(spec: &TensorSpec, tensor: &'a Tensor) -> Result<ValueOrView<'a>> {
    if tensor.dtype() != spec.dtype {
        return Err(Error::internal(format!(
            "input `{}`: expected {}, found {}",
            spec.name,
            spec.dtype,
            tensor.dtype()
        )));
    }
    match tensor.dtype() {
        DataType::Fp32 => same::<f32>(tensor),
        DataType::Int32 => same::<i32>(tensor),
        DataType::Int8 => same::<i8>(tensor),
        DataType::Uint8 => same::<u8>(tensor),
        DataType::Fp16 => converted(tensor, |value: f16| Some(value.to_f32())),
        DataType::Bool => converted(tensor, |value: u8| Some(i32::from(value))),
        DataType::Int64 => converted(tensor, |value: i64| i32::try_from(value).ok()),
        other => Err(Error::internal(format!("the engine has no {other}"))),
    }
    .map_err(|error| error.context(format!("input `{}`", spec.name)))
}

/// The same for an INT64 input whose largest and smallest values mean "no bound".
///
/// # Errors
/// None for values of the declared type.
pub(crate) fn saturated<'a>(spec: &TensorSpec, tensor: &'a Tensor) -> Result<ValueOrView<'a>> {
    let bounds = (i64::from(i32::MIN), i64::from(i32::MAX));
    match tensor.dtype() {
        DataType::Int64 => converted(tensor, |value: i64| {
            i32::try_from(value.clamp(bounds.0, bounds.1)).ok()
        }),
        _ => input(spec, tensor),
    }
}

fn same<'a, T: Element>(tensor: &'a Tensor) -> Result<ValueOrView<'a>>
where
    ValueView<'a>: From<TensorView<'a, T>>,
    Value: From<Owned<T>>,
{
    match tensor.values::<T>()? {
        Cow::Borrowed(values) => {
            let view = TensorView::try_from_data(tensor.shape(), values);
            Ok(ValueOrView::View(
                view.map_err(|_| misshapen(tensor.shape()))?.into(),
            ))
        }
        Cow::Owned(values) => owned(tensor.shape(), values),
    }
}

fn converted<'a, T: Element, U>(
    tensor: &Tensor,
    convert: impl Fn(T) -> Option<U>,
) -> Result<ValueOrView<'a>>
where
    Value: From<Owned<U>>,
{
    let values = tensor.values::<T>()?;
    let converted: Option<Vec<U>> = values.iter().map(|&value| convert(value)).collect();
    let converted = converted.ok_or_else(|| {
        Error::invalid(
            "the engine computes INT64 in 32 bits, \
             and a value lies beyond -2147483648..=2147483647",
        )
    })?;
    owned(tensor.shape(), converted)
}

fn owned<'a, T>(shape: &[usize], values: Vec<T>) -> Result<ValueOrView<'a>>
where
    Value: From<Owned<T>>,
{
    let tensor = Owned::try_from_data(shape, values).map_err(|_| misshapen(shape))?;
    Ok(ValueOrView::Value(tensor.into()))
}

fn misshapen(shape: &[usize]) -> Error {
    Error::internal(format!("the elements do not fill shape {shape:?}"))
}

/// The outputs under their declared types. `places` says for each spec which value is its; the
/// last use of a value takes it without a copy.
pub(crate) fn outputs(
    specs: Vec<&TensorSpec>,
    values: Vec<Value>,
    places: &[usize],
) -> Result<Vec<Tensor>> {
    let mut values: Vec<Option<Value>> = values.into_iter().map(Some).collect();
    let mut tensors = Vec::with_capacity(specs.len());
    for (at, (spec, &place)) in specs.into_iter().zip(places).enumerate() {
        let again = places.iter().skip(at + 1).any(|&later| later == place);
        let slot = values.get_mut(place);
        let value = slot.and_then(|slot| if again { slot.clone() } else { slot.take() });
        let value = value.ok_or_else(|| Error::internal("the engine left out an output"))?;
        let tensor = output(spec, value)?;
        check_rank(spec, &tensor)?;
        tensors.push(tensor);
    }
    Ok(tensors)
}

/// An output of another rank than declared is a sign that something was computed differently.
/// Sizes are let through: many files declare the batch they were exported with.
fn check_rank(spec: &TensorSpec, tensor: &Tensor) -> Result<()> {
    match &spec.shape {
        Some(shape) if shape.len() != tensor.shape().len() => Err(Error::model(format!(
            "output `{}`: the model declares shape {:?}, the engine computed {:?}",
            spec.name,
            spec.wire_shape(),
            tensor.shape()
        ))),
        _ => Ok(()),
    }
}

/// Checks what was computed against what the model declares.
///
/// # Errors
/// `Model` if the type or the rank is another.
pub(crate) fn check(spec: &TensorSpec, tensor: &Tensor) -> Result<()> {
    if tensor.dtype() != spec.dtype {
        return Err(Error::model(format!(
            "output `{}`: the model declares {}, computed was {}",
            spec.name,
            spec.dtype,
            tensor.dtype()
        )));
    }
    check_rank(spec, tensor)
}

/// An output under its declared type.
///
/// # Errors
/// `Model` if the engine computed another type.
pub(crate) fn output(spec: &TensorSpec, value: Value) -> Result<Tensor> {
    match (spec.dtype, value) {
        (DataType::Fp32, Value::FloatTensor(tensor)) => taken(tensor),
        (DataType::Int32, Value::Int32Tensor(tensor)) => taken(tensor),
        (DataType::Int8, Value::Int8Tensor(tensor)) => taken(tensor),
        (DataType::Uint8, Value::UInt8Tensor(tensor)) => taken(tensor),
        (DataType::Fp16, Value::FloatTensor(tensor)) => cast(tensor, f16::from_f32),
        (DataType::Int64, Value::Int32Tensor(tensor)) => cast(tensor, i64::from),
        (DataType::Bool, Value::Int32Tensor(tensor)) => {
            let shape = tensor.shape().to_vec();
            let bools: Vec<bool> = tensor.into_data().iter().map(|&value| value != 0).collect();
            Tensor::from_bools(shape, &bools)
        }
        (declared, value) => Err(Error::model(format!(
            "output `{}`: the model declares {declared}, the engine computed {}",
            spec.name,
            value.dtype()
        ))),
    }
}

fn taken<T: Element>(tensor: Owned<T>) -> Result<Tensor> {
    let shape = tensor.shape().to_vec();
    Tensor::from_vec(shape, tensor.into_data())
}

fn cast<T: Clone, U: Element>(tensor: Owned<T>, convert: impl Fn(T) -> U) -> Result<Tensor> {
    let shape = tensor.shape().to_vec();
    Tensor::from_vec(shape, tensor.into_data().into_iter().map(convert).collect())
}
