//! `CategoryMapper`, `LabelEncoder` and `OneHotEncoder`: values looked up in lists.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::attributes::Attributes;
use crate::compile::Node;
use crate::families::index::Index;
use crate::families::kernel::{Elements, Kernel, operator, take};
use crate::{Inputs, Operator, size};

/// Keys and what each becomes; the last value is for all others.
struct Table {
    keys: Index,
    values: Tensor,
}

impl Table {
    /// As many values as keys, and a default of the same type.
    fn new(keys: &Tensor, values: &Tensor, default: &Tensor) -> Result<Self> {
        if keys.len() != values.len() {
            return Err(Error::model(format!(
                "{} keys need as many values, found {}",
                keys.len(),
                values.len()
            )));
        }
        let flat = [values, default].map(|part| part.clone().reshape([part.len()]));
        let [values, default] = flat;
        Ok(Self {
            keys: Index::of(keys)?,
            values: Tensor::concat_rows(&[values?, default?])?,
        })
    }

    fn look_up(&self, x: &Tensor) -> Result<Tensor> {
        let places = self.keys.find(x, self.values.len().saturating_sub(1))?;
        take(&self.values, &places, x.shape().to_vec())
    }
}

/// Between strings and integers, by the type of the input.
struct TwoWays {
    strings: Table,
    integers: Table,
}

/// Both tables of a list of strings and their integers.
fn two_ways(strings: &[Bytes], integers: &[i64], node: &Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let strings = Tensor::from_strings([strings.len()], strings.to_vec())?;
    let integers = Tensor::from_vec([integers.len()], integers.to_vec())?;
    operator(TwoWays {
        strings: Table::new(&strings, &integers, &default_integer(attributes)?)?,
        integers: Table::new(&integers, &strings, &default_string(attributes)?)?,
    })
}

pub(super) fn category_mapper(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let strings = node.attributes.strings("cats_strings")?.unwrap_or(&[]);
    let integers = node.attributes.ints("cats_int64s")?.unwrap_or(&[]);
    two_ways(strings, integers, node)
}

pub(super) fn label_encoder_1(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let strings = node.attributes.strings("classes_strings")?.unwrap_or(&[]);
    let integers: Vec<i64> = (0..).take(strings.len()).collect();
    two_ways(strings, &integers, node)
}

impl Kernel for TwoWays {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        let found = inputs.one_of(0, &[DataType::Bytes, DataType::Int64])?;
        Ok(vec![found.map(|dtype| match dtype {
            DataType::Bytes => DataType::Int64,
            _ => DataType::Bytes,
        })])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let table = if x.dtype() == DataType::Bytes {
            &self.strings
        } else {
            &self.integers
        };
        Ok(vec![table.look_up(x)?])
    }
}

fn default_string(attributes: Attributes<'_>) -> Result<Tensor> {
    let given = attributes.text("default_string")?.unwrap_or("_Unused");
    Tensor::from_strings([1], vec![Bytes::copy_from_slice(given.as_bytes())])
}

fn default_integer(attributes: Attributes<'_>) -> Result<Tensor> {
    Tensor::from_vec([1], vec![attributes.int_or("default_int64", -1)?])
}

fn default_float(attributes: Attributes<'_>) -> Result<Tensor> {
    Tensor::from_vec([1], vec![attributes.float_or("default_float", -0.0)?])
}

struct Encoder {
    table: Table,
}

pub(super) fn label_encoder(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let keys = listed(attributes, "keys")?;
    let values = listed(attributes, "values")?;
    let default = match values.dtype() {
        _ if attributes.has("default_tensor") => attributes
            .tensor("default_tensor")?
            .ok_or_else(|| Error::model("attribute `default_tensor` holds none"))?,
        DataType::Bytes => default_string(attributes)?,
        dtype if dtype.is_float() => default_float(attributes)?.cast(dtype)?,
        dtype => default_integer(attributes)?.cast(dtype)?,
    };
    let table = Table::new(&keys, &values, &default)?;
    operator(Encoder { table })
}

/// The attribute `{side}_tensor`, `_strings`, `_int64s` or `_floats`, whichever is there.
fn listed(attributes: Attributes<'_>, side: &str) -> Result<Tensor> {
    if let Some(tensor) = attributes.tensor(&format!("{side}_tensor"))? {
        return Ok(tensor);
    }
    if let Some(strings) = attributes.strings(&format!("{side}_strings"))? {
        return Tensor::from_strings([strings.len()], strings.to_vec());
    }
    if let Some(integers) = attributes.ints(&format!("{side}_int64s"))? {
        return Tensor::from_vec([integers.len()], integers.to_vec());
    }
    if let Some(floats) = attributes.floats(&format!("{side}_floats"))? {
        return Tensor::from_vec([floats.len()], floats.to_vec());
    }
    Err(Error::model(format!(
        "one of the attributes `{side}_tensor`, `{side}_strings`, `{side}_int64s` and \
         `{side}_floats` is needed"
    )))
}

impl Kernel for Encoder {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        match inputs.at(0)?.filter(|&dtype| !self.table.keys.takes(dtype)) {
            None => Ok(vec![Some(self.table.values.dtype())]),
            Some(other) => Err(Error::model(format!(
                "input 0: {other} is not the type of the keys"
            ))),
        }
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        Ok(vec![self.table.look_up(inputs.tensor(0)?)?])
    }
}

struct OneHot {
    categories: Index,
    count: usize,
    zeros: bool,
}

pub(super) fn one_hot_encoder(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let strings = attributes.strings("cats_strings")?.unwrap_or(&[]);
    let integers = attributes.ints("cats_int64s")?.unwrap_or(&[]);
    if strings.is_empty() == integers.is_empty() {
        return Err(Error::model(
            "exactly one of `cats_strings` and `cats_int64s` is needed",
        ));
    }
    let categories = if strings.is_empty() {
        Tensor::from_vec([integers.len()], integers.to_vec())?
    } else {
        Tensor::from_strings([strings.len()], strings.to_vec())?
    };
    operator(OneHot {
        categories: Index::of(&categories)?,
        count: categories.len(),
        zeros: attributes.flag("zeros", true)?,
    })
}

impl OneHot {
    /// Where every element stands among the categories; numbers are cut to integers.
    fn places(&self, x: &Tensor) -> Result<Vec<usize>> {
        if !x.dtype().is_float() {
            return self.categories.find(x, self.count);
        }
        let whole: Vec<i64> = x.to_f64()?.iter().map(|&value| value as i64).collect();
        self.categories
            .find(&Tensor::from_vec([whole.len()], whole)?, self.count)
    }
}

impl Kernel for OneHot {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        let found = inputs.at(0)?;
        match found.filter(|&dtype| !dtype.is_float() && !self.categories.takes(dtype)) {
            None => Ok(vec![Some(DataType::Fp32)]),
            Some(other) => Err(Error::model(format!(
                "input 0: {other} is not the type of the categories"
            ))),
        }
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let places = self.places(x)?;
        let mut shape = x.shape().to_vec();
        shape.push(self.count);
        let mut made = vec![0.0_f32; size::count(&shape, DataType::Fp32)?];
        for (row, &place) in made.chunks_mut(self.count).zip(&places) {
            match row.get_mut(place) {
                Some(hot) => *hot = 1.0,
                None if self.zeros => {}
                None => return Err(Error::invalid("a value is none of the categories")),
            }
        }
        Ok(vec![Tensor::from_vec(shape, made)?])
    }
}
