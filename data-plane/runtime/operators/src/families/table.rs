//! Tables of the domain `hari`: `LookupTable`, `LookupTableSize`, `Bucketize`, `Unique`.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::index::Index;
use super::kernel::{Elements, Kernel, operator, take, take_or};
use super::text::own;
use super::text::unicode::index_type;
use crate::compile::{Entry, Node};
use crate::{Inputs, Operator};

pub(crate) const TABLE: &[Entry] = &[
    own("Bucketize", bucketize),
    own("LookupTable", lookup_table),
    own("LookupTableSize", lookup_table_size),
    own("Unique", unique),
];

fn tensor(node: &Node<'_>, name: &str) -> Result<Tensor> {
    let found = node.attributes.tensor(name)?;
    found.ok_or_else(|| Error::model(format!("attribute `{name}` is missing")))
}

struct LookupTable {
    keys: Index,
    values: Tensor,
}

fn lookup_table(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let (keys, values) = (tensor(node, "keys")?, tensor(node, "values")?);
    if keys.len() != values.len() {
        return Err(Error::model(format!(
            "{} keys need as many values, found {}",
            keys.len(),
            values.len()
        )));
    }
    let keys = Index::of(&keys)?;
    operator(LookupTable { keys, values })
}

impl Kernel for LookupTable {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(1, &[self.values.dtype()])?;
        match inputs.at(0)?.filter(|&dtype| !self.keys.takes(dtype)) {
            None => Ok(vec![Some(self.values.dtype())]),
            Some(other) => Err(Error::model(format!(
                "input 0: {other} is not the type of the keys"
            ))),
        }
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (x, default) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let places = self.keys.find(x, usize::MAX)?;
        let shape = x.shape().to_vec();
        Ok(vec![take_or(&self.values, &places, default, shape)?])
    }
}

struct Constant(Tensor);

fn lookup_table_size(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let count = tensor(node, "keys")?.len() as i64;
    operator(Constant(Tensor::from_vec([], vec![count])?))
}

impl Kernel for Constant {
    fn outputs(&self, _: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![Some(self.0.dtype())])
    }

    fn compute(&self, _: Inputs<'_>) -> Result<Vec<Tensor>> {
        Ok(vec![self.0.clone()])
    }
}

struct Bucketize {
    boundaries: Vec<f32>,
}

fn bucketize(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let boundaries = node.attributes.floats("boundaries")?.unwrap_or(&[]);
    if !boundaries.is_sorted() {
        return Err(Error::model("attribute `boundaries`: expected ascending"));
    }
    operator(Bucketize {
        boundaries: boundaries.to_vec(),
    })
}

impl Kernel for Bucketize {
    fn outputs(&self, _: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![Some(DataType::Int32)])
    }

    /// How many boundaries do not lie above; all of them for not-a-number.
    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let bucket = |&value: &f64| {
            let above = |boundary: &f32| value < f64::from(*boundary);
            self.boundaries.partition_point(|boundary| !above(boundary)) as i32
        };
        let made = x.to_f64()?.iter().map(bucket).collect();
        Ok(vec![Tensor::from_vec::<i32>(x.shape().to_vec(), made)?])
    }
}

struct Unique {
    to: DataType,
    outputs: usize,
}

fn unique(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let to = index_type(node.attributes, DataType::Int32)?;
    let outputs = node.outputs.len().clamp(2, 3);
    operator(Unique { to, outputs })
}

impl Kernel for Unique {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        let mut made = vec![inputs.at(0)?, Some(self.to), Some(self.to)];
        made.truncate(self.outputs);
        Ok(made)
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let first = Index::of(x)?.find(x, 0)?;
        let (mut picks, mut counts) = (Vec::new(), Vec::<i64>::new());
        let mut ranks = vec![0; first.len()];
        let mut positions = Vec::with_capacity(first.len());
        for (at, &first) in first.iter().enumerate() {
            if at == first {
                ranks[at] = picks.len();
                picks.push(at);
                counts.push(0);
            }
            let rank = ranks.get(first).copied().unwrap_or(0);
            positions.push(rank as i64);
            if let Some(count) = counts.get_mut(rank) {
                *count += 1;
            }
        }
        let mut made = vec![
            take(x, &picks, vec![picks.len()])?,
            Tensor::from_vec([positions.len()], positions)?.cast(self.to)?,
            Tensor::from_vec([counts.len()], counts)?.cast(self.to)?,
        ];
        made.truncate(self.outputs);
        Ok(made)
    }
}
