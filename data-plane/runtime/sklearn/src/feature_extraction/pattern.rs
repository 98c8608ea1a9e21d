//! Regular expressions of Python that find tokens, matched in linear time.
//!
//! `\w` of Python is a letter, a number of any kind or `_`; `regex` counts combining marks and
//! connectors too, but not all numbers. A text with such characters is matched through a copy in
//! which each of them is a character that both sides see alike.

use std::borrow::Cow;
use std::sync::LazyLock;

use hari_error::{Error, Result};
use hari_pickle::Cursor;
use regex::Regex;

/// The default of scikit-learn: words of at least two characters.
const DEFAULT: &str = r"(?u)\b\w\w+\b";
/// The same, from one character on.
const SHORT: &str = r"(?u)\b\w+\b";

/// What Python's `\w` has and `regex`'s has not: letters for the latter.
static NUMBERS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[[\p{L}\p{N}]--\w]").ok());
/// What `regex`'s `\w` has and Python's has not.
static MARKS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\w--[\p{L}\p{N}_]]").ok());
/// What is a space in Python alone.
static SPACES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\x1c-\x1f]").ok());

/// What finds tokens.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// Whether texts go through [`alike`] before.
    translated: bool,
    /// Whether the pattern has other characters than ASCII, which [`alike`] might change.
    beyond_ascii: bool,
    /// The group that is the token: the whole match, or the only group.
    group: usize,
}

impl Pattern {
    /// `token_pattern`.
    ///
    /// # Errors
    /// `Model` for a pattern that `regex` does not have, or reads in another way than Python.
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        Self::new(&cursor.text()?).map_err(|what| cursor.refuse(what))
    }

    fn new(pattern: &str) -> Result<Self, String> {
        let simple = match pattern {
            DEFAULT | r"\b\w\w+\b" => Some(r"[\p{L}\p{N}_]{2,}"),
            SHORT | r"\b\w+\b" | r"\w+" | r"(?u)\w+" => Some(r"[\p{L}\p{N}_]+"),
            _ => None,
        };
        if simple.is_none() {
            foreign(pattern)?;
        }
        let regex = Regex::new(simple.unwrap_or(pattern))
            .map_err(|_| format!("`{pattern}` is no regular expression that is matched here"))?;
        let group = regex.captures_len() - 1;
        if group > 1 {
            return Err(format!("`{pattern}` has more than one group"));
        }
        Ok(Self {
            regex,
            translated: simple.is_none(),
            beyond_ascii: !pattern.is_ascii(),
            group,
        })
    }

    /// The tokens of a text, in order.
    ///
    /// # Errors
    /// `InvalidInput` for a text with characters that this pattern might see in another way than
    /// Python.
    pub(super) fn tokens<'t>(&self, text: &'t str) -> Result<Vec<&'t str>> {
        let seen = match self.translated {
            true => alike(text),
            false => Cow::Borrowed(text),
        };
        match &seen {
            Cow::Borrowed(_) => self.found(text, |at| at),
            Cow::Owned(_) if self.beyond_ascii => Err(Error::invalid(
                "the text has marks or numbers that `token_pattern` would see in another way than \
                 Python: expected composed characters (NFC)",
            )),
            Cow::Owned(seen) => {
                let places = places(text, seen);
                let found = self.spans(seen)?;
                let place = |at: usize| places.get(at).copied().unwrap_or(0);
                let spans = found.into_iter();
                let tokens = spans.map(|(start, end)| text.get(place(start)..place(end)));
                Ok(tokens.map(Option::unwrap_or_default).collect())
            }
        }
    }

    fn found<'t>(&self, text: &'t str, place: impl Fn(usize) -> usize) -> Result<Vec<&'t str>> {
        if self.group == 0 && !self.translated {
            return Ok(self.regex.find_iter(text).map(|one| one.as_str()).collect());
        }
        let spans = self.spans(text)?.into_iter();
        let tokens = spans.map(|(start, end)| text.get(place(start)..place(end)));
        Ok(tokens.map(Option::unwrap_or_default).collect())
    }

    /// Where the tokens start and end.
    fn spans(&self, text: &str) -> Result<Vec<(usize, usize)>> {
        let each = self.regex.captures_iter(text).map(|captures| {
            if captures.get(0).is_none_or(|whole| whole.is_empty()) {
                return Err(Error::invalid(
                    "`token_pattern` matches nothing at all in this text, which Python counts in \
                     another way",
                ));
            }
            let group = captures.get(self.group);
            Ok(group.map_or((0, 0), |group| (group.start(), group.end())))
        });
        each.collect()
    }
}

/// What Python and `regex` read in different ways.
fn foreign(pattern: &str) -> Result<(), String> {
    let mut letters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied().unwrap_or_default();
        let bad = match letter {
            '\\' => {
                letters.next();
                "<>AzZBGKhHRX".contains(next) || next.is_ascii_digit()
            }
            '[' if in_class => true,
            '[' => {
                in_class = true;
                next == ']'
            }
            ']' => {
                in_class = false;
                false
            }
            '&' | '-' | '~' if in_class => next == letter,
            '$' => !in_class,
            _ => false,
        };
        if bad {
            return Err(format!(
                "`{letter}{next}` in `{pattern}` means something else in Python: expected letters, \
                 classes, groups and repetitions"
            ));
        }
    }
    Ok(())
}

/// The text with characters that Python and `regex` see alike, one for one.
fn alike(text: &str) -> Cow<'_, str> {
    let (Some(numbers), Some(marks), Some(spaces)) = (&*NUMBERS, &*MARKS, &*SPACES) else {
        return Cow::Borrowed(text);
    };
    let any = [numbers, marks, spaces]
        .iter()
        .any(|one| one.is_match(text));
    if !any {
        return Cow::Borrowed(text);
    }
    let text = numbers.replace_all(text, "\u{a000}");
    let text = marks.replace_all(&text, "\u{e000}");
    Cow::Owned(spaces.replace_all(&text, "\u{2003}").into_owned())
}

/// For each byte of `seen`, and its end, the byte of `text` where the same character starts.
fn places(text: &str, seen: &str) -> Vec<usize> {
    let mut places = Vec::with_capacity(seen.len() + 1);
    for ((at, _), letter) in text.char_indices().zip(seen.chars()) {
        places.extend(std::iter::repeat_n(at, letter.len_utf8()));
    }
    places.push(text.len());
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(pattern: &str, text: &str) -> Vec<String> {
        let pattern = Pattern::new(pattern).unwrap();
        let found = pattern.tokens(text).unwrap();
        found.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn words_are_letters_numbers_and_underscores() {
        let text = "I am_2 ½² déjà; नमस्ते a";
        assert_eq!(tokens(DEFAULT, text), ["am_2", "½²", "déjà", "नमस"]);
        assert_eq!(tokens(SHORT, "a bc"), ["a", "bc"]);
    }

    #[test]
    fn other_patterns_see_what_python_sees() {
        assert_eq!(tokens(r"\b[a-z]+\b", "ab c1 d"), ["ab", "d"]);
        // A mark ends a word in Python, a superscript does not.
        assert_eq!(
            tokens(r"\b\w{1,9}\b", "cafe\u{301}s x²"),
            ["cafe", "s", "x²"]
        );
        assert_eq!(tokens(r"[^\s]+", "a\u{1c}b c"), ["a", "b", "c"]);
        assert_eq!(tokens(r"#(\w+)", "#one two #three"), ["one", "three"]);
    }

    #[test]
    fn what_means_something_else_is_refused() {
        for pattern in [
            r"a$", r"\<a", r"(a)(b)", r"(?=a)", r"\1", "[[a]", "[a&&b]", r"\Z",
        ] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        let empty = Pattern::new("a*").unwrap();
        assert!(empty.tokens("bab").is_err());
        let cyrillic = Pattern::new("[а-я]+").unwrap();
        assert_eq!(cyrillic.tokens("два три").unwrap(), ["два", "три"]);
        assert!(cyrillic.tokens("два\u{301}").is_err());
    }
}
