//! From a document to the terms that are counted.

use std::borrow::Cow;
use std::collections::HashSet;

use hari_error::{Error, Result};
use hari_pickle::Cursor;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

use super::pattern::Pattern;
use crate::attributes::flag;

/// The words that `stop_words="english"` names: of the Glasgow Information Retrieval Group.
const ENGLISH: &str = include_str!("english.txt");

/// How a document is taken apart.
#[derive(Debug)]
pub(super) struct Analyzer {
    lowercase: bool,
    accents: Accents,
    unit: Unit,
    /// The fewest and the most units of a term.
    fewest: usize,
    most: usize,
}

/// What becomes of accents.
#[derive(Debug, PartialEq)]
enum Accents {
    Kept,
    /// Whatever is not ASCII is taken apart, and what is still not ASCII is left out.
    Ascii,
    /// Combining marks are left out.
    Unicode,
}

/// What terms are made of.
#[derive(Debug)]
enum Unit {
    Words {
        pattern: Pattern,
        stop: HashSet<Box<str>>,
    },
    Letters,
    /// Letters within a word, which has a space on each side.
    LettersOfWords,
}

impl Analyzer {
    /// The parameters of a vectoriser.
    ///
    /// # Errors
    /// `Model` for functions of Python, files as input, and patterns that are not matched here.
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        for name in ["preprocessor", "tokenizer"] {
            no_function(cursor, name)?;
        }
        let input = cursor.attribute("input")?;
        if input.text()? != "content" {
            return Err(input.refuse("expected `content`: files are not read"));
        }
        let range = cursor.attribute("ngram_range")?;
        let bound = |index| {
            let item = range.item(index)?;
            let bound = usize::try_from(item.integer()?).ok().filter(|&n| n > 0);
            bound.ok_or_else(|| item.refuse("expected at least 1"))
        };
        Ok(Self {
            lowercase: flag(cursor, "lowercase")?,
            accents: accents(cursor)?,
            unit: unit(cursor)?,
            fewest: bound(0)?,
            most: bound(1)?,
        })
    }

    /// No term is longer than so many letters: longer ones are not looked for.
    pub(super) fn limit(&mut self, letters: usize) {
        self.most = self.most.min(letters.max(self.fewest));
    }

    /// The most units of a term.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Calls `term` with every term of the document, as often as it is there.
    ///
    /// # Errors
    /// `InvalidInput` for a document that the pattern may see in another way than Python.
    pub(super) fn analyze(&self, document: &str, mut term: impl FnMut(&str)) -> Result<()> {
        let text = self.prepared(document);
        match &self.unit {
            Unit::Words { pattern, stop } => {
                let mut words = pattern.tokens(&text)?;
                words.retain(|word| !stop.contains(*word));
                self.words(&words, &mut term);
            }
            Unit::Letters => {
                let text = spaced(&text);
                self.letters(&text, &mut term, false);
            }
            Unit::LettersOfWords => {
                for word in text.split(is_space).filter(|word| !word.is_empty()) {
                    self.letters(&format!(" {word} "), &mut term, true);
                }
            }
        }
        Ok(())
    }

    fn prepared<'t>(&self, document: &'t str) -> Cow<'t, str> {
        let text = match self.lowercase {
            true => Cow::Owned(document.to_lowercase()),
            false => Cow::Borrowed(document),
        };
        if self.accents == Accents::Kept || text.is_ascii() {
            return text;
        }
        let apart = text.nfkd();
        Cow::Owned(match self.accents {
            Accents::Ascii => apart.filter(char::is_ascii).collect(),
            _ => apart
                .filter(|letter| canonical_combining_class(*letter) == 0)
                .collect(),
        })
    }

    fn words(&self, words: &[&str], term: &mut impl FnMut(&str)) {
        if self.most == 1 {
            return words.iter().for_each(|word| term(word));
        }
        let mut joined = String::new();
        for count in self.fewest..=self.most.min(words.len()) {
            for window in words.windows(count) {
                joined.clear();
                for (at, word) in window.iter().enumerate() {
                    joined.push_str(if at == 0 { "" } else { " " });
                    joined.push_str(word);
                }
                term(&joined);
            }
        }
    }

    /// Runs of letters. A word that is shorter than the run is `whole` once, not for every length.
    fn letters(&self, text: &str, term: &mut impl FnMut(&str), whole: bool) {
        let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let length = starts.len();
        starts.push(text.len());
        for count in self.fewest..=self.most {
            if count > length {
                if whole {
                    term(text);
                }
                return;
            }
            for (start, end) in starts.iter().zip(starts.iter().skip(count)) {
                term(text.get(*start..*end).unwrap_or_default());
            }
            if whole && count == length {
                return;
            }
        }
    }
}

fn no_function(cursor: &Cursor<'_>, name: &str) -> Result<()> {
    let found = cursor.find_attribute(name)?.and_then(Cursor::optional);
    found.map_or(Ok(()), |found| Err(function(&found)))
}

fn function(cursor: &Cursor<'_>) -> Error {
    cursor.refuse(format_args!(
        "{} is code of Python, which is not run here: use the parameters of the vectoriser \
         instead, or serve the model as a Python component",
        cursor.describe()
    ))
}

fn accents(cursor: &Cursor<'_>) -> Result<Accents> {
    let Some(found) = cursor.attribute("strip_accents")?.optional() else {
        return Ok(Accents::Kept);
    };
    match found.text().map_err(|_| function(&found))?.as_str() {
        "ascii" => Ok(Accents::Ascii),
        "unicode" => Ok(Accents::Unicode),
        other => Err(found.refuse(format_args!(
            "expected `ascii`, `unicode` or None, found `{other}`"
        ))),
    }
}

fn unit(cursor: &Cursor<'_>) -> Result<Unit> {
    let found = cursor.attribute("analyzer")?;
    match found.text().map_err(|_| function(&found))?.as_str() {
        "word" => Ok(Unit::Words {
            pattern: Pattern::read(&cursor.attribute("token_pattern")?)?,
            stop: stop_words(cursor)?,
        }),
        "char" => Ok(Unit::Letters),
        "char_wb" => Ok(Unit::LettersOfWords),
        other => Err(found.refuse(format_args!(
            "expected `word`, `char` or `char_wb`, found `{other}`"
        ))),
    }
}

fn stop_words(cursor: &Cursor<'_>) -> Result<HashSet<Box<str>>> {
    let Some(found) = cursor.attribute("stop_words")?.optional() else {
        return Ok(HashSet::new());
    };
    if let Ok(name) = found.text() {
        return match name.as_str() {
            "english" => Ok(ENGLISH.split_whitespace().map(Box::from).collect()),
            _ => Err(found.refuse(format_args!("expected `english`, found `{name}`"))),
        };
    }
    Ok(found.strings()?.into_iter().map(Box::from).collect())
}

/// Python's `str.isspace`.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\x1c'..='\x1f').contains(&letter)
}

/// Two spaces and more become one blank; a single one stays what it is.
fn spaced(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let more = is_space(letter) && letters.peek().is_some_and(|next| is_space(*next));
        while more && letters.next_if(|next| is_space(*next)).is_some() {}
        found.push(if more { ' ' } else { letter });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(unit: Unit, fewest: usize, most: usize, text: &str) -> Vec<String> {
        let analyzer = Analyzer {
            lowercase: true,
            accents: Accents::Kept,
            unit,
            fewest,
            most,
        };
        let mut found = Vec::new();
        analyzer
            .analyze(text, |term| found.push(term.to_owned()))
            .unwrap();
        found
    }

    #[test]
    fn runs_of_letters() {
        assert_eq!(terms(Unit::Letters, 2, 2, "A \n bä"), ["a ", " b", "bä"]);
        assert_eq!(terms(Unit::Letters, 1, 9, "ab"), ["a", "b", "ab"]);
        assert_eq!(terms(Unit::Letters, 3, 3, "ab"), [""; 0]);
    }

    #[test]
    fn runs_of_letters_within_words() {
        let found = terms(Unit::LettersOfWords, 3, 5, "a bc");
        assert_eq!(found, [" a ", " bc", "bc ", " bc "]);
        assert_eq!(terms(Unit::LettersOfWords, 7, 9, "a"), [" a "]);
    }

    #[test]
    fn spaces_are_pythons() {
        assert_eq!(spaced("a\x1c\u{a0}b\tc  "), "a b\tc ");
    }

    #[test]
    fn accents_are_stripped() {
        let analyzer = |accents| Analyzer {
            lowercase: true,
            accents,
            unit: Unit::Letters,
            fewest: 1,
            most: 1,
        };
        assert_eq!(analyzer(Accents::Ascii).prepared("ÉTÉ ß ﬁ ½"), "ete  fi 12");
        assert_eq!(analyzer(Accents::Unicode).prepared("ÉTÉ ß"), "ete ß");
        assert_eq!(ENGLISH.split_whitespace().count(), 318);
    }
}
