//! `StringNGrams`: neighbouring words of ragged rows, joined.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integers, operator, unsigned};
use crate::{Inputs, Operator, size};

struct Grams {
    separator: Bytes,
    widths: Vec<usize>,
    left: Bytes,
    right: Bytes,
    /// Words of padding on either side; as much as fits if it is none.
    padding: Option<usize>,
    keep_short: bool,
}

pub(super) fn string_ngrams(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let text = |name: &str| {
        let given = attributes.text(name)?.unwrap_or("");
        Ok(Bytes::copy_from_slice(given.as_bytes()))
    };
    let widths = size::sizes(attributes.ints("ngram_widths")?.unwrap_or(&[]))?;
    if widths.contains(&0) {
        return Err(Error::model("attribute `ngram_widths`: a width is zero"));
    }
    operator(Grams {
        separator: text("separator")?,
        widths,
        left: text("left_pad")?,
        right: text("right_pad")?,
        padding: usize::try_from(attributes.int_or("pad_width", 0)?).ok(),
        keep_short: attributes.flag("preserve_short_sequences", false)?,
    })
}

impl Grams {
    fn padding(&self, width: usize) -> usize {
        self.padding.unwrap_or(usize::MAX).min(width - 1)
    }

    /// All grams of one row, width by width.
    fn row(&self, words: &[Bytes]) -> Result<Vec<Bytes>> {
        let mut made = Vec::new();
        for &width in &self.widths {
            let padding = self.padding(width);
            let total = padding.saturating_mul(2).saturating_add(words.len());
            let count = total.saturating_add(1).saturating_sub(width);
            size::count(&[count, width], DataType::Bytes)?;
            let grams = (0..count).map(|at| self.gram(words, at, (width, padding)));
            made.extend(grams);
        }
        if let Some(&width) = self.widths.first().filter(|_| self.short(&made, words)) {
            let padding = self.padding(width);
            let total = padding.saturating_mul(2).saturating_add(words.len());
            size::count(&[total], DataType::Bytes)?;
            made.push(self.gram(words, 0, (total, padding)));
        }
        Ok(made)
    }

    fn short(&self, made: &[Bytes], words: &[Bytes]) -> bool {
        self.keep_short && made.is_empty() && !words.is_empty()
    }

    /// The gram that starts at word `from` of the padded row.
    fn gram(&self, words: &[Bytes], from: usize, (width, padding): (usize, usize)) -> Bytes {
        let mut made = Vec::new();
        for at in from..from + width {
            if at > from {
                made.extend_from_slice(&self.separator);
            }
            let word = match at.checked_sub(padding) {
                None => &self.left,
                Some(at) => words.get(at).unwrap_or(&self.right),
            };
            made.extend_from_slice(word);
        }
        made.into()
    }
}

impl Kernel for Grams {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Bytes), inputs.at(1)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (words, given) = (inputs.tensor(0)?.strings()?, inputs.tensor(1)?);
        let (mut made, mut splits) = (Vec::new(), vec![0_i64]);
        for pair in integers(given)?.windows(2) {
            let [from, to] = *pair else { continue };
            let row = words.get(unsigned(from, "a split")?..unsigned(to, "a split")?);
            let row = row.ok_or_else(|| Error::invalid("splits are not ascending"))?;
            made.extend(self.row(row)?);
            splits.push(made.len() as i64);
        }
        Ok(vec![
            Tensor::from_strings([made.len()], made)?,
            Tensor::from_vec([splits.len()], splits)?.cast(given.dtype())?,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grams(widths: &[usize], padding: Option<usize>, keep_short: bool, words: &str) -> String {
        let grams = Grams {
            separator: "|".into(),
            widths: widths.to_vec(),
            left: "L".into(),
            right: "R".into(),
            padding,
            keep_short,
        };
        let words: Vec<Bytes> = words
            .split_whitespace()
            .map(|w| Bytes::copy_from_slice(w.as_bytes()))
            .collect();
        let made = grams.row(&words).unwrap();
        let made: Vec<_> = made
            .iter()
            .map(|gram| String::from_utf8_lossy(gram))
            .collect();
        made.join(" ")
    }

    /// The answers of TensorFlow 2.21.
    #[test]
    fn grams_are_those_of_tensorflow() {
        assert_eq!(grams(&[2], Some(0), false, "a b c"), "a|b b|c");
        assert_eq!(
            grams(&[1, 3], None, false, "a b c"),
            "a b c L|L|a L|a|b a|b|c b|c|R c|R|R"
        );
        assert_eq!(grams(&[1, 3], None, false, ""), "L|L|R L|R|R");
        assert_eq!(grams(&[1, 3], None, false, "d"), "d L|L|d L|d|R d|R|R");
        assert_eq!(grams(&[3], Some(1), true, "a b c"), "L|a|b a|b|c b|c|R");
        assert_eq!(grams(&[3], Some(1), true, ""), "");
        assert_eq!(grams(&[3], Some(1), true, "d"), "L|d|R");
        assert_eq!(grams(&[4], Some(0), true, "a b c"), "a|b|c");
    }
}
