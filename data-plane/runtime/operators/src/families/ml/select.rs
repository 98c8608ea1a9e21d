//! `ArrayFeatureExtractor` and `FeatureVectorizer`: columns chosen and columns joined.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::INPUTS;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integers, matrix, operator, singles, take};
use crate::{Inputs, Operator, size};

struct Extractor;

pub(super) fn array_feature_extractor(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(Extractor)
}

impl Kernel for Extractor {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(1, &[DataType::Int64])?;
        Ok(vec![inputs.at(0)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (x, chosen) = (inputs.tensor(0)?, integers(inputs.tensor(1)?)?);
        let Some((&width, rest)) = x.shape().split_last() else {
            return Err(Error::invalid("input 0: a scalar has no features"));
        };
        let mut shape = if rest.is_empty() {
            vec![1]
        } else {
            rest.to_vec()
        };
        shape.push(chosen.len());
        size::count(&shape, x.dtype())?;
        let mut columns = Vec::with_capacity(chosen.len());
        for &column in &*chosen {
            let inside = usize::try_from(column)
                .ok()
                .filter(|&column| column < width);
            columns.push(inside.ok_or_else(|| {
                Error::invalid(format!("feature {column} is outside of {width}"))
            })?);
        }
        let rows = x.len().checked_div(width).unwrap_or(0);
        let picks =
            (0..rows).flat_map(|row| columns.iter().map(move |column| row * width + column));
        Ok(vec![take(x, &picks.collect::<Vec<_>>(), shape)?])
    }
}

struct Vectorizer {
    widths: Vec<usize>,
}

pub(super) fn feature_vectorizer(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let widths = node.attributes.ints("inputdimensions")?.unwrap_or(&[]);
    operator(Vectorizer {
        widths: size::sizes(widths)?,
    })
}

impl Kernel for Vectorizer {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        for at in 0..inputs.len() {
            inputs.one_of(at, INPUTS)?;
        }
        Ok(vec![Some(DataType::Fp32)])
    }

    /// Every input is cut or filled with zeros to its width, where one is given.
    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let mut parts = Vec::with_capacity(inputs.0.len());
        for at in 0..inputs.0.len() {
            let x = inputs.tensor(at)?;
            let (rows, columns) = matrix(x)?;
            let width = self.widths.get(at).copied().unwrap_or(columns);
            parts.push((rows, columns, width, singles(x)?));
        }
        let rows = parts.first().map_or(0, |part| part.0);
        if let Some(other) = parts.iter().find(|part| part.0 != rows) {
            return Err(Error::invalid(format!(
                "expected {rows} rows, as in the first input, found {}",
                other.0
            )));
        }
        let total = parts
            .iter()
            .fold(0_usize, |sum, part| sum.saturating_add(part.2));
        let mut made = Vec::with_capacity(size::count(&[rows, total], DataType::Fp32)?);
        for row in 0..rows {
            for (_, columns, width, values) in &parts {
                let kept = (*columns).min(*width);
                let from = row * columns;
                made.extend_from_slice(values.get(from..from + kept).unwrap_or(&[]));
                made.resize(made.len() + width - kept, 0.0);
            }
        }
        Ok(vec![Tensor::from_vec([rows, total], made)?])
    }
}
