//! `token-classification`: a label for each token, or for the words and names that tokens make.

mod entity;

use hari_error::{Error, Result};
use serde_json::Value;
use tokenizers::Encoding;

use super::answer::{json as write, only, softmax};
use super::{Asked, Pipeline};
use crate::network::Part;
use crate::tokenizer::Cut;
use entity::{Entity, Piece, group, overlapping, word};

/// How tokens become entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    /// Each token by itself.
    None,
    /// Neighbours of one label together.
    Simple,
    /// Whole words, with the label of their first token.
    First,
    /// Whole words, with the mean of the scores.
    Average,
    /// Whole words, with the label of the surest token.
    Max,
}

/// What is asked of one text.
struct Plan {
    strategy: Strategy,
    ignored: Vec<String>,
    parts: usize,
}

impl Pipeline {
    pub(super) fn classify_tokens(&self, asked: &[Asked<'_>]) -> Result<Vec<String>> {
        let (mut plans, mut encodings) = (Vec::new(), Vec::new());
        for row in asked {
            let strategy =
                Strategy::named(row.parameters.text("aggregation_strategy")?.as_deref())?;
            let parts = self.tokens(row, strategy)?;
            let ignored = row.parameters.list("ignore_labels")?;
            let ignored = ignored.unwrap_or_else(|| vec!["O".to_owned()]);
            plans.push(Plan {
                strategy,
                ignored,
                parts: parts.len(),
            });
            encodings.extend(parts);
        }
        let mut parts = encodings.iter().zip(self.compute(&encodings)?);
        let rows = plans.iter().zip(asked);
        rows.map(|(plan, row)| {
            let sentence = Sentence::new(row.first);
            let mut found = Vec::new();
            for (encoding, outputs) in parts.by_ref().take(plan.parts) {
                found.extend(self.entities(&sentence, encoding, &only(outputs)?, plan)?);
            }
            if plan.parts > 1 {
                found = overlapping(found);
            }
            write(&found.into_iter().map(Entity::into_json).collect::<Value>())
        })
        .collect()
    }

    /// Tokens of a text, in parts if a `stride` asks for them; else what is too long is dropped.
    fn tokens(&self, row: &Asked<'_>, strategy: Strategy) -> Result<Vec<Encoding>> {
        let stride = row.parameters.number("stride")?;
        if stride.is_some() && strategy == Strategy::None {
            return Err(Error::invalid(
                "parameter `stride`: parts of a text need an `aggregation_strategy` other than none",
            ));
        }
        let cut = self.limit().map(|length| Cut {
            stride: stride.unwrap_or(0),
            parts: stride.is_some(),
            ..Cut::at(length)
        });
        self.tokenizer.encode(row.first, None, cut)
    }

    fn entities(
        &self,
        sentence: &Sentence<'_>,
        encoding: &Encoding,
        part: &Part,
        plan: &Plan,
    ) -> Result<Vec<Entity>> {
        let pieces = self.pieces(sentence, encoding, part);
        let entities = match plan.strategy {
            Strategy::None => pieces.iter().map(|piece| self.alone(piece, true)).collect(),
            Strategy::Simple => {
                let alone: Vec<Entity> = pieces
                    .iter()
                    .map(|piece| self.alone(piece, false))
                    .collect();
                group(&alone, |words| self.tokenizer.join(words))?
            }
            strategy => {
                let words = self.words(&pieces, strategy)?;
                group(&words, |words| self.tokenizer.join(words))?
            }
        };
        let kept = entities
            .into_iter()
            .filter(|entity| !plan.ignored.contains(&entity.label));
        Ok(kept.collect())
    }

    /// The tokens that are of the text, each with its scores.
    fn pieces(&self, sentence: &Sentence<'_>, encoding: &Encoding, part: &Part) -> Vec<Piece> {
        let special = encoding.get_special_tokens_mask();
        let tokens = encoding
            .get_tokens()
            .iter()
            .zip(encoding.get_ids())
            .zip(encoding.get_offsets());
        let all = tokens.zip(special).zip(part.vectors()).enumerate();
        let own = all.filter(|(_, ((_, special), _))| **special == 0);
        own.map(|(index, ((((token, id), &(start, end)), _), logits))| {
            let text = sentence.slice(start, end);
            let known = Some(*id) != self.tokenizer.unk;
            let continues = if self.tokenizer.continues {
                token.chars().count() != text.chars().count()
            } else {
                start > 0 && !sentence.slice(start - 1, start + 1).contains(' ')
            };
            Piece {
                word: if known {
                    token.clone()
                } else {
                    text.to_owned()
                },
                scores: softmax(logits),
                start,
                end,
                index,
                continues: continues && known,
            }
        })
        .collect()
    }

    fn alone(&self, piece: &Piece, indexed: bool) -> Entity {
        let (at, score) = piece.best();
        Entity {
            label: self.label(at),
            grouped: false,
            score,
            index: indexed.then_some(piece.index),
            word: piece.word.clone(),
            start: piece.start,
            end: piece.end,
        }
    }

    /// Tokens of a word agree on one label.
    fn words(&self, pieces: &[Piece], strategy: Strategy) -> Result<Vec<Entity>> {
        let groups = pieces.chunk_by(|_, next| next.continues);
        let entity = |pieces: &[Piece]| {
            let (at, score) = word::label(pieces, strategy);
            let words = pieces.iter().map(|piece| piece.word.clone()).collect();
            Ok(Entity {
                label: self.label(at),
                grouped: false,
                score,
                index: None,
                word: self.tokenizer.join(words)?,
                start: pieces.first().map_or(0, |piece| piece.start),
                end: pieces.last().map_or(0, |piece| piece.end),
            })
        };
        groups.map(entity).collect()
    }
}

impl Strategy {
    fn named(name: Option<&str>) -> Result<Self> {
        Ok(match name.map(str::to_lowercase).as_deref() {
            None | Some("none") => Self::None,
            Some("simple") => Self::Simple,
            Some("first") => Self::First,
            Some("average") => Self::Average,
            Some("max") => Self::Max,
            Some(other) => {
                return Err(Error::invalid(format!(
                    "parameter `aggregation_strategy`: expected none, simple, first, average or max, found {other}"
                )));
            }
        })
    }
}

/// A text by its characters.
pub(super) struct Sentence<'a> {
    text: &'a str,
    /// Where each character starts, and the end.
    starts: Vec<usize>,
}

impl<'a> Sentence<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let starts = text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .collect();
        Self { text, starts }
    }

    /// The characters from `start` to before `end`, as far as there are.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'a str {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or(self.text.len());
        self.text.get(at(start)..at(end)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_not_bytes() {
        let sentence = Sentence::new("größer ü");
        assert_eq!(sentence.slice(2, 4), "öß");
        assert_eq!(sentence.slice(7, 99), "ü");
        assert_eq!(sentence.slice(5, 2), "");
    }

    #[test]
    fn strategies_have_names() {
        assert_eq!(Strategy::named(Some("AVERAGE")).unwrap(), Strategy::Average);
        assert_eq!(Strategy::named(None).unwrap(), Strategy::None);
        assert!(
            Strategy::named(Some("median"))
                .unwrap_err()
                .message()
                .contains("median")
        );
    }
}
