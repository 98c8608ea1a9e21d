//! Patterns in the syntax of RE2, on bytes.
//!
//! The syntax of the crate `regex` comes from RE2's and differs in what is translated here: there,
//! `\w`, `\d`, `\s` and `\b` are those of Unicode, classes nest and have operators, `\<` is the
//! start of a word, octal numbers and `\Q` are not known.
//! Source: the syntax page of RE2 (github.com/google/re2/wiki/Syntax).

use std::iter::Peekable;
use std::str::Chars;

use hari_error::{Error, Result};
use regex::bytes::{Regex, RegexBuilder};

/// Bytes that one compiled pattern may take.
const SIZE_LIMIT: usize = 10 << 20;

/// A pattern that is looked for.
///
/// # Errors
/// `Model` if it is none.
pub(super) fn pattern(re2: &str) -> Result<Regex> {
    compiled(&translated(re2)?, re2)
}

/// A pattern that matches a whole text or nothing.
///
/// # Errors
/// `Model` if it is none.
pub(super) fn whole(re2: &str) -> Result<Regex> {
    compiled(&format!(r"\A(?:{})\z", translated(re2)?), re2)
}

fn compiled(translated: &str, re2: &str) -> Result<Regex> {
    let built = RegexBuilder::new(translated).size_limit(SIZE_LIMIT).build();
    built.map_err(|error| {
        Error::model(format!("`{re2}` is no regular expression")).with_source(error)
    })
}

fn translated(re2: &str) -> Result<String> {
    let mut made = String::with_capacity(re2.len() + 16);
    let mut rest = re2.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\\' => escape(&mut rest, &mut made, re2)?,
            '[' => class(&mut rest, &mut made, re2)?,
            '{' if !repeats(&rest) => made.push_str(r"\{"),
            other => made.push(other),
        }
    }
    Ok(made)
}

/// Whether what follows a brace makes it a count: `{2}`, `{2,}`, `{2,3}`. Else it is a character.
fn repeats(rest: &Peekable<Chars<'_>>) -> bool {
    let inside: String = rest.clone().take_while(|&next| next != '}').collect();
    let closed = rest.clone().any(|next| next == '}');
    let (low, high) = inside.split_once(',').unwrap_or((&inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    closed && !low.is_empty() && digits(low) && digits(high)
}

fn cut(re2: &str) -> Error {
    Error::model(format!(
        "`{re2}` is no regular expression: it ends too early"
    ))
}

/// What stands behind a backslash outside of classes.
fn escape(rest: &mut Peekable<Chars<'_>>, made: &mut String, re2: &str) -> Result<()> {
    match rest.next().ok_or_else(|| cut(re2))? {
        'b' => made.push_str(r"(?-u:\b)"),
        'B' => made.push_str(r"(?-u:\B)"),
        letter @ ('w' | 'd' | 's') => made.push_str(&format!("[{}]", ascii(letter))),
        letter @ ('W' | 'D' | 'S') => made.push_str(&format!("[^{}]", ascii(letter))),
        'Q' => {
            while let Some(next) = rest.next() {
                if next == '\\' && rest.peek() == Some(&'E') {
                    rest.next();
                    break;
                }
                made.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
            }
        }
        letter => character(letter, rest, made),
    }
    Ok(())
}

/// A character that is written with a backslash, inside or outside of classes.
fn character(letter: char, rest: &mut Peekable<Chars<'_>>, made: &mut String) {
    match letter {
        '0'..='7' => {
            let mut value = letter.to_digit(8).unwrap_or_default();
            for _ in 0..2 {
                let digit = rest.peek().and_then(|next| next.to_digit(8));
                let Some(digit) = digit else { break };
                value = value * 8 + digit;
                rest.next();
            }
            made.push_str(&format!(r"\x{{{value:x}}}"));
        }
        letter if letter.is_ascii_alphanumeric() => {
            made.push('\\');
            made.push(letter);
        }
        sign => made.push_str(&format!(r"\x{{{:x}}}", u32::from(sign))),
    }
}

/// The members of a class of ASCII.
fn ascii(letter: char) -> &'static str {
    match letter.to_ascii_lowercase() {
        'w' => "0-9A-Za-z_",
        'd' => "0-9",
        _ => r"\t\n\x0C\r ",
    }
}

/// A class, from behind its opening bracket.
fn class(rest: &mut Peekable<Chars<'_>>, made: &mut String, re2: &str) -> Result<()> {
    made.push('[');
    if rest.next_if_eq(&'^').is_some() {
        made.push('^');
    }
    // A bracket that closes nothing is a member.
    if rest.next_if_eq(&']').is_some() {
        made.push_str(r"\]");
    }
    loop {
        match rest.next().ok_or_else(|| cut(re2))? {
            ']' => {
                made.push(']');
                return Ok(());
            }
            '\\' => match rest.next().ok_or_else(|| cut(re2))? {
                letter @ ('w' | 'd' | 's') => made.push_str(ascii(letter)),
                letter @ ('W' | 'D' | 'S') => made.push_str(&format!("[^{}]", ascii(letter))),
                letter => character(letter, rest, made),
            },
            '[' if rest.peek() == Some(&':') => named(rest, made, re2)?,
            sign @ ('[' | '&' | '~') => {
                made.push('\\');
                made.push(sign);
            }
            other => made.push(other),
        }
    }
}

/// `[:alpha:]` and the like, from behind the bracket.
fn named(rest: &mut Peekable<Chars<'_>>, made: &mut String, re2: &str) -> Result<()> {
    made.push('[');
    loop {
        let next = rest.next().ok_or_else(|| cut(re2))?;
        made.push(next);
        if next == ']' {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finds(re2: &str, text: &str) -> Option<(usize, usize)> {
        let found = pattern(re2).unwrap().find(text.as_bytes())?;
        Some((found.start(), found.end()))
    }

    #[test]
    fn classes_are_those_of_ascii() {
        assert_eq!(finds(r"\w+", "é1_a"), Some((2, 5)));
        assert_eq!(finds(r"[\w-]+", "é1-a"), Some((2, 5)));
        assert_eq!(finds(r"[^\W\d_]+", "1_aB2"), Some((2, 4)));
        assert_eq!(finds(r"\s", "\u{a0} "), Some((2, 3)));
        assert_eq!(finds(r"a\b", "aé"), Some((0, 1)));
        assert_eq!(finds(".", "é"), Some((0, 2)));
    }

    #[test]
    fn signs_stand_for_themselves() {
        assert_eq!(finds(r"[[]", "a["), Some((1, 2)));
        assert_eq!(finds(r"[]a]+", "]a"), Some((0, 2)));
        assert_eq!(finds(r"[a&&b]+", "&b"), Some((0, 2)));
        assert_eq!(finds(r"\<\_\-\é", "<_-é"), Some((0, 5)));
        assert_eq!(finds(r"a{,2}", "a{,2}"), Some((0, 5)));
        assert_eq!(finds(r"a{2}", "caa"), Some((1, 3)));
        assert_eq!(finds(r"\Qa.b\E.", "a.bc"), Some((0, 4)));
        assert_eq!(finds(r"\101\x42", "AB"), Some((0, 2)));
        assert_eq!(finds(r"[[:alpha:]]+", "1ab"), Some((1, 3)));
    }

    #[test]
    fn the_pattern_that_strips_punctuation() {
        let keras = r##"[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']"##;
        let found = pattern(keras).unwrap();
        let stripped = found.replace_all(br"a.b,c!d-e[f]\g{h}~i", &b""[..]);
        assert_eq!(&*stripped, b"abcdefghi");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["(", "[a", "\\", "a**b(", r"\p{Nothing}"] {
            assert!(pattern(bad).is_err(), "{bad}");
        }
        assert!(pattern("((a{1000}){1000}){1000}").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_pattern_or_refused(text in ".{0,40}") {
            let _ = pattern(&text);
        }
    }
}
