//! Tests of what is written.

use proptest::prelude::*;

use super::*;

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn list(tensor: &Tensor) -> String {
    text(|out| nested(out, tensor, Style::default()).unwrap())
}

#[test]
fn tensors_are_nested_or_flat() {
    let tensor = Tensor::from_vec([2, 1, 2], vec![1_i32, -2, 3, 4]).unwrap();
    assert_eq!(list(&tensor), "[[[1,-2]],[[3,4]]]");
    assert_eq!(
        text(|out| flat(out, &tensor, Style::default()).unwrap()),
        "[1,-2,3,4]"
    );
    assert_eq!(list(&Tensor::from_vec([], vec![0.5_f32]).unwrap()), "0.5");
    assert_eq!(
        list(&Tensor::from_vec([2, 0], Vec::<u8>::new()).unwrap()),
        "[[],[]]"
    );
    assert_eq!(
        list(&Tensor::from_vec([0, 2], Vec::<u8>::new()).unwrap()),
        "[]"
    );
    assert_eq!(
        list(&Tensor::from_bools([2], &[true, false]).unwrap()),
        "[true,false]"
    );
}

#[test]
fn floats_are_short_and_stay_floats() {
    let singles = Tensor::from_vec([4], vec![0.1_f32, 1.0, 1e-10, f32::MAX]).unwrap();
    assert_eq!(list(&singles), "[0.1,1.0,1e-10,3.4028235e+38]");
    let doubles = Tensor::from_vec([3], vec![f64::from(0.1_f32), 1e300, -0.0]).unwrap();
    assert_eq!(list(&doubles), "[0.10000000149011612,1e+300,-0.0]");
    let halves = Tensor::from_vec([1], vec![f16::from_f32(0.5)]).unwrap();
    assert_eq!(list(&halves), "[0.5]");
    let none = Tensor::from_vec([3], vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]).unwrap();
    assert_eq!(list(&none), "[NaN,Infinity,-Infinity]");
}

#[test]
fn bytes_are_text_where_they_can_be() {
    let tensor =
        Tensor::from_strings([2], vec!["a\"".into(), Bytes::from_static(b"\xff")]).unwrap();
    let style = |bytes| Style {
        bytes,
        ..Style::default()
    };
    let error = nested(&mut Vec::new(), &tensor, style(ByteStrings::Text)).unwrap_err();
    assert!(error.message().contains("not UTF-8"), "{error}");
    let written = text(|out| nested(out, &tensor, style(ByteStrings::TextOrBase64)).unwrap());
    assert_eq!(written, r#"["a\"",{"b64":"/w=="}]"#);
    let written = text(|out| nested(out, &tensor, style(ByteStrings::Base64)).unwrap());
    assert_eq!(written, r#"[{"b64":"YSI="},{"b64":"/w=="}]"#);
}

#[test]
fn html_is_harmless() {
    let value = serde_json::json!({"<a>": ["&\u{2028}\u{2029}\u{e9}\n", 1]});
    let written = text(|out| serialize(out, &value, Escape::Html).unwrap());
    assert_eq!(
        written,
        "{\"\\u003ca\\u003e\":[\"\\u0026\\u2028\\u2029\u{e9}\\n\",1]}"
    );
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&written).unwrap(),
        value
    );
    assert_eq!(text(|out| string(out, "<&>", Escape::Plain)), "\"<&>\"");
}

proptest! {
    #[test]
    fn every_string_comes_back_under_either_escape(given: String) {
        for escape in [Escape::Plain, Escape::Html] {
            let written = text(|out| string(out, &given, escape));
            prop_assert_eq!(&serde_json::from_str::<String>(&written).unwrap(), &given);
        }
    }

    #[test]
    fn base64_is_the_libraries_own(bytes: Vec<u8>) {
        prop_assert_eq!(text(|out| base64(out, &bytes)), format!("\"{}\"", STANDARD.encode(&bytes)));
    }
}
