//! `feature-extraction`, `sentence-embeddings` and `sentence-similarity`: vectors of texts.

use hari_error::{Error, Result};
use serde_json::{Map, Value};
use tokenizers::Encoding;

use super::answer::{json as write, only};
use super::{Asked, Pipeline};
use crate::parameters::Parameters;
use crate::pooling::{Modules, normalized};
use crate::tokenizer::Cut;

/// The most sentences that are compared with one.
const MOST_SENTENCES: usize = 1000;

/// The modules of a folder, or those that parameters name for a folder without.
pub(super) fn modules(found: Option<Modules>, defaults: &Map<String, Value>) -> Result<Modules> {
    if let Some(found) = found {
        return Ok(found);
    }
    let parameters = Parameters::read(&[], defaults)?;
    let pooling = parameters.text("pooling")?;
    Modules::plain(pooling.as_deref().unwrap_or("mean"), false)
}

impl Pipeline {
    /// The last hidden state of each token: `[1, tokens, hidden]` for each text.
    pub(super) fn features(&self, asked: &[Asked<'_>]) -> Result<Vec<String>> {
        let encode = |row: &Asked<'_>| self.encode(row.first, None, &row.parameters);
        let encodings = asked.iter().map(encode).collect::<Result<Vec<_>>>()?;
        let outputs = self.compute(&encodings)?;
        outputs
            .into_iter()
            .map(|parts| write(&[only(parts)?.vectors().collect::<Vec<_>>()]))
            .collect()
    }

    /// One vector for each text.
    pub(super) fn embed(&self, asked: &[Asked<'_>]) -> Result<Vec<Vec<f32>>> {
        let rows: Vec<(&str, &Parameters)> = asked
            .iter()
            .map(|row| (row.first, &row.parameters))
            .collect();
        self.vectors(&rows)
    }

    /// How near each of some sentences is to one, by the cosine of their vectors.
    pub(super) fn compare(&self, asked: &[Asked<'_>]) -> Result<Vec<String>> {
        let sentences = asked
            .iter()
            .map(|row| sentences(row.second))
            .collect::<Result<Vec<_>>>()?;
        let mut rows: Vec<(&str, &Parameters)> = Vec::new();
        for (row, sentences) in asked.iter().zip(&sentences) {
            rows.push((row.first, &row.parameters));
            rows.extend(
                sentences
                    .iter()
                    .map(|sentence| (&**sentence, &row.parameters)),
            );
        }
        let mut vectors = self.vectors(&rows)?.into_iter().map(normalized);
        let answers = sentences.iter().map(|sentences| {
            let source = vectors.next().unwrap_or_default();
            let near = vectors
                .by_ref()
                .take(sentences.len())
                .map(|vector| cosine(&source, &vector));
            write(&near.collect::<Vec<f32>>())
        });
        answers.collect()
    }

    fn vectors(&self, rows: &[(&str, &Parameters)]) -> Result<Vec<Vec<f32>>> {
        let modules = self
            .modules
            .as_ref()
            .ok_or_else(|| Error::internal("embeddings without pooling"))?;
        let encode =
            |&(text, parameters): &(&str, &Parameters)| self.sentence(modules, text, parameters);
        let encodings = rows.iter().map(encode).collect::<Result<Vec<_>>>()?;
        let outputs = self.compute(&encodings)?;
        let pooled = outputs
            .into_iter()
            .zip(rows)
            .map(|(parts, (_, parameters))| {
                let vector = modules.apply(&only(parts)?)?;
                Ok(if parameters.flag("normalize")? == Some(true) {
                    normalized(vector)
                } else {
                    vector
                })
            });
        pooled.collect()
    }

    /// Tokens of a text, cut where the model was trained to.
    fn sentence(&self, modules: &Modules, text: &str, parameters: &Parameters) -> Result<Encoding> {
        let bounds = [
            parameters.count("max_length")?,
            modules.length,
            self.limit(),
        ];
        let cut = bounds.into_iter().flatten().min().map(Cut::at);
        let text = text.trim();
        let lower = modules.lowercase.then(|| text.to_lowercase());
        let parts = self
            .tokenizer
            .encode(lower.as_deref().unwrap_or(text), None, cut)?;
        only(parts)
    }
}

/// The sentences of a row: a JSON list of texts.
fn sentences(text: &str) -> Result<Vec<String>> {
    let read: Vec<String> = serde_json::from_str(text).map_err(|_| {
        Error::invalid("input `sentences`: expected a JSON list of texts for each row")
    })?;
    if read.len() > MOST_SENTENCES {
        return Err(Error::too_large(format!(
            "input `sentences`: {} sentences, at most {MOST_SENTENCES} are taken",
            read.len()
        )));
    }
    Ok(read)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_a_list_of_texts() {
        assert_eq!(sentences(r#"["a", "b"]"#).unwrap(), ["a", "b"]);
        for wrong in ["", "a", "[1]", "{}"] {
            assert!(sentences(wrong).is_err(), "{wrong}");
        }
        assert!(sentences(&format!("[{}\"x\"]", "\"x\",".repeat(MOST_SENTENCES))).is_err());
    }

    #[test]
    fn the_same_direction_is_one() {
        assert!(
            (cosine(&normalized(vec![3.0, 4.0]), &normalized(vec![6.0, 8.0])) - 1.0).abs() < 1e-6
        );
    }
}
