//! The text that Python's `str` writes for a value: what a category of numbers was trained as.

use bytes::Bytes;
use hari_core::missing_text;

/// `True` or `False`.
pub(super) fn truth(value: bool) -> Bytes {
    Bytes::from_static(if value { b"True" } else { b"False" })
}

/// A number that was written in JSON: integers as they are, others as the float they stand for.
pub(super) fn number(text: &str) -> Option<Bytes> {
    if let Ok(integer) = text.parse::<i128>() {
        return Some(integer.to_string().into());
    }
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        return Some(Bytes::copy_from_slice(text.as_bytes()));
    }
    let value: f64 = text.parse().ok()?;
    Some(if value.is_nan() {
        missing_text()
    } else {
        float(value, false)
    })
}

/// A float as `repr` writes it: the shortest digits that read back as the same, with an exponent
/// below 1e-4 and from 1e16 on. Where `as_integer` is set, a whole one is written without `.0`.
pub(super) fn float(value: f64, as_integer: bool) -> Bytes {
    let whole = value.fract() == 0.0 && value.abs() < 1e15;
    let text = match () {
        () if value.is_infinite() => if value > 0.0 { "inf" } else { "-inf" }.to_owned(),
        () if value.is_nan() => "nan".to_owned(),
        () if as_integer && whole => format!("{value:.0}"),
        () if value == 0.0 || (1e-4..1e16).contains(&value.abs()) => format!("{value:?}"),
        () => scientific(value),
    };
    text.into()
}

/// `1e-05`, `1.5e+20`: at least two digits of exponent, and its sign.
fn scientific(value: f64) -> String {
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What CPython 3.11 writes.
    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123_456.789, "123456.789"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(float(value, false), text, "{value}");
        }
        assert_eq!(float(3.0, true), "3");
        assert_eq!(float(3.5, true), "3.5");
    }

    #[test]
    fn integers_stay_as_they_were_written() {
        for (text, written) in [("7", "7"), ("-0", "0"), ("1.50", "1.5"), ("1e3", "1000.0")] {
            assert_eq!(number(text).unwrap(), written, "{text}");
        }
        let long = "123456789012345678901234567890123456789012345";
        assert_eq!(number(long).unwrap(), long);
        assert_eq!(number("NaN").unwrap(), missing_text());
    }
}
