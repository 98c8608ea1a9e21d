//! A number of bytes as people write it.

use std::str::FromStr;

/// Bytes: `1048576`, `500MB`, `20GiB`, `1.5T`. A letter alone counts by 1024, as `GiB` does; `GB`
/// counts by 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// The text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSize;

impl FromStr for Size {
    type Err = NoSize;

    fn from_str(text: &str) -> Result<Self, NoSize> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let unit = factor(unit.trim()).ok_or(NoSize)?;
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(unit).map(Self).ok_or(NoSize);
        }
        let (whole, part) = number.split_once('.').ok_or(NoSize)?;
        let digits = u32::try_from(part.len())
            .ok()
            .filter(|digits| (1..=9).contains(digits));
        let scale = 10_u64.pow(digits.ok_or(NoSize)?);
        let part: u64 = part.parse().map_err(|_| NoSize)?;
        let whole = whole
            .parse::<u64>()
            .ok()
            .and_then(|whole| whole.checked_mul(unit));
        let part = u128::from(part) * u128::from(unit) / u128::from(scale);
        let part = u64::try_from(part).map_err(|_| NoSize)?;
        whole
            .and_then(|whole| whole.checked_add(part))
            .map(Self)
            .ok_or(NoSize)
    }
}

fn factor(unit: &str) -> Option<u64> {
    let lower = unit.to_ascii_lowercase();
    let (letter, base): (&str, u64) = match lower.strip_suffix("ib").or(lower.strip_suffix('i')) {
        Some(letter) => (letter, 1024),
        None => match lower.strip_suffix('b') {
            Some(letter) => (letter, 1000),
            None => (&*lower, 1024),
        },
    };
    let power = match letter {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return None,
    };
    Some(base.pow(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            (" 20 GiB ", 20 << 30),
            ("20Gi", 20 << 30),
            ("20G", 20 << 30),
            ("500MB", 500_000_000),
            ("1.5k", 1536),
            ("1b", 1),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "G",
            "-1",
            "1.",
            ".5",
            "1e3",
            "5 apples",
            "99999999999T",
            "1.0.0",
        ] {
            assert_eq!(text.parse::<Size>(), Err(NoSize), "{text}");
        }
    }
}
