//! Reading YAML and JSON: values, positions, bounds.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn one(text: &str) -> Document {
    let mut documents = read_documents(text, "t.yaml");
    assert_eq!(documents.len(), 1, "{documents:?}");
    documents.remove(0)
}

fn value(text: &str) -> Value {
    let document = one(text);
    assert_eq!(document.issues, []);
    document.value
}

fn rules(document: &Document) -> Vec<&str> {
    document
        .issues
        .iter()
        .map(|issue| issue.rule.as_ref())
        .collect()
}

fn place(document: &Document, path: &str) -> Option<(u32, u32)> {
    document.positions.get(path).map(|at| (at.line, at.column))
}

#[test]
fn scalars_by_quotes_and_tags() {
    let text = "a: 1\nb: '1'\nc: yes\nd: true\ne: !!str true\nf: |\n  x\n  y\ng: ~\nh: !!int 3\n";
    let expected = json!({
        "a": 1, "b": "1", "c": "yes", "d": true, "e": "true", "f": "x\ny\n", "g": null, "h": 3,
    });
    assert_eq!(value(text), expected);
}

#[test]
fn every_field_has_its_place() {
    let document =
        one("spec:\n  predictors:\n  - name: a\n    graph:\n      name: b\n    labels: {x/y: z}\n");
    assert_eq!(place(&document, "spec"), Some((1, 1)));
    assert_eq!(place(&document, "spec.predictors"), Some((2, 3)));
    assert_eq!(place(&document, "spec.predictors[0]"), Some((3, 5)));
    assert_eq!(
        place(&document, "spec.predictors[0].graph.name"),
        Some((5, 7))
    );
    assert_eq!(
        place(&document, "spec.predictors[0].labels[\"x/y\"]"),
        Some((6, 14))
    );
    assert_eq!(place(&document, "spec.predictors[1]"), None);
    let nearest = document.positions.nearest("spec.predictors[0].graph.type");
    assert_eq!(nearest, Some(Position { line: 4, column: 5 }));
}

#[test]
fn json_has_places_too() {
    let document =
        one("{\n  \"é\\u00e9\\ud83d\\ude00\": [1, {\"b\": \"x\\\"]\"}],\n\t\"c\": -1.5e3}");
    assert_eq!(
        document.value,
        json!({"éé😀": [1, {"b": "x\"]"}], "c": -1500.0})
    );
    assert_eq!(place(&document, "[\"éé😀\"][1].b"), Some((2, 31)));
    assert_eq!(place(&document, "c"), Some((3, 2)));
}

#[test]
fn lines_of_other_systems() {
    let document = one("a: 1\r\nb:\r\n  c: x\r\n");
    assert_eq!(document.value, json!({"a": 1, "b": {"c": "x"}}));
    assert_eq!(place(&document, "b.c"), Some((3, 3)));
    let json = one("{\r\n\"a\": 1}");
    assert_eq!(place(&json, "a"), Some((2, 1)));
}

#[test]
fn flow_yaml_is_no_json() {
    assert_eq!(value("{a: b, c: [1, x]}"), json!({"a": "b", "c": [1, "x"]}));
}

#[test]
fn documents_are_counted_and_empty_ones_left_out() {
    let documents = read_documents("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n...\n", "t.yaml");
    let values: Vec<_> = documents
        .iter()
        .map(|d| (d.index, d.value.clone()))
        .collect();
    assert_eq!(values, [(0, json!({"a": 1})), (1, json!({"b": 2}))]);
    assert_eq!(place(documents.last().unwrap(), "b"), Some((7, 1)));
}

#[test]
fn nothing_at_all_is_an_issue() {
    for text in ["", "\n# comment\n", "---\n", "\u{feff}", "null"] {
        assert_eq!(rules(&one(text)), ["no-document"], "{text:?}");
    }
}

#[test]
fn a_list_is_taken_apart() {
    let text = "kind: List\nitems:\n- {kind: A}\n- kind: B\n  x: 1\n";
    let documents = read_documents(text, "t.yaml");
    let kinds: Vec<_> = documents.iter().map(Document::kind).collect();
    assert_eq!(kinds, ["A", "B"]);
    assert_eq!(place(documents.last().unwrap(), "x"), Some((5, 3)));
    assert_eq!(rules(&one("kind: List\nitems: []\n")), ["no-document"]);
}

#[test]
fn aliases_stand_for_what_they_name() {
    let text = "a: &x {b: [1, 2]}\nc: *x\nd: &y word\ne: [*y, *y]\n";
    let document = one(text);
    let expected =
        json!({"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": "word", "e": ["word", "word"]});
    assert_eq!(document.value, expected);
    assert_eq!(place(&document, "c.b"), Some((1, 8)));
    assert_eq!(place(&document, "c"), Some((2, 1)));
}

#[test]
fn merge_keys_fill_what_is_not_said() {
    let text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\na:\n  <<: *b\n  x: 9\nb: {<<: [*b, *m], w: 0}\n";
    let merged = value(text);
    assert_eq!(merged["a"], json!({"x": 9, "y": 2}));
    assert_eq!(merged["b"], json!({"w": 0, "x": 1, "y": 2, "z": 4}));
    assert_eq!(rules(&one("a:\n  <<: 1\n")), ["unreadable-yaml"]);
    assert_eq!(value("{\"<<\": 1}"), json!({"<<": 1}));
}

#[test]
fn a_field_written_twice_is_an_issue() {
    for text in [
        "a:\n  b: 1\n  c: 2\n  b: 3\n",
        "{\"a\": {\"b\": 1, \"c\": 2,\n\"b\": 3}}",
    ] {
        let document = one(text);
        assert_eq!(document.value["a"], json!({"b": 3, "c": 2}));
        let [issue] = document.issues.as_slice() else {
            panic!("{:?}", document.issues)
        };
        assert_eq!(
            (issue.rule.as_ref(), issue.path.as_str()),
            ("duplicate-field", "a.b")
        );
        assert!(issue.line > Some(1));
    }
}

#[test]
fn malformed_yaml_tells_where() {
    let documents = read_documents("a: 1\n---\nb: [1, 2\nc: 3\n", "t.yaml");
    assert_eq!(documents.len(), 2);
    let issue = documents.last().unwrap().issues.first().unwrap();
    assert_eq!((issue.rule.as_ref(), issue.document), ("malformed-yaml", 1));
    assert!(issue.to_string().starts_with("t.yaml:4:"), "{issue}");
}

#[test]
fn an_unknown_alias_is_refused() {
    assert_eq!(rules(&one("a: *b\n")), ["malformed-yaml"]);
    assert_eq!(rules(&one("a: &a [*a]\n")), ["unreadable-yaml"]);
    let across = read_documents("a: &x 1\n---\nb: *x\n", "t.yaml");
    assert_eq!(across.last().unwrap().issues.len(), 1);
}

#[test]
fn names_of_fields_are_scalars() {
    assert_eq!(rules(&one("? [a]\n: 1\n")), ["unreadable-yaml"]);
    assert_eq!(value("1: a\ntrue: b\n"), json!({"1": "a", "true": "b"}));
}

#[test]
fn numbers_without_json_are_refused() {
    assert_eq!(rules(&one("a: .inf\n")), ["unreadable-yaml"]);
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(rules(&one(&deep(MAX_DEPTH - 1))), [""; 0]);
    for text in [
        deep(200),
        deep(1000),
        "- ".repeat(100_000),
        "{\"a\":".repeat(200),
    ] {
        assert!(!one(&text).issues.is_empty());
    }
    let alias = format!(
        "a: &x {}\nb: {}*x{}\n",
        deep(100),
        "[".repeat(60),
        "]".repeat(60)
    );
    assert_eq!(rules(&one(&alias)), ["unreadable-yaml"]);
}

#[test]
fn alias_bombs_are_refused() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        laughs += &format!("a{i}: &a{i} [{aliases}]\n");
    }
    assert_eq!(rules(&one(&laughs)), ["unreadable-yaml"]);

    let big = "x".repeat(1 << 20);
    let long = format!("a: &a {big}\nb: [{}]\n", vec!["*a"; 1000].join(", "));
    assert_eq!(rules(&one(&long)), ["unreadable-yaml"]);
}

#[test]
fn anchors_inside_anchors_are_counted() {
    let open: String = (0..100).map(|i| format!("&a{i} [")).collect();
    let items = vec!["1"; 10_000].join(",");
    let text = format!("{open}{items}{}", "]".repeat(100));
    assert_eq!(rules(&one(&text)), ["unreadable-yaml"]);
}

#[test]
fn large_files_are_refused() {
    assert_eq!(rules(&one(&"#".repeat(MAX_BYTES + 1))), ["file-too-large"]);
    let many = format!("[{}]", vec!["1"; MAX_NODES + 1].join(","));
    assert_eq!(rules(&one(&many)), ["unreadable-json"]);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        prop_assert!(!read_documents(&text, "t").is_empty());
    }

    #[test]
    fn text_that_looks_like_yaml_is_read_or_refused(
        text in "([ab]|: |- |\n|  |\\[|\\]|\\{|\\}|,|&a |\\*a|<<|\"|'|\\||>|#|!|%|\\?|---\n|\\.\\.\\.\n|0|~|\t){0,60}",
    ) {
        prop_assert!(!read_documents(&text, "t").is_empty());
    }

    #[test]
    fn json_is_read_as_serde_reads_it(value in crate::yaml::tests::any_value()) {
        let value = json!([value]);
        let compact = serde_json::to_string(&value).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        for text in [compact, pretty] {
            let expected: Value = serde_json::from_str(&text).unwrap();
            let documents = read_documents(&text, "t");
            prop_assert_eq!(&documents[0].value, &expected);
        }
    }
}
