//! `StringNormalizer`: stop words removed, case changed.

use std::collections::HashSet;

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::case::Case;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::{Inputs, Operator};

struct Normalizer {
    change: Option<Case>,
    /// How words are changed before they are looked for among the stop words.
    compare: Option<Case>,
    stopwords: HashSet<Bytes>,
}

pub(super) fn string_normalizer(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let change = match attributes.text("case_change_action")?.unwrap_or("NONE") {
        "NONE" => None,
        "LOWER" => Some(Case::Lower),
        "UPPER" => Some(Case::Upper),
        other => {
            return Err(Error::model(format!(
                "attribute `case_change_action`: expected NONE, LOWER or UPPER, found {other}"
            )));
        }
    };
    let compare = match attributes.flag("is_case_sensitive", false)? {
        true => None,
        false => change.or(Some(Case::Lower)),
    };
    let stopwords = attributes.strings("stopwords")?.unwrap_or(&[]).iter();
    operator(Normalizer {
        change,
        compare,
        stopwords: stopwords
            .map(|word| changed(word, compare))
            .collect::<Result<_>>()?,
    })
}

fn changed(word: &Bytes, case: Option<Case>) -> Result<Bytes> {
    let Some(case) = case else {
        return Ok(word.clone());
    };
    let text = std::str::from_utf8(word);
    let text = text.map_err(|_| Error::invalid("a string is not UTF-8"))?;
    Ok(case.simple(text).into())
}

impl Kernel for Normalizer {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Bytes)])
    }

    /// One empty string stands for no word.
    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        if !matches!(x.shape(), [_] | [1, _]) {
            return Err(Error::invalid(format!(
                "expected shape [C] or [1, C], found {:?}",
                x.shape()
            )));
        }
        let mut kept = Vec::with_capacity(x.len());
        for word in x.strings()? {
            let stop = !self.stopwords.is_empty()
                && self.stopwords.contains(&changed(word, self.compare)?);
            if !stop {
                kept.push(changed(word, self.change)?);
            }
        }
        if kept.is_empty() {
            kept.push(Bytes::new());
        }
        let mut shape = x.shape().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = kept.len();
        }
        Ok(vec![Tensor::from_strings(shape, kept)?])
    }
}
