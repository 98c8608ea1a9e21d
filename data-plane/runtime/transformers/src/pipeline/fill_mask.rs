//! `fill-mask`: words for the mask in a text.

use std::collections::BTreeSet;

use hari_error::{Error, Result};
use serde_json::{Value, json};
use tokenizers::Encoding;

use super::answer::{json as write, only, score, softmax};
use super::{Asked, Pipeline};
use crate::network::Part;
use crate::parameters::Parameters;

/// Words that are answered where none says how many.
const TOP: usize = 5;

impl Pipeline {
    pub(super) fn fill_masks(&self, asked: &[Asked<'_>]) -> Result<Vec<String>> {
        let encodings = asked
            .iter()
            .map(|row| self.masked(row))
            .collect::<Result<Vec<_>>>()?;
        let outputs = self.compute(&encodings)?;
        let rows = asked.iter().zip(&encodings).zip(outputs);
        rows.map(|((row, encoding), parts)| {
            write(&self.filled(encoding, &only(parts)?, &row.parameters)?)
        })
        .collect()
    }

    /// Tokens of a text with a mask in it.
    fn masked(&self, row: &Asked<'_>) -> Result<Encoding> {
        let encoding = self.encode(row.first, None, &row.parameters)?;
        let (mask, word) = self.mask()?;
        if encoding.get_ids().contains(&mask) {
            return Ok(encoding);
        }
        Err(Error::invalid(format!(
            "no mask_token ({word}) found on the input: put it where a word is wanted"
        )))
    }

    fn mask(&self) -> Result<(u32, &str)> {
        let mask = self.tokenizer.mask.as_ref();
        mask.map(|(id, word)| (*id, &**word))
            .ok_or_else(|| Error::model("the tokenizer has no `mask_token`"))
    }

    /// The words for every mask: a list, or for several masks a list of lists.
    fn filled(&self, encoding: &Encoding, part: &Part, parameters: &Parameters) -> Result<Value> {
        let (mask, _) = self.mask()?;
        let targets = parameters
            .texts("targets")?
            .map(|words| self.targets(&words))
            .transpose()?;
        let top = parameters.count("top_k")?.unwrap_or(TOP);
        let ids = encoding.get_ids();
        let places: Vec<usize> = (0..ids.len())
            .filter(|&at| ids.get(at) == Some(&mask))
            .collect();
        let mut lists = Vec::new();
        for &place in &places {
            let logits = part
                .vectors()
                .nth(place)
                .ok_or_else(|| Error::model("the network answered too few tokens"))?;
            let chosen = choose(&softmax(logits), targets.as_ref(), top);
            let words = chosen.into_iter().map(|(id, probability)| {
                let (word, text) = self.written(ids, place, id, places.len() == 1)?;
                Ok(json!({"score": score(probability), "token": id, "token_str": word, "sequence": text}))
            });
            lists.push(words.collect::<Result<Value>>()?);
        }
        Ok(match <[Value; 1]>::try_from(lists) {
            Ok([only]) => only,
            Err(lists) => Value::Array(lists),
        })
    }

    /// A word, and the text with the word in its place. Special tokens are left out of the text,
    /// unless there are other masks.
    fn written(
        &self,
        ids: &[u32],
        place: usize,
        word: u32,
        alone: bool,
    ) -> Result<(String, String)> {
        let filled = ids
            .iter()
            .enumerate()
            .map(|(at, &id)| if at == place { word } else { id });
        let kept: Vec<u32> = filled.filter(|&id| id != self.tokenizer.pad).collect();
        Ok((
            self.tokenizer.decode(&[word], false)?,
            self.tokenizer.decode(&kept, alone)?,
        ))
    }

    /// Tokens of the words to choose from: a word that is none is its first token.
    fn targets(&self, words: &[String]) -> Result<BTreeSet<u32>> {
        let mut ids = BTreeSet::new();
        for word in words {
            match self.tokenizer.id(word) {
                Some(id) => ids.extend([id]),
                None => ids.extend(self.tokenizer.bare(word)?.first()),
            }
        }
        if ids.is_empty() {
            return Err(Error::invalid(
                "parameter `targets`: none of the words is known to the model",
            ));
        }
        Ok(ids)
    }
}

/// The most probable tokens, of all or of some.
fn choose(probabilities: &[f32], among: Option<&BTreeSet<u32>>, top: usize) -> Vec<(u32, f32)> {
    let all = probabilities.iter().copied().zip(0_u32..);
    let mut kept: Vec<(u32, f32)> = all
        .filter(|(_, id)| among.is_none_or(|among| among.contains(id)))
        .map(|(probability, id)| (id, probability))
        .collect();
    let better = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if top < kept.len() {
        kept.select_nth_unstable_by(top, better);
        kept.truncate(top);
    }
    kept.sort_by(better);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_come_first() {
        let probabilities = [0.1, 0.4, 0.2, 0.3];
        let ids = |among: Option<&BTreeSet<u32>>, top| {
            choose(&probabilities, among, top)
                .into_iter()
                .map(|(id, _)| id)
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(None, 2), [1, 3]);
        assert_eq!(ids(None, 9), [1, 3, 2, 0]);
        assert_eq!(ids(Some(&BTreeSet::from([0, 2])), 1), [2]);
        assert_eq!(ids(Some(&BTreeSet::from([0, 2])), 5), [2, 0]);
    }
}
