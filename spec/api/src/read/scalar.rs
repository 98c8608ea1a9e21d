//! Plain words of YAML -> values: the core schema of YAML 1.2, and octal as Kubernetes reads it.

use serde_json::{Number, Value};

/// What a plain scalar means. `None` for a number that JSON has no word for (`.inf`, `.nan`, or
/// one too large).
///
/// Source: YAML 1.2.2, 10.3.2. One departure: `0644` is octal, as the tools of Kubernetes read it
/// (file modes are written that way), not decimal.
pub(super) fn resolve(word: &str) -> Option<Value> {
    let value = match word {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => return resolve_number(word),
    };
    Some(value)
}

fn resolve_number(word: &str) -> Option<Value> {
    if let Some(number) = integer(word) {
        return Some(Value::Number(number));
    }
    if is_infinite_or_nan(word) {
        return None;
    }
    if !is_float(word) {
        return Some(Value::String(word.to_owned()));
    }
    let number = word.parse().ok().and_then(Number::from_f64);
    number.map(Value::Number)
}

fn is_infinite_or_nan(word: &str) -> bool {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(word, ".nan" | ".NaN" | ".NAN")
}

/// An integer of at most 64 bits.
fn integer(word: &str) -> Option<Number> {
    if let Some(digits) = word.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = word.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match digits.strip_prefix('0') {
        Some(octal) if word == digits && is_octal(octal) => radix(octal, 8),
        _ => signed(word),
    }
}

fn is_octal(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|b| (b'0'..=b'7').contains(&b))
}

fn signed(word: &str) -> Option<Number> {
    let small = word.parse::<i64>().map(Number::from);
    small
        .or_else(|_| word.parse::<u64>().map(Number::from))
        .ok()
}

fn radix(digits: &str, radix: u32) -> Option<Number> {
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok().map(Number::from)
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(word: &str) -> bool {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        None => (unsigned, None),
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(is_exponent)
}

fn is_exponent(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_core_schema() {
        let cases = [
            ("", json!(null)),
            ("~", json!(null)),
            ("NULL", json!(null)),
            ("True", json!(true)),
            ("FALSE", json!(false)),
            ("0", json!(0)),
            ("-19", json!(-19)),
            ("+12", json!(12)),
            ("0o7", json!(7)),
            ("0x3A", json!(58)),
            ("0.", json!(0.0)),
            ("-0.0", json!(-0.0)),
            (".5", json!(0.5)),
            ("+12e03", json!(12000.0)),
            ("-2E+05", json!(-200_000.0)),
            ("18446744073709551615", json!(u64::MAX)),
        ];
        for (word, value) in cases {
            assert_eq!(resolve(word), Some(value), "{word}");
        }
    }

    #[test]
    fn other_words_are_text() {
        let words = [
            "yes",
            "No",
            "on",
            "off",
            "y",
            "nULL",
            "1.2.3",
            "1_000",
            "12e",
            ".",
            "+",
            "-",
            "e3",
            "0x",
            "0o8",
            "0x+1",
            "1:30",
            "2020-01-01",
            "1Gi",
            "100m",
            "+.",
        ];
        for word in words {
            assert_eq!(resolve(word), Some(json!(word)), "{word}");
        }
    }

    #[test]
    fn file_modes_are_octal() {
        assert_eq!(resolve("0644"), Some(json!(420)));
        assert_eq!(resolve("0089"), Some(json!(89)));
        assert_eq!(resolve("-010"), Some(json!(-10)));
    }

    #[test]
    fn numbers_without_a_json_word() {
        for word in [".inf", "-.INF", ".nan", "1e999"] {
            assert_eq!(resolve(word), None, "{word}");
        }
    }

    #[test]
    fn a_huge_integer_is_a_float() {
        assert_eq!(
            resolve("18446744073709551616"),
            Some(json!(18446744073709551616.0))
        );
    }
}
