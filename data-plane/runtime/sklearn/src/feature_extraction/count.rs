//! `CountVectorizer` and `TfidfVectorizer`: how often each term of a vocabulary is in a document.

use std::collections::HashMap;

use hari_core::DataType;
use hari_error::Result;
use hari_pickle::{Cursor, Value};

use super::analyzer::Analyzer;
use super::tfidf::Weights;
use crate::attributes::flag;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::reader::Reader;
use crate::table::{Csr, Table};

#[derive(Debug)]
struct Vectorizer {
    analyzer: Analyzer,
    vocabulary: HashMap<Box<str>, u32>,
    /// Terms are there or not: they are not counted.
    binary: bool,
    /// Whether the answer is integers.
    whole: bool,
    weights: Option<Weights>,
}

/// `CountVectorizer`.
pub(super) fn counts(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let whole = is_whole(&cursor.attribute("dtype")?);
    let vectorizer = Vectorizer::read(cursor)?;
    Ok(Box::new(Vectorizer {
        whole,
        ..vectorizer
    }))
}

/// `TfidfVectorizer`.
pub(super) fn tfidf(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let at = cursor.attribute("_tfidf")?;
    let weights = Weights::read(&at)?;
    let vectorizer = Vectorizer::read(cursor)?;
    let terms = vectorizer.vocabulary.len();
    if weights.terms().is_some_and(|found| found != terms) {
        return Err(at.refuse(format_args!("expected weights of {terms} terms")));
    }
    Ok(Box::new(Vectorizer {
        weights: Some(weights),
        ..vectorizer
    }))
}

/// A type, or a dtype, of integers.
fn is_whole(cursor: &Cursor<'_>) -> bool {
    match cursor.value() {
        Value::Name(class) => !class.name.starts_with("float"),
        Value::Dtype(dtype) => dtype.kind != hari_pickle::Kind::Float,
        _ => false,
    }
}

impl Vectorizer {
    fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let vocabulary = vocabulary(cursor)?;
        let mut analyzer = Analyzer::read(cursor)?;
        let longest = vocabulary.keys().map(|term| term.chars().count()).max();
        analyzer.limit(longest.unwrap_or(0));
        Ok(Self {
            analyzer,
            vocabulary,
            binary: flag(cursor, "binary")?,
            whole: false,
            weights: None,
        })
    }

    /// The terms of a document, and how often each is there, by the term's number.
    fn count(&self, document: &str, found: &mut Csr) -> Result<()> {
        let mut terms: Vec<u32> = Vec::new();
        self.analyzer.analyze(document, |term| {
            terms.extend(self.vocabulary.get(term));
        })?;
        terms.sort_unstable();
        for run in terms.chunk_by(|a, b| a == b) {
            let count = if self.binary { 1 } else { run.len() };
            found.indices.extend(run.first());
            found.values.push(count as f64);
        }
        found.starts.push(found.values.len());
        Ok(())
    }
}

/// `vocabulary_`, or the `vocabulary` that was given where nothing was fitted.
fn vocabulary(cursor: &Cursor<'_>) -> Result<HashMap<Box<str>, u32>> {
    let found = match cursor.find_attribute("vocabulary_")? {
        Some(found) => found,
        None => cursor.attribute("vocabulary")?,
    };
    let terms = match found.numbering() {
        Ok(terms) => terms,
        Err(_) => {
            let mut terms = found.strings()?;
            if matches!(found.value(), Value::Set(_)) {
                terms.sort_unstable();
            }
            terms.into_iter().zip(0..).collect()
        }
    };
    let count = terms.len();
    let number = |(term, number): (String, i64)| {
        let number = u32::try_from(number).ok();
        let number = number.filter(|&number| (number as usize) < count);
        number.map(|number| (Box::from(term), number))
    };
    let numbered: Option<HashMap<_, _>> = terms.into_iter().map(number).collect();
    let numbered = numbered.filter(|terms| terms.len() == count);
    numbered.ok_or_else(|| {
        found.refuse(format_args!(
            "expected {count} different terms, numbered from 0"
        ))
    })
}

impl Estimator for Vectorizer {
    fn form(&self, method: Method) -> Option<Form> {
        let form = Form::transformed(method, self.vocabulary.len())?;
        let dtype = if self.whole {
            DataType::Int64
        } else {
            DataType::Fp64
        };
        Some(Form { dtype, ..form })
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, _: usize) -> Kind {
        Kind::Text
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let mut found = Csr {
            columns: self.vocabulary.len(),
            starts: vec![0],
            ..Csr::default()
        };
        for document in rows.documents()? {
            self.count(&document, &mut found)?;
        }
        if let Some(weights) = &self.weights {
            weights.apply(&mut found);
        }
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        let terms = self.vocabulary.keys().map(|term| term.len() + 32);
        terms.sum::<usize>() + self.weights.as_ref().map_or(0, Weights::memory_bytes)
    }
}
