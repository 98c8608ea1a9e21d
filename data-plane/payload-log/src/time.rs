//! Points in time as RFC 3339 has them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970, UTC; 0 for a clock that stands before.
pub(crate) fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// `2026-11-22T23:01:02.123456Z`
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let [year, month, day, hour, minute, second] = civil(time);
    let micros = micros(time) % 1_000_000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// `20261122T230102.123456Z`: sorts by time, and is good for the name of a file.
pub(crate) fn compact(time: SystemTime) -> String {
    let [year, month, day, hour, minute, second] = civil(time);
    let micros = micros(time) % 1_000_000;
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{micros:06}Z")
}

/// Year, month, day, hour, minute, second. The date is Howard Hinnant's `civil_from_days`.
fn civil(time: SystemTime) -> [i64; 6] {
    let seconds = micros(time) / 1_000_000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    [year, month, day, rest / 3600, rest / 60 % 60, rest % 60]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000Z"),
            (4_102_444_800, "2100-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
        let time = UNIX_EPOCH + Duration::from_micros(1_795_388_462_123_456);
        assert_eq!(rfc3339(time), "2026-11-22T23:01:02.123456Z");
        assert_eq!(compact(time), "20261122T230102.123456Z");
    }
}
