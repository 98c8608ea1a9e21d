//! Tests of the reader, above all against `serde_json`.

use hari_error::Kind;
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Value> {
    let mut reader = Reader::new(text.as_bytes(), &Limits::default())?;
    let value = reader.value()?;
    reader.end()?;
    Ok(value)
}

fn skip(text: &str) -> Result<()> {
    let mut reader = Reader::new(text.as_bytes(), &Limits::default())?;
    reader.skip()?;
    reader.end()
}

#[test]
fn a_document_becomes_the_same_tree_as_elsewhere() {
    let text = r#" {"a":[1,-2,3.5,1e3,18446744073709551615,null,true,false],"b\u00e9\n":"\ud83d\ude00\"", "c":{}, "d":[] } "#;
    assert_eq!(
        read(text).unwrap(),
        serde_json::from_str::<Value>(text).unwrap()
    );
}

#[test]
fn errors_say_where_and_what() {
    for (text, message) in [
        (
            "",
            "invalid JSON at line 1 column 1: expected a value, found the end",
        ),
        (
            "{\n \"a\": }",
            "a: invalid JSON at line 2 column 7: expected a value, found `}`",
        ),
        (
            "[1 2]",
            "invalid JSON at line 1 column 4: expected `,` or `]`, found `2`",
        ),
        (
            "[1,]",
            "[1]: invalid JSON at line 1 column 4: expected a value, found `]`",
        ),
        (
            "{\"a\":[{\"b\":tru}]}",
            "a[0].b: invalid JSON at line 1 column 12: expected `true` or `false`, found `t`",
        ),
        (
            "{1:2}",
            "invalid JSON at line 1 column 2: expected a key in quotes, found `1`",
        ),
        (
            "{\"a\" 2}",
            "invalid JSON at line 1 column 6: expected `:`, found `2`",
        ),
        (
            "1 1",
            "invalid JSON at line 1 column 3: expected the end of the JSON, found `1`",
        ),
        (
            "[01]",
            "[0]: invalid JSON at line 1 column 2: expected a number, found `0`",
        ),
        (
            "\"\u{e9}",
            "invalid JSON at line 1 column 3: expected the end of a string, found the end",
        ),
        (
            "\"\\x\"",
            "invalid JSON at line 1 column 1: expected a string with valid escapes, found `\\\"`",
        ),
        ("{\"a\":NaN}", "a: NaN is no JSON number"),
        ("1e999", "1e999 is no JSON number"),
    ] {
        assert_eq!(read(text).unwrap_err().message(), message, "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let error = Reader::new(b"[\"\xff\"]", &Limits::default()).unwrap_err();
    assert_eq!(error.message(), "the JSON is not UTF-8 at byte 2");
}

#[test]
fn nesting_has_a_limit_of_its_own_kind() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(read(&deep(128)).is_ok() && skip(&deep(128)).is_ok());
    for error in [
        read(&deep(129)).unwrap_err(),
        skip(&deep(1_000_000)).unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::TooLarge);
        assert!(
            error.message().ends_with("nested deeper than 128 levels"),
            "{error}"
        );
    }
}

#[test]
fn of_two_equal_keys_the_last_counts() {
    assert_eq!(
        read(r#"{"a":1,"a":2}"#).unwrap(),
        serde_json::json!({"a": 2})
    );
}

#[test]
fn raw_text_can_be_read_later() {
    let mut reader =
        Reader::new(br#"{"late": [1, {"x": "]"}] , "k": 1}"#, &Limits::default()).unwrap();
    let mut late = "";
    reader
        .object(|reader, key| {
            match key {
                "late" => late = reader.raw()?,
                _ => reader.skip()?,
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(late, r#"[1, {"x": "]"}]"#);
}

#[test]
fn a_field_of_its_own_is_named() {
    let mut reader = Reader::of_field(b"[1, x]", "jsonData", &Limits::default()).unwrap();
    let error = reader.value().unwrap_err();
    assert!(
        error
            .message()
            .starts_with("jsonData[1]: invalid JSON at line 1"),
        "{error}"
    );
    let error = Reader::of_field(b"1", "meta", &Limits::default())
        .unwrap()
        .map()
        .unwrap_err();
    assert_eq!(error.message(), "meta: expected an object, found a number");
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_writes_is_read(value in json(), pretty in any::<bool>()) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        prop_assert_eq!(read(&text).unwrap(), value);
        prop_assert!(skip(&text).is_ok());
    }

    #[test]
    fn text_is_taken_if_and_only_if_serde_takes_it(text in r#"[\[\]{}",:0-9.eE+\-truefalsn\\ ]{0,12}"#) {
        let theirs = serde_json::from_str::<Value>(&text);
        prop_assert_eq!(read(&text).ok(), theirs.ok());
        prop_assert_eq!(skip(&text).is_ok(), read(&text).is_ok());
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(mut reader) = Reader::new(&bytes, &Limits::default()) {
            _ = reader.value();
        }
    }
}
