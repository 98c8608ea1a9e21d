//! What is wrong with a document: one finding, with its place, rule and remedy.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::read::Position;

/// How bad an issue is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Probably not what was meant; served all the same.
    Warning,
    /// Cannot be served.
    Error,
}

/// One finding in a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Issue {
    /// How bad it is.
    pub severity: Severity,
    /// Stable name of the rule, in kebab case.
    pub rule: Cow<'static, str>,
    /// Which document of the file, from 0.
    pub document: usize,
    /// The file as the caller named it; empty where there is none.
    pub file: String,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The field, such as `spec.predictors[0].graph.children[1].name`; empty for the whole
    /// document.
    pub path: String,
    /// What was found there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is wrong: expected and found.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Longest value quoted in an issue, in characters.
const LONGEST_VALUE: usize = 80;

impl Issue {
    /// An error of `rule` at `path`, without a place yet: see [`crate::Document::locate`].
    #[must_use]
    pub fn error(rule: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, rule, path.into(), message.into())
    }

    /// A warning of `rule` at `path`, without a place yet: see [`crate::Document::locate`].
    #[must_use]
    pub fn warning(
        rule: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warning, rule, path.into(), message.into())
    }

    fn new(severity: Severity, rule: &'static str, path: String, message: String) -> Self {
        Self {
            severity,
            rule: Cow::Borrowed(rule),
            document: 0,
            file: String::new(),
            line: None,
            column: None,
            path,
            value: None,
            message,
            hint: None,
        }
    }

    /// Adds what was found; long values are cut.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(cut(value.into()));
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the place.
    #[must_use]
    pub fn with_position(mut self, position: Position) -> Self {
        self.line = Some(position.line);
        self.column = Some(position.column);
        self
    }

    /// Whether it keeps the deployment from being served.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The text up to the longest that is quoted.
pub(crate) fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_VALUE) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// `file:line:column: error[rule] path: message`, and the hint on a second line.
impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_place(f)?;
        write!(f, "{}[{}] ", self.severity, self.rule)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl Issue {
    fn write_place(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = [
            (!self.file.is_empty()).then(|| self.file.clone()),
            self.line.map(|line| line.to_string()),
            self.column.map(|column| column.to_string()),
        ];
        let place: Vec<String> = place.into_iter().flatten().collect();
        if place.is_empty() {
            return Ok(());
        }
        write!(f, "{}: ", place.join(":"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue() -> Issue {
        Issue::error(
            "wrong-type",
            "spec.replicas",
            "expected an integer, found a string",
        )
        .with_value("two")
        .with_hint("write a number")
    }

    #[test]
    fn shown_with_its_place_and_hint() {
        let mut issue = issue().with_position(Position { line: 4, column: 3 });
        issue.file = "iris.yaml".to_owned();
        assert_eq!(
            issue.to_string(),
            "iris.yaml:4:3: error[wrong-type] spec.replicas: expected an integer, found a string\n  \
             hint: write a number"
        );
    }

    #[test]
    fn shown_without_a_place() {
        let issue = Issue::warning("no-document", "", "nothing here");
        assert_eq!(issue.to_string(), "warning[no-document] nothing here");
        assert!(!issue.is_error());
    }

    #[test]
    fn written_as_json_and_read_back() {
        let json = serde_json::to_value(issue()).unwrap();
        assert_eq!(json["severity"], "error");
        assert_eq!(json["rule"], "wrong-type");
        assert_eq!(json.get("line"), None);
        assert_eq!(serde_json::from_value::<Issue>(json).unwrap(), issue());
    }

    #[test]
    fn a_long_value_is_cut_at_a_character() {
        let issue = issue().with_value("é".repeat(500));
        let value = issue.value.unwrap();
        assert_eq!(value.chars().count(), LONGEST_VALUE + 1);
        assert!(value.ends_with('…'));
    }
}
