//! Values of flags as Go's programs take them.

use std::time::Duration;

/// `true`, `1`, `T` and the like.
pub(crate) fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// A path that answers with the metrics.
pub(super) fn path(text: &str) -> Result<String, String> {
    match hari_ingress::is_plain_path(text) {
        true => Ok(text.to_owned()),
        false => Err("expected a path such as /metrics, of letters, digits and `/-_.`".to_owned()),
    }
}

/// Numbers with units, one after another: `15s`, `1m30s`, `1.5h`, `300ms`, and `0`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time with its unit, such as 15s, 1m30s or 300ms".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let (number, after) = split(rest, |letter| letter.is_ascii_digit() || letter == '.');
        let (unit, after) = split(after, |letter| !letter.is_ascii_digit() && letter != '.');
        let number: f64 = number.parse().map_err(|_| wrong())?;
        seconds += number * in_seconds(unit).ok_or_else(wrong)?;
        rest = after;
    }
    match text.is_empty() {
        true => Err(wrong()),
        false => Duration::try_from_secs_f64(seconds).map_err(|_| wrong()),
    }
}

/// The longest beginning of such letters, and what is left.
fn split(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|letter| !is_part(letter)).unwrap_or(text.len());
    text.split_at(end)
}

fn in_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let millis = |text| duration(text).unwrap().as_millis();
        assert_eq!(millis("15s"), 15_000);
        assert_eq!(millis("1m30s"), 90_000);
        assert_eq!(millis("1.5h"), 5_400_000);
        assert_eq!(millis("300ms"), 300);
        assert_eq!(millis("2000µs"), 2);
        assert_eq!((millis("0"), millis("0s")), (0, 0));
        for wrong in [
            "",
            "15",
            "s",
            "-1s",
            "1d",
            "1s2",
            "1..2s",
            "99999999999999999999h",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn truth_has_many_words() {
        assert_eq!(truth("True"), Ok(true));
        assert_eq!(truth("0"), Ok(false));
        assert!(truth("yes").is_err());
    }
}
