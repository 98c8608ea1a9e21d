//! Entities: tokens and words with a label, put together where they are neighbours.

use hari_error::Result;
use serde_json::{Map, Value};

use super::super::answer::{highest, score};

/// A token of the text.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) word: String,
    pub(super) scores: Vec<f32>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its place among all tokens.
    pub(super) index: usize,
    /// Whether it belongs to the word of the token before.
    pub(super) continues: bool,
}

impl Piece {
    /// The best label and its score.
    pub(super) fn best(&self) -> (usize, f32) {
        let at = highest(&self.scores);
        (at, self.scores.get(at).copied().unwrap_or(0.0))
    }
}

/// Some text with a label. Offsets count characters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entity {
    pub(super) label: String,
    /// Whether it is made of neighbours, so that `B-` and `I-` are gone.
    pub(super) grouped: bool,
    pub(super) score: f32,
    pub(super) index: Option<usize>,
    pub(super) word: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Entity {
    pub(super) fn into_json(self) -> Value {
        let mut members = Map::new();
        let label = if self.grouped {
            "entity_group"
        } else {
            "entity"
        };
        members.insert(label.to_owned(), self.label.into());
        members.insert("score".to_owned(), score(self.score));
        if let Some(index) = self.index {
            members.insert("index".to_owned(), index.into());
        }
        members.insert("word".to_owned(), self.word.into());
        members.insert("start".to_owned(), self.start.into());
        members.insert("end".to_owned(), self.end.into());
        Value::Object(members)
    }

    /// Whether a name begins here, and what it is a name of.
    fn tag(&self) -> (bool, &str) {
        match self.label.split_at_checked(2) {
            Some(("B-", tag)) => (true, tag),
            Some(("I-", tag)) => (false, tag),
            _ => (false, &self.label),
        }
    }
}

/// Neighbours of one tag become one entity, unless a name begins between them.
pub(super) fn group(
    entities: &[Entity],
    join: impl Fn(Vec<String>) -> Result<String>,
) -> Result<Vec<Entity>> {
    let same = |before: &Entity, next: &Entity| {
        let (begins, tag) = next.tag();
        !begins && tag == before.tag().1
    };
    let groups = entities.chunk_by(same);
    groups.map(|members| together(members, &join)).collect()
}

fn together(members: &[Entity], join: impl Fn(Vec<String>) -> Result<String>) -> Result<Entity> {
    let first = members.first();
    let label = first.map_or("", |first| &*first.label);
    let label = label.split_once('-').map_or(label, |(_, tag)| tag);
    Ok(Entity {
        label: label.to_owned(),
        grouped: true,
        score: mean(members.iter().map(|member| member.score)),
        index: None,
        word: join(members.iter().map(|member| member.word.clone()).collect())?,
        start: first.map_or(0, |first| first.start),
        end: members.last().map_or(0, |last| last.end),
    })
}

#[expect(clippy::cast_precision_loss, reason = "names have few tokens")]
fn mean(scores: impl Iterator<Item = f32> + Clone) -> f32 {
    let count = scores.clone().count().max(1);
    scores.sum::<f32>() / count as f32
}

/// Of entities that overlap, as parts of a text do, the longest stay, then the surest.
pub(super) fn overlapping(mut entities: Vec<Entity>) -> Vec<Entity> {
    entities.sort_by_key(|entity| entity.start);
    let mut kept: Vec<Entity> = Vec::new();
    for entity in entities {
        match kept.last_mut() {
            Some(last) if last.start <= entity.start && entity.start < last.end => {
                let length = |entity: &Entity| entity.end.saturating_sub(entity.start);
                let (own, other) = (length(&entity), length(last));
                if own > other || own == other && entity.score > last.score {
                    *last = entity;
                }
            }
            _ => kept.push(entity),
        }
    }
    kept
}

/// The label of a word.
pub(super) mod word {
    use super::super::Strategy;
    use super::{Piece, highest, mean};

    /// The label and its score.
    pub(in super::super) fn label(pieces: &[Piece], strategy: Strategy) -> (usize, f32) {
        let chosen = match strategy {
            Strategy::Average => return average(pieces),
            Strategy::Max => surest(pieces),
            Strategy::None | Strategy::Simple | Strategy::First => pieces.first(),
        };
        chosen.map_or((0, 0.0), Piece::best)
    }

    /// The first of the pieces with the highest score.
    fn surest(pieces: &[Piece]) -> Option<&Piece> {
        let mut best = pieces.first()?;
        for piece in pieces {
            if piece.best().1 > best.best().1 {
                best = piece;
            }
        }
        Some(best)
    }

    fn average(pieces: &[Piece]) -> (usize, f32) {
        let labels = pieces.first().map_or(0, |piece| piece.scores.len());
        let score = |at: usize| {
            mean(
                pieces
                    .iter()
                    .filter_map(move |piece| piece.scores.get(at).copied()),
            )
        };
        let scores: Vec<f32> = (0..labels).map(score).collect();
        let at = highest(&scores);
        (at, scores.get(at).copied().unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Strategy;
    use super::*;

    fn entity(label: &str, score: f32, start: usize, end: usize) -> Entity {
        let word = format!("w{start}");
        Entity {
            label: label.into(),
            grouped: false,
            score,
            index: None,
            word,
            start,
            end,
        }
    }

    fn piece(scores: &[f32]) -> Piece {
        Piece {
            word: String::new(),
            scores: scores.to_vec(),
            start: 0,
            end: 0,
            index: 0,
            continues: false,
        }
    }

    #[test]
    fn neighbours_of_a_tag_are_one_entity() {
        let entities = vec![
            entity("B-PER", 0.5, 0, 2),
            entity("I-PER", 1.0, 3, 5),
            entity("B-PER", 0.5, 6, 7),
            entity("O", 0.25, 8, 9),
        ];
        let found = group(&entities, |words| Ok(words.join(" "))).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|one| (&*one.label, one.score, &*one.word, one.start, one.end))
            .collect();
        assert_eq!(
            found,
            [
                ("PER", 0.75, "w0 w3", 0, 5),
                ("PER", 0.5, "w6", 6, 7),
                ("O", 0.25, "w8", 8, 9)
            ]
        );
    }

    #[test]
    fn of_overlapping_entities_the_longest_stays() {
        let found = overlapping(vec![
            entity("B", 0.9, 4, 6),
            entity("A", 0.1, 4, 9),
            entity("C", 0.5, 9, 10),
            entity("D", 0.6, 9, 10),
        ]);
        assert_eq!(
            found.iter().map(|one| &*one.label).collect::<Vec<_>>(),
            ["A", "D"]
        );
        assert!(overlapping(vec![]).is_empty());
    }

    #[test]
    fn a_word_has_one_label() {
        let pieces = [piece(&[0.6, 0.4]), piece(&[0.1, 0.9])];
        assert_eq!(word::label(&pieces, Strategy::First), (0, 0.6));
        assert_eq!(word::label(&pieces, Strategy::Max), (1, 0.9));
        assert_eq!(word::label(&pieces, Strategy::Average).0, 1);
    }

    #[test]
    fn an_entity_is_written_as_transformers_does() {
        let mut one = entity("B-PER", 0.5, 0, 2);
        one.index = Some(1);
        assert_eq!(
            one.clone().into_json().to_string(),
            r#"{"entity":"B-PER","score":0.5,"index":1,"word":"w0","start":0,"end":2}"#
        );
        one.grouped = true;
        assert!(one.into_json().get("entity_group").is_some());
    }
}
