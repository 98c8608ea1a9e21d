//! Paths of fields, such as `spec.predictors[0].labels["app.kubernetes.io/name"]`.

use std::borrow::Cow;
use std::fmt;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a field of a mapping.
    Field(Cow<'a, str>),
    /// Into an item of a list, from 0.
    Item(usize),
}

/// Adds a field to a path: `.name`, or `["name"]` where the name is no plain word. Very long
/// names are cut.
#[must_use]
pub fn field(path: &str, name: &str) -> String {
    let step = Step::Field(shortened(name));
    match (path, is_plain(name)) {
        ("", true) => step.to_string(),
        (_, true) => format!("{path}.{step}"),
        (_, false) => format!("{path}{step}"),
    }
}

/// Adds an item of a list to a path: `[index]`.
#[must_use]
pub fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(index) => write!(f, "[{index}]"),
            Self::Field(name) if is_plain(name) => f.write_str(name),
            Self::Field(name) => write!(f, "[{}]", serde_json::Value::from(name.as_ref())),
        }
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !name.is_empty() && name.chars().all(plain)
}

/// The steps of a path as [`field`] and [`item`] write it. Ends early where it is malformed.
pub(crate) fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let (step, after) = next_step(rest)?;
        rest = after;
        Some(step)
    })
}

fn next_step(path: &str) -> Option<(Step<'_>, &str)> {
    if path.starts_with("[\"") {
        return quoted_step(path);
    }
    if let Some(bracketed) = path.strip_prefix('[') {
        let (index, after) = bracketed.split_once(']')?;
        return Some((Step::Item(index.parse().ok()?), after));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, after) = path.split_at_checked(end)?;
    (!name.is_empty()).then_some((Step::Field(name.into()), after))
}

/// Reads `["name"]`, quoted as in JSON.
fn quoted_step(path: &str) -> Option<(Step<'_>, &str)> {
    let mut escaped = true; // the quote that opens is not the one that closes
    let is_end = |c: char| {
        let end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        end
    };
    let quoted = path.strip_prefix('[')?;
    let end = quoted.find(is_end)?;
    let (name, after) = quoted.split_at_checked(end + 1)?;
    let name: String = serde_json::from_str(name).ok()?;
    Some((Step::Field(name.into()), after.strip_prefix(']')?))
}

/// Where a walk through a document is; written out only when something is to be said.
#[derive(Clone, Copy)]
pub(crate) enum Trail<'a> {
    Root,
    Field(&'a Trail<'a>, &'a str),
    Item(&'a Trail<'a>, usize),
}

/// Longest field name written out in a path, in characters.
const LONGEST_NAME: usize = 253;

impl Trail<'_> {
    /// The steps from the root.
    pub(crate) fn steps(&self) -> Vec<Step<'static>> {
        match self {
            Self::Root => Vec::new(),
            Self::Field(parent, name) => parent.then(Step::Field(Cow::Owned((*name).to_owned()))),
            Self::Item(parent, index) => parent.then(Step::Item(*index)),
        }
    }

    fn then(&self, step: Step<'static>) -> Vec<Step<'static>> {
        let mut steps = self.steps();
        steps.push(step);
        steps
    }
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Field(parent, name) => {
                write!(f, "{parent}")?;
                let separate = is_plain(name) && !matches!(parent, Self::Root);
                f.write_str(if separate { "." } else { "" })?;
                write!(f, "{}", Step::Field(shortened(name)))
            }
        }
    }
}

pub(crate) fn shortened(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_NAME) {
        None => name.into(),
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()).into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_are_dotted_and_others_quoted() {
        let path = item(&field(&field("", "spec"), "predictors"), 0);
        assert_eq!(path, "spec.predictors[0]");
        assert_eq!(
            field(&field(&path, "annotations"), "seldon.io/no-engine"),
            "spec.predictors[0].annotations[\"seldon.io/no-engine\"]"
        );
    }

    #[test]
    fn a_trail_is_written_as_a_path() {
        let spec = Trail::Field(&Trail::Root, "spec");
        let list = Trail::Field(&spec, "predictors");
        let first = Trail::Item(&list, 0);
        let label = Trail::Field(&first, "a/b");
        assert_eq!(label.to_string(), "spec.predictors[0][\"a/b\"]");
        let long = "k".repeat(1000);
        assert!(Trail::Field(&first, &long).to_string().len() < 300);
    }

    #[test]
    fn a_malformed_path_ends_early() {
        assert_eq!(steps("spec[x]").count(), 1);
        assert_eq!(steps("spec[\"x").count(), 1);
        assert_eq!(steps("..").count(), 0);
    }

    proptest! {
        #[test]
        fn a_written_path_is_read_back(names in proptest::collection::vec("[a-zA-Z./\"\\\\ \\[\\]\n]{1,8}", 1..5)) {
            let path = names.iter().fold(String::new(), |path, name| item(&field(&path, name), 7));
            let expected: Vec<_> = names
                .iter()
                .flat_map(|name| [Step::Field(name.as_str().into()), Step::Item(7)])
                .collect();
            prop_assert_eq!(steps(&path).collect::<Vec<_>>(), expected);
        }
    }
}
