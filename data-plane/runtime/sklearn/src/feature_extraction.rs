//! `sklearn.feature_extraction`: text becomes numbers.

mod analyzer;
mod count;
mod hashing;
mod murmur;
mod pattern;
mod tfidf;

use crate::registry::Entry;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.feature_extraction.text.CountVectorizer",
        count::counts,
    ),
    (
        "sklearn.feature_extraction.text.HashingVectorizer",
        hashing::HashingVectorizer::read,
    ),
    (
        "sklearn.feature_extraction.text.TfidfTransformer",
        tfidf::TfidfTransformer::read,
    ),
    (
        "sklearn.feature_extraction.text.TfidfVectorizer",
        count::tfidf,
    ),
];
