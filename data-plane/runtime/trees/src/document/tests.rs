//! Tests of both notations.

use super::*;

fn json(text: &str) -> Value<'_> {
    read_json(text.as_bytes()).unwrap()
}

#[test]
fn json_is_read() {
    let value = json(
        " {\"a\": [1, 2.5e1, -3], \"b\": \"x\\u00e9\\ud83d\\ude00\\n\", \"c\": [[1], {}], \"d\": null}\n",
    );
    assert_eq!(value.floats("a").unwrap(), [1.0, 25.0, -3.0]);
    assert_eq!(value.text("b").unwrap(), "xé😀\n");
    assert_eq!(value.list("c").unwrap().len(), 2);
    assert!(value.list("d").unwrap().is_empty() && value.list("none").unwrap().is_empty());
    assert_eq!(json("{\"t\": [true, false]}").ints("t").unwrap(), [1, 0]);
    assert_eq!(
        json("{\"n\": \"7\", \"m\": 8}").count_or("n", 1).unwrap(),
        7
    );
    assert_eq!(
        json("{\"n\": \"7\", \"m\": 8}").count_or("m", 1).unwrap(),
        8
    );
}

#[test]
fn words_for_numbers_that_are_none_are_read() {
    let floats = json("{\"a\": [NaN, Infinity, -Infinity, nan]}")
        .floats("a")
        .unwrap();
    assert!(floats[0].is_nan() && floats[3].is_nan());
    assert_eq!(floats[1..3], [f32::INFINITY, f32::NEG_INFINITY]);
}

#[test]
fn decimals_are_rounded_once() {
    // Halfway between two float32 but for a digit that float64 drops.
    let text = "{\"a\": [1.00000005960464477539062500001]}";
    assert_eq!(json(text).floats("a").unwrap(), [1.000_000_1]);
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for text in [
        "",
        "{",
        "[",
        "[1",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1] x",
        "\"abc",
        "\"\\x\"",
        "\"\\ud800\"",
        "{a: 1}",
        "\u{feff}{}",
    ] {
        let error = read_json(text.as_bytes()).unwrap_err();
        assert!(error.message().starts_with("byte "), "{text}: {error}");
    }
    let deep = "[".repeat(100_000);
    let error = read_json(deep.as_bytes()).unwrap_err();
    assert_eq!(error.message(), "byte 65: it is nested too deep");
}

#[test]
fn wrong_kinds_are_named() {
    let value = json("{\"a\": \"x\", \"b\": [1, x], \"c\": [1.5], \"d\": -1}");
    assert_eq!(
        value.floats("a").unwrap_err().message(),
        "`a`: expected a list of numbers, found text"
    );
    assert_eq!(
        value.floats("b").unwrap_err().message(),
        "`b`: `x` is no number that fits here"
    );
    assert!(value.ints("c").is_err());
    assert!(value.count_or("d", 0).is_err());
    assert_eq!(value.get("z").unwrap_err().message(), "`z` is missing");
}

#[test]
fn many_brackets_take_no_more_than_their_share() {
    let text = format!("[{}0]", "[{}],".repeat(2_000_000));
    let error = read_json(text.as_bytes()).unwrap_err();
    assert_eq!(error.message(), "it has too many values for its size");
}

#[test]
fn ubjson_is_read() {
    let bytes = b"{i\x01a[$d#i\x02\x3f\x80\x00\x00\xc0\x00\x00\x00i\x01b[i\x05TFl\x00\x00\x01\x00]\
        i\x01cSi\x02hii\x01d[#i\x02Si\x01xSi\x01yi\x01e[]i\x01f[$L#i\x01\xff\xff\xff\xff\xff\xff\xff\xffi\x01gD\x40\x00\x00\x00\x00\x00\x00\x00N}";
    let value = read_ubjson(bytes).unwrap();
    assert_eq!(value.floats("a").unwrap(), [1.0, -2.0]);
    assert_eq!(value.ints("b").unwrap(), [5, 1, 0, 256]);
    assert_eq!(value.text("c").unwrap(), "hi");
    assert_eq!(value.texts("d").unwrap(), ["x", "y"]);
    assert!(value.list("e").unwrap().is_empty());
    assert_eq!(value.ints("f").unwrap(), [-1]);
    assert!(value.ints("a").is_err());
}

#[test]
fn lengths_of_ubjson_are_not_believed() {
    for bytes in [
        &b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff"[..],
        b"[$L#l\x00\xff\xff\xff",
        b"[$T#L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"[#L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"SL\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"Si\xff",
        b"{#L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"{i\x01",
        b"[$[#i\x01",
        b"Hi\x011",
        b"ZZ",
    ] {
        assert!(read_ubjson(bytes).is_err(), "{bytes:?}");
    }
    let deep = vec![b'['; 100_000];
    assert!(
        read_ubjson(&deep)
            .unwrap_err()
            .message()
            .contains("nested too deep")
    );
}

#[test]
fn the_middle_of_a_list_is_read_again() {
    let value = read_ubjson(b"[i\x01i\x02Si\x01x]").unwrap();
    let Value::List(list) = value else {
        panic!("expected a list, found {value:?}");
    };
    assert_eq!(list.len(), 3);
}

#[test]
fn counts_under_their_hashes_stay_as_they_stand() {
    let dense = |text: &'static str| read_dense_json(text.as_bytes()).unwrap();
    let value = dense("[\"18\", 2, 6.5,\n\"19\", 1, 7]");
    let Value::Hashed(words) = value else {
        panic!("expected counts, found {value:?}");
    };
    assert_eq!(words.split(',').count(), 6);
    for other in [
        "[\"18\", \"19\"]",
        "[\"18\"]",
        "[\"a\", 1]",
        "[[\"18\", 2]]",
    ] {
        assert!(matches!(dense(other), Value::List(_)), "{other}");
    }
    assert!(matches!(json("[\"18\", 2]"), Value::List(_)));
    assert!(read_dense_json(b"[\"18\", 2").is_err());
}
