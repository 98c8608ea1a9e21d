//! Text of a fixed length, filled up with zeros.

/// UTF-32; nothing if it is no Unicode.
pub(super) fn utf32(bytes: &[u8], big_endian: bool) -> Option<String> {
    let (units, _) = bytes.as_chunks::<4>();
    let decode = if big_endian {
        u32::from_be_bytes
    } else {
        u32::from_le_bytes
    };
    let codes: Vec<u32> = units.iter().map(|unit| decode(*unit)).collect();
    let end = codes.iter().rposition(|code| *code != 0);
    let used = codes.get(..end.map_or(0, |last| last + 1))?;
    used.iter().map(|code| char::from_u32(*code)).collect()
}

/// ASCII; nothing if it is not.
pub(super) fn ascii(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().rposition(|byte| *byte != 0);
    let used = bytes.get(..end.map_or(0, |last| last + 1))?;
    let text = str::from_utf8(used).ok().filter(|text| text.is_ascii());
    text.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_at_the_end_are_left_out() {
        assert_eq!(ascii(b"a\0b\0\0").as_deref(), Some("a\0b"));
        assert_eq!(ascii(b"\0").as_deref(), Some(""));
        assert_eq!(ascii(b"\xc3\xa9"), None);
        assert_eq!(
            utf32(&[0xe9, 0, 0, 0, 0, 0, 0, 0], false).as_deref(),
            Some("é")
        );
        assert_eq!(utf32(&[0, 0, 0, 0xe9], true).as_deref(), Some("é"));
        assert_eq!(utf32(&[0, 0xd8, 0, 0], false), None);
    }
}
