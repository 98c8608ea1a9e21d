//! Values -> YAML that people read, and that every YAML reader reads alike.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Writes a value as a YAML document in block style, ending in a newline.
///
/// Text is quoted wherever YAML 1.1 or 1.2 might take it for something else (`yes`, `0644`,
/// `1:30`), and text of several lines is a block where that is exact.
#[must_use]
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(fields) if !fields.is_empty() => write_fields(&mut out, fields, 0),
        Value::Array(items) if !items.is_empty() => write_items(&mut out, items, 0),
        scalar => {
            write_scalar(&mut out, scalar, 0);
            out.push('\n');
        }
    }
    out
}

/// Fields, each on its own line; the first goes where the cursor is.
fn write_fields(out: &mut String, fields: &Map<String, Value>, indent: usize) {
    for (i, (name, value)) in fields.iter().enumerate() {
        start_line(out, i, indent);
        write_name(out, name);
        out.push(':');
        write_below(out, value, indent);
    }
}

/// The value of a field: on the same line, or below it.
fn write_below(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            newline(out, indent + 2);
            write_fields(out, fields, indent + 2);
        }
        Value::Array(items) if !items.is_empty() => {
            newline(out, indent);
            write_items(out, items, indent);
        }
        scalar => {
            out.push(' ');
            write_scalar(out, scalar, indent);
            out.push('\n');
        }
    }
}

/// Items, each behind its dash; the first goes where the cursor is.
fn write_items(out: &mut String, items: &[Value], indent: usize) {
    for (i, item) in items.iter().enumerate() {
        start_line(out, i, indent);
        out.push_str("- ");
        match item {
            Value::Object(fields) if !fields.is_empty() => write_fields(out, fields, indent + 2),
            Value::Array(items) if !items.is_empty() => write_items(out, items, indent + 2),
            scalar => {
                write_scalar(out, scalar, indent);
                out.push('\n');
            }
        }
    }
}

fn start_line(out: &mut String, i: usize, indent: usize) {
    if i > 0 {
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

fn newline(out: &mut String, indent: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Names longer than this would be read as text without a colon.
const LONGEST_NAME: usize = 120;

fn write_name(out: &mut String, name: &str) {
    if name.len() > LONGEST_NAME {
        out.push_str("? ");
        write_quoted(out, name);
        out.push('\n');
        return;
    }
    match is_plain(name) {
        true => out.push_str(name),
        false => write_quoted(out, name),
    }
}

fn write_scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(text) if is_plain(text) => out.push_str(text),
        Value::String(text) if is_block(text) => write_block(out, text, indent + 2),
        Value::String(text) => write_quoted(out, text),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            // A String takes any text: writing to it does not fail.
            let _ = write!(out, "{value}");
        }
    }
}

/// Whether the text needs no quotes in any version of YAML.
fn is_plain(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || " _-./=+@%^()$;\\~".contains(c);
    let starts = |c: char| c.is_ascii_alphabetic() || "_/$".contains(c);
    let ends_well = !text.ends_with(' ');
    text.starts_with(starts)
        && text.chars().all(|c| inside(c) || c == ':')
        && ends_well
        && !text.contains(": ")
        && !text.ends_with(':')
        && !is_word(text)
}

/// Words that some version of YAML takes for a truth value, nothing, or a number.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether the text has several lines and a block holds it exactly.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let printable = |c: char| c == '\n' || (' '..='~').contains(&c);
    let trimmed = |line: &str| !line.ends_with(' ') && line.len() < 1000;
    body.contains('\n')
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\n'])
        && body.chars().all(printable)
        && body.split('\n').all(trimmed)
}

fn write_block(out: &mut String, text: &str, indent: usize) {
    let body = text.strip_suffix('\n');
    out.push_str(if body.is_some() { "|" } else { "|-" });
    for line in body.unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
    }
}

/// In quotes: single ones where that saves escapes and all is printable ASCII, else double ones.
fn write_quoted(out: &mut String, text: &str) {
    let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    match printable && text.contains(['"', '\\']) {
        true => write_single_quoted(out, text),
        false => write_double_quoted(out, text),
    }
}

fn write_single_quoted(out: &mut String, text: &str) {
    out.push('\'');
    out.push_str(&text.replace('\'', "''"));
    out.push('\'');
}

/// In double quotes, with everything escaped that is not plainly printable.
fn write_double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => write_escape(out, c),
        }
    }
    out.push('"');
}

fn is_printable(c: char) -> bool {
    let special = matches!(
        c,
        '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'
    );
    !c.is_control() && !special
}

fn write_escape(out: &mut String, c: char) {
    let code = u32::from(c);
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Any value that JSON can hold, a few levels deep.
    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "\\PC{0,12}",
            "[ -~\n]{0,40}",
            any::<String>(),
            prop::sample::select(vec![
                "yes", "0644", "~", "", "- a", "a: b", "1e3", "0x1", "#", "|", "é"
            ])
            .prop_map(str::to_owned),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            prop::num::f64::NORMAL.prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((text.clone(), inner), 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn looks_as_people_write_it() {
        let value = json!({
            "apiVersion": "v1",
            "items": [{"name": "a", "ports": [1, 2]}, [true, []], "x: y"],
            "mode": "0644",
            "on": "yes",
            "script": "echo a\n  echo b\n",
            "empty": {},
            "no newline": "a\nb",
            "url": "http://a.b:80/c",
            "json": "{\"a\": 'b'}",
        });
        let expected = "\
apiVersion: v1
items:
- name: a
  ports:
  - 1
  - 2
- - true
  - []
- \"x: y\"
mode: \"0644\"
\"on\": \"yes\"
script: |
  echo a
    echo b
empty: {}
no newline: |-
  a
  b
url: http://a.b:80/c
json: '{\"a\": ''b''}'
";
        assert_eq!(to_yaml(&value), expected);
    }

    #[test]
    fn scalars_alone() {
        assert_eq!(to_yaml(&json!(null)), "null\n");
        assert_eq!(to_yaml(&json!("")), "\"\"\n");
        assert_eq!(
            to_yaml(&json!("\u{1}\u{85}\u{2028}")),
            "\"\\x01\\x85\\u2028\"\n"
        );
    }

    proptest! {
        #[test]
        fn read_back_as_written(value in any_value()) {
            let value = json!({"value": value});
            let text = to_yaml(&value);
            let documents = crate::read_documents(&text, "t");
            prop_assert_eq!(&documents[0].issues, &vec![], "{}", text);
            prop_assert_eq!(&documents[0].value, &value, "{}", text);
        }
    }
}
