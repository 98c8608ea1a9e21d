//! Names and labels that users chose, made such that Prometheus takes them.

use std::collections::BTreeMap;

use super::super::METRICS;
use super::family::Kind;

/// Bytes of a name.
const NAME_BYTES: usize = 200;
/// Bytes of the value of a label; the rest is cut off.
const VALUE_BYTES: usize = 256;
/// Tags of one value; those after are left out.
const TAGS: usize = 16;
/// Names that begin so are ours.
const OURS: [&str; 3] = ["hari_", "process_", "seldon_api_"];

/// The exposed name of the metric with `key`; `None` if there is nothing to be made of it or the
/// name is one of ours.
pub(super) fn of_metric(key: &str, kind: Kind) -> Option<String> {
    let mut name = cleaned(key, |c| c == ':');
    if kind == Kind::Counter && !name.ends_with("_total") {
        name.push_str("_total");
    }
    let ours = OURS.iter().any(|ours| name.starts_with(ours))
        || METRICS.iter().any(|metric| metric.name == name);
    let fits = !key.is_empty() && name.len() <= NAME_BYTES;
    (fits && !ours).then_some(name)
}

/// `tags` as labels, but for those that are `reserved` or that Prometheus keeps for itself.
pub(super) fn of_tags(tags: &BTreeMap<String, String>, reserved: &[&str]) -> String {
    let mut text = String::new();
    if tags.is_empty() {
        return text;
    }
    let mut kept: BTreeMap<String, &str> = BTreeMap::new();
    for (tag, value) in tags {
        let label = cleaned(tag, |_| false);
        let taken = label.starts_with("__")
            || ["le", "quantile"].contains(&&*label)
            || reserved.contains(&&*label);
        if !tag.is_empty() && !taken && kept.len() < TAGS && label.len() <= NAME_BYTES {
            kept.insert(label, value);
        }
    }
    for (label, value) in kept {
        push_label(&mut text, &label, cut(value));
    }
    text
}

/// Adds `label="value"`, after a comma if it is not the first.
pub(in super::super) fn push_label(text: &mut String, label: &str, value: &str) {
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(label);
    text.push_str("=\"");
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// Letters, digits and underscores of ASCII, and what is `allowed` beside; no digit first.
fn cleaned(name: &str, allowed: impl Fn(char) -> bool) -> String {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || allowed(c);
    let mut text: String = name
        .chars()
        .take(NAME_BYTES + 1)
        .map(|c| if valid(c) { c } else { '_' })
        .collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        text.insert(0, '_');
    }
    text
}

/// At most [`VALUE_BYTES`], whole characters.
fn cut(value: &str) -> &str {
    let end = (0..=VALUE_BYTES.min(value.len()))
        .rev()
        .find(|&end| value.is_char_boundary(end));
    end.and_then(|end| value.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> String {
        let tags = pairs
            .iter()
            .map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned()));
        of_tags(&tags.collect(), &["model_name", "method"])
    }

    #[test]
    fn names_are_made_such_that_prometheus_takes_them() {
        let name = |key| of_metric(key, Kind::Gauge);
        assert_eq!(name("my-key.ms").as_deref(), Some("my_key_ms"));
        assert_eq!(name("99th").as_deref(), Some("_99th"));
        assert_eq!(name("job:rate").as_deref(), Some("job:rate"));
        assert_eq!(name("größe").as_deref(), Some("gr__e"));
        assert_eq!(name(""), None);
        assert_eq!(name(&"x".repeat(201)), None);
        let counter = |key| of_metric(key, Kind::Counter);
        assert_eq!(counter("seen").as_deref(), Some("seen_total"));
        assert_eq!(counter("seen_total").as_deref(), Some("seen_total"));
    }

    #[test]
    fn names_of_ours_are_not_given_away() {
        for key in [
            "hari_connections",
            "hari_anything",
            "process_open_fds",
            "seldon_api_model_feedback",
            "seldon-api-x",
        ] {
            assert_eq!(of_metric(key, Kind::Counter), None, "{key}");
        }
    }

    #[test]
    fn reserved_labels_win_and_no_label_comes_twice() {
        let all = [
            ("model_name", "other"),
            ("le", "1"),
            ("__name__", "x"),
            ("a-b", "1"),
            ("a_b", "2"),
            ("city", "Zürich"),
        ];
        assert_eq!(tags(&all), "a_b=\"2\",city=\"Zürich\"");
    }

    #[test]
    fn values_are_escaped_and_cut() {
        assert_eq!(tags(&[("q", "a\"b\\c\nd")]), r#"q="a\"b\\c\nd""#);
        let long = "ü".repeat(200);
        let expected = format!("q=\"{}\"", "ü".repeat(128));
        assert_eq!(tags(&[("q", &long)]), expected);
    }

    #[test]
    fn more_tags_than_fit_are_left_out() {
        let many: BTreeMap<_, _> = (0..100)
            .map(|at| (format!("t{at:03}"), "v".to_owned()))
            .collect();
        assert_eq!(of_tags(&many, &[]).matches("=\"v\"").count(), TAGS);
    }
}
