//! `question-answering`: the part of a context that answers a question.
//!
//! A context that is too long comes in parts that overlap. For each part, the scores of first and last
//! token are multiplied; the best pairs of all parts are the answers, and equal answers add up.

use hari_error::{Error, Result};
use serde_json::{Map, Value};
use tokenizers::Encoding;

use super::answer::{json as write, score, softmax};
use super::token_classification::Sentence;
use super::{Asked, Pipeline};
use crate::network::Part;
use crate::parameters::Parameters;
use crate::tokenizer::{Cut, TruncationStrategy};

/// Tokens of question and part together, where nothing says how many.
const LENGTH: usize = 384;
/// Tokens that parts have in common, where nothing says how many.
const STRIDE: usize = 128;
/// Tokens of an answer, where nothing says how many.
const ANSWER: usize = 15;
/// The most answers: candidates are sorted.
const MOST_ANSWERS: usize = 1000;
/// What tokens that cannot be in an answer get.
const IMPOSSIBLE: f32 = -10000.0;

/// What is asked about one context.
struct Plan {
    top: usize,
    longest: usize,
    impossible: bool,
    words: bool,
    listed: bool,
}

/// A candidate: its first and last token.
struct Span {
    first: usize,
    last: usize,
    score: f32,
}

struct Answer {
    score: f32,
    start: usize,
    end: usize,
    text: String,
}

impl Pipeline {
    pub(super) fn answer_questions(&self, asked: &[Asked<'_>]) -> Result<Vec<String>> {
        let (mut plans, mut encodings) = (Vec::new(), Vec::new());
        for row in asked {
            let parts = self.question(row)?;
            plans.push((Plan::read(&row.parameters)?, parts.len()));
            encodings.extend(parts);
        }
        let mut parts = encodings.iter().zip(self.compute(&encodings)?);
        let rows = plans.iter().zip(asked);
        rows.map(|((plan, count), row)| {
            let context = Sentence::new(row.second);
            let mut answers = Answers::default();
            for (encoding, outputs) in parts.by_ref().take(*count) {
                let [start, end] = &*outputs else {
                    return Err(Error::internal("a span has a start and an end"));
                };
                let scores = self.scores(encoding, start, end);
                answers.add(plan, encoding, &context, &scores);
            }
            write(&answers.into_json(plan))
        })
        .collect()
    }

    /// Tokens of question and context; the context comes in parts.
    fn question(&self, row: &Asked<'_>) -> Result<Vec<Encoding>> {
        if row.first.is_empty() || row.second.is_empty() {
            return Err(Error::invalid(
                "`question` and `context`: neither may be empty",
            ));
        }
        let bounds = [self.limit(), Some(LENGTH)].into_iter().flatten().min();
        let length = row
            .parameters
            .count("max_seq_len")?
            .or(bounds)
            .unwrap_or(LENGTH);
        let length = self.limit().map_or(length, |limit| length.min(limit));
        let stride = row
            .parameters
            .number("doc_stride")?
            .unwrap_or_else(|| STRIDE.min(length / 2));
        if stride > length {
            return Err(Error::invalid(format!(
                "parameter `doc_stride`: {stride} is more than the {length} tokens of a part"
            )));
        }
        let cut = Cut {
            length,
            stride,
            strategy: TruncationStrategy::OnlySecond,
            parts: true,
        };
        self.tokenizer
            .encode(row.first, Some(row.second), Some(cut))
    }

    /// Probabilities of first and last token, and of the first of all, which stands for no answer.
    fn scores(&self, encoding: &Encoding, start: &Part, end: &Part) -> Scores {
        let ids = encoding.get_ids();
        let own = encoding.get_sequence_ids().into_iter().zip(ids);
        let possible: Vec<bool> = own
            .map(|(sequence, id)| sequence == Some(1) || Some(*id) == self.tokenizer.cls)
            .collect();
        let probabilities = |part: &Part| {
            let logits = part.values.iter().zip(&possible);
            let logits: Vec<f32> = logits
                .map(|(&logit, &possible)| if possible { logit } else { IMPOSSIBLE })
                .collect();
            softmax(&logits)
        };
        let (mut start, mut end) = (probabilities(start), probabilities(end));
        let none = start.first().copied().unwrap_or(0.0) * end.first().copied().unwrap_or(0.0);
        for first in start.first_mut().into_iter().chain(end.first_mut()) {
            *first = 0.0;
        }
        Scores {
            start,
            end,
            possible,
            none,
        }
    }
}

struct Scores {
    start: Vec<f32>,
    end: Vec<f32>,
    possible: Vec<bool>,
    none: f32,
}

impl Scores {
    /// The best spans, none longer than `longest` tokens.
    fn spans(&self, longest: usize, top: usize) -> Vec<Span> {
        let possible = |at: usize| self.possible.get(at) == Some(&true);
        let mut spans = Vec::new();
        for (first, start) in self
            .start
            .iter()
            .enumerate()
            .filter(|(at, _)| possible(*at))
        {
            let ends = self.end.iter().enumerate().skip(first).take(longest);
            for (last, end) in ends.filter(|(at, _)| possible(*at)) {
                let score = start * end;
                if score > 0.0 {
                    spans.push(Span { first, last, score });
                }
            }
        }
        spans.sort_by(|a, b| b.score.total_cmp(&a.score));
        spans.truncate(top);
        spans
    }
}

impl Plan {
    fn read(parameters: &Parameters) -> Result<Self> {
        let top = parameters.count("top_k")?;
        Ok(Self {
            top: top.unwrap_or(1).min(MOST_ANSWERS),
            longest: parameters.count("max_answer_len")?.unwrap_or(ANSWER),
            impossible: parameters
                .flag("handle_impossible_answer")?
                .unwrap_or(false),
            words: parameters.flag("align_to_words")?.unwrap_or(true),
            listed: top.is_some_and(|top| top > 1),
        })
    }

    /// Spans of a part that are looked at: some may become the same words.
    fn spans(&self) -> usize {
        if self.words {
            self.top * 2 + 10
        } else {
            self.top
        }
    }
}

/// The answers of all parts of a context.
struct Answers {
    found: Vec<Answer>,
    none: f32,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            found: Vec::new(),
            none: 1e6,
        }
    }
}

impl Answers {
    fn add(&mut self, plan: &Plan, encoding: &Encoding, context: &Sentence<'_>, scores: &Scores) {
        self.none = self.none.min(scores.none);
        for span in scores.spans(plan.longest, plan.spans()) {
            let (start, end) = characters(encoding, &span, plan.words);
            let text = context.slice(start, end).to_owned();
            let lower = text.to_lowercase();
            match self
                .found
                .iter_mut()
                .find(|answer| answer.text.to_lowercase() == lower)
            {
                Some(same) => same.score += span.score,
                None => self.found.push(Answer {
                    score: span.score,
                    start,
                    end,
                    text,
                }),
            }
        }
    }

    /// The best answer, or a list of them if several are asked for and there are.
    fn into_json(mut self, plan: &Plan) -> Value {
        if plan.impossible {
            self.found.push(Answer {
                score: self.none,
                start: 0,
                end: 0,
                text: String::new(),
            });
        }
        self.found.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.found.truncate(plan.top);
        let mut answers: Vec<Value> = self.found.into_iter().map(Answer::into_json).collect();
        match answers.pop() {
            Some(only) if answers.is_empty() => only,
            None if !plan.listed => Value::Array(Vec::new()),
            last => answers.into_iter().chain(last).collect(),
        }
    }
}

impl Answer {
    fn into_json(self) -> Value {
        let mut members = Map::new();
        members.insert("score".to_owned(), score(self.score));
        members.insert("start".to_owned(), self.start.into());
        members.insert("end".to_owned(), self.end.into());
        members.insert("answer".to_owned(), self.text.into());
        Value::Object(members)
    }
}

/// The characters of a span, or of the words that it begins and ends in.
fn characters(encoding: &Encoding, span: &Span, words: bool) -> (usize, usize) {
    let offsets = |token: usize| {
        encoding
            .get_offsets()
            .get(token)
            .copied()
            .unwrap_or_default()
    };
    let word = |token: usize| {
        let (_, word) = encoding.token_to_word(token)?;
        encoding.word_to_chars(word, 1)
    };
    match (word(span.first), word(span.last)) {
        (Some((start, _)), Some((_, end))) if words => (start, end),
        _ => (offsets(span.first).0, offsets(span.last).1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scores(start: &[f32], end: &[f32], possible: &[bool]) -> Scores {
        Scores {
            start: start.to_vec(),
            end: end.to_vec(),
            possible: possible.to_vec(),
            none: 0.0,
        }
    }

    #[test]
    fn spans_are_within_bounds_and_sorted() {
        let scores = scores(
            &[0.0, 0.5, 0.3, 0.2],
            &[0.0, 0.1, 0.2, 0.7],
            &[true, true, true, false],
        );
        let found: Vec<_> = scores
            .spans(2, 9)
            .iter()
            .map(|span| (span.first, span.last))
            .collect();
        assert_eq!(found, [(1, 2), (2, 2), (1, 1)]);
        assert_eq!(scores.spans(1, 1).len(), 1);
    }

    #[test]
    fn one_answer_is_no_list() {
        let answers = |count: usize| Answers {
            found: (0..count)
                .map(|at| Answer {
                    score: 0.5,
                    start: at,
                    end: at,
                    text: String::new(),
                })
                .collect(),
            none: 0.0,
        };
        let plan = |top: usize| Plan {
            top,
            longest: 1,
            impossible: false,
            words: true,
            listed: top > 1,
        };
        assert!(answers(3).into_json(&plan(1)).is_object());
        assert_eq!(answers(3).into_json(&plan(2)).as_array().unwrap().len(), 2);
        assert!(answers(1).into_json(&plan(2)).is_object());
        assert_eq!(answers(0).into_json(&plan(1)), Value::Array(vec![]));
    }

    proptest! {
        #[test]
        fn no_span_is_too_long_or_impossible(
            values in proptest::collection::vec((0.0_f32..1.0, 0.0_f32..1.0, any::<bool>()), 0..30), longest in 1_usize..6,
        ) {
            let column = |pick: fn(&(f32, f32, bool)) -> f32| values.iter().map(pick).collect::<Vec<_>>();
            let possible: Vec<bool> = values.iter().map(|value| value.2).collect();
            for span in scores(&column(|v| v.0), &column(|v| v.1), &possible).spans(longest, 50) {
                prop_assert!(span.first <= span.last && span.last < span.first + longest);
                prop_assert!(possible[span.first] && possible[span.last]);
            }
        }
    }
}
