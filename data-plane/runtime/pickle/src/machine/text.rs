//! Literals that are written as text, and integers of any length.

use hari_error::{Error, Result};

use crate::value::Value;

/// Digits of an integer in text: more than a hash or the state of a generator has. To convert them
/// takes the square of their number.
const MAX_DIGITS: usize = 300;

/// Two's complement, little-endian, of any length.
pub(super) fn integer(bytes: &[u8]) -> Value {
    let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    if bytes.len() <= 8 {
        let mut whole = [fill; 8];
        for (place, byte) in whole.iter_mut().zip(bytes) {
            *place = *byte;
        }
        return Value::Int(i64::from_le_bytes(whole));
    }
    Value::BigInt(bytes.into())
}

/// An integer in decimal digits.
pub(crate) fn decimal(line: &[u8]) -> Result<Value> {
    let text = str::from_utf8(line).map_err(|_| malformed("an integer", line))?;
    if let Ok(value) = text.trim().parse() {
        return Ok(Value::Int(value));
    }
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if !plain || digits.len() > MAX_DIGITS {
        return Err(malformed("an integer", line));
    }
    let mut bytes = magnitude(digits);
    bytes.push(0);
    if text.starts_with('-') {
        negate(&mut bytes);
    }
    Ok(integer(&bytes))
}

/// Little-endian base 256 of decimal digits.
fn magnitude(digits: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits {
        let mut carry = u16::from(digit - b'0');
        for byte in &mut bytes {
            carry += u16::from(*byte) * 10;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.push(carry as u8);
        }
    }
    bytes
}

fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}

/// A float as Python's `repr` writes it.
pub(super) fn float(line: &[u8]) -> Result<Value> {
    let text = str::from_utf8(line).map_err(|_| malformed("a float", line))?;
    let value = text.trim().parse();
    value
        .map(Value::Float)
        .map_err(|_| malformed("a float", line))
}

/// A place in the memo.
pub(super) fn index(line: &[u8]) -> Result<usize> {
    let text = str::from_utf8(line).ok().map(str::trim);
    let index = text.and_then(|text| text.parse::<u32>().ok());
    let index = index.ok_or_else(|| malformed("a place in the memo", line))?;
    Ok(index as usize)
}

/// A name.
pub(super) fn utf8(line: &[u8]) -> Result<String> {
    let text = str::from_utf8(line).map_err(|_| malformed("a name", line))?;
    Ok(text.to_owned())
}

/// A string of Python 2 in quotes, with escapes.
pub(super) fn quoted(line: &[u8]) -> Result<Vec<u8>> {
    let line = line.trim_ascii();
    let ([b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"']) = line else {
        return Err(malformed("a string in quotes", line));
    };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'\\' {
            let (byte, after) = escape(rest).ok_or_else(|| malformed("a string", line))?;
            bytes.extend(byte);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    Ok(bytes)
}

/// What follows a backslash: the byte it stands for, and the rest.
fn escape(rest: &[u8]) -> Option<(Option<u8>, &[u8])> {
    let (first, after) = rest.split_first()?;
    let byte = match first {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'\\' | b'\'' | b'"' => *first,
        b'x' => {
            let digits = after.get(..2)?;
            let value = u8::try_from(number(digits, 16)?).ok()?;
            return Some((Some(value), after.get(2..)?));
        }
        b'0'..=b'7' => {
            let length = rest
                .iter()
                .take(3)
                .take_while(|b| (b'0'..=b'7').contains(*b));
            let (digits, after) = rest.split_at_checked(length.count())?;
            return Some((Some(number(digits, 8)? as u8), after));
        }
        _ => return None,
    };
    Some((Some(byte), after))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let plain = digits.iter().all(u8::is_ascii_hexdigit);
    let text = str::from_utf8(digits).ok().filter(|_| plain)?;
    u32::from_str_radix(text, radix).ok()
}

/// Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
pub(super) fn raw_unicode(line: &[u8]) -> Result<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let [first, after @ ..] = rest {
        let digits = match rest {
            [b'\\', b'u', ..] => 4,
            [b'\\', b'U', ..] => 8,
            _ => {
                text.push(char::from(*first));
                rest = after;
                continue;
            }
        };
        let code = rest
            .get(2..2 + digits)
            .and_then(|digits| number(digits, 16));
        let letter = code.and_then(char::from_u32);
        text.push(letter.ok_or_else(|| malformed("a text", line))?);
        rest = rest.get(2 + digits..).unwrap_or_default();
    }
    Ok(text)
}

fn malformed(what: &str, line: &[u8]) -> Error {
    let start: String = line
        .iter()
        .take(40)
        .map(|byte| byte.escape_ascii().to_string())
        .collect();
    Error::model(format!("`{start}` is not {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(value: &Value) -> i128 {
        match value {
            Value::Int(value) => i128::from(*value),
            Value::BigInt(bytes) => {
                let fill = if bytes[bytes.len() - 1] >= 0x80 {
                    0xff
                } else {
                    0
                };
                let mut whole = bytes.to_vec();
                whole.resize(16, fill);
                i128::from_le_bytes(whole.try_into().unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn integers_of_any_length_are_read() {
        for value in [
            0,
            1,
            -1,
            i64::MAX.into(),
            i64::MIN.into(),
            1 << 64,
            -(1 << 64),
            1 << 100,
        ] {
            let value: i128 = value;
            assert_eq!(int(&decimal(value.to_string().as_bytes()).unwrap()), value);
            assert_eq!(int(&integer(&value.to_le_bytes())), value);
        }
        assert_eq!(int(&integer(&[])), 0);
        assert_eq!(int(&integer(&[0xff])), -1);
    }

    #[test]
    fn what_is_no_integer_is_refused() {
        for line in [&b""[..], b"-", b"1x", b"--1", b"\xff", &[b'9'; 5000]] {
            assert!(decimal(line).is_err(), "{line:?}");
        }
        assert!(index(b"-1").is_err());
        assert!(index(b"4294967296").is_err());
        assert!(float(b"one").is_err());
        assert!(matches!(float(b"-1.5e3").unwrap(), Value::Float(-1500.0)));
    }

    #[test]
    fn strings_of_python_2_are_unescaped() {
        let text = |line: &[u8]| quoted(line).unwrap();
        assert_eq!(text(br"'a\n\x41\101\'\\'"), b"a\nAA'\\");
        assert_eq!(text(br#""\xff\7""#), b"\xff\x07");
        for line in [
            &br"'a"[..],
            br"'\'",
            br"'\x4'",
            br"'\q'",
            b"'",
            b"",
            br"'\x+1'",
        ] {
            assert!(quoted(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn raw_unicode_is_latin_1_with_escapes() {
        let text = |line: &[u8]| raw_unicode(line).unwrap();
        assert_eq!(text(b"\xe9 \\u20ac \\U0001f600 \\x"), "é € 😀 \\x");
        for line in [&br"\u20a"[..], br"\ud800", br"\U00110000", br"\u+123"] {
            assert!(raw_unicode(line).is_err(), "{line:?}");
        }
    }
}
