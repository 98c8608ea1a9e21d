//! `com.microsoft` `Tokenizer`, as text vectorisers of scikit-learn are exported with it.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use regex::bytes::Regex;

use super::pattern::pattern;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::{Inputs, Operator, size};

/// How tokens are told apart.
enum Rule {
    Characters,
    /// What stands between matches of the first pattern, then of the next, ...
    Separators(Vec<Regex>),
    /// What matches.
    Tokens(Regex),
}

struct Tokenizer {
    rule: Rule,
    /// Characters that a token has at least.
    least: usize,
    /// Whether marks stand before and behind the tokens of a text.
    mark: bool,
    pad: Bytes,
}

pub(super) fn tokenizer(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let separators = attributes.strings("separators")?.unwrap_or(&[]);
    let rule = match (attributes.text("tokenexp")?, separators) {
        (Some(expression), _) if !expression.is_empty() => Rule::Tokens(pattern(expression)?),
        (_, [only]) if only.is_empty() => Rule::Characters,
        (_, []) => {
            return Err(Error::model(
                "one of the attributes `separators` and `tokenexp` is needed",
            ));
        }
        (_, several) => Rule::Separators(several.iter().map(separator).collect::<Result<_>>()?),
    };
    let pad = attributes.text("pad_value")?.unwrap_or("");
    operator(Tokenizer {
        rule,
        least: usize::try_from(attributes.int_or("mincharnum", 1)?).unwrap_or(1),
        mark: attributes.flag("mark", false)?,
        pad: Bytes::copy_from_slice(pad.as_bytes()),
    })
}

fn separator(text: &Bytes) -> Result<Regex> {
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Error::model("attribute `separators`: one is no pattern"))?;
    pattern(text)
}

impl Tokenizer {
    fn tokens(&self, text: &Bytes) -> Result<Vec<Bytes>> {
        let letters = std::str::from_utf8(text);
        let letters = letters.map_err(|_| Error::invalid("a string is not UTF-8"))?;
        let all = match &self.rule {
            Rule::Characters => letters
                .char_indices()
                .map(|(at, letter)| text.slice(at..at + letter.len_utf8()))
                .collect(),
            Rule::Tokens(token) => token
                .find_iter(text)
                .map(|found| text.slice(found.range()))
                .collect(),
            Rule::Separators(separators) => {
                let whole = vec![text.clone()];
                separators.iter().fold(whole, |texts, separator| {
                    texts
                        .iter()
                        .flat_map(|text| between(text, separator))
                        .collect()
                })
            }
        };
        Ok(self.long_enough(all))
    }

    fn long_enough(&self, tokens: Vec<Bytes>) -> Vec<Bytes> {
        let long = |token: &Bytes| {
            let length = String::from_utf8_lossy(token).chars().count();
            length >= self.least.max(1)
        };
        tokens.into_iter().filter(long).collect()
    }
}

/// The pieces between matches.
fn between(text: &Bytes, separator: &Regex) -> Vec<Bytes> {
    let (mut made, mut from) = (Vec::new(), 0);
    for found in separator.find_iter(text).filter(|found| !found.is_empty()) {
        made.push(text.slice(from..found.start()));
        from = found.end();
    }
    made.push(text.slice(from..));
    made
}

impl Kernel for Tokenizer {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Bytes)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let rows = x.strings()?.iter().map(|text| self.tokens(text));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        let marks = if self.mark && width > 0 { 2 } else { 0 };
        let mut shape = x.shape().to_vec();
        shape.push(width + marks);
        let mut made = Vec::with_capacity(size::count(&shape, DataType::Bytes)?);
        for mut row in rows {
            if marks > 0 {
                row.insert(0, Bytes::from_static(b"\x02"));
                row.push(Bytes::from_static(b"\x03"));
            }
            row.resize(width + marks, self.pad.clone());
            made.extend(row);
        }
        Ok(vec![Tensor::from_strings(shape, made)?])
    }
}
