//! From when until when a certificate holds: the two times of X.509 (RFC 5280, 4.1), which no
//! library that is here anyway hands out.

use std::time::{Duration, SystemTime};

use hari_api::k8s_openapi::jiff::civil::DateTime;
use hari_api::k8s_openapi::jiff::tz::Offset;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When a certificate begins and ends to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) begins: SystemTime,
    pub(super) ends: SystemTime,
}

impl Validity {
    /// Reads the times of a certificate in DER; `None` if it is none.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        let (certificate, _) = field(der, SEQUENCE)?;
        let (body, _) = field(certificate, SEQUENCE)?;
        let body = match field(body, VERSION) {
            Some((_, after)) => after,
            None => body,
        };
        // Serial number, algorithm, issuer.
        let after = skip(skip(skip(body)?)?)?;
        let (times, _) = field(after, SEQUENCE)?;
        let (begins, rest) = time(times)?;
        let (ends, _) = time(rest)?;
        Some(Self { begins, ends })
    }
}

/// The content of the first field and what follows, if its tag is this one.
fn field(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = first(input)?;
    (found == tag).then_some((content, rest))
}

fn skip(input: &[u8]) -> Option<&[u8]> {
    first(input).map(|(_, _, rest)| rest)
}

/// Tag, content and rest of the first field.
fn first(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let wide = digits.len() > 4 || digits.is_empty();
            let number = digits
                .iter()
                .fold(0, |all, digit| (all << 8) | usize::from(*digit));
            (Some(number).filter(|_| !wide)?, rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn time(input: &[u8]) -> Option<(SystemTime, &[u8])> {
    let (tag, content, rest) = first(input)?;
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let (year, rest_of_text) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    Some((moment(year, rest_of_text)?, rest))
}

/// `MMDDhhmmss` of a year.
fn moment(year: i16, text: &str) -> Option<SystemTime> {
    let number = |at: usize| text.get(at..at + 2)?.parse::<i8>().ok();
    let date = DateTime::new(
        year,
        number(0)?,
        number(2)?,
        number(4)?,
        number(6)?,
        number(8)?,
        0,
    );
    let at = Offset::UTC.to_timestamp(date.ok()?).ok()?;
    let seconds = u64::try_from(at.as_second()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(begins: SystemTime, ends: SystemTime) -> Vec<u8> {
        let mut parameters = rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap();
        parameters.not_before = begins.into();
        parameters.not_after = ends.into();
        let key = rcgen::KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn times_are_read_in_both_forms() {
        // From 2050 on, times are written in the long form.
        for (begins, ends) in [(0, 1_893_456_000), (1_793_456_123, 2_556_144_001)] {
            let found = Validity::of(&made(at(begins), at(ends))).unwrap();
            assert_eq!((found.begins, found.ends), (at(begins), at(ends)));
        }
    }

    proptest! {
        #[test]
        fn nothing_else_is_taken_for_a_certificate(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(Validity::of(&bytes).is_none());
        }

        #[test]
        fn one_that_is_cut_short_or_changed_is_no_trouble(end in 0..400_usize, place in 0..300_usize, byte: u8) {
            let whole = made(at(1), at(2));
            let _ = Validity::of(whole.get(..end).unwrap_or(&whole));
            let mut changed = whole.clone();
            if let Some(found) = changed.get_mut(place) {
                *found = byte;
            }
            let _ = Validity::of(&changed);
        }
    }
}
