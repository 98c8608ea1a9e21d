//! JSON -> a tree. The text is known to be JSON; this finds its positions.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::build::{Budget, Builder, Tree};
use super::position::Position;
use crate::issue::Issue;

/// Whether the text is one JSON list or mapping.
pub(super) fn is_json(text: &str) -> bool {
    let opens = text.trim_start().starts_with(['{', '[']);
    opens && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Reads the document of a text for which [`is_json`] holds.
pub(super) fn read(text: &str) -> Vec<Tree> {
    let mut builder = Builder::default();
    let mut budget = Budget::default();
    for token in (Tokens {
        rest: text,
        line: 1,
        column: 1,
    }) {
        if let Err(message) = token.add(&mut builder, &mut budget) {
            let issue = Issue::error("unreadable-json", "", message).with_position(token.here);
            let mut tree = builder.finish();
            tree.issues.push(issue);
            return vec![tree];
        }
    }
    vec![builder.finish()]
}

/// A bracket, string, number or word; commas and colons are left out.
struct Token<'a> {
    text: &'a str,
    here: Position,
}

impl Token<'_> {
    fn add(&self, builder: &mut Builder, budget: &mut Budget) -> Result<(), &'static str> {
        match self.text {
            "{" => builder.start_map(self.here, 0),
            "[" => builder.start_list(self.here, 0),
            "}" | "]" => builder.end(budget),
            text => {
                let value = serde_json::from_str(text).map_err(|_| "this is not JSON")?;
                self.add_scalar(value, builder, budget)
            }
        }
    }

    fn add_scalar(
        &self,
        value: Value,
        builder: &mut Builder,
        budget: &mut Budget,
    ) -> Result<(), &'static str> {
        match value {
            Value::String(name) if builder.wants_name() => builder.name(name, self.here, budget),
            value => builder.scalar(value, (self.here, 0), budget),
        }
    }
}

struct Tokens<'a> {
    rest: &'a str,
    line: u32,
    column: u32,
}

impl<'a> Tokens<'a> {
    /// Steps over so many bytes, counting lines and columns.
    fn advance(&mut self, bytes: usize) -> Option<&'a str> {
        let (text, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        for c in text.chars() {
            (self.line, self.column) = match c {
                '\n' => (self.line.saturating_add(1), 1),
                _ => (self.line, self.column.saturating_add(1)),
            };
        }
        Some(text)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let is_between = |c: char| c.is_ascii_whitespace() || c == ',' || c == ':';
        let between = self.rest.len() - self.rest.trim_start_matches(is_between).len();
        self.advance(between)?;
        let here = Position {
            line: self.line,
            column: self.column,
        };
        let text = self.advance(token_length(self.rest)?)?;
        Some(Token { text, here })
    }
}

fn token_length(rest: &str) -> Option<usize> {
    let ends_word = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | ':' | '}' | ']');
    match rest.chars().next()? {
        '{' | '}' | '[' | ']' => Some(1),
        '"' => string_length(rest),
        _ => Some(rest.find(ends_word).unwrap_or(rest.len())),
    }
}

/// Length of the string at the start, quotes with it.
fn string_length(rest: &str) -> Option<usize> {
    let mut escaped = true; // the quote that opens is not the one that closes
    let end = rest.find(|c: char| {
        let end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        end
    })?;
    Some(end + 1)
}
