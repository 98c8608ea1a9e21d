//! Elements kept, chosen or converted one by one: `Where`, `Clip`, `Cast`, `CastLike`, `Dropout`.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::text::own;
use crate::array::{expanded, map, truth};
use crate::cell::{Cell, alike, by_cell, filled};
use crate::compile::{Entry, Node};
use crate::constant::data_type;
use crate::convert::convert;
use crate::number::{NUMBERS, Number, by_number};
use crate::rule::{Built, Rule, computed, moved, moved_many};
use crate::view::common;
use crate::{Inputs, Type, size};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("BitCast", 26, bit_cast),
    own("BitCast", bit_cast),
    Entry::onnx("Cast", 1, cast),
    Entry::onnx("CastLike", 15, |_| {
        moved(Rule::Like(1), |inputs| {
            convert(inputs.tensor(0)?, inputs.tensor(1)?.dtype())
        })
    }),
    Entry::onnx("Clip", 1, clip),
    Entry::onnx("Dropout", 1, dropout),
    Entry::onnx("Where", 9, |_| moved(Rule::Like(1), choose)),
];

fn cast(node: &mut Node<'_>) -> Built {
    let to = target(node)?;
    moved(Rule::Is(to), move |inputs| convert(inputs.tensor(0)?, to))
}

fn bit_cast(node: &mut Node<'_>) -> Built {
    let to = numbered(node)?;
    moved(Rule::Is(to), move |inputs| same_bits(inputs.tensor(0)?, to))
}

/// The same bytes under another type of the same size.
fn same_bits(tensor: &Tensor, to: DataType) -> Result<Tensor> {
    match tensor.bytes() {
        Some(bytes) if tensor.dtype().size() == to.size() => {
            Tensor::from_bytes(to, tensor.shape(), bytes.clone())
        }
        _ => Err(Error::model(format!(
            "{} has not the size of {to}, so that its bits cannot be read so",
            tensor.dtype()
        ))),
    }
}

/// Before version 6 the type is written as a text.
fn target(node: &Node<'_>) -> Result<DataType> {
    if node.version < 6 {
        let name = node.attributes.text("to")?.unwrap_or_default();
        let elem = hari_proto::onnx::tensor_proto::DataType::from_str_name(name);
        return elem
            .and_then(|elem| data_type(elem.into()))
            .ok_or_else(|| Error::model(format!("attribute `to`: no tensor has type `{name}`")));
    }
    numbered(node)
}

/// The type whose number is the attribute `to`.
fn numbered(node: &Node<'_>) -> Result<DataType> {
    let to = node.attributes.int("to")?;
    let to = to.ok_or_else(|| Error::model("attribute `to` is missing"))?;
    i32::try_from(to)
        .ok()
        .and_then(data_type)
        .ok_or_else(|| Error::model(format!("attribute `to`: no tensor has element type {to}")))
}

/// Where both bounds cross, the upper one wins.
fn clip(node: &mut Node<'_>) -> Built {
    let low = node.attributes.float("min")?.map(f64::from);
    let high = node.attributes.float("max")?.map(f64::from);
    computed(NUMBERS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        by_number!(tensor.dtype(), T => {
            let low = bound::<T>(inputs, 1, low)?;
            let high = bound::<T>(inputs, 2, high)?;
            map(tensor, |x: T| {
                let x = low.filter(|&low| x < low).unwrap_or(x);
                high.filter(|&high| x > high).unwrap_or(x)
            })
        })
    })
}

fn bound<T: Number>(inputs: Inputs<'_>, at: usize, fixed: Option<f64>) -> Result<Option<T>> {
    match inputs.optional(at)? {
        Some(bound) if bound.len() == 1 => Ok(bound.values::<T>()?.first().copied()),
        Some(bound) => Err(Error::invalid(format!(
            "input {at}: expected one bound, found shape {:?}",
            bound.shape()
        ))),
        None => Ok(fixed.map(T::near)),
    }
}

fn choose(inputs: Inputs<'_>) -> Result<Tensor> {
    let (test, yes, no) = (inputs.tensor(0)?, inputs.tensor(1)?, inputs.tensor(2)?);
    alike(&[yes, no])?;
    let shape = common([test, yes, no].iter().map(|tensor| tensor.shape()))?;
    size::count(&shape, yes.dtype())?;
    let test = expanded(test, &shape)?;
    let (yes, no) = (expanded(yes, &shape)?, expanded(no, &shape)?);
    let test = test.values::<u8>()?;
    by_cell!(yes.dtype(), T => {
        T::make(yes.dtype(), shape, chosen(&test, &T::read(&yes)?, &T::read(&no)?))
    })
}

fn chosen<T: Cell>(test: &[u8], yes: &[T], no: &[T]) -> Vec<T> {
    let made = test.iter().zip(yes.iter().zip(no));
    let made = made.map(|(&test, (yes, no))| if test == 0 { no } else { yes });
    made.cloned().collect()
}

/// At inference nothing is dropped. The mask has the type of the input before version 10.
fn dropout(node: &mut Node<'_>) -> Built {
    let of_input = node.version < 10;
    let mask = if of_input {
        Rule::Like(0)
    } else {
        Rule::Known(Some(Type::Tensor(DataType::Bool)))
    };
    moved_many(vec![Rule::Like(0), mask], move |inputs| {
        let tensor = inputs.tensor(0)?;
        let training = inputs.optional(2)?.map(truth).transpose()?;
        let ratio = inputs.optional(1)?.map(crate::array::scalar).transpose()?;
        if training == Some(true) && ratio != Some(0.0) {
            return Err(Error::model("dropout in training is random and not served"));
        }
        let one = Tensor::from_bools([], &[true])?;
        let mask = filled(DataType::Bool, tensor.shape().to_vec(), Some(&one))?;
        let mask = if of_input {
            convert(&mask, tensor.dtype())?
        } else {
            mask
        };
        Ok(vec![tensor.clone().into(), mask.into()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, run, run_some, singles, strings};

    #[test]
    fn strings_are_chosen_too() {
        let test = Tensor::from_bools([2], &[true, false]).unwrap();
        let made = first(
            "Where",
            9,
            &[],
            &[test, strings(&["a", "b"]), strings(&["z"])],
        );
        assert_eq!(made.unwrap(), strings(&["a", "z"]));
    }

    #[test]
    fn bounds_are_attributes_or_inputs() {
        let x = singles(&[3], &[-5.0, 0.5, 5.0]);
        let old = [("min", Attr::Float(-1.0)), ("max", Attr::Float(1.0))];
        let wanted = singles(&[3], &[-1.0, 0.5, 1.0]);
        assert_eq!(
            first("Clip", 6, &old, std::slice::from_ref(&x)).unwrap(),
            wanted
        );
        let inputs = [Some(x), None, Some(singles(&[], &[0.0]))];
        let made = run_some("Clip", 13, &[], &inputs).unwrap();
        assert_eq!(made[0].tensor().unwrap(), &singles(&[3], &[-5.0, 0.0, 0.0]));
        let large = longs(&[1], &[i64::MAX]);
        let made = first(
            "Clip",
            13,
            &[],
            &[large, longs(&[], &[0]), longs(&[], &[i64::MAX - 1])],
        );
        assert_eq!(made.unwrap(), longs(&[1], &[i64::MAX - 1]));
    }

    #[test]
    fn types_are_named_by_number_or_by_text() {
        let x = singles(&[1], &[2.5]);
        let int64 = [("to", Attr::Int(7))];
        assert_eq!(
            first("Cast", 13, &int64, std::slice::from_ref(&x)).unwrap(),
            longs(&[1], &[2])
        );
        let old = [("to", Attr::Text("INT64"))];
        assert_eq!(
            first("Cast", 1, &old, std::slice::from_ref(&x)).unwrap(),
            longs(&[1], &[2])
        );
        let float8 = [("to", Attr::Int(17))];
        let error = first("Cast", 19, &float8, &[x]).unwrap_err();
        assert_eq!(
            error.message(),
            "attribute `to`: no tensor has element type 17"
        );
    }

    #[test]
    fn nothing_is_dropped_at_inference() {
        let x = singles(&[2], &[1.0, 2.0]);
        let made = run("Dropout", 13, &[], std::slice::from_ref(&x)).unwrap();
        assert_eq!(made[0].tensor().unwrap(), &x);
        assert_eq!(made[1].tensor().unwrap().dtype(), DataType::Bool);
        let training = Tensor::from_bools([], &[true]).unwrap();
        assert!(run("Dropout", 13, &[], &[x, singles(&[], &[0.5]), training]).is_err());
    }
}
