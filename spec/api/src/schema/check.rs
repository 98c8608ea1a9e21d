//! The shape of a document against the schema: every unknown, missing and mistyped field at once.

mod found;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{ROOT, definition};
use crate::issue::Issue;
use crate::path::Trail;
use crate::read::Positions;
use crate::{MAX_ISSUES, nearest};

/// What the check leaves.
pub(crate) struct Checked {
    /// The document without what cannot be read: nulls and mistyped optional fields. `None` where
    /// what is required is missing or mistyped.
    pub(crate) value: Option<Value>,
    /// Everything that is wrong, in the order of the document.
    pub(crate) issues: Vec<Issue>,
}

/// Checks a document against the schema of the resource.
pub(crate) fn check(mut value: Value, positions: &Positions) -> Checked {
    let mut check = Check {
        positions,
        issues: Vec::new(),
        fatal: false,
    };
    if check.visit(&mut value, &ROOT, Trail::Root) == Verdict::Wrong {
        check.fatal = true;
    }
    Checked {
        value: (!check.fatal).then_some(value),
        issues: check.issues,
    }
}

struct Check<'a> {
    positions: &'a Positions,
    issues: Vec<Issue>,
    /// Whether what is wrong cannot be left out.
    fatal: bool,
}

/// Whether a value has the type that it should have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Right,
    Wrong,
}

impl Check<'_> {
    fn visit(&mut self, value: &mut Value, schema: &'static Value, trail: Trail<'_>) -> Verdict {
        let schema = resolved(schema);
        let expected = found::expected(schema);
        if let Some(mismatch) = expected.mismatch(value) {
            self.report(&trail, mismatch);
            return Verdict::Wrong;
        }
        match value {
            Value::Object(fields) => self.visit_fields(fields, schema, trail),
            Value::Array(items) => self.visit_items(items, schema, trail),
            _ => {}
        }
        Verdict::Right
    }

    fn visit_items(&mut self, items: &mut [Value], schema: &'static Value, trail: Trail<'_>) {
        let Some(schema) = schema.get("items") else {
            return;
        };
        for (index, item) in items.iter_mut().enumerate() {
            if self.visit(item, schema, Trail::Item(&trail, index)) == Verdict::Wrong {
                self.fatal = true; // without it the others would move up
            }
        }
    }

    fn visit_fields(
        &mut self,
        fields: &mut Map<String, Value>,
        schema: &'static Value,
        trail: Trail<'_>,
    ) {
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        let mut left_out = BTreeSet::new();
        for (name, value) in fields.iter_mut() {
            let here = Trail::Field(&trail, name);
            let verdict = match (known.and_then(|known| known.get(name)), known, others) {
                (Some(_), _, _) if value.is_null() => Verdict::Wrong, // as good as absent
                (Some(schema), _, _) | (None, _, Some(schema)) => self.visit(value, schema, here),
                (None, Some(known), None) => self.visit_unknown(known, name, here),
                (None, None, None) => Verdict::Right, // any fields may be here
            };
            if verdict == Verdict::Wrong {
                left_out.insert(name.clone());
            }
        }
        self.visit_required(fields, schema, trail);
        self.fatal |= left_out.iter().any(|name| is_required(schema, name));
        fields.retain(|name, _| !left_out.contains(name));
    }

    fn visit_unknown(
        &mut self,
        known: &Map<String, Value>,
        name: &str,
        here: Trail<'_>,
    ) -> Verdict {
        if self.issues.len() > MAX_ISSUES {
            return Verdict::Right; // enough is said: no search for what was meant
        }
        let issue = Issue::warning("unknown-field", "", "unknown field: it would be ignored")
            .with_value(name);
        let hint = match nearest(name, known.keys().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known here: {}", listed(known)),
        };
        self.report(&here, issue.with_hint(hint));
        Verdict::Right
    }

    fn visit_required(&mut self, fields: &Map<String, Value>, schema: &Value, trail: Trail<'_>) {
        for name in required(schema) {
            if fields.get(name).is_none_or(Value::is_null) {
                let issue = Issue::error("missing-field", "", "this field is required");
                self.report(
                    &Trail::Field(&trail, name),
                    issue.with_hint(format!("add `{name}`")),
                );
                self.fatal = true;
            }
        }
    }

    fn report(&mut self, trail: &Trail<'_>, mut issue: Issue) {
        match self.issues.len() {
            ..MAX_ISSUES => issue.path = trail.to_string(),
            MAX_ISSUES => issue = more(),
            _ => return,
        }
        let position = self.positions.nearest_of(trail.steps().into_iter());
        self.issues.push(match position {
            Some(position) => issue.with_position(position),
            None => issue,
        });
    }
}

fn more() -> Issue {
    let message = format!("there are more than {MAX_ISSUES} issues: the rest is not shown");
    Issue::error("too-many-issues", "", message)
}

/// The schema that a reference stands for.
fn resolved(schema: &'static Value) -> &'static Value {
    let reference = schema.get("$ref").and_then(Value::as_str);
    reference
        .and_then(definition)
        .map_or(schema, |(_, target)| target)
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

fn is_required(schema: &Value, name: &str) -> bool {
    required(schema).any(|required| required == name)
}

/// Most names listed in a hint.
const MOST_LISTED: usize = 15;

fn listed(known: &Map<String, Value>) -> String {
    let names: Vec<&str> = known.keys().take(MOST_LISTED).map(String::as_str).collect();
    let more = if known.len() > MOST_LISTED {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", names.join(", "))
}

#[cfg(test)]
mod tests;
