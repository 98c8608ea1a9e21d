//! YAML -> trees.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};
use serde_json::Value;

use super::build::{Budget, Builder, Tree};
use super::position::Position;
use super::scalar;
use crate::issue::Issue;

/// Reads every document of a text, up to the first that is malformed.
pub(super) fn read(text: &str) -> Vec<Tree> {
    let mut reader = Reader::default();
    for event in Parser::new(StrInput::new(text)) {
        let (event, here) = match event {
            Ok((event, span)) => (event, position(span.start)),
            Err(error) => return reader.stop(malformed(&error)),
        };
        if let Err(message) = reader.take(event, here) {
            let issue = Issue::error("unreadable-yaml", "", message);
            return reader.stop(issue.with_position(here));
        }
    }
    reader.trees
}

#[derive(Default)]
struct Reader {
    trees: Vec<Tree>,
    builder: Builder,
    budget: Budget,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, here: Position) -> Result<(), &'static str> {
        let Self {
            builder, budget, ..
        } = self;
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd => Ok(()),
            Event::DocumentStart(_) | Event::DocumentEnd => {
                self.close();
                Ok(())
            }
            Event::SequenceStart(anchor, _) => builder.start_list(here, anchor),
            Event::MappingStart(anchor, _) => builder.start_map(here, anchor),
            Event::SequenceEnd | Event::MappingEnd => builder.end(budget),
            Event::Alias(anchor) => builder.alias(anchor, here, budget),
            Event::Scalar(word, ScalarStyle::Plain, ..) if builder.wants_name() && word == "<<" => {
                builder.merge_key();
                Ok(())
            }
            Event::Scalar(word, ..) if builder.wants_name() => {
                builder.name(word.into_owned(), here, budget)
            }
            Event::Scalar(word, style, anchor, tag) => {
                let value = typed(&word, style, tag.as_deref());
                value.and_then(|value| builder.scalar(value, (here, anchor), budget))
            }
        }
    }

    fn close(&mut self) {
        let builder = std::mem::take(&mut self.builder);
        if !builder.is_empty() {
            self.trees.push(builder.finish());
        }
    }

    fn stop(mut self, issue: Issue) -> Vec<Tree> {
        let mut tree = std::mem::take(&mut self.builder).finish();
        tree.issues.push(issue);
        self.trees.push(tree);
        self.trees
    }
}

/// What a scalar means, by its quotes and tag.
fn typed(word: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, &'static str> {
    let tag = tag.filter(|tag| tag.is_yaml_core_schema());
    let text = match tag {
        Some(tag) => tag.suffix == "str",
        None => style != ScalarStyle::Plain,
    };
    if text {
        return Ok(Value::String(word.to_owned()));
    }
    scalar::resolve(word).ok_or("expected a finite number; infinities and .nan have no JSON")
}

fn position(marker: Marker) -> Position {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position {
        line: count(marker.line()),
        column: count(marker.col()).saturating_add(1),
    }
}

fn malformed(error: &ScanError) -> Issue {
    let message = format!("this is not YAML: {}", error.info());
    Issue::error("malformed-yaml", "", message)
        .with_position(position(*error.marker()))
        .with_hint("check indentation, quotes and brackets here and just before")
}
